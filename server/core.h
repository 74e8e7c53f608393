#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dav/context.h"
#include "dav/http/handler.h"
#include "storage/accounts.h"
#include "storage/store.h"

namespace server {

class Credentials;
class RateLimit;

// security.md 6.
struct AuthOptions {
    bool account_password_on_dav = true;    // off: app passwords only
    std::int64_t remember_ms = 5 * 60'000;  // a verified account password, by keyed hash in memory
    std::int64_t remember_wrong_ms = 30'000;
    std::uint32_t argon2_memory_kib = 19'456;
    std::uint32_t argon2_passes = 2;
    std::size_t argon2_queue_max = 32;
    std::size_t verifying_per_prefix_max = 16;  // requests of a prefix that wait for Argon2 at one time; more get 503
    std::size_t free_failures = 10;             // per prefix in window_ms; then 429 with a growing wait
    std::int64_t window_ms = 10 * 60'000;
    std::int64_t wait_max_ms = 15 * 60'000;
    std::size_t account_failures = 30;  // per account in an hour, from places it is not used at
};

struct CoreOptions {
    storage::Store::Options store;
    std::string base_path;           // "" or "/cloud"
    std::vector<std::string> hosts;  // accepted Host values; empty = any
    std::string realm = "Hearth";
    dav::Services services;
    dav::Limits limits;
    AuthOptions auth;
    std::string ca_pem;  // served at /ca.crt; empty = 404
};

// Everything between the edge and the process: store, accounts, credentials, DAV and the pipeline in front of them. The
// wire tests drive it in process; server/app puts net::Server before it.
class Core {
  public:
    static std::unique_ptr<Core> open(CoreOptions options, storage::Seams seams);
    virtual ~Core() = default;

    virtual http::Handler& handler() = 0;
    virtual storage::Store& store() = 0;
    virtual storage::Accounts& accounts() = 0;
    virtual Credentials& credentials() = 0;
    // Applies what may change without a restart: limits, hosts, services, auth, ca_pem.
    virtual void reload(const CoreOptions& options) = 0;
    // /readyz: the store answers and takes writes.
    virtual bool ready() = 0;
};

}  // namespace server
