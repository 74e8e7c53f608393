#include "dav/times.h"

#include <charconv>

#include "dav/http/date.h"

namespace dav {

namespace {

constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr std::int64_t kSecondsMin = -2'147'483'648;
constexpr std::int64_t kSecondsMax = 7'258'118'400;

bool is_kept(std::int64_t seconds) {
    return seconds >= kSecondsMin && seconds <= kSecondsMax;
}

}  // namespace

std::optional<std::int64_t> unix_time_ns(std::string_view text) {
    const std::size_t point = text.find('.');
    const std::string_view whole = text.substr(0, point);
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(whole.data(), whole.data() + whole.size(), seconds);
    if (error != std::errc() || end != whole.data() + whole.size() || !is_kept(seconds)) return std::nullopt;
    std::int64_t nanoseconds = 0;
    if (point != std::string_view::npos) {
        std::int64_t unit = kNanosecondsPerSecond / 10;
        for (const char c : text.substr(point + 1)) {
            if (c < '0' || c > '9') return std::nullopt;
            nanoseconds += (c - '0') * unit;
            unit /= 10;
        }
    }
    return seconds * kNanosecondsPerSecond + nanoseconds;
}

std::optional<std::int64_t> http_date_ns(std::string_view text) {
    // The two-digit years of RFC 850 are meant for headers of old servers, not for what a client sets today.
    constexpr std::int64_t kAnyNow = 0;
    const auto seconds = http::parse_http_date(text, kAnyNow);
    if (!seconds || !is_kept(*seconds) || text.find('-') != std::string_view::npos) return std::nullopt;
    return *seconds * kNanosecondsPerSecond;
}

}  // namespace dav
