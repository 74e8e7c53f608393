#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace dav {

// Times that clients set on a file, as nanoseconds since 1970. Empty: none, or outside 1901 to 2199, which is what
// every file system and client can hold.

// Seconds since 1970, with a fraction of at most nine digits.
std::optional<std::int64_t> unix_time_ns(std::string_view text);

// An HTTP date with a four-digit year.
std::optional<std::int64_t> http_date_ns(std::string_view text);

}  // namespace dav
