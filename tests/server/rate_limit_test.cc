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

    // New wrong secrets of new users, one after the other, without waiting in between: what counts is the prefix.
    void fail(const http::Remote& from, int times) {
        for (int i = 0; i < times; ++i) {
            ++next;
            limit.failure(from, "user " + std::to_string(next), pair(next));
        }
    }
};

}  // namespace

// security.md 9 #35.
TEST_CASE("ten failures are free, then the wait doubles up to its limit") {
    Guesser guesser;
    const auto from = v4("192.0.2.7");
    guesser.fail(from, 10);
    CHECK(guesser.limit.wait_s(from, "ana") == 0);
    for (const std::int64_t wait_s : {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900}) {
        guesser.fail(from, 1);
        CHECK(guesser.limit.wait_s(from, "ana") == wait_s);
        guesser.clock.advance(wait_s * 1000 - 1);
        CHECK(guesser.limit.wait_s(from, "ana") == 1);
        guesser.clock.advance(1);
        CHECK(guesser.limit.wait_s(from, "ana") == 0);
    }
}

TEST_CASE("another address does not wait, and loopback is no exception") {
    Guesser guesser;
    http::Remote local = v4("127.0.0.1");
    local.shared = true;
    guesser.fail(local, 11);
    CHECK(guesser.limit.wait_s(local, "ana") == 1);
    CHECK(guesser.limit.wait_s(v4("127.0.0.2"), "ana") == 0);
}

TEST_CASE("failures are forgotten after the window, but not while they cost a wait") {
    Guesser guesser;
    const auto from = v4("192.0.2.7");
    guesser.fail(from, 9);
    guesser.clock.advance(10 * 60'000);
    guesser.fail(from, 10);
    CHECK(guesser.limit.wait_s(from, "ana") == 0);
    guesser.fail(from, 11);
    guesser.clock.advance(guesser.limit.wait_s(from, "ana") * 1000);
    guesser.clock.advance(9 * 60'000);
    guesser.fail(from, 1);
    CHECK(guesser.limit.wait_s(from, "ana") == 900);
    guesser.clock.advance((15 + 10) * 60'000);
    guesser.fail(from, 10);
    CHECK(guesser.limit.wait_s(from, "ana") == 0);
}

// architecture.md 0: one phone with an old password never blocks a home.
TEST_CASE("the same wrong secret counts once an hour per prefix") {
    Guesser guesser;
    const auto from = v4("192.0.2.7");
    CHECK(guesser.limit.failure(from, "ana", pair(1)) == RateLimit::Counted::yes);
    for (int i = 0; i < 1000; ++i) {
        guesser.clock.advance(3'000);
        CHECK(guesser.limit.failure(from, "ana", pair(1)) == RateLimit::Counted::no);
    }
    CHECK(guesser.limit.wait_s(from, "ana") == 0);
    CHECK(guesser.limit.failure(v4("192.0.2.8"), "ana", pair(1)) == RateLimit::Counted::yes);
    guesser.clock.advance(10 * 60'000 + 1);
    CHECK(guesser.limit.failure(from, "ana", pair(1)) == RateLimit::Counted::yes);
}

TEST_CASE("a success takes one failure off and no more") {
    Guesser guesser;
    const auto from = v4("192.0.2.7");
    guesser.limit.success(from, "ana");
    guesser.fail(from, 10);
    guesser.limit.success(from, "ana");
    guesser.fail(from, 1);
    CHECK(guesser.limit.wait_s(from, "ana") == 0);
    guesser.fail(from, 1);
    CHECK(guesser.limit.wait_s(from, "ana") == 1);
}

// security.md 9 #36 and 3.3 #31.
TEST_CASE("addresses of one /64 wait together, and a /48 has eight times the budget") {
    Guesser guesser;
    for (int i = 0; i < 11; ++i) guesser.fail(v6("2001:db8:1:1::", std::to_string(i + 1)), 1);
    CHECK(guesser.limit.wait_s(v6("2001:db8:1:1::", "abcd"), "ana") == 1);
    CHECK(guesser.limit.wait_s(v6("2001:db8:1:2::", "1"), "ana") == 0);
    for (int network = 2; network < 9; ++network)
        guesser.fail(v6("2001:db8:1:" + std::to_string(network) + "::", "1"), 9);
    CHECK(guesser.limit.wait_s(v6("2001:db8:1:77::", "1"), "ana") == 0);
    guesser.fail(v6("2001:db8:1:9::", "1"), 7);
    CHECK(guesser.limit.wait_s(v6("2001:db8:1:77::", "1"), "ana") == 1);
    CHECK(guesser.limit.wait_s(v6("2001:db8:2:77::", "1"), "ana") == 0);
}

TEST_CASE("the table of prefixes is bounded and the oldest leave") {
    Guesser guesser;
    const auto first = v4("first");
    guesser.fail(first, 11);
    CHECK(guesser.limit.wait_s(first, "ana") == 1);
    for (std::size_t i = 0; i < RateLimit::kEntriesMax; ++i) guesser.fail(v4("p" + std::to_string(i)), 1);
    CHECK(guesser.limit.wait_s(first, "ana") == 0);
}

TEST_CASE("new options hold for the next failure") {
    Guesser guesser;
    const auto from = v4("192.0.2.7");
    guesser.limit.use({.free_failures = 2, .window_ms = 60'000, .wait_max_ms = 2'000});
    guesser.fail(from, 2);
    CHECK(guesser.limit.wait_s(from, "ana") == 0);
    guesser.fail(from, 5);
    CHECK(guesser.limit.wait_s(from, "ana") == 2);
}

// security.md 6: nobody can lock the owner out of an account, and nobody can guess at it from everywhere at once.
TEST_CASE("an account that is guessed at from many places lets only the places of its owner go on") {
    Guesser guesser;
    const auto home = v4("192.0.2.7");
    guesser.limit.success(home, "ana");
    const auto guess = [&](int times) {
        for (int i = 0; i < times; ++i) {
            const int n = ++guesser.next;
            guesser.limit.failure(v4("away " + std::to_string(n)), "ana", pair(n));
        }
    };
    const auto elsewhere = v4("198.51.100.1");
    guess(30);
    CHECK(guesser.limit.wait_s(elsewhere, "ana") == 0);
    guess(1);
    CHECK(guesser.limit.wait_s(elsewhere, "ana") == 1);
    guess(20);
    CHECK(guesser.limit.wait_s(elsewhere, "ana") == 900);
    CHECK(guesser.limit.wait_s(home, "ana") == 0);
    CHECK(guesser.limit.wait_s(elsewhere, "ben") == 0);
    SECTION("the owner's own mistakes do not count against the others") {
        Guesser other;
        other.limit.success(home, "ana");
        for (int i = 0; i < 9; ++i) other.limit.failure(home, "ana", pair(i));
        for (int i = 9; i < 39; ++i) other.limit.failure(v4("away " + std::to_string(i)), "ana", pair(i));
        CHECK(other.limit.wait_s(elsewhere, "ana") == 0);
    }
    SECTION("an hour without a guess forgives") {
        guesser.clock.advance((15 + 60) * 60'000);
        guess(30);
        CHECK(guesser.limit.wait_s(elsewhere, "ana") == 0);
    }
    SECTION("a place is known for 30 days") {
        guesser.clock.advance(RateLimit::kKnownPlaceMs - 1);
        guess(31);
        CHECK(guesser.limit.wait_s(home, "ana") == 0);
        guesser.clock.advance(1);
        guess(31);
        CHECK(guesser.limit.wait_s(home, "ana") > 0);
    }
    SECTION("the number of guesses is an option") {
        guesser.limit.use({.account_failures = 2});
        for (int i = 0; i < 3; ++i) guesser.limit.failure(v4("x" + std::to_string(i)), "eve", pair(1000 + i));
        CHECK(guesser.limit.wait_s(elsewhere, "eve") == 1);
    }
}

TEST_CASE("what was counted goes on after a restart, by the wall clock") {
    Guesser before;
    const auto from = v4("192.0.2.7");
    const auto home = v4("192.0.2.8");
    const auto elsewhere = v4("192.0.2.9");
    CHECK_FALSE(before.limit.save());
    before.fail(from, 16);
    before.limit.success(home, "ana");
    for (int i = 0; i < 36; ++i) before.limit.failure(v4("away " + std::to_string(i)), "ana", pair(1000 + i));
    CHECK(before.limit.wait_s(from, "ben") == 32);
    const auto saved = before.limit.save();
    REQUIRE(saved);
    CHECK_FALSE(before.limit.save());

    Guesser after;
    after.clock.advance(20'000);
    REQUIRE(after.limit.restore(*saved));
    CHECK(after.limit.wait_s(from, "ben") == 12);
    CHECK(after.limit.wait_s(elsewhere, "ana") == 12);
    CHECK(after.limit.wait_s(home, "ana") == 0);
    after.fail(from, 1);
    CHECK(after.limit.wait_s(from, "ben") == 64);

    SECTION("a wall clock that was set back blocks nobody for longer than a failure does") {
        Guesser early;
        early.clock.advance(-900'000);
        REQUIRE(early.limit.restore(*saved));
        CHECK(early.limit.wait_s(from, "ben") == 900);
    }
    SECTION("what is not whole is not taken") {
        for (std::size_t length = 0; length < saved->size(); ++length) {
            Guesser torn;
            CHECK_FALSE(torn.limit.restore(saved->substr(0, length)));
            CHECK(torn.limit.wait_s(from, "ben") == 0);
        }
        CHECK_FALSE(Guesser().limit.restore(*saved + "x"));
    }
    SECTION("only the latest are saved") {
        for (std::size_t i = 0; i < RateLimit::kSavedMax; ++i)
            before.limit.failure(v4("p" + std::to_string(i)), "eve", pair(5000 + static_cast<int>(i)));
        Guesser late;
        REQUIRE(late.limit.restore(before.limit.save().value()));
        CHECK(late.limit.wait_s(from, "ben") == 0);
        CHECK(late.limit.wait_s(elsewhere, "ana") > 0);
    }
}
