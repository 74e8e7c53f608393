#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "server/core.h"
#include "tests/wire/script.h"
#include "tests/wire/transport.h"

namespace wire {

// Real time plus what `clock>` lines let go by.
class ShiftedClock final : public base::Clock {
  public:
    std::int64_t now_ms() const override { return base::system_clock().now_ms() + shift_ms_; }
    std::int64_t monotonic_ms() const override { return base::system_clock().monotonic_ms() + shift_ms_; }
    void shift(std::int64_t ms) { shift_ms_ += ms; }

  private:
    std::atomic<std::int64_t> shift_ms_ = 0;
};

enum class Mode { in_process, tls, base_path };

// A server over a fresh root for one script, with the users ana and ben, and how the script's requests reach it.
class Stage {
  public:
    explicit Stage(Mode mode);
    ~Stage();

    void restart();
    void admin(const std::string& text);  // the rest of an `admin>` line
    void disk(const std::string& text, const std::string& block);
    void clock(const std::string& text);
    Reply send(Message message) { return transport_->send(message); }

    std::string host() const { return transport_->host(); }
    // "name:password" of a user or an app password of the script; empty = not known.
    std::string login(const std::string& name) const;
    const std::string& base_path() const { return options_.base_path; }

  private:
    void open();
    void add_app_password(const std::string& text);
    void set_option(const std::string& key, const std::string& value);
    std::string on_disk(const std::string& path) const;

    Mode mode_;
    std::string root_;
    ShiftedClock clock_;
    server::CoreOptions options_;
    std::unique_ptr<server::Core> core_;
    std::unique_ptr<Transport> transport_;
    std::map<std::string, std::string> logins_;
    std::map<std::string, std::pair<std::string, std::string>> app_passwords_;  // script's name -> user, id
};

}  // namespace wire
