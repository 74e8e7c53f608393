#include "dav/http/conditional.h"

#include <catch2/catch.hpp>
#include <string>

using http::Access;
using http::Current;
using http::Outcome;

namespace {

constexpr std::int64_t kNow = 1'790'000'000;
constexpr const char* kDate = "Sun, 06 Nov 1994 08:49:37 GMT";
constexpr std::int64_t kDateSeconds = 784111777;

http::Headers with(std::initializer_list<std::pair<const char*, const char*>> fields) {
    http::Headers headers;
    for (const auto& [name, value] : fields) headers.add(name, value);
    return headers;
}

}  // namespace

TEST_CASE("entity tags") {
    CHECK(http::parse_entity_tag("\"a\"") == http::EntityTag{"\"a\"", false});
    CHECK(http::parse_entity_tag(" W/\"a b\" ").has_value() == false);
    CHECK(http::parse_entity_tag(" W/\"a,b\" ") == http::EntityTag{"\"a,b\"", true});
    CHECK(http::parse_entity_tag("\"\"") == http::EntityTag{"\"\"", false});
    for (const auto* text :
         {"", "a", "\"", "\"a", "a\"", "w/\"a\"", "W/a", "W/", "\"a\"b", "\"a\", \"b\"", "*", "\"\x7f\"", "\"\n\""}) {
        CAPTURE(text);
        CHECK_FALSE(http::parse_entity_tag(text));
    }
}

TEST_CASE("lists of entity tags") {
    REQUIRE(http::parse_tag_list("*"));
    CHECK(http::parse_tag_list(" * ")->any);
    CHECK(http::parse_tag_list("\"a\", W/\"b\",\"c\"")->tags.size() == 3);
    CHECK(http::parse_tag_list(",\"a\",, ,\"b\" ,")->tags.size() == 2);
    for (const auto* text : {"", ",", "a", "\"a\" \"b\"", "*, \"a\"", "\"a\", *", "\"a\",b", "\"a", "(\"a\")"}) {
        CAPTURE(text);
        CHECK_FALSE(http::parse_tag_list(text));
    }
    std::string many = "\"a\"";
    for (std::size_t i = 1; i < http::kTagsMax; ++i) many += ",\"a\"";
    CHECK(http::parse_tag_list(many)->tags.size() == http::kTagsMax);
    CHECK_FALSE(http::parse_tag_list(many + ",\"a\""));
}

TEST_CASE("conditions are evaluated in the order of RFC 9110") {
    const Current there{"\"v1\"", kDateSeconds};
    const Current weak{"W/\"v1\"", kDateSeconds};
    const Current nothing{};
    constexpr auto P = Outcome::proceed;
    constexpr auto N = Outcome::not_modified;
    constexpr auto F = Outcome::precondition_failed;
    const struct {
        const char* what;
        http::Headers headers;
        const Current& current;
        Outcome read;
        Outcome write;
    } rows[] = {
        {"none", with({}), there, P, P},
        {"If-Match same", with({{"If-Match", "\"v1\""}}), there, P, P},
        {"If-Match one of", with({{"If-Match", "\"v0\""}, {"if-match", "\"v1\""}}), there, P, P},
        {"If-Match stale", with({{"If-Match", "\"v0\""}}), there, F, F},
        {"If-Match compares strongly", with({{"If-Match", "W/\"v1\""}}), there, F, F},
        {"If-Match on a weak tag", with({{"If-Match", "\"v1\""}}), weak, F, F},
        {"If-Match *", with({{"If-Match", "*"}}), there, P, P},
        {"If-Match * on nothing", with({{"If-Match", "*"}}), nothing, F, F},
        {"If-Match tag on nothing", with({{"If-Match", "\"v1\""}}), nothing, F, F},
        {"If-None-Match other", with({{"If-None-Match", "\"v0\""}}), there, P, P},
        {"If-None-Match same", with({{"If-None-Match", "\"v1\""}}), there, N, F},
        {"If-None-Match compares weakly", with({{"If-None-Match", "W/\"v1\""}}), there, N, F},
        {"If-None-Match on a weak tag", with({{"If-None-Match", "\"v1\""}}), weak, N, F},
        {"If-None-Match *", with({{"If-None-Match", "*"}}), there, N, F},
        {"If-None-Match * on nothing", with({{"If-None-Match", "*"}}), nothing, P, P},
        {"If-Modified-Since equal", with({{"If-Modified-Since", kDate}}), there, N, P},
        {"If-Modified-Since later", with({{"If-Modified-Since", "Sun, 06 Nov 1994 08:49:38 GMT"}}), there, N, P},
        {"If-Modified-Since earlier", with({{"If-Modified-Since", "Sun, 06 Nov 1994 08:49:36 GMT"}}), there, P, P},
        {"If-Modified-Since no date", with({{"If-Modified-Since", "yesterday"}}), there, P, P},
        {"If-Modified-Since twice", with({{"If-Modified-Since", kDate}, {"If-Modified-Since", kDate}}), there, P, P},
        {"If-Modified-Since without a date of ours", with({{"If-Modified-Since", kDate}}), nothing, P, P},
        {"If-Unmodified-Since equal", with({{"If-Unmodified-Since", kDate}}), there, P, P},
        {"If-Unmodified-Since earlier", with({{"If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:36 GMT"}}), there, F, F},
        {"If-Unmodified-Since no date", with({{"If-Unmodified-Since", "x"}}), there, P, P},
        {"If-Unmodified-Since on nothing", with({{"If-Unmodified-Since", kDate}}), nothing, P, P},
        {"If-Match wins over If-Unmodified-Since",
         with({{"If-Match", "\"v1\""}, {"If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:36 GMT"}}), there, P, P},
        {"If-None-Match wins over If-Modified-Since", with({{"If-None-Match", "\"v0\""}, {"If-Modified-Since", kDate}}),
         there, P, P},
        {"If-Match comes before If-None-Match", with({{"If-Match", "\"v0\""}, {"If-None-Match", "\"v1\""}}), there, F,
         F},
        {"both true", with({{"If-Match", "\"v1\""}, {"If-None-Match", "\"v0\""}}), there, P, P},
    };
    for (const auto& row : rows) {
        CAPTURE(row.what);
        const auto conditions = http::parse_conditions(row.headers, kNow);
        REQUIRE(conditions);
        CHECK(http::evaluate(*conditions, Access::read, row.current) == row.read);
        CHECK(http::evaluate(*conditions, Access::write, row.current) == row.write);
    }
    CHECK_FALSE(http::parse_conditions(with({{"If-Match", "v1"}}), kNow));
    CHECK_FALSE(http::parse_conditions(with({{"If-None-Match", "\"v1"}}), kNow));
    CHECK(http::parse_conditions(with({{"If-Modified-Since", "x"}}), kNow)->empty());
}

TEST_CASE("If-Range decides whether a range counts") {
    const Current there{"\"v1\"", kDateSeconds};
    CHECK(http::range_applies(with({}), there, kNow));
    CHECK(http::range_applies(with({{"If-Range", "\"v1\""}}), there, kNow));
    CHECK(http::range_applies(with({{"If-Range", kDate}}), there, kNow));
    CHECK_FALSE(http::range_applies(with({{"If-Range", "\"v0\""}}), there, kNow));
    CHECK_FALSE(http::range_applies(with({{"If-Range", "W/\"v1\""}}), there, kNow));
    CHECK_FALSE(http::range_applies(with({{"If-Range", "Sun, 06 Nov 1994 08:49:38 GMT"}}), there, kNow));
    CHECK_FALSE(http::range_applies(with({{"If-Range", "v1"}}), there, kNow));
    CHECK_FALSE(http::range_applies(with({{"If-Range", "\"v1\""}}), Current{"W/\"v1\"", kDateSeconds}, kNow));
    CHECK_FALSE(http::range_applies(with({{"If-Range", kDate}}), Current{}, kNow));
}
