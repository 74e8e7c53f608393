#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dav/http/conditional.h"

namespace dav {

inline constexpr std::size_t kIfBytesMax = 8 * 1024;
inline constexpr std::size_t kIfListsMax = 64;
inline constexpr std::size_t kIfConditionsMax = 256;  // of all lists together

// "<token>", "[tag]", or "Not" before one of them.
struct IfCondition {
    bool negated = false;
    std::string token;                   // an absolute URI; empty where there is a tag
    std::optional<http::EntityTag> tag;  // else
};

struct IfList {
    std::string resource;                 // the Resource-Tag above it, as written; empty = the Request-URI
    std::vector<IfCondition> conditions;  // at least one; all must hold
};

// An If header (RFC 4918 §10.4): it holds when one of its lists does.
struct IfHeader {
    std::vector<IfList> lists;
    // Every token but DAV:no-lock, which no lock has (§10.4.8), wherever it stands: naming one is submitting it, also
    // under Not or for another resource.
    std::vector<std::string> tokens() const;
};

// Empty: malformed, or beyond the limits above.
std::optional<IfHeader> parse_if(std::string_view field);

// What a list is matched against. A resource that is not there, or not ours, has neither.
struct IfState {
    std::optional<std::string> etag;
    std::vector<std::string> tokens;  // of the locks whose scope it is in
};

// `state_of` is asked once for each resource in turn until a list holds; "" is the Request-URI.
bool holds(const IfHeader& header, const std::function<IfState(const std::string& resource)>& state_of);

}  // namespace dav
