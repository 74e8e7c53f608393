#include "dav/http/headers.h"

#include <catch2/catch.hpp>
#include <string>

#include "dav/http/message.h"

using namespace std::string_literals;

TEST_CASE("header names compare without case, values keep theirs and their order") {
    http::Headers headers;
    headers.add("ETag", "\"a\"");
    headers.add("If-Match", "\"x\"");
    headers.add("if-match", "\"y\"");
    CHECK(headers.find("etag") == "\"a\"");
    CHECK(headers.get("IF-MATCH") == "\"x\"");
    CHECK(headers.combined("If-Match") == "\"x\", \"y\"");
    CHECK(headers.count("If-Match") == 2);
    CHECK_FALSE(headers.find("If"));
    CHECK_FALSE(headers.combined("If"));
    CHECK(headers.get("If").empty());

    headers.set("If-match", "*");
    CHECK(headers.combined("If-Match") == "*");
    CHECK(headers.fields().back().second == "*");
    headers.remove("IF-MATCH");
    CHECK_FALSE(headers.has("If-Match"));
    CHECK(headers.has("ETag"));
}

TEST_CASE("no value forges a header field") {
    http::Headers headers;
    headers.add("Location", "/a\r\nSet-Cookie: sid=1\0\x7f\x01\tb\xc3\xa9"s);
    CHECK(headers.get("Location") == "/a  Set-Cookie: sid=1   \tb\xc3\xa9");
    headers.set("X\nY", "1");
    CHECK(headers.has("X Y"));
}

TEST_CASE("methods are known by their exact names") {
    for (const auto* name :
         {"OPTIONS", "GET", "HEAD", "PUT", "DELETE", "MKCOL", "COPY", "MOVE", "PROPFIND", "PROPPATCH", "LOCK", "UNLOCK",
          "REPORT", "ACL", "POST", "PATCH", "MKCALENDAR", "TRACE", "CONNECT"}) {
        const auto method = http::method_from(name);
        CHECK(method != http::Method::other);
        CHECK(http::method_text(method) == name);
    }
    CHECK(http::method_from("get") == http::Method::other);
    CHECK(http::method_from("") == http::Method::other);
    CHECK(http::method_text(http::Method::other).empty());
}

TEST_CASE("status lines and sizes of bodies") {
    CHECK(http::reason(http::Status::multi_status) == "Multi-Status");
    CHECK(http::reason(http::Status::insufficient_storage) == "Insufficient Storage");
    CHECK(http::code(http::Status::locked) == 423);
    CHECK(http::body_size({}) == 0);
    CHECK(http::body_size("abc"s) == 3);
    CHECK(http::body_size(std::make_shared<const std::string>("abcd")) == 4);
    CHECK(http::body_size(http::FileSlice{nullptr, 7, 5}) == 5);
}
