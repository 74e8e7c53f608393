#include "server/router.h"

#include <catch2/catch.hpp>

namespace {

using server::Part;

}  // namespace

TEST_CASE("paths lead to their part of the URL space") {
    struct Case {
        std::string_view base, path;
        Part part;
        std::string_view below;
    };
    const Case cases[] = {
        {"", "/", Part::home, "/"},
        {"", "/dav", Part::dav, "/dav"},
        {"", "/dav/", Part::dav, "/dav/"},
        {"", "/dav/files/ana/a%20b", Part::dav, "/dav/files/ana/a%20b"},
        {"", "/davx", Part::unknown, "/davx"},
        {"", "/%64av/files", Part::unknown, "/%64av/files"},
        {"", "//dav/", Part::unknown, "//dav/"},
        {"", "/principals", Part::dav, "/principals"},
        {"", "/principals/", Part::dav, "/principals/"},
        {"", "/principals/users", Part::unknown, "/principals/users"},
        {"", "/healthz", Part::health, "/healthz"},
        {"", "/readyz", Part::ready, "/readyz"},
        {"", "/ca.crt", Part::authority, "/ca.crt"},
        {"", "/.well-known/caldav", Part::caldav, "/.well-known/caldav"},
        {"", "/.well-known/carddav/", Part::carddav, "/.well-known/carddav/"},
        {"", "/.well-known/other", Part::unknown, "/.well-known/other"},
        {"", "/s/token", Part::unknown, "/s/token"},
        {"/cloud", "/cloud", Part::home, "/"},
        {"/cloud", "/cloud/", Part::home, "/"},
        {"/cloud", "/cloudy", Part::outside, ""},
        {"/cloud", "/", Part::outside, ""},
        {"/cloud", "/dav/files/", Part::outside, ""},
        {"/cloud", "/cloud/dav/files/", Part::dav, "/dav/files/"},
        {"/cloud", "/healthz", Part::health, "/healthz"},
        {"/cloud", "/cloud/healthz", Part::health, "/healthz"},
        {"/cloud", "/.well-known/caldav", Part::caldav, "/.well-known/caldav"},
        {"/cloud", "/cloud/.well-known/carddav", Part::carddav, "/.well-known/carddav"},
        {"/cloud", "/ca.crt", Part::outside, ""},
        {"/cloud", "/cloud/ca.crt", Part::authority, "/ca.crt"},
        {"/a/b", "/a/b/dav/", Part::dav, "/dav/"},
        {"/a/b", "/a/", Part::outside, ""},
    };
    for (const Case& one : cases) {
        INFO(one.base << " + " << one.path);
        const auto route = server::route_of(one.path, one.base);
        CHECK(route.part == one.part);
        if (one.part != Part::outside) CHECK(route.path == one.below);
    }
}

TEST_CASE("a role that no listener has and a service that is off do not exist") {
    using http::Method;
    const dav::Services on;
    dav::Services off;
    off.calendars = off.contacts = off.web = false;
    struct Case {
        Part part;
        Method method;
        int roles;
        dav::Services services;
        bool offered;
    };
    const Case cases[] = {
        {Part::dav, Method::get, http::role_dav, on, true},
        {Part::dav, Method::get, http::role_web | http::role_guests, on, false},
        {Part::home, Method::get, http::role_web, on, true},
        {Part::home, Method::get, http::role_dav, on, false},
        {Part::home, Method::propfind, http::role_dav, on, true},
        {Part::home, Method::propfind, http::role_web, on, false},
        {Part::home, Method::get, http::role_web, off, false},
        {Part::home, Method::options, http::role_dav, off, true},
        {Part::caldav, Method::get, http::role_dav, on, true},
        {Part::caldav, Method::get, http::role_dav, off, false},
        {Part::carddav, Method::propfind, http::role_dav, off, false},
        {Part::health, Method::get, http::role_metrics, off, true},
        {Part::ready, Method::get, http::role_replication, off, true},
        {Part::authority, Method::get, http::role_guests, on, true},
        {Part::authority, Method::get, http::role_replication, on, false},
        {Part::outside, Method::get, 0xff, on, false},
    };
    int row = 0;
    for (const Case& one : cases) {
        INFO("row " << row++);
        CHECK(server::is_offered(one.part, one.method, static_cast<std::uint8_t>(one.roles), one.services) ==
              one.offered);
    }
}
