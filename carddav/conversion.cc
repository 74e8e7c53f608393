#include "carddav/conversion.h"

#include <algorithm>
#include <array>

#include "storage/base/failure.h"

namespace carddav {
namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

Parameter* parameter_of(ContentLine& line, std::string_view name) {
    const auto found = std::find_if(line.parameters.begin(), line.parameters.end(),
                                    [&](const Parameter& one) { return equal_names(one.name, name); });
    return found == line.parameters.end() ? nullptr : &*found;
}

std::string value_of(const ContentLine& line, std::string_view name) {
    const Parameter* found = line.parameter(name);
    return found && !found->values.empty() ? found->values.front() : std::string();
}

void drop(ContentLine& line, std::string_view name) {
    std::erase_if(line.parameters, [&](const Parameter& one) { return equal_names(one.name, name); });
}

void add(ContentLine& line, std::string_view name, std::string value) {
    if (Parameter* there = parameter_of(line, name))
        there->values.push_back(std::move(value));
    else
        line.parameters.push_back({std::string(name), {std::move(value)}});
}

// Whether it was there, in one parameter of that name or another; case does not matter.
bool take(ContentLine& line, std::string_view name, std::string_view value) {
    bool taken = false;
    for (Parameter& one : line.parameters) {
        if (!equal_names(one.name, name)) continue;
        taken |= std::erase_if(one.values, [&](const std::string& each) { return equal_names(each, value); }) > 0;
    }
    std::erase_if(line.parameters,
                  [&](const Parameter& one) { return equal_names(one.name, name) && one.values.empty(); });
    return taken;
}

// ---- names ----

struct Renamed {
    std::string_view v3, v4;
};
// What 4.0 took from the habits of 3.0.
constexpr std::array kRenamed = {
    Renamed{"X-ADDRESSBOOKSERVER-KIND", "KIND"},
    Renamed{"X-ADDRESSBOOKSERVER-MEMBER", "MEMBER"},
    Renamed{"X-ANNIVERSARY", "ANNIVERSARY"},
    Renamed{"X-GENDER", "GENDER"},
};
constexpr std::string_view kEvolutionAnniversary = "X-EVOLUTION-ANNIVERSARY";  // another name of the same in 3.0

void rename_lines(Card& card, Version to) {
    for (ContentLine& line : card.lines) {
        for (const Renamed& one : kRenamed) {
            if (line.is(to == Version::v4_0 ? one.v3 : one.v4)) {
                line.name = to == Version::v4_0 ? one.v4 : one.v3;
                break;
            }
        }
    }
    if (to != Version::v4_0) return;
    for (ContentLine& line : card.lines) {  // beside one of the other name it stays what it is
        if (line.is(kEvolutionAnniversary) && card.find("ANNIVERSARY") == nullptr) line.name = "ANNIVERSARY";
    }
}

// ---- dates ----

bool is_digits(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

constexpr std::string_view kOmitYear = "X-APPLE-OMIT-YEAR";  // its value is the year that stands for none

struct Date {
    std::string_view year, month, day;  // year empty: none
    std::string_view time;              // from 'T' on
};

// "19960415", "1996-04-15", "--0415", "--04-15", each perhaps with a time. Nothing: another form, which stays.
std::optional<Date> date_from(std::string_view text) {
    Date date;
    const std::size_t at = std::min(text.find('T'), text.size());
    date.time = text.substr(at);
    text = text.substr(0, at);
    if (text.starts_with("--"))
        text.remove_prefix(2);
    else if (text.size() >= 4 && is_digits(text.substr(0, 4))) {
        date.year = text.substr(0, 4);
        text.remove_prefix(4);
        if (text.starts_with("-")) text.remove_prefix(1);
    } else {
        return std::nullopt;
    }
    if (text.size() == 5 && text[2] == '-') {
        date.month = text.substr(0, 2);
        date.day = text.substr(3);
    } else if (text.size() == 4) {
        date.month = text.substr(0, 2);
        date.day = text.substr(2);
    }
    if (!is_digits(date.month) || !is_digits(date.day)) return std::nullopt;
    return date;
}

std::string without(std::string_view text, std::string_view octets) {
    std::string out(text);
    std::erase_if(out, [&](char c) { return octets.find(c) != std::string_view::npos; });
    return out;
}

// "T102030Z" -> "T10:20:30Z"
std::string with_colons(std::string_view time) {
    constexpr std::size_t kHours = 3, kMinutes = 5, kSeconds = 7;  // where each ends
    std::string out(time);
    if (time.size() >= kSeconds && is_digits(time.substr(kMinutes, 2))) out.insert(kMinutes, ":");
    if (time.size() >= kMinutes && is_digits(time.substr(kHours, 2))) out.insert(kHours, ":");
    return out;
}

// 3.0 writes the extended form of ISO 8601 and has no dates without a year, 4.0 the basic form.
void convert_date(ContentLine& line, Version to) {
    const auto date = date_from(line.value);
    if (!date) return;
    std::string value;
    if (to == Version::v4_0) {
        const bool no_year = date->year.empty() || value_of(line, kOmitYear) == date->year;
        drop(line, kOmitYear);
        value = no_year ? "--" : std::string(date->year);
        value += date->month;
        value += date->day;
        value += without(date->time, ":");
        if (equal_names(value_of(line, "VALUE"), "date")) drop(line, "VALUE");
    } else {
        constexpr std::string_view kNoYear = "1604";  // a leap year, as Apple has it
        if (date->year.empty()) add(line, kOmitYear, std::string(kNoYear));
        value = date->year.empty() ? kNoYear : date->year;
        value += '-';
        value += date->month;
        value += '-';
        value += date->day;
        value += with_colons(date->time);
    }
    line.value = std::move(value);
}

// ---- binary values ----

struct Medium {
    std::string_view type;  // TYPE of 3.0
    std::string_view mime;
};
constexpr std::array kMedia = {
    Medium{"JPEG", "image/jpeg"},
    Medium{"JPG", "image/jpeg"},
    Medium{"PNG", "image/png"},
    Medium{"GIF", "image/gif"},
    Medium{"WEBP", "image/webp"},
    Medium{"BASIC", "audio/basic"},
    Medium{"WAVE", "audio/wave"},
    Medium{"OGG", "audio/ogg"},
    Medium{"X509", "application/pkix-cert"},
    Medium{"PGP", "application/pgp-keys"},
};

// PHOTO;ENCODING=b;TYPE=JPEG:… <-> PHOTO:data:image/jpeg;base64,…
void binary_to_uri(ContentLine& line) {
    if (!take(line, "ENCODING", "b") && !take(line, "ENCODING", "BASE64")) return;
    std::string mime = "application/octet-stream";
    for (const Medium& one : kMedia) {
        // ownCloud and others have the name of the media type there.
        if (!take(line, "TYPE", one.type) && !take(line, "TYPE", one.mime)) continue;
        mime = one.mime;
        break;
    }
    drop(line, "VALUE");
    line.value = "data:" + mime + ";base64," + line.value;
}

void uri_to_binary(ContentLine& line) {
    constexpr std::string_view kScheme = "data:";
    constexpr std::string_view kEncoded = ";base64";
    if (!line.value.starts_with(kScheme)) return;
    const std::size_t at = line.value.find(kEncoded);
    if (at == std::string::npos) return;
    std::string_view data = std::string_view(line.value).substr(at + kEncoded.size());
    if (data.starts_with('\\')) data.remove_prefix(1);  // Nextcloud escapes the comma
    if (!data.starts_with(',')) return;
    const std::string mime = lower(std::string_view(line.value).substr(kScheme.size(), at - kScheme.size()));
    const auto medium = std::find_if(kMedia.begin(), kMedia.end(), [&](const Medium& one) { return one.mime == mime; });
    drop(line, "VALUE");
    drop(line, "MEDIATYPE");
    line.parameters.push_back({"ENCODING", {"b"}});
    if (medium != kMedia.end()) add(line, "TYPE", std::string(medium->type));
    line.value = without(data.substr(1), " \t");
}

// ---- single values ----

void convert_geo(ContentLine& line, Version to) {
    constexpr std::string_view kScheme = "geo:";
    if (to == Version::v4_0) {
        const std::size_t semicolon = line.value.find(';');
        if (semicolon == std::string::npos || line.value.starts_with(kScheme)) return;
        line.value[semicolon] = ',';
        line.value.insert(0, kScheme);
    } else if (line.value.starts_with(kScheme)) {
        line.value.erase(0, kScheme.size());
        if (const std::size_t comma = line.value.find(','); comma != std::string::npos) line.value[comma] = ';';
    }
}

void uri_to_phone(ContentLine& line) {
    constexpr std::string_view kScheme = "tel:";
    if (!equal_names(value_of(line, "VALUE"), "uri") || !line.value.starts_with(kScheme)) return;
    drop(line, "VALUE");
    line.value.erase(0, kScheme.size());
}

// The default of 4.0 is a URI.
void mark_text_uid(ContentLine& line) {
    const std::size_t colon = line.value.find(':');
    const bool is_uri =
        colon != std::string::npos && colon > 0 &&
        std::all_of(line.value.begin(), line.value.begin() + static_cast<std::ptrdiff_t>(colon), [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' || c == '-' || c == '.' ||
                   (c >= '0' && c <= '9');
        });
    if (!is_uri && !line.parameter("VALUE")) add(line, "VALUE", "text");
}

// ---- properties beside each other ----

std::vector<std::string> types_of(const ContentLine& line) {
    std::vector<std::string> types;
    for (const Parameter& one : line.parameters) {
        if (!equal_names(one.name, "TYPE")) continue;
        for (const std::string& value : one.values)
            if (!equal_names(value, "pref")) types.push_back(lower(value));
    }
    std::sort(types.begin(), types.end());
    return types;
}

// LABEL:… of 3.0 belongs to the ADR of the same group or types; 4.0 has it as a parameter of that.
void labels_to_parameters(Card& card) {
    for (std::size_t i = 0; i < card.lines.size();) {
        ContentLine& label = card.lines[i];
        const auto address = !label.is("LABEL")
                                 ? card.lines.end()
                                 : std::find_if(card.lines.begin(), card.lines.end(), [&](const ContentLine& one) {
                                       if (!one.is("ADR") || one.parameter("LABEL")) return false;
                                       if (!label.group.empty()) return one.group == label.group;
                                       return types_of(one) == types_of(label);
                                   });
        if (address == card.lines.end()) {
            ++i;
            continue;
        }
        address->parameters.push_back({"LABEL", {unescaped(label.value)}});
        card.lines.erase(card.lines.begin() + static_cast<std::ptrdiff_t>(i));
    }
}

void parameters_to_labels(Card& card) {
    for (std::size_t i = 0; i < card.lines.size(); ++i) {
        if (!card.lines[i].is("ADR") || !card.lines[i].parameter("LABEL")) continue;
        ContentLine label = card.lines[i];
        label.name = "LABEL";
        label.value = escaped(value_of(label, "LABEL"));
        drop(label, "LABEL");
        drop(label, "ENCODING");  // of the address, if of anything
        drop(card.lines[i], "LABEL");
        card.lines.insert(card.lines.begin() + static_cast<std::ptrdiff_t>(++i), std::move(label));
    }
}

void sort_string_to_parameter(Card& card) {
    const auto sort = std::find_if(card.lines.begin(), card.lines.end(),
                                   [](const ContentLine& one) { return one.is("SORT-STRING"); });
    const auto name =
        std::find_if(card.lines.begin(), card.lines.end(), [](const ContentLine& one) { return one.is("N"); });
    if (sort == card.lines.end() || name == card.lines.end() || name->parameter("SORT-AS")) return;
    name->parameters.push_back({"SORT-AS", {unescaped(sort->value)}});
    card.lines.erase(sort);
}

void parameter_to_sort_string(Card& card) {
    for (std::size_t i = 0; i < card.lines.size(); ++i) {
        ContentLine& line = card.lines[i];
        const Parameter* sort = line.is("N") ? line.parameter("SORT-AS") : nullptr;
        if (!sort || sort->values.empty()) continue;
        ContentLine string{line.group, "SORT-STRING", {}, escaped(sort->values.front()), line.number};
        drop(line, "SORT-AS");
        card.lines.insert(card.lines.begin() + static_cast<std::ptrdiff_t>(i) + 1, std::move(string));
        return;
    }
}

// TYPE=pref <-> PREF=1. 3.0 knows one that is preferred: of each property the lowest.
void types_to_preference(Card& card) {
    for (ContentLine& line : card.lines) {
        if (take(line, "TYPE", "pref") && !line.parameter("PREF")) line.parameters.push_back({"PREF", {"1"}});
        if (line.is("EMAIL")) take(line, "TYPE", "internet");
    }
}

int preference_of(const ContentLine& line) {
    constexpr int kMost = 100, kNone = 101;
    const std::string value = value_of(line, "PREF");
    if (!is_digits(value) || value.size() > 3) return kNone;
    const int preference = std::stoi(value);
    return preference >= 1 && preference <= kMost ? preference : kNone;
}

void preference_to_types(Card& card) {
    std::vector<std::size_t> preferred;
    for (std::size_t i = 0; i < card.lines.size(); ++i) {
        if (!card.lines[i].parameter("PREF")) continue;
        const auto same = std::find_if(preferred.begin(), preferred.end(),
                                       [&](std::size_t one) { return card.lines[one].is(card.lines[i].name); });
        if (same == preferred.end())
            preferred.push_back(i);
        else if (preference_of(card.lines[i]) < preference_of(card.lines[*same]))
            *same = i;
    }
    for (const std::size_t i : preferred) add(card.lines[i], "TYPE", "pref");
    for (ContentLine& line : card.lines) drop(line, "PREF");
}

// Required in 3.0: the parts are not known, so all of it is the family name.
void need_name(Card& card) {
    if (card.find("N")) return;
    const ContentLine* shown = card.find("FN");
    ContentLine name{"", "N", {}, (shown ? shown->value : std::string()) + ";;;;", 0};
    card.lines.insert(card.lines.begin(), std::move(name));
}

// 2.1 separates by ';' alone, has its types without a name and its octets as BASE64.
void read_as_3_0(Card& card) {
    constexpr std::array<std::string_view, 3> kStructured = {"N", "ADR", "ORG"};
    for (ContentLine& line : card.lines) {
        Parameter types{"TYPE", {}};
        for (const Parameter& one : line.parameters)
            if (one.name.empty()) types.values.insert(types.values.end(), one.values.begin(), one.values.end());
        drop(line, "");
        const bool binary = take(line, "ENCODING", "BASE64");
        if (binary) line.parameters.push_back({"ENCODING", {"b"}});
        take(line, "ENCODING", "8BIT");
        take(line, "ENCODING", "7BIT");
        if (!types.values.empty()) {
            for (std::string& value : types.values) add(line, "TYPE", std::move(value));
        }
        if (take(line, "VALUE", "URL")) line.parameters.push_back({"VALUE", {"uri"}});
        if (binary || equal_names(value_of(line, "VALUE"), "uri") || line.is("URL")) continue;
        // Android's own are structured, others hold markup: only their writer knows.
        if (lower(line.name).starts_with("x-")) continue;
        std::string value;
        const bool structured =
            std::any_of(kStructured.begin(), kStructured.end(), [&](std::string_view one) { return line.is(one); });
        for (std::size_t i = 0; i < line.value.size(); ++i) {
            const char c = line.value[i];
            const bool before_escaped = c == '\\' && i + 1 < line.value.size() &&
                                        std::string_view("nN,;\\").find(line.value[i + 1]) != std::string_view::npos;
            if (before_escaped) {
                value += c;
                value += line.value[++i];
                continue;
            }
            if (c == ',' || c == '\\' || (c == ';' && !structured && !line.is("GEO"))) value += '\\';
            value += c;
        }
        line.value = std::move(value);
    }
    card.version = Version::v3_0;
}

}  // namespace

Card converted(Card card, Version to) {
    CHECK(to != Version::v2_1);
    if (card.version == Version::v2_1) read_as_3_0(card);
    if (card.version == to) return card;
    if (to == Version::v4_0) {
        types_to_preference(card);
        labels_to_parameters(card);
        sort_string_to_parameter(card);
    } else {
        parameters_to_labels(card);
        parameter_to_sort_string(card);
        preference_to_types(card);
        need_name(card);
    }
    for (ContentLine& line : card.lines) {
        for (const std::string_view name : {"PHOTO", "LOGO", "SOUND", "KEY"})
            if (line.is(name)) to == Version::v4_0 ? binary_to_uri(line) : uri_to_binary(line);
        for (const std::string_view name : {"BDAY", "ANNIVERSARY", "X-ANNIVERSARY", "X-EVOLUTION-ANNIVERSARY"})
            if (line.is(name)) convert_date(line, to);
        if (line.is("GEO")) convert_geo(line, to);
        if (line.is("TEL") && to == Version::v3_0) uri_to_phone(line);
        if (line.is("UID") && to == Version::v4_0) mark_text_uid(line);
        if (line.is("UID") && to == Version::v3_0) take(line, "VALUE", "text");
    }
    rename_lines(card, to);
    card.version = to;
    return card;
}

}  // namespace carddav
