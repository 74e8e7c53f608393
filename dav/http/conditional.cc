#include "dav/http/conditional.h"

#include <algorithm>

#include "dav/http/date.h"

namespace http {
namespace {

bool is_space(char c) {
    return c == ' ' || c == '\t';
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
    return text;
}

// RFC 9110 §8.8.3: visible characters but the quote, and obs-text.
bool is_tag_octet(char c) {
    const auto octet = static_cast<unsigned char>(c);
    return octet == 0x21 || (octet >= 0x23 && octet != 0x7f);
}

// Takes one entity tag off the front.
std::optional<EntityTag> take_entity_tag(std::string_view& text) {
    EntityTag tag;
    std::size_t at = 0;
    if (text.substr(0, 2) == "W/") {
        tag.weak = true;
        at = 2;
    }
    if (at >= text.size() || text[at] != '"') return std::nullopt;
    const auto end = text.find('"', at + 1);
    if (end == std::string_view::npos) return std::nullopt;
    const auto inner = text.substr(at + 1, end - at - 1);
    if (!std::all_of(inner.begin(), inner.end(), is_tag_octet)) return std::nullopt;
    tag.value = text.substr(at, end - at + 1);
    text.remove_prefix(end + 1);
    return tag;
}

// RFC 9110 §8.8.3.2.
bool equal_strongly(const EntityTag& a, const EntityTag& b) {
    return !a.weak && !b.weak && a.value == b.value;
}
bool equal_weakly(const EntityTag& a, const EntityTag& b) {
    return a.value == b.value;
}

template <class Equal>
bool matches(const TagList& list, const Current& current, Equal equal) {
    if (!current.etag) return false;
    if (list.any) return true;
    const auto tag = parse_entity_tag(*current.etag);
    return tag && std::any_of(list.tags.begin(), list.tags.end(), [&](const EntityTag& t) { return equal(t, *tag); });
}

}  // namespace

std::optional<EntityTag> parse_entity_tag(std::string_view text) {
    auto rest = trim(text);
    auto tag = take_entity_tag(rest);
    return tag && rest.empty() ? tag : std::nullopt;
}

std::optional<TagList> parse_tag_list(std::string_view text) {
    TagList list;
    auto rest = trim(text);
    if (rest == "*") {
        list.any = true;
        return list;
    }
    // RFC 9110 §5.6.1.2: empty elements of a list are ignored.
    bool expect_tag = true;
    while (!rest.empty()) {
        if (rest.front() == ',' || is_space(rest.front())) {
            expect_tag = expect_tag || rest.front() == ',';
            rest.remove_prefix(1);
            continue;
        }
        auto tag = take_entity_tag(rest);
        if (!tag || !expect_tag || list.tags.size() == kTagsMax) return std::nullopt;
        list.tags.push_back(std::move(*tag));
        expect_tag = false;
    }
    return list.tags.empty() ? std::nullopt : std::optional(std::move(list));
}

std::optional<Conditions> parse_conditions(const Headers& headers, std::int64_t now_s) {
    Conditions conditions;
    if (const auto field = headers.combined("If-Match")) {
        conditions.if_match = parse_tag_list(*field);
        if (!conditions.if_match) return std::nullopt;
    }
    if (const auto field = headers.combined("If-None-Match")) {
        conditions.if_none_match = parse_tag_list(*field);
        if (!conditions.if_none_match) return std::nullopt;
    }
    if (const auto field = headers.combined("If-Modified-Since"))
        conditions.if_modified_since = parse_http_date(trim(*field), now_s);
    if (const auto field = headers.combined("If-Unmodified-Since"))
        conditions.if_unmodified_since = parse_http_date(trim(*field), now_s);
    return conditions;
}

Outcome evaluate(const Conditions& conditions, Access access, const Current& current) {
    // Steps 1 and 2: If-Unmodified-Since counts only without If-Match, and only where there is a date.
    if (conditions.if_match) {
        if (!matches(*conditions.if_match, current, equal_strongly)) return Outcome::precondition_failed;
    } else if (conditions.if_unmodified_since && current.last_modified_s) {
        if (*current.last_modified_s > *conditions.if_unmodified_since) return Outcome::precondition_failed;
    }
    // Steps 3 and 4: If-Modified-Since counts only without If-None-Match, and only for GET and HEAD.
    if (conditions.if_none_match) {
        if (matches(*conditions.if_none_match, current, equal_weakly))
            return access == Access::read ? Outcome::not_modified : Outcome::precondition_failed;
    } else if (access == Access::read && conditions.if_modified_since && current.last_modified_s) {
        if (*current.last_modified_s <= *conditions.if_modified_since) return Outcome::not_modified;
    }
    return Outcome::proceed;
}

bool range_applies(const Headers& headers, const Current& current, std::int64_t now_s) {
    const auto field = headers.find("If-Range");
    if (!field) return true;
    const auto text = trim(*field);
    if (const auto tag = parse_entity_tag(text)) {
        const auto own = current.etag ? parse_entity_tag(*current.etag) : std::nullopt;
        return own && equal_strongly(*tag, *own);
    }
    const auto date = parse_http_date(text, now_s);
    return date && current.last_modified_s == date;
}

}  // namespace http
