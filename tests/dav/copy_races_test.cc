// Copies beside other writers: several at the edge of a quota, and a MOVE between two spaces while its source is
// written.
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tests/dav/fixture.h"

namespace {

using dav::test::Home;
using dav::test::text;

TEST_CASE("copies that fit one by one do not pass a quota together") {
    Home home;
    const std::string half(500'000, 'x');
    REQUIRE(home.status(home.ana, "PUT", "/dav/files/ana/half.bin", {}, half) == 201);
    REQUIRE(home.status(home.ana, "MKCOL", "/dav/files/ana/tree/") == 201);
    const bool tree = GENERATE(false, true);
    const std::string source = tree ? "/dav/files/ana/tree" : "/dav/files/ana/half.bin";
    if (tree) {
        REQUIRE(home.status(home.ana, "MOVE", "/dav/files/ana/half.bin",
                            {{"Destination", "/dav/files/ana/tree/half.bin"}}) == 201);
    }
    home.accounts().set_quota("ana", 1 << 20, Home::kAdmin);
    constexpr int kCopies = 8;
    std::vector<int> statuses(kCopies);
    std::vector<std::thread> copies;
    for (int i = 0; i < kCopies; ++i) {
        copies.emplace_back([&, i] {
            const std::string to = "/dav/files/ana/copy" + std::to_string(i);
            statuses[static_cast<std::size_t>(i)] = home.status(home.ana, "COPY", source, {{"Destination", to}});
        });
    }
    for (auto& copy : copies) copy.join();
    int made = 0;
    for (const int status : statuses) {
        CHECK((status == 201 || status == 507));
        made += status == 201;
    }
    CHECK(made <= 1);
}

TEST_CASE("a MOVE to a group's files leaves no acknowledged write behind") {
    Home home;
    for (int round = 0; round < 8; ++round) {
        const std::string from = "/dav/files/ana/f" + std::to_string(round);
        const std::string to = "/dav/files/family/f" + std::to_string(round);
        REQUIRE(home.status(home.ana, "PUT", from, {}, std::string(40'000, 'a')) == 201);
        std::string last = std::string(40'000, 'a');
        std::atomic<bool> started = false;
        std::thread writer([&] {
            for (int n = 0; n < 200; ++n) {
                const std::string bytes = std::to_string(n) + std::string(40'000, 'b');
                const int status = home.status(home.ana, "PUT", from, {{"If-Match", "*"}}, bytes);
                if (status != 204) break;
                last = bytes;
                started = true;
            }
        });
        while (!started) std::this_thread::yield();
        int moved = 503;
        for (int tries = 0; moved == 503 && tries < 100; ++tries)
            moved = home.status(home.ana, "MOVE", from, {{"Destination", to}});
        writer.join();
        REQUIRE(moved == 201);
        CHECK(text(home.ask(home.ana, "GET", to).body) == last);
        CHECK(home.status(home.ana, "GET", from) == 404);
    }
}

TEST_CASE("a MOVE to a group's files leaves no acknowledged property behind") {
    Home home;
    const bool tree = GENERATE(false, true);
    for (int round = 0; round < 2; ++round) {
        const std::string from = "/dav/files/ana/p" + std::to_string(round);
        const std::string to = "/dav/files/family/p" + std::to_string(round);
        const std::string member = tree ? "/5" : "";
        if (tree) {
            REQUIRE(home.status(home.ana, "MKCOL", from) == 201);
            for (int n = 0; n < 8; ++n) {
                REQUIRE(home.status(home.ana, "PUT", from + "/" + std::to_string(n), {}, "x") == 201);
            }
        } else {
            REQUIRE(home.status(home.ana, "PUT", from, {}, std::string(2'000'000, 'x')) == 201);
        }
        std::string last;
        std::atomic<bool> started = false;
        std::thread writer([&] {
            for (int n = 0; n < 200; ++n) {
                const std::string value = "<n xmlns=\"urn:test\">" + std::to_string(n) + "</n>";
                const int status = home.status(home.ana, "PROPPATCH", from + member, {},
                                               "<D:propertyupdate xmlns:D=\"DAV:\"><D:set><D:prop>" + value +
                                                   "</D:prop></D:set></D:propertyupdate>");
                if (status != 207) break;
                last = value;
                started = true;
            }
        });
        while (!started) std::this_thread::yield();
        int moved = 503;
        for (int tries = 0; moved == 503 && tries < 100; ++tries)
            moved = home.status(home.ana, "MOVE", from, {{"Destination", to}});
        writer.join();
        REQUIRE(moved == 201);
        const std::string found = text(home.ask(home.ana, "PROPFIND", to + member, {{"Depth", "0"}}).body);
        CHECK(found.find(last) != std::string::npos);
    }
}

}  // namespace
