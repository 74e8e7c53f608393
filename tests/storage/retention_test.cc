#include "storage/retention.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>

namespace storage {
namespace {

constexpr std::int64_t kHour = Retention::kHourMs;
constexpr std::int64_t kDay = Retention::kDayMs;
constexpr std::int64_t kMinute = kHour / 60;
// Wednesday 2026-03-11 12:30 UTC, so that ages of whole hours and days fall between the instants that are kept.
constexpr std::int64_t kNow = 20'523 * kDay + 12 * kHour + 30 * kMinute;
constexpr std::int64_t kMonday = 20'521 * kDay;

struct Case {
    const char* name;
    std::int64_t from_ago;
    std::int64_t to_ago;
    bool stays;
};

// Contents of an object that is there, by when they were written and replaced.
constexpr Case kReplaced[] = {
    {"of a moment, a minute ago", kMinute + 5, kMinute, true},
    {"of a moment, almost a day ago", kDay - 1, kDay - 2, true},
    {"of a moment, a day ago to the instant", kDay + 1, kDay, false},
    {"of a moment within an hour, two days ago", 2 * kDay + 20 * kMinute, 2 * kDay, false},
    {"over a full hour, two days ago", 2 * kDay + 40 * kMinute, 2 * kDay + 20 * kMinute, true},
    {"from a full hour on", 2 * kDay + 30 * kMinute, 2 * kDay + 20 * kMinute, true},
    {"up to a full hour", 2 * kDay + 40 * kMinute, 2 * kDay + 30 * kMinute, false},
    {"over a full hour, almost seven days ago", 7 * kDay - 29 * kMinute, 7 * kDay - 31 * kMinute, true},
    {"over a full hour, just out of seven days", 7 * kDay + 31 * kMinute, 7 * kDay + 20 * kMinute, false},
    {"over a midnight, eight days ago", 8 * kDay + 13 * kHour, 8 * kDay + 12 * kHour, true},
    {"over a noon, eight days ago", 8 * kDay + kHour, 8 * kDay, false},
    {"over a midnight that was no Monday's, 31 days ago", 31 * kDay + 13 * kHour, 31 * kDay + 12 * kHour, false},
    {"over a Monday's midnight, eight weeks ago", kNow - kMonday + 56 * kDay + 1, kNow - kMonday + 56 * kDay - 1, true},
    {"from a Monday's midnight on", kNow - kMonday + 56 * kDay, kNow - kMonday + 56 * kDay - 1, true},
    {"up to a Monday's midnight", kNow - kMonday + 56 * kDay + kHour, kNow - kMonday + 56 * kDay, false},
    {"long ago", 400 * kDay, 380 * kDay, false},
    {"from long ago until lately", 4000 * kDay, kHour, true},
    {"from long ago until half a year ago", 4000 * kDay, 182 * kDay, true},
    {"with a clock that went back", 3 * kDay, 4 * kDay, false},
    {"from the future", -kDay, -2 * kDay, true},
};

PastState state_of(const Case& of) {
    PastState state;
    state.from_ms = kNow - of.from_ago;
    state.to_ms = kNow - of.to_ago;
    state.bytes = 1;
    return state;
}

PastState removed(std::int64_t from_ago, std::int64_t to_ago, std::int64_t removed_ago, bool last) {
    PastState state = state_of({"", from_ago, to_ago, true});
    state.removed_ms = kNow - removed_ago;
    state.last = last;
    return state;
}

}  // namespace

TEST_CASE("what was replaced stays by what it was shown at") {
    for (const Case& one : kReplaced) {
        INFO(one.name);
        PastState state = state_of(one);
        CHECK(outlived(state, Retention{}, kNow) != one.stays);
        state.pinned = true;
        CHECK_FALSE(outlived(state, Retention{}, kNow));
    }
}

TEST_CASE("what was removed stays for its time in trash, and then goes with all before it") {
    const Retention policy;
    // Written and removed within minutes, at no instant that is kept.
    const std::int64_t a = 29 * kDay + 10 * kMinute;
    CHECK_FALSE(outlived(removed(a + kMinute, a, a, true), policy, kNow));
    CHECK(outlived(removed(a + kMinute, a, a, false), policy, kNow));
    CHECK(outlived(removed(30 * kDay + kMinute, 30 * kDay, 30 * kDay, true), policy, kNow));
    // There for years; its Mondays do not keep it longer.
    CHECK_FALSE(outlived(removed(900 * kDay, a, a, true), policy, kNow));
    CHECK_FALSE(outlived(removed(900 * kDay, 60 * kDay, a, false), policy, kNow));
    CHECK(outlived(removed(900 * kDay, 31 * kDay, 31 * kDay, true), policy, kNow));
    CHECK(outlived(removed(900 * kDay, 60 * kDay, 31 * kDay, false), policy, kNow));
    // A shorter time in trash does not shorten the day of which everything is kept.
    Retention brief;
    brief.trash_ms = kHour;
    CHECK_FALSE(outlived(removed(3 * kHour, 2 * kHour, 2 * kHour, true), brief, kNow));
    CHECK_FALSE(outlived(removed(3 * kHour, 2 * kHour, 2 * kHour, false), brief, kNow));
    CHECK(outlived(removed(3 * kDay, 2 * kDay, 2 * kDay, true), brief, kNow));
}

TEST_CASE("of each hour, day and week one content stays") {
    // One object, replaced every ten minutes for 400 days.
    std::vector<PastState> states;
    for (std::int64_t at = kNow - 400 * kDay; at < kNow; at += 10 * kMinute) {
        PastState state;
        state.from_ms = at;
        state.to_ms = at + 10 * kMinute;
        state.bytes = 1;
        states.push_back(state);
    }
    const auto going = what_goes(states, Retention{}, kNow, 0);
    CHECK(std::is_sorted(going.begin(), going.end()));
    // The last day whole, 6 days by hour, 23 by day, 48 weeks.
    CHECK(states.size() - going.size() == 24 * 6 + 6 * 24 + 23 + 48);
}

TEST_CASE("what went does not come back, and nothing outlives the last age") {
    std::mt19937 random(4);
    Retention policy;
    for (int round = 0; round < 300; ++round) {
        PastState state;
        state.from_ms = kNow - static_cast<std::int64_t>(random() % 500) * kHour;
        state.to_ms = state.from_ms + static_cast<std::int64_t>(random() % (1u << (random() % 30))) + 1;
        const std::int64_t last = longest(policy);
        CHECK(outlived(state, policy, state.to_ms + last));
        bool gone = false;
        int came_back = 0;
        for (std::int64_t age = 0; age <= last; age += kHour) {
            const bool now = outlived(state, policy, state.to_ms + age);
            if (gone && !now) ++came_back;
            gone = now;
        }
        CHECK(came_back == 0);
    }
}

TEST_CASE("above its share history loses what ended first") {
    Retention policy;
    // Ends 9, 8, 7 … hours ago.
    const auto replaced = [](std::int64_t hours, std::int64_t bytes) {
        PastState state = state_of({"", hours * kHour + kMinute, hours * kHour, true});
        state.bytes = bytes;
        return state;
    };
    std::vector<PastState> states{replaced(9, 10), replaced(8, 10), replaced(7, 10), replaced(6, 10)};
    using Indices = std::vector<std::size_t>;

    CHECK(what_goes(states, policy, kNow, 40).empty());
    CHECK(what_goes(states, policy, kNow, 39) == Indices{0});
    CHECK(what_goes(states, policy, kNow, 20) == Indices{0, 1});
    CHECK(what_goes(states, policy, kNow, 1) == Indices{0, 1, 2, 3});
    CHECK(what_goes(states, policy, kNow, 0).empty());  // no bound

    SECTION("never what is pinned") {
        for (PastState& state : states) state.pinned = true;
        CHECK(what_goes(states, policy, kNow, 1).empty());
    }
    SECTION("the last state of a removed object only when nothing else is left") {
        states[0].removed_ms = states[0].to_ms;
        states[0].last = true;
        states[1].removed_ms = states[1].to_ms;
        states[1].last = true;
        CHECK(what_goes(states, policy, kNow, 20) == Indices{2, 3});
        CHECK(what_goes(states, policy, kNow, 19) == Indices{2, 3, 0});
        states[0].last = false;
        CHECK(what_goes(states, policy, kNow, 30) == Indices{0});
    }
    SECTION("shared bytes are there until the last who shares them goes") {
        states[0].content = states[2].content = 7;
        CHECK(what_goes(states, policy, kNow, 30).empty());
        CHECK(what_goes(states, policy, kNow, 29) == Indices{0, 1});
        CHECK(what_goes(states, policy, kNow, 19) == Indices{0, 1, 2});
    }
    SECTION("what time takes counts before anything else has to go") {
        states.insert(states.begin(), state_of({"", 500 * kDay, 400 * kDay, false}));
        states[0].bytes = 100;
        CHECK(what_goes(states, policy, kNow, 40) == Indices{0});
    }
}

TEST_CASE("the share of a disk") {
    Retention policy;
    CHECK(share_of_disk(policy, 1000) == 200);
    CHECK(share_of_disk(policy, 0) == 0);
    CHECK(share_of_disk(policy, std::uint64_t{1} << 60) > 0);
    policy.disk_percent = 100;
    CHECK(share_of_disk(policy, 1000) == 0);
}

}  // namespace storage
