#pragma once

#include <memory>
#include <string>

#include "server/core.h"
#include "server/credentials.h"
#include "server/password.h"
#include "storage/base/hash.h"
#include "storage/base/log.h"
#include "tests/server/fake_clock.h"
#include "tests/server/scratch.h"

// A whole core in a temporary root, with cheap Argon2 and a clock that can be moved: users ana and ben.
class House {
  public:
    static constexpr const char* kAnasPassword = "ana secret word";
    static constexpr const char* kBensPassword = "ben secret word";

    explicit House(server::CoreOptions options = {}) : options_(std::move(options)) {
        base::set_log_level(base::Level::error);  // refused passwords are what most of these tests are about
        options_.store.root = scratch_.root();
        options_.auth.argon2_memory_kib = 1024;
        options_.auth.argon2_passes = 1;
        core_ = server::Core::open(options_, seams());
        add_user("ana", kAnasPassword);
        add_user("ben", kBensPassword);
    }

    storage::Seams seams() { return {clock, base::system_rng(), storage::system_fs(), base::system_exec()}; }
    server::Core& core() { return *core_; }
    storage::Accounts& accounts() { return core_->accounts(); }
    server::Credentials& credentials() { return core_->credentials(); }
    server::CoreOptions& options() { return options_; }
    void reload() { core_->reload(options_); }
    void restart() {
        core_.reset();
        core_ = server::Core::open(options_, seams());
    }

    void add_user(const std::string& name, const std::string& password) {
        accounts().add_user(name, false, credentials().hash(password), kAdmin);
    }
    // Gives the secret as it would be typed.
    std::string add_app_password(const std::string& user, storage::AppPassword made = {}) {
        std::string secret = server::new_app_password(base::system_rng());
        if (made.label.empty()) made.label = "phone";
        made.secret = server::app_password_hash(*server::normalised_app_password(secret));
        accounts().add_app_password(user, made, kAdmin);
        return secret;
    }

    static constexpr storage::Author kAdmin{storage::Cause::admin, {}, {}};
    ShiftedClock clock;

  private:
    Scratch scratch_;
    server::CoreOptions options_;
    std::unique_ptr<server::Core> core_;
};

inline std::string basic(const std::string& user, const std::string& secret) {
    return "Basic " + base::base64(user + ":" + secret);
}

inline http::Remote from(const std::string& address) {
    return {address, address, false};
}
