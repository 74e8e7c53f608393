#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "dav/http/message.h"
#include "server/recent.h"
#include "storage/base/clock.h"
#include "storage/base/hash.h"

namespace server {

// Slows down guessing of secrets (security.md 6). Counts failures
// - per network prefix (IPv4 /32, IPv6 /64, and the /48 around it with eight times the budget): after the free ones
// that
//   prefix waits 1, 2, 4, … seconds. A prefix never makes another one wait.
// - per account, of prefixes from which nobody got into it for 30 days: after account_failures in an hour those
// prefixes
//   wait in the same way, for this account. The places its owner uses never do, so nobody can lock the owner out.
// Counters live in memory, bounded; save and restore carry the latest over a restart. Thread-safe.
class RateLimit {
  public:
    struct Options {
        std::size_t free_failures = 10;
        std::int64_t window_ms = 10 * 60'000;
        std::int64_t wait_max_ms = 15 * 60'000;
        std::size_t account_failures = 30;
    };
    static constexpr std::size_t kEntriesMax = 10'000;  // of each table; the oldest leave
    static constexpr std::size_t kSavedMax = 1'000;     // of each table
    static constexpr std::int64_t kSamePairMs = 60 * 60'000;
    static constexpr std::int64_t kAccountWindowMs = 60 * 60'000;
    static constexpr std::int64_t kKnownPlaceMs = std::int64_t{30} * 24 * 60 * 60'000;

    RateLimit(const base::Clock& clock, Options options);
    void use(const Options& options);

    // Seconds until this prefix may try this account again; 0 = now. `user` as it was typed.
    std::int64_t wait_s(const http::Remote& from, std::string_view user);

    enum class Counted { no, yes };
    // A wrong secret. `pair` stands for (user, secret): the same one counts once an hour, so that a phone with an old
    // password does not use up the budget of its home.
    Counted failure(const http::Remote& from, std::string_view user, const base::Hash& pair);
    // A secret was right: takes one failure off the prefix, and makes it a place the owner uses.
    void success(const http::Remote& from, std::string_view user);

    // The latest counters as octets; empty when nothing changed since the last call.
    std::optional<std::string> save();
    // False, and nothing is taken: it is not what save gave. For a limit that counted nothing yet.
    bool restore(std::string_view saved);

  private:
    struct Entry {
        std::size_t failures = 0;
        std::int64_t window_ends_ms = 0;  // monotonic, as all but the last success
        std::int64_t blocked_until_ms = 0;
    };
    struct Budget {
        std::size_t failures;
        std::int64_t window_ms;
    };

    bool counted_lately(const std::string& prefix, const base::Hash& pair, std::int64_t now);
    bool is_known_place(std::string_view account, const std::string& prefix);
    void count(Entry& entry, const Budget& budget, std::int64_t now);

    const base::Clock& clock_;
    std::mutex guard_;
    Options options_;
    bool changed_ = false;  // since the last save
    std::int64_t last_block_ends_ms_ = 0;
    Recent<Entry> prefixes_{kEntriesMax};
    Recent<Entry> accounts_{kEntriesMax};       // by a hash of the name as it was typed: existing or not looks alike
    Recent<std::int64_t> places_{kEntriesMax};  // account and prefix -> last success, wall clock
    Recent<std::int64_t> pairs_{kEntriesMax};   // prefix and pair -> when it counts again
};

}  // namespace server
