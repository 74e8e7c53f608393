#include "dav/http/range.h"

#include <catch2/catch.hpp>
#include <string>

using Kind = http::Range::Kind;

TEST_CASE("a single range of octets is resolved, everything else is the whole") {
    constexpr std::uint64_t kHuge = 18446744073709551615u;
    const struct {
        const char* field;
        std::uint64_t size;
        Kind kind;
        std::uint64_t first;
        std::uint64_t length;
    } rows[] = {
        {"bytes=0-0", 100, Kind::part, 0, 1},
        {"bytes=0-", 100, Kind::part, 0, 100},
        {"bytes=10-19", 100, Kind::part, 10, 10},
        {"bytes=90-200", 100, Kind::part, 90, 10},
        {"bytes=99-", 100, Kind::part, 99, 1},
        {"BYTES=1-2", 100, Kind::part, 1, 2},
        {"bytes= 1-2 ", 100, Kind::part, 1, 2},
        {"bytes=-1", 100, Kind::part, 99, 1},
        {"bytes=-100", 100, Kind::part, 0, 100},
        {"bytes=-500", 100, Kind::part, 0, 100},
        {"bytes=0-99999999999999999999999999", 100, Kind::part, 0, 100},
        {"bytes=-99999999999999999999999999", 100, Kind::part, 0, 100},
        {"bytes=1-18446744073709551615", kHuge, Kind::part, 1, kHuge - 1},
        {"bytes=100-", 100, Kind::unsatisfiable, 0, 0},
        {"bytes=999999-", 100, Kind::unsatisfiable, 0, 0},
        {"bytes=18446744073709551616-", 100, Kind::unsatisfiable, 0, 0},
        {"bytes=99999999999999999999-99999999999999999999", 100, Kind::unsatisfiable, 0, 0},
        {"bytes=-0", 100, Kind::unsatisfiable, 0, 0},
        {"bytes=0-", 0, Kind::unsatisfiable, 0, 0},
        {"bytes=0-0", 0, Kind::unsatisfiable, 0, 0},
        {"bytes=-5", 0, Kind::whole, 0, 0},
        {"", 100, Kind::whole, 0, 100},
        {"bytes", 100, Kind::whole, 0, 100},
        {"bytes=", 100, Kind::whole, 0, 100},
        {"bytes=-", 100, Kind::whole, 0, 100},
        {"bytes=5", 100, Kind::whole, 0, 100},
        {"bytes=5-4", 100, Kind::whole, 0, 100},
        {"bytes=a-b", 100, Kind::whole, 0, 100},
        {"bytes=+1-2", 100, Kind::whole, 0, 100},
        {"bytes=1--2", 100, Kind::whole, 0, 100},
        {"bytes=1 -2", 100, Kind::whole, 0, 100},
        {"bytes=0-0,5-6", 100, Kind::whole, 0, 100},
        {"bytes=0-0,-1", 100, Kind::whole, 0, 100},
        {"items=0-5", 100, Kind::whole, 0, 100},
        {"0-5", 100, Kind::whole, 0, 100},
    };
    for (const auto& row : rows) {
        CAPTURE(row.field, row.size);
        const auto range = http::resolve_range(row.field, row.size);
        CHECK(range.kind == row.kind);
        CHECK(range.first == row.first);
        CHECK(range.length == row.length);
    }
    std::string thousand = "bytes=0-0";
    for (int i = 0; i < 1000; ++i) thousand += ",0-0";
    CHECK(http::resolve_range(thousand, 100).kind == Kind::whole);
}

TEST_CASE("Content-Range of a part and of a refusal") {
    CHECK(http::content_range(http::resolve_range("bytes=10-19", 100), 100) == "bytes 10-19/100");
    CHECK(http::content_range(http::resolve_range("bytes=-1", 100), 100) == "bytes 99-99/100");
    CHECK(http::content_range(http::resolve_range("bytes=999999-", 100), 100) == "bytes */100");
}
