#include "dav/http/range.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "dav/http/headers.h"

namespace http {
namespace {

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

// All digits; a number beyond 64 bits is beyond every file and becomes the largest.
std::optional<std::uint64_t> parse_position(std::string_view digits) {
    constexpr auto kMax = std::numeric_limits<std::uint64_t>::max();
    if (digits.empty()) return std::nullopt;
    std::uint64_t value = 0;
    for (const char c : digits) {
        if (c < '0' || c > '9') return std::nullopt;
        const auto digit = static_cast<std::uint64_t>(c - '0');
        value = value > (kMax - digit) / 10 ? kMax : value * 10 + digit;
    }
    return value;
}

}  // namespace

Range resolve_range(std::string_view field, std::uint64_t size) {
    const Range whole{Range::Kind::whole, 0, size};
    const Range unsatisfiable{Range::Kind::unsatisfiable, 0, 0};
    const auto equals = field.find('=');
    if (equals == std::string_view::npos || !equal_ignoring_case(trim(field.substr(0, equals)), "bytes")) return whole;
    const auto spec = trim(field.substr(equals + 1));
    const auto dash = spec.find('-');
    if (dash == std::string_view::npos) return whole;
    const auto left = spec.substr(0, dash);
    const auto right = spec.substr(dash + 1);

    if (left.empty()) {
        const auto suffix = parse_position(right);
        if (!suffix) return whole;
        if (*suffix == 0) return unsatisfiable;
        // "The last octets" of nothing can not be said in a Content-Range; the empty whole says the same.
        if (size == 0) return whole;
        const auto length = std::min(*suffix, size);
        return {Range::Kind::part, size - length, length};
    }
    const auto first = parse_position(left);
    const auto last = right.empty() ? std::numeric_limits<std::uint64_t>::max() : parse_position(right);
    if (!first || !last || *first > *last) return whole;
    if (*first >= size) return unsatisfiable;
    return {Range::Kind::part, *first, std::min(*last, size - 1) - *first + 1};
}

std::string content_range(const Range& range, std::uint64_t size) {
    if (range.kind == Range::Kind::unsatisfiable || range.length == 0) return "bytes */" + std::to_string(size);
    return "bytes " + std::to_string(range.first) + '-' + std::to_string(range.first + range.length - 1) + '/' +
           std::to_string(size);
}

}  // namespace http
