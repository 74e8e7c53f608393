#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "server/password.h"
#include "storage/base/exec.h"
#include "storage/base/hash.h"
#include "storage/store.h"

namespace server {

// The one thread that verifies account passwords, and the bounded queue before it: Argon2 takes tens of milliseconds
// and megabytes, so a flood of guesses must neither fill the memory nor the cores. Thread-safe.
class Argon2Queue {
  public:
    explicit Argon2Queue(storage::Seams seams);
    ~Argon2Queue();  // who waits is told `busy`

    struct Asked {
        std::string phc;
        std::string password;
        Argon2Cost cost;  // what a hash is made at today
    };
    enum class Outcome : std::uint8_t { right, wrong, busy };
    struct Answer {
        Outcome outcome = Outcome::busy;
        std::string
            renewed;  // right, but the PHC string is of another cost: one of this cost, for one of those who asked
    };
    // Waits for its turn at most kWaitMaxMs. `key` names the question (user, secret, stored hash): equal questions that
    // are being answered share one computation. Busy: `queue_max` others are before it, or the wait ran out.
    Answer verify(const base::Hash& key, Asked asked, std::size_t queue_max);

    static constexpr std::int64_t kWaitMaxMs = 10'000;
    static constexpr std::size_t kQueueCapacity = 1024;

  private:
    struct Question;
    void run();
    Answer answer_of(const Asked& asked) const;

    storage::Seams seams_;
    std::unique_ptr<base::Monitor> guard_;
    std::map<base::Hash, std::shared_ptr<Question>> asked_;  // waiting or being answered
    bool stopping_ = false;
    base::Queue<std::shared_ptr<Question>> queue_;
    std::unique_ptr<base::Thread> thread_;  // last: it uses all of the above
};

}  // namespace server
