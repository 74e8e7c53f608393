#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <unordered_map>

#include "dav/http/message.h"

namespace server {

// How many requests of each prefix hold a worker without being known yet (security.md 5.6): one house must not take all
// workers with passwords that are still being verified. Holds prefixes with such a request only, so the workers bound
// it. Thread-safe.
class InFlight {
  public:
    // One request while it lives. False: `max` others of that prefix are before it. Where a prefix stands for many (see
    // http::Remote) there is always a turn.
    class Turn {
      public:
        Turn(InFlight& all, const http::Remote& from, std::size_t max)
            : all_(all), prefix_(from.shared ? std::string() : from.prefix), granted_(all.enter(prefix_, max)) {}
        ~Turn() {
            if (granted_) all_.leave(prefix_);
        }
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;
        explicit operator bool() const { return granted_; }

      private:
        InFlight& all_;
        const std::string prefix_;  // empty: not counted
        const bool granted_;
    };

  private:
    bool enter(const std::string& prefix, std::size_t max) {
        if (prefix.empty()) return true;
        const std::lock_guard hold(guard_);
        const auto found = count_.find(prefix);
        if ((found == count_.end() ? 0 : found->second) >= max) return false;
        ++count_[prefix];
        return true;
    }
    void leave(const std::string& prefix) {
        if (prefix.empty()) return;
        const std::lock_guard hold(guard_);
        if (const auto found = count_.find(prefix); --found->second == 0) count_.erase(found);
    }

    std::mutex guard_;
    std::unordered_map<std::string, std::size_t> count_;
};

}  // namespace server
