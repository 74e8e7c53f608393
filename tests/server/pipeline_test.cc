#include "server/pipeline.h"

#include <catch2/catch.hpp>

#include "tests/server/house.h"

namespace {

using http::Method;
using http::Status;

// Sends one request through accept and run, as the edge does.
struct Client {
    House house;

    explicit Client(server::CoreOptions options = {}) : house(std::move(options)) {}

    static http::RequestHead head(std::string_view method, std::string path) {
        http::RequestHead made;
        made.method = http::method_from(method);
        made.method_name = method;
        made.path = std::move(path);
        made.host = "home.example:8443";
        made.headers.add("Host", "home.example:8443");
        made.remote = from("192.0.2.7");
        if (method == "PROPFIND") made.headers.add("Depth", "0");
        return made;
    }
    static http::RequestHead anas(std::string_view method, std::string path) {
        auto made = head(method, std::move(path));
        made.headers.add("Authorization", basic("ana", House::kAnasPassword));
        return made;
    }

    http::Response send(http::RequestHead asked, const std::string& body = {}) {
        asked.content_length = body.size();
        auto& handler = house.core().handler();
        auto verdict = handler.accept(asked);
        if (verdict.answer) return std::move(*verdict.answer);
        http::Request request{asked, {}, std::move(verdict.sink), std::move(verdict.state)};
        if (request.sink) {
            request.sink->write(body);
        } else {
            REQUIRE(body.size() <= verdict.memory_limit);
            request.body = body;
        }
        return handler.run(std::move(request));
    }
    Status status(const http::RequestHead& asked, const std::string& body = {}) { return send(asked, body).status; }
};

std::string text_of(const http::Response& response) {
    if (const auto* text = std::get_if<std::string>(&response.body)) return *text;
    return {};
}

}  // namespace

TEST_CASE("a file goes in and comes out") {
    Client client;
    CHECK(client.status(Client::anas("PUT", "/dav/files/ana/a.txt"), "hello") == Status::created);
    const auto got = client.send(Client::anas("GET", "/dav/files/ana/a.txt"));
    CHECK(got.status == Status::ok);
    CHECK(http::body_size(got.body) == 5);
    CHECK(got.headers.get("X-Content-Type-Options") == "nosniff");
    CHECK_THAT(std::string(got.headers.get("Content-Security-Policy")), Catch::Contains("sandbox"));
    CHECK(got.headers.get("Cross-Origin-Resource-Policy") == "same-origin");
    CHECK(got.headers.get("Cache-Control") == "private, no-cache");
    CHECK(got.headers.get("Vary") == "Authorization, Cookie");
    CHECK(client.status(Client::anas("PROPFIND", "/dav/files/ana/")) == Status::multi_status);
}

// clients.md 1.2, architecture.md 0.
TEST_CASE("DAV methods are challenged wherever they go, pages are not") {
    Client client;
    struct Case {
        const char* method;
        const char* path;
        Status status;
    };
    const Case cases[] = {
        {"PROPFIND", "/dav/files/ana/", Status::unauthorized},
        {"PROPFIND", "/dav/", Status::unauthorized},
        {"PROPFIND", "/", Status::unauthorized},
        {"PROPFIND", "/principals/", Status::unauthorized},
        {"PROPFIND", "/nowhere", Status::unauthorized},
        {"GET", "/dav/files/ana/a.txt", Status::unauthorized},
        {"HEAD", "/dav/files/nobody/", Status::unauthorized},
        {"PUT", "/dav/files/ana/a.txt", Status::unauthorized},
        {"PUT", "/", Status::unauthorized},
        {"POST", "/dav/files/ana/", Status::unauthorized},
        {"DELETE", "/dav/../../etc/passwd", Status::unauthorized},
        {"FROBNICATE", "/dav/", Status::unauthorized},
        {"GET", "/", Status::ok},
        {"HEAD", "/", Status::ok},
        {"POST", "/", Status::method_not_allowed},
        {"GET", "/nowhere", Status::not_found},
        {"GET", "/s/token", Status::not_found},
        {"POST", "/api/v1/login", Status::not_found},
        {"GET", "/%2e%2e/x", Status::bad_request},
        {"GET", "/a%00b", Status::bad_request},
        {"OPTIONS", "/", Status::ok},
        {"OPTIONS", "/dav/", Status::ok},
        {"OPTIONS", "/dav/files/ana/", Status::ok},
    };
    for (const Case& one : cases) {
        INFO(one.method << " " << one.path);
        const auto response = client.send(Client::head(one.method, one.path));
        CHECK(response.status == one.status);
        const bool challenged = response.headers.get("WWW-Authenticate") == "Basic realm=\"Hearth\", charset=\"UTF-8\"";
        CHECK(challenged == (one.status == Status::unauthorized));
        CHECK(response.headers.get("X-Content-Type-Options") == "nosniff");
        if (response.status == Status::ok && std::string_view(one.method) == "OPTIONS")
            CHECK_THAT(std::string(response.headers.get("DAV")), Catch::StartsWith("1"));
    }
}

// security.md 9 #34, #41 and 3.3 #33: the same answer whatever was wrong.
TEST_CASE("every kind of wrong credentials gets the same answer") {
    Client client;
    auto bare = Client::head("PROPFIND", "/dav/files/ana/");
    bare.headers.add("Cookie", "__Host-sid=x");
    const auto expected = client.send(bare);
    CHECK(expected.status == Status::unauthorized);
    for (const std::string& header :
         {basic("ana", "wrong password"), basic("nobody", "wrong password"), basic("", "x"), std::string("Basic !!!"),
          std::string("Bearer x"), std::string("Basic ") + std::string(8192, 'A')}) {
        INFO(header.substr(0, 40));
        auto asked = Client::head("PROPFIND", "/dav/files/ana/");
        asked.headers.add("Authorization", header);
        const auto got = client.send(asked);
        CHECK(got.status == expected.status);
        CHECK(got.headers.fields() == expected.headers.fields());
        CHECK(text_of(got) == text_of(expected));
    }
    auto twice = Client::anas("PROPFIND", "/dav/files/ana/");
    twice.headers.add("Authorization", basic("ben", House::kBensPassword));
    CHECK(client.status(twice) == Status::unauthorized);
    auto wrong_options = Client::head("OPTIONS", "/dav/");
    wrong_options.headers.add("Authorization", basic("ana", "wrong password"));
    CHECK(client.status(wrong_options) == Status::unauthorized);
}

TEST_CASE("throttling and a full queue say when to come back") {
    Client client;
    for (int i = 0; i < 11; ++i) {
        auto asked = Client::head("GET", "/dav/");
        asked.headers.add("Authorization", basic("ana", "guess " + std::to_string(i)));
        const auto response = client.send(asked);
        CHECK(response.status == (i < 10 ? Status::unauthorized : Status::too_many_requests));
        if (i == 10) CHECK(response.headers.get("Retry-After") == "1");
    }
    client.house.clock.advance(1000);
    client.house.options().auth.argon2_queue_max = 0;
    client.house.reload();
    const auto busy = client.send(Client::anas("GET", "/dav/"));
    CHECK(busy.status == Status::service_unavailable);
    CHECK(busy.headers.get("Retry-After") == "2");
    client.house.options().auth.argon2_queue_max = 32;
    client.house.options().auth.verifying_per_prefix_max = 0;
    client.house.reload();
    const auto crowded = client.send(Client::anas("GET", "/dav/"));
    CHECK(crowded.status == Status::service_unavailable);
    CHECK(crowded.headers.get("Retry-After") == "2");
}

// security.md 9 #42.
TEST_CASE("a page of another site can not use the password a browser keeps") {
    Client client;
    CHECK(client.status(Client::anas("PUT", "/dav/files/ana/a.txt"), "hello") == Status::created);
    struct Case {
        const char* method;
        const char* field;
        const char* value;
        bool refused;
    };
    const Case cases[] = {
        {"DELETE", "Origin", "https://evil", true},
        {"PUT", "Origin", "null", true},
        {"MKCOL", "Sec-Fetch-Site", "cross-site", true},
        {"POST", "Origin", "https://evil", true},
        {"PROPFIND", "Origin", "https://evil", false},
        {"GET", "Sec-Fetch-Site", "cross-site", false},
        {"DELETE", "Origin", "https://home.example:8443", false},
    };
    for (const Case& one : cases) {
        INFO(one.method << " " << one.field << ": " << one.value);
        auto asked = Client::anas(one.method, "/dav/files/ana/a.txt");
        asked.headers.add(one.field, one.value);
        CHECK((client.status(asked) == Status::forbidden) == one.refused);
    }
    CHECK(client.status(Client::anas("GET", "/dav/files/ana/a.txt")) == Status::not_found);
}

// security.md 9 #16 to #18.
TEST_CASE("other hosts, other forms of target, other protocols' methods") {
    server::CoreOptions options;
    options.hosts = {"home.example", "192.0.2.1:8443"};
    Client client(std::move(options));
    CHECK(client.status(Client::anas("GET", "/dav/")) == Status::ok);
    auto asked = Client::anas("GET", "/dav/");
    asked.host = "evil";
    asked.headers.set("Host", "evil");
    CHECK(client.status(asked) == Status::misdirected_request);
    asked.path = "/healthz";
    CHECK(client.status(asked) == Status::ok);
    auto absolute = Client::anas("GET", "/dav/");
    absolute.host = "evil";
    CHECK(client.status(absolute) == Status::misdirected_request);
    CHECK(client.status(Client::head("OPTIONS", "*")) == Status::ok);
    CHECK(client.status(Client::head("GET", "*")) == Status::bad_request);
    CHECK(client.status(Client::head("TRACE", "/")) == Status::method_not_allowed);
    CHECK(client.status(Client::anas("TRACE", "/dav/")) == Status::method_not_allowed);
    CHECK(client.status(Client::head("CONNECT", "a:1")) == Status::method_not_allowed);
}

// security.md 9 #1 to #10: the path is judged after the caller.
TEST_CASE("paths that are none are refused whoever asks with a right password") {
    Client client;
    for (const char* path :
         {"/dav/../../secret", "/dav/files/ana/%2e%2e/%2e%2e/x", "/dav/files/ana/..%2fx", "/dav/files/ana/..%5cx",
          "/dav/files/ana/%00", "/dav/files/ana/%0d%0aSet-Cookie:x", "/dav/files/ana/%c0%ae%c0%ae/",
          "/dav/files/ana/%ed%a0%80", "/dav/files/ana/%zz", "/dav/files/ana/%4"}) {
        INFO(path);
        const auto response = client.send(Client::anas("GET", path));
        CHECK(response.status == Status::bad_request);
        CHECK_FALSE(response.headers.has("Set-Cookie"));
    }
    CHECK(client.status(Client::anas("GET", "/dav/files/ana/%252e%252e/x")) == Status::not_found);
    CHECK(client.status(Client::anas("GET", "/dav/files/ben/")) == Status::not_found);
    CHECK(client.status(Client::anas("PROPFIND", "/nowhere")) == Status::not_found);
}

TEST_CASE("well-known places lead to DAV by every method, with a service behind them") {
    server::CoreOptions options;
    options.services.contacts = false;
    Client client(std::move(options));
    for (const char* method : {"GET", "HEAD", "PROPFIND", "OPTIONS", "PUT", "REPORT"}) {
        INFO(method);
        const auto response = client.send(Client::head(method, "/.well-known/caldav"));
        CHECK(response.status == Status::moved_permanently);
        CHECK(response.headers.get("Location") == "/dav/");
        CHECK(client.status(Client::head(method, "/.well-known/carddav")) == Status::not_found);
    }
    client.house.options().services.contacts = true;
    client.house.reload();
    CHECK(client.status(Client::head("GET", "/.well-known/carddav")) == Status::moved_permanently);
}

TEST_CASE("pages for probes, for phones and for people") {
    server::CoreOptions options;
    options.ca_pem = "-----BEGIN CERTIFICATE-----\n";
    Client client(std::move(options));
    CHECK(text_of(client.send(Client::head("GET", "/healthz"))) == "OK\n");
    CHECK(client.status(Client::head("GET", "/readyz")) == Status::ok);
    CHECK(client.status(Client::head("DELETE", "/healthz")) == Status::method_not_allowed);
    const auto authority = client.send(Client::head("GET", "/ca.crt"));
    CHECK(authority.headers.get("Content-Type") == "application/x-x509-ca-cert");
    CHECK(text_of(authority) == "-----BEGIN CERTIFICATE-----\n");
    const auto welcome = client.send(Client::head("GET", "/"));
    CHECK_THAT(text_of(welcome), Catch::Contains("dav/files/"));
    CHECK_THAT(std::string(welcome.headers.get("Content-Security-Policy")),
               Catch::StartsWith("default-src 'none'; script-src 'self'"));
    CHECK(welcome.headers.get("Cache-Control") == "no-store");
    client.house.options().ca_pem.clear();
    client.house.options().services.web = false;
    client.house.reload();
    CHECK(client.status(Client::head("GET", "/ca.crt")) == Status::not_found);
    CHECK(client.status(Client::head("GET", "/")) == Status::not_found);
    CHECK(client.status(Client::anas("PROPFIND", "/")) == Status::multi_status);
}

TEST_CASE("a role that the listener has not does not exist behind it") {
    Client client;
    auto guests = Client::anas("PROPFIND", "/dav/");
    guests.roles = http::role_guests;
    CHECK(client.status(guests) == Status::not_found);
    auto only_dav = Client::head("GET", "/");
    only_dav.roles = http::role_dav;
    CHECK(client.status(only_dav) == Status::not_found);
    only_dav.path = "/healthz";
    CHECK(client.status(only_dav) == Status::ok);
}

TEST_CASE("below a base path everything is there, beside it nothing but probes and well-known places") {
    server::CoreOptions options;
    options.base_path = "/cloud";
    Client client(std::move(options));
    CHECK(client.status(Client::anas("PUT", "/cloud/dav/files/ana/a.txt"), "hello") == Status::created);
    CHECK(client.status(Client::anas("GET", "/cloud/dav/files/ana/a.txt")) == Status::ok);
    CHECK(client.status(Client::anas("GET", "/dav/files/ana/a.txt")) == Status::not_found);
    CHECK(client.status(Client::anas("PROPFIND", "/")) == Status::not_found);
    CHECK(client.status(Client::anas("PROPFIND", "/cloud/")) == Status::multi_status);
    CHECK(client.status(Client::anas("PROPFIND", "/cloud")) == Status::multi_status);
    CHECK(client.status(Client::head("GET", "/healthz")) == Status::ok);
    CHECK(client.status(Client::head("GET", "/cloud/readyz")) == Status::ok);
    const auto moved = client.send(Client::head("PROPFIND", "/.well-known/caldav"));
    CHECK(moved.headers.get("Location") == "/cloud/dav/");
    CHECK(client.send(Client::head("GET", "/cloud/.well-known/caldav")).headers.get("Location") == "/cloud/dav/");
    const auto page = client.send(Client::head("GET", "/cloud"));
    CHECK(page.status == Status::moved_permanently);
    CHECK(page.headers.get("Location") == "/cloud/");
    CHECK(client.status(Client::head("GET", "/cloud/")) == Status::ok);
    const auto listing = client.send(Client::anas("PROPFIND", "/cloud/dav/files/ana/"));
    CHECK(listing.status == Status::multi_status);
    auto copy = Client::anas("COPY", "/cloud/dav/files/ana/a.txt");
    copy.headers.add("Destination", "https://home.example:8443/cloud/dav/files/ana/b.txt");
    CHECK(client.status(copy) == Status::created);
    copy.headers.set("Destination", "https://home.example:8443/dav/files/ana/c.txt");
    CHECK(client.status(copy) != Status::created);
}

TEST_CASE("an answer at once is only for GETs by who was right a moment ago") {
    Client client;
    auto& handler = client.house.core().handler();
    CHECK(client.status(Client::anas("PUT", "/dav/files/ana/a.txt"), "hello") == Status::created);
    CHECK(client.status(Client::anas("GET", "/dav/files/ana/a.txt")) == Status::ok);
    const auto hot = Client::anas("GET", "/dav/files/ana/a.txt");
    if (const auto answer = handler.answer_now(hot)) {
        CHECK(answer->status == Status::ok);
        CHECK(answer->headers.get("X-Content-Type-Options") == "nosniff");
        CHECK_THAT(std::string(answer->headers.get("Content-Security-Policy")), Catch::Contains("sandbox"));
        CHECK(http::body_size(answer->body) == 5);
    }
    CHECK_FALSE(handler.answer_now(Client::head("GET", "/dav/files/ana/a.txt")));
    CHECK_FALSE(handler.answer_now(Client::anas("PROPFIND", "/dav/files/ana/a.txt")));
    CHECK_FALSE(handler.answer_now(Client::anas("GET", "/")));
    auto wrong = Client::head("GET", "/dav/files/ana/a.txt");
    wrong.headers.add("Authorization", basic("ana", "wrong password"));
    CHECK_FALSE(handler.answer_now(wrong));
    auto bens = Client::head("GET", "/dav/files/ana/a.txt");
    bens.headers.add("Authorization", basic("ben", House::kBensPassword));
    CHECK(client.status(bens) == Status::not_found);
    CHECK_FALSE(handler.answer_now(bens));
    client.house.accounts().set_disabled("ana", true, House::kAdmin);
    CHECK_FALSE(handler.answer_now(hot));
}

TEST_CASE("a request ends with the settings it began with") {
    Client client;
    auto& handler = client.house.core().handler();
    const auto asked = Client::anas("PROPFIND", "/dav/files/ana/");
    auto verdict = handler.accept(asked);
    REQUIRE_FALSE(verdict.answer);
    client.house.options().services.files = false;
    client.house.reload();
    CHECK(handler.run({asked, {}, std::move(verdict.sink), std::move(verdict.state)}).status == Status::multi_status);
    CHECK(client.status(asked) == Status::not_found);
}

TEST_CASE("the core is ready while its store is") {
    Client client;
    CHECK(client.house.core().ready());
}
