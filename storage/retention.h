#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace storage {

// Which states of the past are kept, as a pure rule: no clock, no database, no disk.
//
// A state is one content an object had from one instant to another. It stays
//   - while it ended less than `all_ms` ago: of the last day everything is kept;
//   - while it is what was shown at some full hour of the last `hourly_ms`, some midnight of the last `daily_ms`, or
//   some
//     Monday's midnight of the last `weekly_ms` (UTC). So of many contents within an hour the last one stays, and
//     the whole server as it was at each of these instants can be shown, not only single files;
//   - and where its object was removed, `trash_ms` long whatever the above says if it is the object's last state. After
//     that all states of the object go, but for what ended within `all_ms`.
//
// Above its share of the disk history loses what ended first, until it fits. Never the only copy, which says precisely:
//   - what a current object shows is no history: its file or its row of `body` is not touched by any of this;
//   - bytes that several states share (by hash) stay until the last of them goes;
//   - what is pinned stays, above the share too;
//   - the last state of a removed object stays in its trash time while any other state is there to go instead. Only
//     when all others went and history still is above its share, these go as well, what was removed first.
struct Retention {
    static constexpr std::int64_t kHourMs = 3'600'000;
    static constexpr std::int64_t kDayMs = 24 * kHourMs;
    static constexpr std::int64_t kWeekMs = 7 * kDayMs;

    std::int64_t all_ms = kDayMs;
    std::int64_t hourly_ms = 7 * kDayMs;
    std::int64_t daily_ms = 30 * kDayMs;
    std::int64_t weekly_ms = 365 * kDayMs;
    std::int64_t trash_ms = 30 * kDayMs;
    std::int64_t disk_percent = 20;  // what history may take of the whole disk; 100: no bound
};

struct PastState {
    std::int64_t from_ms = 0;  // shown for [from_ms, to_ms)
    std::int64_t to_ms = 0;
    std::int64_t bytes = 0;
    std::int64_t content = 0;  // states with the same one share their bytes; 0 = shared with none
    bool pinned = false;
    std::optional<std::int64_t> removed_ms;  // set: its object is not there any more, since then
    bool last = false;                       // of the states of an object that is not there
};

// Whether time says that it goes.
bool outlived(const PastState& state, const Retention& policy, std::int64_t now_ms);

// Above the share: first all but the last states of removed objects, then those too.
enum class Thinning : std::uint8_t { others, last_states };
bool may_go(const PastState& state, Thinning pass);

// How old the end of a state is when time may have said so: whoever looks at each state once as it passes each of these
// ages misses none, at most a tier's step late.
struct Age {
    const char* name;
    std::int64_t ms;
};
inline constexpr std::size_t kAges = 5;
std::array<Age, kAges> ages_of(const Retention& policy);
inline constexpr std::size_t kTrashAge = 1;  // of these: what was removed is over

// How long places of what is still there are wanted: as long as any content that was shown there may be.
std::int64_t longest(const Retention& policy);

// 0 = no bound.
std::int64_t share_of_disk(const Retention& policy, std::uint64_t disk_bytes);

// The indices of those that go, in the order they go in, out of all states there are, the earliest end first.
std::vector<std::size_t> what_goes(std::span<const PastState> states, const Retention& policy, std::int64_t now_ms,
                                   std::int64_t share_bytes);

}  // namespace storage
