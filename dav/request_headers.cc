#include "dav/request_headers.h"

#include <charconv>
#include <string_view>

#include "dav/error.h"

namespace dav {

namespace {

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

// The preference `return=minimal` among the comma-separated preferences of one field (RFC 7240 §2); parameters after a
// semicolon do not change it.
bool names_minimal(std::string_view field) {
    while (!field.empty()) {
        const std::size_t comma = field.find(',');
        std::string_view preference = field.substr(0, comma);
        preference = trimmed(preference.substr(0, preference.find(';')));
        const std::size_t equals = preference.find('=');
        if (equals != std::string_view::npos &&
            http::equal_ignoring_case(trimmed(preference.substr(0, equals)), "return")) {
            std::string_view value = trimmed(preference.substr(equals + 1));
            if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
                value = value.substr(1, value.size() - 2);
            if (http::equal_ignoring_case(value, "minimal")) return true;
        }
        if (comma == std::string_view::npos) break;
        field.remove_prefix(comma + 1);
    }
    return false;
}

constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;
// 1901 to 2199: what every file system and client can hold.
constexpr std::int64_t kMtimeSecondsMin = -2'147'483'648;
constexpr std::int64_t kMtimeSecondsMax = 7'258'118'400;

}  // namespace

std::optional<Depth> depth_of(const http::RequestHead& head) {
    const auto field = head.headers.combined("Depth");
    if (!field) return std::nullopt;
    if (*field == "0") return Depth::zero;
    if (*field == "1") return Depth::one;
    if (http::equal_ignoring_case(*field, "infinity")) return Depth::infinity;
    throw DavError(http::Status::bad_request).detail("Depth is none of 0, 1, infinity");
}

Overwrite overwrite_of(const http::RequestHead& head) {
    const auto field = head.headers.combined("Overwrite");
    if (!field || http::equal_ignoring_case(*field, "T")) return Overwrite::yes;
    if (http::equal_ignoring_case(*field, "F")) return Overwrite::no;
    throw DavError(http::Status::bad_request).detail("Overwrite is neither T nor F");
}

bool wants_minimal(const http::RequestHead& head) {
    if (http::equal_ignoring_case(head.headers.get("Brief"), "t")) return true;
    const auto field = head.headers.combined("Prefer");
    return field && names_minimal(*field);
}

std::optional<std::int64_t> oc_mtime_ns(const http::RequestHead& head) {
    const auto field = head.headers.find("X-OC-Mtime");
    if (!field) return std::nullopt;
    const std::string_view text = trimmed(*field);
    const std::size_t point = text.find('.');
    const std::string_view whole = text.substr(0, point);
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(whole.data(), whole.data() + whole.size(), seconds);
    if (error != std::errc() || end != whole.data() + whole.size() || seconds < kMtimeSecondsMin ||
        seconds > kMtimeSecondsMax) {
        throw DavError(http::Status::bad_request).detail("X-OC-Mtime is no time");
    }
    // Some clients send a fraction of at most nine digits.
    std::int64_t nanoseconds = 0;
    if (point != std::string_view::npos) {
        std::int64_t unit = kNanosecondsPerSecond / 10;
        for (const char c : text.substr(point + 1)) {
            if (c < '0' || c > '9') throw DavError(http::Status::bad_request).detail("X-OC-Mtime is no time");
            nanoseconds += (c - '0') * unit;
            unit /= 10;
        }
    }
    return seconds * kNanosecondsPerSecond + nanoseconds;
}

}  // namespace dav
