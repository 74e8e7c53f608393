#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "dav/context.h"
#include "dav/http/message.h"
#include "server/core.h"
#include "storage/accounts.h"
#include "storage/store.h"

namespace server {

// What a check of credentials found.
struct Check {
    enum class Outcome : std::uint8_t {
        ok,
        wrong,      // 401; says nothing about what was wrong
        throttled,  // 429: too many failures from there, nothing was looked at
        busy,       // 503: too many passwords are being verified already
    };
    Outcome outcome = Outcome::wrong;
    std::shared_ptr<const dav::Caller> caller;  // ok
    std::int64_t retry_after_s = 0;             // throttled, busy
};

// Who a request comes from, by its Authorization header. App passwords are looked up by their SHA-256. Account
// passwords are verified by Argon2id on one thread of its own, then remembered for minutes (wrong ones for seconds)
// under a keyed hash; nothing is remembered beyond the next change of any account. Thread-safe.
class Credentials {
  public:
    Credentials(storage::Store& store, storage::Accounts& accounts, const AuthOptions& options);
    ~Credentials();

    // May wait for Argon2, within a bound: for workers.
    Check check(std::string_view authorization, const http::Remote& from);
    // The caller of a header value that was right a moment ago, else null. Never waits, well under a microsecond: for
    // io threads.
    std::shared_ptr<const dav::Caller> remembered(std::string_view authorization, const http::Remote& from);

    // A new account password as it is stored.
    std::string hash(std::string_view password) const;
    void use(const AuthOptions& options);
    // Writes the counters of failures, if any changed, so that a restart forgives nobody. Throws base::Failure.
    void save_counters();

  private:
    struct Attempt;
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace server
