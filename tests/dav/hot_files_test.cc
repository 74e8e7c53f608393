#include <string>

#include "tests/dav/fixture.h"

namespace {

using dav::test::Home;
using dav::test::text;

const std::string kPath = "/dav/files/ana/hot.txt";

// Asked twice: the first GET remembers the folder, the second keeps the file.
void warm(Home& home) {
    REQUIRE(home.status(home.ana, "GET", kPath) == 200);
    REQUIRE(home.status(home.ana, "GET", kPath) == 200);
    REQUIRE(home.now(home.ana, kPath));
}

TEST_CASE("a small file asked for twice is answered without a wait, with the same fields") {
    Home home;
    REQUIRE(home.status(home.ana, "PUT", kPath, {}, "hello") == 201);
    CHECK_FALSE(home.now(home.ana, kPath));
    const http::Response slow = home.ask(home.ana, "GET", kPath);
    CHECK_FALSE(home.now(home.ana, kPath));
    home.ask(home.ana, "GET", kPath);
    const auto quick = home.now(home.ana, kPath);
    REQUIRE(quick);
    CHECK(text(quick->body) == "hello");
    CHECK(quick->headers.fields() == slow.headers.fields());
    CHECK_FALSE(home.now(home.ben, kPath));
    CHECK_FALSE(home.now(home.ana, kPath, {{"Range", "bytes=0-1"}}));
    CHECK_FALSE(home.now(home.ana, kPath, {{"If-None-Match", "*"}}));
    CHECK_FALSE(home.now(home.ana, kPath + "?x"));
    dav::Caller calendars = home.ana;
    calendars.scope = storage::Scope::calendars;
    CHECK_FALSE(home.now(calendars, kPath));
}

TEST_CASE("a hundred small files asked for in turn do not throw one another out") {
    Home home;
    constexpr int kFiles = 100;
    const auto path = [](int n) { return "/dav/files/ana/f" + std::to_string(n) + ".txt"; };
    for (int n = 0; n < kFiles; ++n) REQUIRE(home.status(home.ana, "PUT", path(n), {}, std::to_string(n)) == 201);
    for (int turn = 0; turn < 2; ++turn)
        for (int n = 0; n < kFiles; ++n) home.ask(home.ana, "GET", path(n));
    int quick = 0;
    for (int n = 0; n < kFiles; ++n) {
        const auto answer = home.now(home.ana, path(n));
        if (answer) CHECK(text(answer->body) == std::to_string(n));
        quick += answer.has_value();
    }
    CHECK(quick >= kFiles - 2);  // a set of four can still be hit five times
}

TEST_CASE("nothing stale is answered after a change") {
    Home home;
    REQUIRE(home.status(home.ana, "MKCOL", "/dav/files/ana/in/") == 201);
    REQUIRE(home.status(home.ana, "PUT", kPath, {}, "hello") == 201);
    warm(home);
    SECTION("replaced") {
        REQUIRE(home.status(home.ana, "PUT", kPath, {}, "other") == 204);
        const auto quick = home.now(home.ana, kPath);
        CHECK((!quick || text(quick->body) == "other"));
        CHECK(text(home.ask(home.ana, "GET", kPath).body) == "other");
    }
    SECTION("removed") {
        REQUIRE(home.status(home.ana, "DELETE", kPath) == 204);
        CHECK_FALSE(home.now(home.ana, kPath));
    }
    SECTION("moved away") {
        REQUIRE(home.status(home.ana, "MOVE", kPath, {{"Destination", "/dav/files/ana/in/x"}}) == 201);
        CHECK_FALSE(home.now(home.ana, kPath));
    }
    SECTION("written by another program, same length") {
        home.write_outside("files/ana/hot.txt", "HELLO");
        CHECK_FALSE(home.now(home.ana, kPath));
        CHECK(text(home.ask(home.ana, "GET", kPath).body) == "HELLO");
    }
    SECTION("accounts changed") {
        home.accounts().set_quota("ana", 1 << 20, Home::kAdmin);
        CHECK_FALSE(home.now(home.ana, kPath));
    }
}

TEST_CASE("a file is not answered at its old place when a folder above it moved") {
    Home home;
    for (const char* folder : {"/dav/files/ana/a", "/dav/files/ana/a/b"})
        REQUIRE(home.status(home.ana, "MKCOL", folder) == 201);
    const std::string deep = "/dav/files/ana/a/b/f.txt";
    REQUIRE(home.status(home.ana, "PUT", deep, {}, "deep") == 201);
    home.ask(home.ana, "GET", deep);
    home.ask(home.ana, "GET", deep);
    REQUIRE(home.now(home.ana, deep));
    REQUIRE(home.status(home.ana, "MOVE", "/dav/files/ana/a", {{"Destination", "/dav/files/ana/c"}}) == 201);
    CHECK_FALSE(home.now(home.ana, deep));
    CHECK(home.status(home.ana, "GET", deep) == 404);
}

TEST_CASE("a large file is never kept") {
    Home home;
    REQUIRE(home.status(home.ana, "PUT", kPath, {}, std::string(17 * 1024, 'x')) == 201);
    for (int i = 0; i < 3; ++i) home.ask(home.ana, "GET", kPath);
    CHECK_FALSE(home.now(home.ana, kPath));
}

}  // namespace
