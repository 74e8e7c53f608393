#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "storage/durability.h"

namespace storage {

// How long a group waits for more jobs, learnt from the commits before it (Durability::group). Those who got their
// answer together come back at nearly the same time, while others have queued: without a wait they would take turns,
// each waiting for the flush of the others before his own. Who is alone never waits, and nobody longer than a flush
// would have cost him anyway. Writer thread only.
class Company {
  public:
    static constexpr std::int64_t kCommitsRemembered = 8;  // the mean of about so many says how long one takes
    static constexpr int kPause = 8;                       // commits without a wait after one that was for nothing

    // After a commit: its jobs, who has queued meanwhile, and what it took.
    void committed(std::size_t jobs, std::size_t queued, std::int64_t took_ms) {
        if (jobs == 0) return;  // chores: nobody comes back from those
        expected_ = jobs + queued;
        sum_ms_ += took_ms - sum_ms_ / kCommitsRemembered;
        pause_ = std::max(0, pause_ - 1);
    }
    // Before one: a wait of at most `patience_ms` until `expected` are there; then, whether they came.
    std::int64_t patience_ms() const {
        if (expected_ <= 1 || pause_ > 0) return 0;
        return std::min(kGroupWaitMaxMs, sum_ms_ / kCommitsRemembered);
    }
    std::size_t expected() const { return expected_; }
    void waited(bool they_came) { pause_ = they_came ? 0 : kPause; }

  private:
    std::size_t expected_ = 0;
    std::int64_t sum_ms_ = 0;
    int pause_ = 0;
};

}  // namespace storage
