#include "carddav/dates.h"

#include <algorithm>
#include <array>

namespace carddav {
namespace {

struct Named {
    std::string_view property;
    DateKind kind;
};
constexpr std::array kNames = {
    Named{"BDAY", DateKind::birthday},
    Named{"ANNIVERSARY", DateKind::anniversary},
    Named{"X-ANNIVERSARY", DateKind::anniversary},
    Named{"X-EVOLUTION-ANNIVERSARY", DateKind::anniversary},
    Named{"X-KADDRESSBOOK-X-ANNIVERSARY", DateKind::anniversary},
    Named{"X-ABDATE", DateKind::other},
};

// Apple's labels of its own are written _$!<Anniversary>!$_.
constexpr std::string_view kOwnLabelBegin = "_$!<";
constexpr std::string_view kOwnLabelEnd = ">!$_";

constexpr std::array kDaysOfMonth = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

// The digits at the front of `text`, taken off it.
std::optional<int> take_digits(std::string_view& text, std::size_t count) {
    if (text.size() < count) return std::nullopt;
    int number = 0;
    for (const char c : text.substr(0, count)) {
        if (c < '0' || c > '9') return std::nullopt;
        number = number * 10 + (c - '0');
    }
    text.remove_prefix(count);
    return number;
}

void take_hyphen(std::string_view& text) {
    if (text.starts_with('-')) text.remove_prefix(1);
}

bool is_day(const CardDate& date) {
    if (date.month < 1 || date.month > 12 || date.day < 1) return false;
    return date.day <= kDaysOfMonth[static_cast<std::size_t>(date.month - 1)];
}

// 1985-04-12, 19850412, --04-12, --0412, each with a time behind it or not.
std::optional<CardDate> day_of(std::string_view text) {
    CardDate date;
    if (text.starts_with("--")) {
        text.remove_prefix(2);
    } else {
        date.year = take_digits(text, 4);
        if (!date.year) return std::nullopt;
        take_hyphen(text);
    }
    const auto month = take_digits(text, 2);
    take_hyphen(text);
    const auto day = month ? take_digits(text, 2) : std::nullopt;
    if (!day || (!text.empty() && text.front() != 'T' && text.front() != 't' && text.front() != ' '))
        return std::nullopt;
    date.month = *month;
    date.day = *day;
    return is_day(date) ? std::optional(date) : std::nullopt;
}

// What Apple writes where it does not know the year: a year that means none.
bool omits(const ContentLine& line, int year) {
    const Parameter* omitted = line.parameter("X-APPLE-OMIT-YEAR");
    return omitted && std::any_of(omitted->values.begin(), omitted->values.end(),
                                  [&](const std::string& value) { return value == std::to_string(year); });
}

std::string label_of(const Card& card, const std::string& group) {
    if (group.empty()) return {};
    for (const ContentLine& line : card.lines) {
        if (!line.is("X-ABLABEL") || !equal_names(line.group, group)) continue;
        std::string label = unescaped(line.value);
        if (label.starts_with(kOwnLabelBegin) && label.ends_with(kOwnLabelEnd))
            label = label.substr(kOwnLabelBegin.size(), label.size() - kOwnLabelBegin.size() - kOwnLabelEnd.size());
        return label;
    }
    return {};
}

}  // namespace

std::vector<CardDate> dates_in(const Card& card) {
    std::vector<CardDate> dates;
    for (const ContentLine& line : card.lines) {
        if (dates.size() == kDatesMax) break;
        const auto named =
            std::find_if(kNames.begin(), kNames.end(), [&](const Named& one) { return line.is(one.property); });
        if (named == kNames.end()) continue;
        const Parameter* type = line.parameter("VALUE");
        if (type && !type->values.empty() && equal_names(type->values.front(), "text")) continue;
        auto date = day_of(line.value);
        if (!date) continue;
        if (date->year && omits(line, *date->year)) date->year.reset();
        date->kind = named->kind;
        date->label = label_of(card, line.group);
        if (date->kind == DateKind::other && equal_names(date->label, "Anniversary"))
            date->kind = DateKind::anniversary;
        dates.push_back(std::move(*date));
    }
    return dates;
}

}  // namespace carddav
