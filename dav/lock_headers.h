#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dav {

inline constexpr std::int64_t kLockSecondsMax = 3600;

// What identifies a lock is an absolute URI (RFC 4918 §6.5): a scheme, and nothing that would end it early.
bool is_absolute_uri(std::string_view text);

// RFC 4918 §10.5: the token of a Lock-Token field, "<" absolute-URI ">". Empty: malformed.
std::optional<std::string> parse_lock_token(std::string_view field);

// RFC 4918 §10.7: seconds to grant for a Timeout field, 1 to kLockSecondsMax: what the first of its types asks for.
// Empty: malformed.
std::optional<std::int64_t> parse_timeout(std::string_view field);

}  // namespace dav
