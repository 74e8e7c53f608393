#include "dav/http/date.h"

#include <catch2/catch.hpp>
#include <cstdint>
#include <limits>
#include <string>

namespace {
constexpr std::int64_t kNow = 1'790'000'000;  // 2026-09-21
}

TEST_CASE("dates are written as RFC 9110 and RFC 3339 want them") {
    const struct {
        std::int64_t unix_s;
        const char* http;
        const char* iso;
    } rows[] = {
        {784111777, "Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z"},
        {0, "Thu, 01 Jan 1970 00:00:00 GMT", "1970-01-01T00:00:00Z"},
        {-1, "Wed, 31 Dec 1969 23:59:59 GMT", "1969-12-31T23:59:59Z"},
        {951782400, "Tue, 29 Feb 2000 00:00:00 GMT", "2000-02-29T00:00:00Z"},
        {4102444800, "Fri, 01 Jan 2100 00:00:00 GMT", "2100-01-01T00:00:00Z"},
        {253402300799, "Fri, 31 Dec 9999 23:59:59 GMT", "9999-12-31T23:59:59Z"},
        {std::numeric_limits<std::int64_t>::max(), "Fri, 31 Dec 9999 23:59:59 GMT", "9999-12-31T23:59:59Z"},
        {std::numeric_limits<std::int64_t>::min(), "Sat, 01 Jan 0000 00:00:00 GMT", "0000-01-01T00:00:00Z"},
    };
    for (const auto& row : rows) {
        CHECK(http::http_date(row.unix_s) == row.http);
        CHECK(http::http_date(row.unix_s) == row.http);  // from memory
        CHECK(http::iso_8601(row.unix_s) == row.iso);
    }
}

TEST_CASE("all three forms of a date are read") {
    CHECK(http::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT", kNow) == 784111777);
    CHECK(http::parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", kNow) == 784111777);
    CHECK(http::parse_http_date("Sun Nov  6 08:49:37 1994", kNow) == 784111777);
    CHECK(http::parse_http_date("Sun Nov 16 08:49:37 1994", kNow) == 784975777);
    // Two digits: at most 50 years ahead.
    CHECK(http::iso_8601(*http::parse_http_date("Monday, 01-Jan-76 00:00:00 GMT", kNow)) == "2076-01-01T00:00:00Z");
    CHECK(http::iso_8601(*http::parse_http_date("Monday, 01-Jan-77 00:00:00 GMT", kNow)) == "1977-01-01T00:00:00Z");
    for (std::int64_t day = -719528; day < 2'932'896; day += 911) {
        const auto at = day * 86400 + 3661;
        CHECK(http::parse_http_date(http::http_date(at), kNow) == at);
    }
}

TEST_CASE("what is no date is none") {
    for (const auto* text : {"",
                             "0",
                             "Sun",
                             "Sun, 06 Nov 1994 08:49:37",
                             "Sun, 06 Nov 1994 08:49:37 UTC",
                             "Sun, 06 Nov 1994 08:49:37 GMT ",
                             "sun, 06 nov 1994 08:49:37 gmt",
                             "Sun, 6 Nov 1994 08:49:37 GMT",
                             "Sun, 31 Nov 1994 08:49:37 GMT",
                             "Sun, 00 Nov 1994 08:49:37 GMT",
                             "Wed, 29 Feb 2100 00:00:00 GMT",
                             "Sun, 06 Nov 1994 24:00:00 GMT",
                             "Sun, 06 Nov 1994 08:60:00 GMT",
                             "Sun, 06 Nov 1994 08:49:61 GMT",
                             "Sun, 06 Nov -994 08:49:37 GMT",
                             "Xxx, 06 Nov 1994 08:49:37 GMT",
                             "Sunday, 06-Nov-1994 08:49:37 GMT",
                             "Sun Nov  6 08:49:37 94",
                             "1994-11-06T08:49:37Z",
                             "784111777"}) {
        CAPTURE(text);
        CHECK_FALSE(http::parse_http_date(text, kNow));
    }
}
