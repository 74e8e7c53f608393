#include "server/origin_guard.h"

#include <catch2/catch.hpp>

namespace {

http::RequestHead asked(std::string host, bool secure = true) {
    http::RequestHead head;
    head.host = host;
    head.secure = secure;
    head.headers.add("Host", host);
    return head;
}

}  // namespace

TEST_CASE("a request for another name is not for us") {
    struct Case {
        std::vector<std::string> hosts;
        std::string host;
        bool ours;
    };
    const Case cases[] = {
        {{}, "anything", true},
        {{"home.example"}, "home.example", true},
        {{"home.example"}, "home.example:8443", true},
        {{"Home.Example"}, "home.example", true},
        {{"home.example:8443"}, "home.example:8443", true},
        {{"home.example:8443"}, "home.example", false},
        {{"home.example:8443"}, "home.example:9000", false},
        {{"home.example"}, "evil.example", false},
        {{"home.example"}, "home.example.evil.example", false},
        {{"a", "b"}, "b", true},
        {{"192.0.2.7"}, "192.0.2.7:8443", true},
        {{"[::1]"}, "[::1]:8443", true},
        {{"[::1]:8443"}, "[::1]:8443", true},
        {{"[::1]:8443"}, "[::1]", false},
        {{"home.example"}, "", false},
    };
    for (const Case& one : cases) {
        INFO(one.host);
        CHECK(server::is_for_us(asked(one.host), one.hosts) == one.ours);
    }
}

// security.md 9 #17.
TEST_CASE("an absolute target that names another host than Host is never for us") {
    auto head = asked("home.example");
    head.host = "evil";
    CHECK_FALSE(server::is_for_us(head, {}));
    head = asked("home.example");
    head.headers.set("Host", "HOME.example");
    CHECK(server::is_for_us(head, {}));
}

// security.md 3.3 #43, 9 #42; clients.md 1.10.
TEST_CASE("a page of another site is told from our own and from no page at all") {
    struct Case {
        const char* origin;      // null: none sent
        const char* fetch_site;  // null: none sent
        bool secure;
        bool foreign;
    };
    const Case cases[] = {
        {nullptr, nullptr, true, false},
        {"https://home.example:8443", nullptr, true, false},
        {"HTTPS://Home.Example:8443", nullptr, true, false},
        {"https://home.example:8443", "same-origin", true, false},
        {nullptr, "same-origin", true, false},
        {nullptr, "none", true, false},
        {nullptr, "cross-site", true, true},
        {"https://home.example:8443", "cross-site", true, true},
        {"https://evil", nullptr, true, true},
        {"https://home.example", nullptr, true, true},
        {"https://home.example:8443.evil", nullptr, true, true},
        {"http://home.example:8443", nullptr, true, true},
        {"http://home.example:8443", nullptr, false, false},
        {"https://home.example:8443", nullptr, false, false},
        {"null", nullptr, true, true},
        {"", nullptr, true, true},
        {"file://", nullptr, true, true},
        {"moz-extension://home.example:8443", nullptr, true, true},
    };
    for (const Case& one : cases) {
        INFO((one.origin ? one.origin : "-") << " " << (one.fetch_site ? one.fetch_site : "-"));
        auto head = asked("home.example:8443", one.secure);
        if (one.origin) head.headers.add("Origin", one.origin);
        if (one.fetch_site) head.headers.add("Sec-Fetch-Site", one.fetch_site);
        CHECK(server::is_cross_site(head) == one.foreign);
    }
    auto head = asked("home.example:443");
    head.headers.add("Origin", "https://home.example");
    CHECK_FALSE(server::is_cross_site(head));
}
