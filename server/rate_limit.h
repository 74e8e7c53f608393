#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "dav/http/message.h"
#include "storage/base/clock.h"
#include "storage/base/hash.h"

namespace server {

// Slows down guessing of secrets (security.md 6): counts failures per network prefix (IPv4 /32, IPv6 /64, and the /48
// around it with eight times the budget), and after the free ones makes that prefix wait 1, 2, 4, … seconds. A prefix
// never makes another one wait, so nobody can lock the owner out. Counters live in memory. Thread-safe.
class RateLimit {
  public:
    struct Options {
        std::size_t free_failures = 10;
        std::int64_t window_ms = 10 * 60'000;
        std::int64_t wait_max_ms = 15 * 60'000;
    };
    static constexpr std::size_t kEntriesMax = 10'000;  // prefixes, and wrong pairs; the oldest leave
    static constexpr std::int64_t kSamePairMs = 60 * 60'000;

    RateLimit(const base::Clock& clock, Options options);
    void use(const Options& options);

    // Seconds until this prefix may try again; 0 = now.
    std::int64_t wait_s(const http::Remote& from);

    enum class Counted { no, yes };
    // A wrong secret. `pair` stands for (user, secret): the same one counts once an hour, so that a phone with an old
    // password does not use up the budget of its home.
    Counted failure(const http::Remote& from, const base::Hash& pair);
    // A secret was right: takes one failure off.
    void success(const http::Remote& from);

  private:
    struct Entry {
        std::string prefix;
        std::size_t failures = 0;
        std::int64_t window_ends_ms = 0;
        std::int64_t blocked_until_ms = 0;
    };
    struct Pair {
        base::Hash of;
        std::int64_t counts_again_ms = 0;
    };
    using Entries = std::list<Entry>;
    using Pairs = std::list<Pair>;

    Entry* find(const std::string& prefix);
    Entry& touch(const std::string& prefix);
    bool counted_lately(const std::string& prefix, const base::Hash& pair, std::int64_t now);
    void count(Entry& entry, std::size_t free_failures, std::int64_t now);

    const base::Clock& clock_;
    std::mutex guard_;
    Options options_;
    std::int64_t last_block_ends_ms_ = 0;
    Entries entries_;  // latest first
    std::unordered_map<std::string_view, Entries::iterator> by_prefix_;
    Pairs pairs_;
    std::unordered_map<std::string_view, Pairs::iterator> by_pair_;
};

}  // namespace server
