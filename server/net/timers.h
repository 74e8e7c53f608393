#pragma once

#include <array>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>

#include "server/net/asio.h"

// Deadlines of one io thread. Moving a deadline is a store, because connections move theirs several times a request
// and it almost never comes: an entry stays in the slot it is in and is looked at again when that slot's time comes.
namespace net {

std::int64_t monotonic_ms();

class Wheel;

// One deadline; lives where its owner lives and is used on the wheel's thread only.
class Deadline {
  public:
    Deadline(Wheel& wheel, std::function<void()> passed) : wheel_(wheel), passed_(std::move(passed)) {}
    ~Deadline() { unlink(); }
    Deadline(const Deadline&) = delete;
    Deadline& operator=(const Deadline&) = delete;

    void at(std::int64_t monotonic);
    void clear() { when_ = 0; }

  private:
    friend class Wheel;
    void unlink();

    Wheel& wheel_;
    std::function<void()> passed_;
    std::int64_t when_ = 0;     // 0 = none
    std::int64_t slot_at_ = 0;  // when the slot it is linked in comes up
    Deadline* previous_ = nullptr;
    Deadline* next_ = nullptr;
};

class Wheel {
  public:
    static constexpr std::int64_t kTickMs = 16;
    static constexpr std::size_t kSlots = 1024;  // 16 s a turn; later deadlines ride along

    explicit Wheel(asio::io_context& io) : timer_(io), tick_(monotonic_ms() / kTickMs) {}

  private:
    friend class Deadline;
    void link(Deadline& deadline, std::int64_t now);
    void arm(std::int64_t due_ms);
    void turn();

    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>
        timer_;
    std::array<Deadline*, kSlots> slots_{};
    std::int64_t tick_;       // the last tick that was dealt with
    std::int64_t armed_ = 0;  // when the timer comes; 0 = it does not
};

}  // namespace net
