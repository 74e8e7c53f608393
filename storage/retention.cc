#include "storage/retention.h"

#include <algorithm>
#include <unordered_map>

namespace storage {

namespace {

constexpr std::int64_t kFirstMondayMs = 4 * Retention::kDayMs;  // 1970-01-05

struct Tier {
    std::int64_t step_ms;
    std::int64_t phase_ms;
    std::int64_t Retention::*reach_ms;
};
constexpr Tier kTiers[] = {
    {Retention::kHourMs, 0, &Retention::hourly_ms},
    {Retention::kDayMs, 0, &Retention::daily_ms},
    {Retention::kWeekMs, kFirstMondayMs, &Retention::weekly_ms},
};

// The last instant of the tier before `ms`. Rounds down before 1970 too.
std::int64_t last_instant_before(std::int64_t ms, const Tier& tier) {
    const std::int64_t since = ms - 1 - tier.phase_ms;
    const std::int64_t into = since % tier.step_ms;
    return ms - 1 - (into < 0 ? into + tier.step_ms : into);
}

bool is_shown_at_kept_instant(const PastState& state, const Retention& policy, std::int64_t now_ms) {
    return std::any_of(std::begin(kTiers), std::end(kTiers), [&](const Tier& tier) {
        const std::int64_t instant = last_instant_before(state.to_ms, tier);
        return instant >= state.from_ms && instant > now_ms - policy.*tier.reach_ms;
    });
}

// What is still there, and how many of those that stay share each content.
class Remaining {
  public:
    explicit Remaining(std::span<const PastState> states) {
        for (const PastState& state : states) {
            if (state.content == 0 || ++holders_[state.content] == 1) bytes_ += state.bytes;
        }
    }
    void drop(const PastState& state) {
        if (state.content == 0 || --holders_[state.content] == 0) bytes_ -= state.bytes;
    }
    std::int64_t bytes() const { return bytes_; }

  private:
    std::unordered_map<std::int64_t, std::int64_t> holders_;
    std::int64_t bytes_ = 0;
};

}  // namespace

bool outlived(const PastState& state, const Retention& policy, std::int64_t now_ms) {
    if (state.pinned || state.to_ms > now_ms - policy.all_ms) return false;
    if (!state.removed_ms) return !is_shown_at_kept_instant(state, policy, now_ms);
    if (*state.removed_ms <= now_ms - policy.trash_ms) return true;
    return !state.last && !is_shown_at_kept_instant(state, policy, now_ms);
}

bool may_go(const PastState& state, Thinning pass) {
    if (state.pinned) return false;
    return pass == Thinning::last_states || !state.removed_ms || !state.last;
}

std::array<Age, kAges> ages_of(const Retention& policy) {
    const auto at_least_all = [&](std::int64_t ms) { return std::max(ms, policy.all_ms); };
    return {{{"all", policy.all_ms},
             {"trash", at_least_all(policy.trash_ms)},
             {"hourly", at_least_all(policy.hourly_ms)},
             {"daily", at_least_all(policy.daily_ms)},
             {"weekly", at_least_all(policy.weekly_ms)}}};
}

std::int64_t longest(const Retention& policy) {
    return std::max({policy.all_ms, policy.hourly_ms, policy.daily_ms, policy.weekly_ms, policy.trash_ms});
}

std::int64_t share_of_disk(const Retention& policy, std::uint64_t disk_bytes) {
    if (policy.disk_percent >= 100) return 0;
    return static_cast<std::int64_t>(disk_bytes / 100) * policy.disk_percent;
}

std::vector<std::size_t> what_goes(std::span<const PastState> states, const Retention& policy, std::int64_t now_ms,
                                   std::int64_t share_bytes) {
    std::vector<std::size_t> going;
    std::vector<bool> went(states.size());
    Remaining remaining(states);
    const auto drop = [&](std::size_t i) {
        went[i] = true;
        remaining.drop(states[i]);
        going.push_back(i);
    };
    for (std::size_t i = 0; i < states.size(); ++i) {
        if (outlived(states[i], policy, now_ms)) drop(i);
    }
    if (share_bytes == 0) return going;
    for (const Thinning pass : {Thinning::others, Thinning::last_states}) {
        for (std::size_t i = 0; i < states.size() && remaining.bytes() > share_bytes; ++i) {
            if (!went[i] && may_go(states[i], pass)) drop(i);
        }
    }
    return going;
}

}  // namespace storage
