#include "server/credentials.h"

#include <catch2/catch.hpp>
#include <thread>
#include <vector>

#include "server/argon2_queue.h"
#include "server/in_flight.h"
#include "tests/server/house.h"

namespace {

using Outcome = server::Check::Outcome;

const http::Remote kHome = from("192.0.2.7");
const http::Remote kAway = from("198.51.100.9");

struct Asker {
    House house;

    server::Check ask(const std::string& user, const std::string& secret, const http::Remote& remote = kHome) {
        return house.credentials().check(basic(user, secret), remote);
    }
    Outcome outcome(const std::string& user, const std::string& secret, const http::Remote& remote = kHome) {
        return ask(user, secret, remote).outcome;
    }
    bool remembers(const std::string& user, const std::string& secret, const http::Remote& remote = kHome) {
        return house.credentials().remembered(basic(user, secret), remote) != nullptr;
    }
};

}  // namespace

TEST_CASE("the account password lets its user in and nobody else") {
    Asker asker;
    const auto check = asker.ask("ana", House::kAnasPassword);
    REQUIRE(check.outcome == Outcome::ok);
    CHECK(check.caller->kind == dav::CallerKind::user);
    CHECK(check.caller->name == "ana");
    CHECK(check.caller->uid == asker.house.accounts().book()->find("ana")->uid);
    CHECK(check.caller->scope == storage::Scope::all);
    CHECK_FALSE(check.caller->admin);
    CHECK_FALSE(check.caller->read_only);
    CHECK(check.caller->device.empty());
    asker.house.accounts().add_group("family", House::kAdmin);
    asker.house.accounts().add_user("eve", false, "", House::kAdmin);
    struct Case {
        std::string user, secret;
    };
    const Case wrong[] = {
        {"ana", House::kBensPassword},    {"ben", House::kAnasPassword},    {"Ana", House::kAnasPassword},
        {"nobody", House::kAnasPassword}, {"family", House::kAnasPassword}, {"eve", House::kAnasPassword},
        {"ana", "ana secret word "},
    };
    for (const Case& one : wrong) {
        INFO(one.user << " " << one.secret);
        const auto refused = asker.ask(one.user, one.secret);
        CHECK(refused.outcome == Outcome::wrong);
        CHECK_FALSE(refused.caller);
    }
}

TEST_CASE("an app password carries its scope and ends when it is revoked") {
    Asker asker;
    storage::AppPassword wanted;
    wanted.label = "scanner";
    wanted.scope = storage::Scope::files;
    wanted.read_only = true;
    wanted.subtree = {"scans"};
    const std::string secret = asker.house.add_app_password("ana", wanted);
    const auto check = asker.ask("ana", secret);
    REQUIRE(check.outcome == Outcome::ok);
    CHECK(check.caller->scope == storage::Scope::files);
    CHECK(check.caller->read_only);
    CHECK(check.caller->subtree == base::Segments{"scans"});
    CHECK(check.caller->device == "scanner");
    CHECK(asker.remembers("ana", secret));
    CHECK(asker.outcome("ben", secret) == Outcome::wrong);
    CHECK(asker.outcome("nobody", secret) == Outcome::wrong);
    const auto listed = asker.house.accounts().app_passwords("ana");
    REQUIRE(listed.size() == 1);
    CHECK(listed[0].last_used_ms);
    asker.house.accounts().revoke_app_password("ana", listed[0].id, House::kAdmin);
    CHECK_FALSE(asker.remembers("ana", secret));
    CHECK(asker.outcome("ana", secret) == Outcome::wrong);
}

TEST_CASE("only a secret for everything administers") {
    Asker asker;
    asker.house.accounts().add_user("root", true, asker.house.credentials().hash("root secret word"), House::kAdmin);
    CHECK(asker.ask("root", "root secret word").caller->admin);
    CHECK(asker.ask("root", asker.house.add_app_password("root")).caller->admin);
    storage::AppPassword files, reader, part;
    files.scope = storage::Scope::files;
    reader.read_only = true;
    part.subtree = {"a"};
    for (const auto& limited : {files, reader, part})
        CHECK_FALSE(asker.ask("root", asker.house.add_app_password("root", limited)).caller->admin);
}

// security.md 3.3 #36 and #41.
TEST_CASE("credentials end at once with a password change, a disabled user, a removal") {
    Asker asker;
    const std::string app = asker.house.add_app_password("ana");
    auto& accounts = asker.house.accounts();
    const auto both_in = [&] {
        return asker.outcome("ana", House::kAnasPassword) == Outcome::ok && asker.outcome("ana", app) == Outcome::ok &&
               asker.remembers("ana", House::kAnasPassword) && asker.remembers("ana", app);
    };
    CHECK(both_in());
    accounts.set_disabled("ana", true, House::kAdmin);
    CHECK_FALSE(asker.remembers("ana", House::kAnasPassword));
    CHECK_FALSE(asker.remembers("ana", app));
    CHECK(asker.outcome("ana", House::kAnasPassword) == Outcome::wrong);
    CHECK(asker.outcome("ana", app) == Outcome::wrong);
    accounts.set_disabled("ana", false, House::kAdmin);
    CHECK(both_in());

    accounts.set_password("ana", asker.house.credentials().hash("another word"), House::kAdmin);
    CHECK_FALSE(asker.remembers("ana", House::kAnasPassword));
    CHECK(asker.outcome("ana", House::kAnasPassword) == Outcome::wrong);
    CHECK(asker.outcome("ana", "another word") == Outcome::ok);

    accounts.remove("ana", House::kAdmin);
    asker.house.add_user("ana", "third secret word");
    CHECK(asker.outcome("ana", "another word") == Outcome::wrong);
    CHECK(asker.outcome("ana", app) == Outcome::wrong);
    CHECK(asker.outcome("ana", "third secret word") == Outcome::ok);
}

TEST_CASE("what was right is remembered for minutes, by the whole header") {
    Asker asker;
    CHECK_FALSE(asker.remembers("ana", House::kAnasPassword));
    CHECK(asker.outcome("ana", House::kAnasPassword) == Outcome::ok);
    CHECK(asker.remembers("ana", House::kAnasPassword));
    CHECK(asker.remembers("ana", House::kAnasPassword, kAway));
    CHECK_FALSE(asker.remembers("ana", House::kBensPassword));
    CHECK_FALSE(asker.remembers("ben", House::kAnasPassword));
    asker.house.clock.advance(4 * 60'000);
    // Asking again does not prolong it.
    CHECK(asker.outcome("ana", House::kAnasPassword) == Outcome::ok);
    CHECK(asker.remembers("ana", House::kAnasPassword));
    asker.house.clock.advance(60'001);
    CHECK_FALSE(asker.remembers("ana", House::kAnasPassword));
    CHECK(asker.outcome("ana", House::kAnasPassword) == Outcome::ok);
    CHECK(asker.remembers("ana", House::kAnasPassword));
}

TEST_CASE("without memory every request is verified") {
    Asker asker;
    asker.house.options().auth.remember_ms = 0;
    asker.house.reload();
    CHECK(asker.outcome("ana", House::kAnasPassword) == Outcome::ok);
    CHECK_FALSE(asker.remembers("ana", House::kAnasPassword));
}

// security.md 9 #35.
TEST_CASE("the eleventh wrong password is told to wait, before anything is looked at") {
    Asker asker;
    const std::string app = asker.house.add_app_password("ana");
    CHECK(asker.outcome("ana", House::kAnasPassword) == Outcome::ok);
    for (int i = 0; i < 10; ++i) CHECK(asker.outcome("ana", "guess number " + std::to_string(i)) == Outcome::wrong);
    const auto eleventh = asker.ask("ana", "guess number 10");
    CHECK(eleventh.outcome == Outcome::throttled);
    CHECK(eleventh.retry_after_s == 1);
    // A right guess must not be told from a wrong one while the prefix waits, remembered or not.
    CHECK(asker.outcome("ana", House::kAnasPassword) == Outcome::throttled);
    CHECK_FALSE(asker.remembers("ana", House::kAnasPassword));
    CHECK(asker.outcome("ben", House::kBensPassword) == Outcome::throttled);
    // 120 random bits are not guessed: devices with an app password go on.
    CHECK(asker.outcome("ana", app) == Outcome::ok);
    CHECK(asker.remembers("ana", app));
    // Nobody else has to wait.
    CHECK(asker.outcome("ana", House::kAnasPassword, kAway) == Outcome::ok);
    CHECK(asker.remembers("ana", House::kAnasPassword, kAway));
    asker.house.clock.advance(1'000);
    CHECK(asker.outcome("ana", House::kAnasPassword) == Outcome::ok);
    CHECK(asker.remembers("ana", House::kAnasPassword));
}

TEST_CASE("one device with an old password never blocks its home") {
    Asker asker;
    for (int i = 0; i < 60; ++i) {
        CHECK(asker.outcome("ana", "the old password") == Outcome::wrong);
        asker.house.clock.advance(10'000);
    }
    CHECK(asker.outcome("ana", House::kAnasPassword) == Outcome::ok);
}

TEST_CASE("headers that hold no credentials are wrong and count as no guess") {
    Asker asker;
    for (int i = 0; i < 30; ++i) {
        const std::string header = i % 2 ? "Bearer x" + std::to_string(i) : basic("", std::to_string(i));
        CHECK(asker.house.credentials().check(header, kHome).outcome == Outcome::wrong);
    }
    CHECK(asker.outcome("ana", House::kAnasPassword) == Outcome::ok);
}

// security.md 9 #38.
TEST_CASE("account passwords can be switched off for DAV, and are off at once") {
    Asker asker;
    const std::string app = asker.house.add_app_password("ana");
    CHECK(asker.outcome("ana", House::kAnasPassword) == Outcome::ok);
    asker.house.options().auth.account_password_on_dav = false;
    asker.house.reload();
    CHECK_FALSE(asker.remembers("ana", House::kAnasPassword));
    CHECK(asker.outcome("ana", House::kAnasPassword) == Outcome::wrong);
    CHECK(asker.outcome("ana", app) == Outcome::ok);
}

TEST_CASE("no place in the queue of Argon2 is answered with busy") {
    Asker asker;
    asker.house.options().auth.argon2_queue_max = 0;
    asker.house.reload();
    const auto check = asker.ask("ana", House::kAnasPassword);
    CHECK(check.outcome == Outcome::busy);
    CHECK(check.retry_after_s == 2);
    // security.md 3.3 #33: a name nobody has goes the same long way.
    CHECK(asker.outcome("nobody", House::kAnasPassword) == Outcome::busy);
    CHECK(asker.outcome("ana", asker.house.add_app_password("ana")) == Outcome::ok);
}

// security.md 5.6.
TEST_CASE("one prefix has so many passwords verified at one time and no more") {
    server::InFlight all;
    using Turn = server::InFlight::Turn;
    http::Remote proxy = from("10.0.0.1");
    proxy.shared = true;
    const Turn first(all, kHome, 2);
    {
        const Turn second(all, kHome, 2);
        CHECK(first);
        CHECK(second);
        CHECK_FALSE(Turn(all, kHome, 2));
        CHECK(Turn(all, kAway, 2));
        CHECK(Turn(all, proxy, 0));
    }
    CHECK(Turn(all, kHome, 2));
    CHECK_FALSE(Turn(all, kHome, 1));

    Asker asker;
    CHECK(asker.outcome("ana", House::kAnasPassword) == Outcome::ok);
    asker.house.options().auth.verifying_per_prefix_max = 0;
    asker.house.reload();
    const auto busy = asker.ask("ana", House::kAnasPassword);
    CHECK(busy.outcome == Outcome::busy);
    CHECK(busy.retry_after_s == 2);
    CHECK(asker.outcome("ana", House::kAnasPassword, proxy) == Outcome::ok);
    CHECK(asker.outcome("ana", House::kAnasPassword) == Outcome::ok);  // remembered: nothing to verify
    CHECK(asker.outcome("ana", asker.house.add_app_password("ana")) == Outcome::ok);
}

TEST_CASE("many requests with the same new password share one verification and all get in") {
    Asker asker;
    asker.house.options().auth.argon2_queue_max = 1;
    asker.house.reload();
    std::vector<std::thread> threads;
    std::atomic<int> right = 0;
    for (int i = 0; i < 16; ++i)
        threads.emplace_back([&] { right += asker.outcome("ana", House::kAnasPassword) == Outcome::ok ? 1 : 0; });
    for (auto& thread : threads) thread.join();
    CHECK(right == 16);
}

TEST_CASE("a flood of guesses does not push out what was right") {
    Asker asker;
    asker.house.options().auth.free_failures = 100'000;
    asker.house.options().auth.account_failures = 100'000;
    asker.house.reload();
    CHECK(asker.outcome("ana", House::kAnasPassword) == Outcome::ok);
    for (int i = 0; i < 300; ++i) CHECK(asker.outcome("ben", "guess " + std::to_string(i)) == Outcome::wrong);
    asker.house.options().auth.argon2_queue_max = 0;
    CHECK(asker.remembers("ana", House::kAnasPassword));
}

TEST_CASE("guesses from everywhere make strangers wait, and the owner's own places not") {
    Asker asker;
    asker.house.options().auth.account_failures = 3;
    asker.house.reload();
    CHECK(asker.outcome("ana", House::kAnasPassword, kHome) == Outcome::ok);
    asker.house.clock.advance(10 * 60'000);  // not remembered any more
    for (int i = 0; i < 3; ++i)
        CHECK(asker.outcome("ana", "guess " + std::to_string(i), from("203.0.113." + std::to_string(i))) ==
              Outcome::wrong);
    CHECK(asker.outcome("ana", "guess 3", from("203.0.113.3")) == Outcome::throttled);
    CHECK(asker.outcome("ana", House::kAnasPassword, kAway) == Outcome::throttled);
    CHECK(asker.outcome("ana", House::kAnasPassword, kHome) == Outcome::ok);
    // Remembered now, and still not for strangers.
    CHECK(asker.remembers("ana", House::kAnasPassword, kHome));
    CHECK_FALSE(asker.remembers("ana", House::kAnasPassword, kAway));
    CHECK(asker.outcome("ben", House::kBensPassword, kAway) == Outcome::ok);
    // A name nobody has looks the same.
    for (int i = 0; i < 3; ++i)
        CHECK(asker.outcome("nobody", "guess " + std::to_string(i), from("203.0.113.9" + std::to_string(i))) ==
              Outcome::wrong);
    CHECK(asker.outcome("nobody", "guess 3", from("203.0.113.99")) == Outcome::throttled);
}

TEST_CASE("who had to wait has to after a restart") {
    Asker asker;
    for (int i = 0; i < 20; ++i) asker.outcome("ana", "guess " + std::to_string(i));
    for (int i = 0; i < 9; ++i) {  // each wait over, the next guess doubles it
        asker.house.clock.advance(asker.ask("ana", "x").retry_after_s * 1000);
        asker.outcome("ana", "later guess " + std::to_string(i));
    }
    const auto waits = asker.ask("ana", House::kAnasPassword);
    REQUIRE(waits.outcome == Outcome::throttled);
    REQUIRE(waits.retry_after_s > 100);
    asker.house.credentials().save_counters();
    asker.house.restart();
    CHECK(asker.outcome("ana", House::kAnasPassword) == Outcome::throttled);
    CHECK(asker.outcome("ana", House::kAnasPassword, kAway) == Outcome::ok);
}

TEST_CASE("a password hash of another cost is made anew at the next login, and ends no credential") {
    Asker asker;
    const auto stored = [&] { return asker.house.accounts().book()->find("ana")->password; };
    const std::string old = stored();
    CHECK(asker.outcome("ana", House::kAnasPassword) == Outcome::ok);
    CHECK(stored() == old);
    const auto epoch = asker.house.accounts().book()->find("ana")->epoch;
    asker.house.options().auth.argon2_memory_kib = 2048;
    asker.house.reload();
    CHECK(asker.outcome("ana", "a wrong password") == Outcome::wrong);
    CHECK(stored() == old);
    std::vector<std::thread> threads;
    std::atomic<int> right = 0;
    for (int i = 0; i < 8; ++i)
        threads.emplace_back([&] { right += asker.outcome("ana", House::kAnasPassword) == Outcome::ok ? 1 : 0; });
    for (auto& thread : threads) thread.join();
    CHECK(right == 8);
    CHECK_THAT(stored(), Catch::StartsWith("$argon2id$v=19$m=2048,t=1,p=1$"));
    CHECK(asker.house.accounts().book()->find("ana")->epoch == epoch);
    const std::string renewed = stored();
    asker.house.clock.advance(10 * 60'000);
    CHECK(asker.outcome("ana", House::kAnasPassword) == Outcome::ok);
    CHECK(stored() == renewed);
}

TEST_CASE("the queue of Argon2 answers each question") {
    server::Argon2Queue queue({base::system_clock(), base::system_rng(), storage::system_fs(), base::system_exec()});
    constexpr server::Argon2Cost kCheap{1024, 1};
    const std::string phc = server::hash_password("a secret word", kCheap, base::system_rng());
    using Answer = server::Argon2Queue::Outcome;
    CHECK(queue.verify(base::sha256("1"), {phc, "a secret word", kCheap}, 4).outcome == Answer::right);
    CHECK(queue.verify(base::sha256("2"), {phc, "another word", kCheap}, 4).outcome == Answer::wrong);
    CHECK(queue.verify(base::sha256("3"), {"no phc", "a secret word", kCheap}, 4).outcome == Answer::wrong);
    CHECK(queue.verify(base::sha256("4"), {phc, "a secret word", kCheap}, 0).outcome == Answer::busy);
    CHECK(queue.verify(base::sha256("5"), {phc, "a secret word", kCheap}, 4).renewed.empty());
    const auto renewed = queue.verify(base::sha256("6"), {phc, "a secret word", {1024, 2}}, 4).renewed;
    CHECK_THAT(renewed, Catch::StartsWith("$argon2id$v=19$m=1024,t=2,p=1$"));
    CHECK(queue.verify(base::sha256("7"), {renewed, "a secret word", {1024, 2}}, 4).outcome == Answer::right);
    CHECK(queue.verify(base::sha256("8"), {phc, "another word", {1024, 2}}, 4).renewed.empty());
}
