#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace base {

// Numbers as octets: seven bits in each, lowest first, the top bit says that more follow (LEB128). Each number has one
// form, so that equal values are equal octets. Pure.
void put_varint(std::string& out, std::uint64_t value);
// Takes one off the front. Empty, with `octets` as they were: cut off, beyond 64 bits, or longer than it must be.
std::optional<std::uint64_t> take_varint(std::string_view& octets);

// Signed numbers for the above: 0, -1, 1, -2, … become 0, 1, 2, 3, …, so that small negative ones (times before 1970)
// stay short.
constexpr std::uint64_t zigzag(std::int64_t value) {
    return (static_cast<std::uint64_t>(value) << 1) ^ (value < 0 ? ~std::uint64_t{0} : 0);
}
constexpr std::int64_t unzigzag(std::uint64_t value) {
    return static_cast<std::int64_t>((value >> 1) ^ (value & 1 ? ~std::uint64_t{0} : 0));
}

}  // namespace base
