#include "dav/lock_headers.h"

#include <algorithm>
#include <charconv>

#include "dav/http/headers.h"

namespace dav {

namespace {

constexpr std::string_view kSecond = "Second-";
constexpr std::int64_t kSecondsNamedMax = 4'294'967'295;  // RFC 4918 §10.7: 2^32-1

bool is_alpha(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

std::optional<std::int64_t> parse_time_type(std::string_view text) {
    if (http::equal_ignoring_case(text, "Infinite")) return kLockSecondsMax;
    if (!http::equal_ignoring_case(text.substr(0, kSecond.size()), kSecond)) return std::nullopt;
    text.remove_prefix(kSecond.size());
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    if (seconds < 0 || seconds > kSecondsNamedMax) return std::nullopt;
    return std::clamp<std::int64_t>(seconds, 1, kLockSecondsMax);
}

}  // namespace

bool is_absolute_uri(std::string_view text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos || colon == 0 || !is_alpha(text.front())) return false;
    const auto in_scheme = [](char c) {
        return is_alpha(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
    };
    const auto in_uri = [](char c) { return c > 0x20 && c < 0x7f && c != '<' && c != '>' && c != '"'; };
    return std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(colon), in_scheme) &&
           std::all_of(text.begin(), text.end(), in_uri);
}

std::optional<std::string> parse_lock_token(std::string_view field) {
    field = trimmed(field);
    if (field.size() < 2 || field.front() != '<' || field.back() != '>') return std::nullopt;
    const std::string_view token = field.substr(1, field.size() - 2);
    if (!is_absolute_uri(token)) return std::nullopt;
    return std::string(token);
}

std::optional<std::int64_t> parse_timeout(std::string_view field) {
    std::optional<std::int64_t> first;
    while (true) {
        const std::size_t comma = field.find(',');
        const auto seconds = parse_time_type(trimmed(field.substr(0, comma)));
        if (!seconds) return std::nullopt;
        if (!first) first = seconds;
        if (comma == std::string_view::npos) return first;
        field.remove_prefix(comma + 1);
    }
}

}  // namespace dav
