#include "storage/base/varint.h"

#include <limits>

#include <catch2/catch.hpp>

namespace base {
namespace {

constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();

std::string encoded(std::uint64_t value) {
    std::string out;
    put_varint(out, value);
    return out;
}

TEST_CASE("a varint has one form and comes back as it was") {
    const std::pair<std::uint64_t, std::string> table[] = {
        {0, std::string(1, '\0')},
        {1, "\x01"},
        {127, "\x7f"},
        {128, "\x80\x01"},
        {300, "\xac\x02"},
        {16'383, "\xff\x7f"},
        {16'384, "\x80\x80\x01"},
        {kMost >> 1, "\xff\xff\xff\xff\xff\xff\xff\xff\x7f"},
        {kMost, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"},
    };
    for (const auto& [value, octets] : table) {
        INFO(value);
        CHECK(encoded(value) == octets);
        const std::string followed = octets + "rest";
        std::string_view rest = followed;
        CHECK(take_varint(rest) == value);
        CHECK(rest == "rest");
        for (std::size_t cut = 0; cut < octets.size(); ++cut) {
            std::string_view some = std::string_view(octets).substr(0, cut);
            CHECK_FALSE(take_varint(some));
            CHECK(some.size() == cut);
        }
    }
}

TEST_CASE("what is no varint is refused and left as it was") {
    const std::string table[] = {
        std::string("\x85\0", 2),                        // a second form of 5
        std::string("\x80\0", 2),                        // a second form of 0
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",      // 65 bits
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x01",  // eleven octets
        std::string(20, '\x85'),                         // endless
    };
    for (const std::string& octets : table) {
        std::string_view rest = octets;
        CHECK_FALSE(take_varint(rest));
        CHECK(rest == octets);
    }
}

TEST_CASE("zigzag keeps small numbers small, whatever their sign") {
    const std::pair<std::int64_t, std::uint64_t> table[] = {{0, 0},
                                                            {-1, 1},
                                                            {1, 2},
                                                            {-2, 3},
                                                            {std::numeric_limits<std::int64_t>::max(), kMost - 1},
                                                            {std::numeric_limits<std::int64_t>::min(), kMost}};
    for (const auto& [value, folded] : table) {
        INFO(value);
        CHECK(zigzag(value) == folded);
        CHECK(unzigzag(folded) == value);
    }
}

}  // namespace
}  // namespace base
