#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace http {

// IMF-fixdate, "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 §5.6.7), for any second of the years 0 to 9999; others are
// clamped. The last answer of each thread is remembered: a listing is full of equal times.
std::string http_date(std::int64_t unix_s);

// All three forms a recipient must accept; a two-digit year lies at most 50 years after `now_s`. Empty: not a date,
// and then the field that carried it is ignored.
std::optional<std::int64_t> parse_http_date(std::string_view text, std::int64_t now_s);

// "1994-11-06T08:49:37Z" (RFC 3339), for creationdate.
std::string iso_8601(std::int64_t unix_s);

}  // namespace http
