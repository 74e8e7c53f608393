#include "server/net/timers.h"

#include <catch2/catch.hpp>
#include <cstdint>
#include <deque>
#include <map>

namespace {

std::int64_t fake_now = 0;
std::int64_t read_fake_now() {
    return fake_now;
}

}  // namespace

TEST_CASE("deadlines pass once, never early and at most one tick late") {
    fake_now = 1'000'000;
    std::int64_t wake = 0;
    net::Wheel wheel([&](std::int64_t at) { wake = at; }, read_fake_now);
    std::map<std::int64_t, std::int64_t> passed;
    std::deque<net::Deadline> deadlines;
    for (std::int64_t after : {1, 16, 17, 500, 16'368, 16'384, 16'400, 60'000, 200'000}) {
        auto& deadline = deadlines.emplace_back(wheel, [&passed, after] { passed[after] = fake_now; });
        deadline.at(fake_now + after);
    }
    const std::int64_t start = fake_now;
    while (fake_now < start + 300'000) {
        if (wake == 0) break;
        fake_now = wake;  // exactly when it was asked for
        wake = 0;
        wheel.turn();
    }
    CHECK(passed.size() == deadlines.size());
    for (auto [after, at] : passed) {
        INFO(after);
        CHECK(at >= start + after);
        CHECK(at <= start + after + 2 * net::Wheel::kTickMs);
    }
}

TEST_CASE("a thread that comes late, by any time, still deals with every deadline") {
    // Far deadlines that are put back while many slots are emptied at once: this must end.
    for (std::int64_t late : {0, 15, 16, 40, 1'000, 16'000, 16'384, 20'000, 100'000}) {
        INFO(late);
        fake_now = 5'000'000;
        std::int64_t wake = 0;
        int passed = 0;
        net::Wheel wheel([&](std::int64_t at) { wake = at; }, read_fake_now);
        std::deque<net::Deadline> deadlines;
        for (int i = 0; i < 200; ++i) {
            deadlines.emplace_back(wheel, [&passed] { ++passed; }).at(fake_now + i * 997);
        }
        for (int turns = 0; wake != 0 && turns < 100'000; ++turns) {
            fake_now = wake + late;
            wake = 0;
            wheel.turn();
        }
        CHECK(passed == 200);
    }
}

TEST_CASE("a deadline may move both ways, be cleared and die") {
    fake_now = 9'000'000;
    std::int64_t wake = 0;
    net::Wheel wheel([&](std::int64_t at) { wake = at; }, read_fake_now);
    int first = 0;
    int second = 0;
    auto run_to = [&](std::int64_t until) {
        while (wake != 0 && wake <= until) {
            fake_now = wake;
            wake = 0;
            wheel.turn();
        }
        fake_now = until;
    };
    net::Deadline later(wheel, [&] { ++first; });
    net::Deadline sooner(wheel, [&] { ++second; });
    later.at(fake_now + 100);
    later.at(fake_now + 5'000);
    sooner.at(fake_now + 5'000);
    sooner.at(fake_now + 100);
    {
        net::Deadline dies(wheel, [] { FAIL("it is dead"); });
        dies.at(fake_now + 50);
        net::Deadline cleared(wheel, [] { FAIL("it was cleared"); });
        cleared.at(fake_now + 50);
        cleared.clear();
        run_to(9'000'060);
    }
    run_to(9'000'200);
    CHECK(first == 0);
    CHECK(second == 1);
    run_to(9'004'900);
    CHECK(first == 0);
    run_to(9'005'100);
    CHECK(first == 1);
    CHECK(second == 1);
}
