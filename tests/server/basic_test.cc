#include "server/basic.h"

#include <catch2/catch.hpp>

#include "storage/base/hash.h"

namespace {

std::string header(std::string_view text) {
    return "Basic " + base::base64(text);
}

}  // namespace

TEST_CASE("Basic credentials are read") {
    struct Case {
        std::string header;
        std::string user, secret;
    };
    const Case cases[] = {
        {header("ana:secret"), "ana", "secret"},
        {"basic " + base::base64("ana:secret"), "ana", "secret"},
        {"BASIC   " + base::base64("ana:secret"), "ana", "secret"},
        {header("ana:with:colons:"), "ana", "with:colons:"},
        {header("ana: "), "ana", " "},
        {header("\u00e4na:p\u00e4ss"), "\u00e4na", "p\u00e4ss"},
    };
    for (const Case& one : cases) {
        INFO(one.header);
        const auto pair = server::parse_basic(one.header);
        REQUIRE(pair);
        CHECK(pair->user == one.user);
        CHECK(pair->secret == one.secret);
    }
}

// security.md 3.3 #35 and 9 #34.
TEST_CASE("what is no pair of Basic credentials is refused") {
    const std::string cases[] = {
        "",
        "Basic",
        "Basic ",
        "Bearer " + base::base64("ana:secret"),
        base::base64("ana:secret"),
        "Basic YW5hOnNlY3JldA",  // padding missing
        "Basic YW5hOn#lY3JldA==",
        "Basic " + base::base64("ana:secret") + " x",
        header("ana"),  // no colon
        header(":"),
        header("ana:"),
        header(":secret"),
        header(std::string_view("ana\0:secret", 11)),
        header("ana:sec\nret"),
        header("ana:sec\x7fret"),
        header("ana:\xff\xfe"),
        header("ana:" + std::string(8192, 'a')),
    };
    for (const std::string& one : cases) {
        INFO(one.substr(0, 60));
        CHECK_FALSE(server::parse_basic(one));
    }
}

TEST_CASE("the challenge quotes its realm") {
    CHECK(server::basic_challenge("Hearth") == "Basic realm=\"Hearth\", charset=\"UTF-8\"");
    CHECK(server::basic_challenge("a \"b\" \\") == "Basic realm=\"a \\\"b\\\" \\\\\", charset=\"UTF-8\"");
}
