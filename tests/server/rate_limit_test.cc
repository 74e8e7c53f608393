#include "server/rate_limit.h"

#include <catch2/catch.hpp>

#include "tests/server/fake_clock.h"

namespace {

using server::RateLimit;

http::Remote v4(const std::string& address) {
    return {address, address, false};
}
http::Remote v6(const std::string& network, const std::string& host) {
    return {network + host, network, false};
}
base::Hash pair(int number) {
    return base::sha256(std::to_string(number));
}

struct Guesser {
    StoppedClock clock;
    RateLimit limit{clock, {}};
    int next = 0;

    // New wrong secrets, one after the other, without waiting in between.
    void fail(const http::Remote& from, int times) {
        for (int i = 0; i < times; ++i) limit.failure(from, pair(++next));
    }
};

}  // namespace

// security.md 9 #35.
TEST_CASE("ten failures are free, then the wait doubles up to its limit") {
    Guesser guesser;
    const auto from = v4("192.0.2.7");
    guesser.fail(from, 10);
    CHECK(guesser.limit.wait_s(from) == 0);
    for (const std::int64_t wait_s : {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900}) {
        guesser.fail(from, 1);
        CHECK(guesser.limit.wait_s(from) == wait_s);
        guesser.clock.advance(wait_s * 1000 - 1);
        CHECK(guesser.limit.wait_s(from) == 1);
        guesser.clock.advance(1);
        CHECK(guesser.limit.wait_s(from) == 0);
    }
}

TEST_CASE("another address does not wait, and loopback is no exception") {
    Guesser guesser;
    http::Remote local = v4("127.0.0.1");
    local.loopback = true;
    guesser.fail(local, 11);
    CHECK(guesser.limit.wait_s(local) == 1);
    CHECK(guesser.limit.wait_s(v4("127.0.0.2")) == 0);
}

TEST_CASE("failures are forgotten after the window, but not while they cost a wait") {
    Guesser guesser;
    const auto from = v4("192.0.2.7");
    guesser.fail(from, 9);
    guesser.clock.advance(10 * 60'000);
    guesser.fail(from, 10);
    CHECK(guesser.limit.wait_s(from) == 0);
    guesser.fail(from, 11);
    guesser.clock.advance(guesser.limit.wait_s(from) * 1000);
    guesser.clock.advance(9 * 60'000);
    guesser.fail(from, 1);
    CHECK(guesser.limit.wait_s(from) == 900);
    guesser.clock.advance((15 + 10) * 60'000);
    guesser.fail(from, 10);
    CHECK(guesser.limit.wait_s(from) == 0);
}

// architecture.md 0: one phone with an old password never blocks a home.
TEST_CASE("the same wrong secret counts once an hour per prefix") {
    Guesser guesser;
    const auto from = v4("192.0.2.7");
    CHECK(guesser.limit.failure(from, pair(1)) == RateLimit::Counted::yes);
    for (int i = 0; i < 1000; ++i) {
        guesser.clock.advance(3'000);
        CHECK(guesser.limit.failure(from, pair(1)) == RateLimit::Counted::no);
    }
    CHECK(guesser.limit.wait_s(from) == 0);
    CHECK(guesser.limit.failure(v4("192.0.2.8"), pair(1)) == RateLimit::Counted::yes);
    guesser.clock.advance(10 * 60'000 + 1);
    CHECK(guesser.limit.failure(from, pair(1)) == RateLimit::Counted::yes);
}

TEST_CASE("a success takes one failure off and no more") {
    Guesser guesser;
    const auto from = v4("192.0.2.7");
    guesser.limit.success(from);
    guesser.fail(from, 10);
    guesser.limit.success(from);
    guesser.fail(from, 1);
    CHECK(guesser.limit.wait_s(from) == 0);
    guesser.fail(from, 1);
    CHECK(guesser.limit.wait_s(from) == 1);
}

// security.md 9 #36 and 3.3 #31.
TEST_CASE("addresses of one /64 wait together, and a /48 has eight times the budget") {
    Guesser guesser;
    for (int i = 0; i < 11; ++i) guesser.fail(v6("2001:db8:1:1::", std::to_string(i + 1)), 1);
    CHECK(guesser.limit.wait_s(v6("2001:db8:1:1::", "abcd")) == 1);
    CHECK(guesser.limit.wait_s(v6("2001:db8:1:2::", "1")) == 0);
    for (int network = 2; network < 9; ++network)
        guesser.fail(v6("2001:db8:1:" + std::to_string(network) + "::", "1"), 9);
    CHECK(guesser.limit.wait_s(v6("2001:db8:1:77::", "1")) == 0);
    guesser.fail(v6("2001:db8:1:9::", "1"), 7);
    CHECK(guesser.limit.wait_s(v6("2001:db8:1:77::", "1")) == 1);
    CHECK(guesser.limit.wait_s(v6("2001:db8:2:77::", "1")) == 0);
}

TEST_CASE("the table of prefixes is bounded and the oldest leave") {
    Guesser guesser;
    const auto first = v4("first");
    guesser.fail(first, 11);
    CHECK(guesser.limit.wait_s(first) == 1);
    for (std::size_t i = 0; i < RateLimit::kEntriesMax; ++i) guesser.fail(v4("p" + std::to_string(i)), 1);
    CHECK(guesser.limit.wait_s(first) == 0);
}

TEST_CASE("new options hold for the next failure") {
    Guesser guesser;
    const auto from = v4("192.0.2.7");
    guesser.limit.use({.free_failures = 2, .window_ms = 60'000, .wait_max_ms = 2'000});
    guesser.fail(from, 2);
    CHECK(guesser.limit.wait_s(from) == 0);
    guesser.fail(from, 5);
    CHECK(guesser.limit.wait_s(from) == 2);
}
