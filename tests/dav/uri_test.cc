#include "dav/http/uri.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

using http::Path;
using http::Status;
using http::UriFault;
using namespace std::string_literals;

namespace {

using Parsed = std::variant<Path, UriFault>;

const UriFault* fault_in(const Parsed& parsed) {
    return std::get_if<UriFault>(&parsed);
}

Status status_of_path(std::string_view raw) {
    const auto parsed = http::parse_path(raw);
    const auto* fault = fault_in(parsed);
    return fault == nullptr ? Status::ok : http::status_of(*fault);
}

std::string repeated(std::string_view text, std::size_t count) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) out.append(text);
    return out;
}

constexpr http::Origin kOrigin{true, "cloud.example:8443", ""};

}  // namespace

TEST_CASE("paths are decoded once into names") {
    const struct {
        const char* raw;
        base::Segments segments;
        bool slash;
    } rows[] = {
        {"/", {}, true},
        {"/dav", {"dav"}, false},
        {"/dav/", {"dav"}, true},
        {"/dav/files/ana/a%20b.txt", {"dav", "files", "ana", "a b.txt"}, false},
        {"/%c3%a9", {"\xc3\xa9"}, false},
        {"/%C3%A9", {"\xc3\xa9"}, false},
        {"/%61%2e%74xt", {"a.txt"}, false},
        {"/a%252e%252e/x", {"a%2e%2e", "x"}, false},
        {"/%252e%252e", {"%2e%2e"}, false},  // security.md 9 #3
        {"/%25%32%65", {"%2e"}, false},
        {"/a;x=1/b&c+d=e,f@g:h!i'j(k)*l~$", {"a;x=1", "b&c+d=e,f@g:h!i'j(k)*l~$"}, false},
        {"/a%3Bx%3F%23", {"a;x?#"}, false},
        {"/...", {"..."}, false},
        {"/..a/.b", {"..a", ".b"}, false},
        {"/a[1]{2}|^`\"<>", {"a[1]{2}|^`\"<>"}, false},
    };
    for (const auto& row : rows) {
        CAPTURE(row.raw);
        CHECK(http::parse_path(row.raw) == Parsed(Path{row.segments, row.slash}));
    }
}

TEST_CASE("bad paths and their status (security.md 9, rows 1 to 11)") {
    const struct {
        const char* what;
        std::string raw;
        UriFault fault;
    } rows[] = {
        {"1", "/dav/../../secret", UriFault::dots},
        {"2", "/dav/files/a/%2e%2e/%2e%2e/x", UriFault::dots},
        {"2 upper case", "/dav/%2E%2E", UriFault::dots},
        {"2 mixed", "/dav/.%2e/", UriFault::dots},
        {"single dot", "/dav/./x", UriFault::dots},
        {"single dot at the end", "/dav/%2e", UriFault::dots},
        {"4 slash", "/dav/files/a/..%2fx", UriFault::separator},
        {"4 upper case", "/dav/a%2Fb", UriFault::separator},
        {"5 backslash", "/dav/files/a/..%5cx", UriFault::separator},
        {"5 bare backslash", "/dav/a\\b", UriFault::separator},
        {"6 NUL", "/dav/a%00.txt", UriFault::control},
        {"6 NUL at the end", "/dav/a%00", UriFault::control},
        {"6 bare NUL", "/dav/a\0b"s, UriFault::control},
        {"7 CR LF", "/a%0d%0aSet-Cookie:x", UriFault::control},
        {"DEL", "/a%7f", UriFault::control},
        {"C0", "/a%01", UriFault::control},
        {"bare tab", "/a\tb", UriFault::control},
        {"8 overlong", "/%c0%ae%c0%ae/", UriFault::not_utf8},
        {"8 overlong slash", "/%c0%af", UriFault::not_utf8},
        {"8 surrogate", "/%ed%a0%80", UriFault::not_utf8},
        {"8 beyond Unicode", "/%f4%90%80%80", UriFault::not_utf8},
        {"8 cut", "/%e2%82", UriFault::not_utf8},
        {"Latin-1", "/%e9", UriFault::not_utf8},
        {"9 raw octet", "/\xe9", UriFault::bad_escape},
        {"raw UTF-8", "/\xc3\xa9", UriFault::bad_escape},
        {"space", "/a b", UriFault::bad_escape},
        {"10", "/%zz", UriFault::bad_escape},
        {"10 short", "/a%4", UriFault::bad_escape},
        {"10 shortest", "/a%", UriFault::bad_escape},
        {"10 across a slash", "/a%4/1", UriFault::bad_escape},
        {"10 signed", "/%+1", UriFault::bad_escape},
        {"empty inner segment", "/dav//files", UriFault::empty_segment},
        {"empty first segment", "//dav", UriFault::empty_segment},
        {"two slashes at the end", "/dav//", UriFault::empty_segment},
        {"nothing", "", UriFault::not_absolute},
        {"relative", "dav/x", UriFault::not_absolute},
        {"asterisk", "*", UriFault::not_absolute},
        {"query", "/a?b", UriFault::extra},
        {"fragment", "/a#b", UriFault::extra},
        {"11 segments", repeated("/a", 65), UriFault::too_many_segments},
        {"long", repeated("/" + std::string(255, 'a'), 17), UriFault::too_long},
    };
    for (const auto& row : rows) {
        CAPTURE(row.what);
        CHECK(http::parse_path(row.raw) == Parsed(row.fault));
    }
    CHECK(status_of_path("/dav/../x") == Status::bad_request);
    CHECK(status_of_path("/%zz") == Status::bad_request);
    CHECK(status_of_path("/a%00") == Status::bad_request);
    CHECK(status_of_path(repeated("/a", 64)) == Status::ok);
    CHECK(status_of_path(repeated("/a", 65)) == Status::uri_too_long);
    CHECK(status_of_path("/" + std::string(256, 'a')) == Status::ok);  // whoever creates it says 403
}

TEST_CASE("hrefs encode all but unreserved characters and parse back to the same names") {
    const base::Segments names = {"dav", "a b", "50% & more;v=1", "\xc3\xa9", "%2e%2e", "~-._", "q?#[]"};
    const auto text = http::href("", names, http::Slash::trailing);
    CHECK(text == "/dav/a%20b/50%25%20%26%20more%3Bv%3D1/%C3%A9/%252e%252e/~-._/q%3F%23%5B%5D/");
    CHECK(http::parse_path(text) == Parsed(Path{names, true}));
    CHECK(http::href("/cloud", {"dav"}, http::Slash::none) == "/cloud/dav");
    CHECK(http::href("/cloud", {}, http::Slash::none) == "/cloud/");
    CHECK(http::href("", {}, http::Slash::none) == "/");
    CHECK(http::encode_segment("\xff\n") == "%FF%0A");
    CHECK(http::percent_decode("a%2Fb%00+c") == "a/b\0+c"s);
    CHECK_FALSE(http::percent_decode("%"));
}

TEST_CASE("a Destination names a path on this server") {
    const auto here = Parsed(Path{{"dav", "files", "a b"}, false});
    for (const auto* text : {"https://cloud.example:8443/dav/files/a%20b", "HTTPS://CLOUD.Example:8443/dav/files/a%20b",
                             "/dav/files/a%20b"}) {
        CAPTURE(text);
        CHECK(http::parse_reference(text, kOrigin) == here);
    }
    CHECK(http::parse_reference("https://cloud.example:8443", kOrigin) == Parsed(Path{{}, true}));

    // Default ports are the same as none; addresses of version 6 keep their colons.
    CHECK(http::parse_reference("https://h:443/x", {true, "h", ""}) == Parsed(Path{{"x"}, false}));
    CHECK(http::parse_reference("https://h/x", {true, "h:443", ""}) == Parsed(Path{{"x"}, false}));
    CHECK(http::parse_reference("http://h/x", {false, "h:80", ""}) == Parsed(Path{{"x"}, false}));
    CHECK(http::parse_reference("https://[2001:DB8::1]/x", {true, "[2001:db8::1]", ""}) == Parsed(Path{{"x"}, false}));
    CHECK(http::parse_reference("https://[2001:db8::1]:443/x", {true, "[2001:db8::1]", ""}) ==
          Parsed(Path{{"x"}, false}));
}

TEST_CASE("bad Destinations and their status (security.md 9, rows 65 to 67)") {
    const struct {
        std::string text;
        UriFault fault;
        Status status;
    } rows[] = {
        {"", UriFault::not_absolute, Status::bad_request},
        {"a", UriFault::not_absolute, Status::bad_request},
        {"../x", UriFault::not_absolute, Status::bad_request},
        {"%n", UriFault::not_absolute, Status::bad_request},
        {"://cloud.example/x", UriFault::not_absolute, Status::bad_request},
        {"https:///x", UriFault::not_absolute, Status::bad_request},
        {"https:/x", UriFault::not_absolute, Status::bad_request},
        {"mailto:ana@example.org", UriFault::not_absolute, Status::bad_request},
        {"//cloud.example:8443/x", UriFault::empty_segment, Status::bad_request},
        {"https://other.example:8443/x", UriFault::other_server, Status::bad_gateway},
        {"https://cloud.example:8444/x", UriFault::other_server, Status::bad_gateway},
        {"https://cloud.example/x", UriFault::other_server, Status::bad_gateway},
        {"https://cloud.example:8443.evil/x", UriFault::other_server, Status::bad_gateway},
        {"http://cloud.example:8443/x", UriFault::other_server, Status::bad_gateway},
        {"ftp://cloud.example:8443/x", UriFault::other_server, Status::bad_gateway},
        {"https://ana:pw@cloud.example:8443/x", UriFault::userinfo, Status::bad_request},
        {"https://cloud.example:8443@evil.example/x", UriFault::userinfo, Status::bad_request},
        {"https://cloud.example:8443\\@evil.example/x", UriFault::userinfo, Status::bad_request},
        {"https://cloud.example:8443\\.evil.example/x", UriFault::bad_escape, Status::bad_request},
        {"https://cloud.example:8443/x#f", UriFault::extra, Status::bad_request},
        {"https://cloud.example:8443?x", UriFault::not_absolute, Status::bad_request},
        {"https://cloud.example:8443/x?y", UriFault::extra, Status::bad_request},
        {"/a/%2e%2e/b", UriFault::dots, Status::bad_request},
        {"https://cloud.example:8443/a/../b", UriFault::dots, Status::bad_request},
        {"/a%00", UriFault::control, Status::bad_request},
        {"/a\0"s, UriFault::control, Status::bad_request},
        {"/a%n", UriFault::bad_escape, Status::bad_request},
        {"/a b", UriFault::bad_escape, Status::bad_request},
        {"/" + repeated("%n", 4096), UriFault::bad_escape, Status::bad_request},
    };
    for (const auto& row : rows) {
        CAPTURE(row.text);
        const auto parsed = http::parse_reference(row.text, kOrigin);
        CHECK(parsed == Parsed(row.fault));
        CHECK(http::status_of(row.fault) == row.status);
    }
}

TEST_CASE("the base path is taken off, on the boundary of a name") {
    const http::Origin origin{true, "h", "/my%20cloud/x"};
    CHECK(http::parse_reference("/my%20cloud/x/dav/a", origin) == Parsed(Path{{"dav", "a"}, false}));
    CHECK(http::parse_reference("https://h/%6dy%20cloud/x/dav/", origin) == Parsed(Path{{"dav"}, true}));
    CHECK(http::parse_reference("/my%20cloud/x", origin) == Parsed(Path{{}, true}));
    for (const auto* text : {"/", "/dav/a", "/my%20cloud", "/my%20cloud/xy/dav", "/my%20cloud-private/x/dav"}) {
        CAPTURE(text);
        CHECK(http::parse_reference(text, origin) == Parsed(UriFault::other_server));
    }
}
