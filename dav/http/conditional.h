#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dav/http/headers.h"

namespace http {

// An entity tag; `value` with its quotes, without W/.
struct EntityTag {
    std::string value;
    bool weak = false;
    bool operator==(const EntityTag&) const = default;
};
std::optional<EntityTag> parse_entity_tag(std::string_view text);

// If-Match or If-None-Match: "*" or a list.
struct TagList {
    bool any = false;
    std::vector<EntityTag> tags;
};
inline constexpr std::size_t kTagsMax = 256;
std::optional<TagList> parse_tag_list(std::string_view text);  // empty: malformed or more than kTagsMax

// The conditional header fields of a request (RFC 9110 §13.1). Dates that are none are left out, as required there.
struct Conditions {
    std::optional<TagList> if_match;
    std::optional<TagList> if_none_match;
    std::optional<std::int64_t> if_modified_since;
    std::optional<std::int64_t> if_unmodified_since;
    bool empty() const { return !if_match && !if_none_match && !if_modified_since && !if_unmodified_since; }
};
std::optional<Conditions> parse_conditions(const Headers& headers, std::int64_t now_s);  // empty: malformed, 400

// The selected representation. No ETag: there is none (the resource does not exist, or has no representation); then "*"
// does not match.
struct Current {
    std::optional<std::string_view> etag;  // as sent: quoted, perhaps W/ in front
    std::optional<std::int64_t> last_modified_s;
};

enum class Access : std::uint8_t { read, write };  // read: GET and HEAD
enum class Outcome : std::uint8_t { proceed, not_modified, precondition_failed };

// RFC 9110 §13.2.2, in its order. Pure.
Outcome evaluate(const Conditions& conditions, Access access, const Current& current);

// Whether a Range header may be honoured: no If-Range, or one that names the current representation (strong comparison
// of tags, equality of dates; §13.1.5).
bool range_applies(const Headers& headers, const Current& current, std::int64_t now_s);

}  // namespace http
