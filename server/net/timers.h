#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

// Deadlines of one io thread. Moving a deadline is a store, because connections move theirs several times a request
// and it almost never comes: an entry stays in the slot it is in and is looked at again when that slot's time comes.
namespace net {

std::int64_t monotonic_ms();

class Wheel;

// One deadline; lives where its owner lives and is used on the wheel's thread only. `passed` may move deadlines, but
// must not destroy any: it is called from the middle of a turn.
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
    std::int64_t slot_at_ = 0;  // when the slot it is linked in comes up; 0 = not linked
    Deadline* previous_ = nullptr;
    Deadline* next_ = nullptr;
};

class Wheel {
  public:
    static constexpr std::int64_t kTickMs = 16;
    static constexpr std::size_t kSlots = 1024;  // 16 s a turn; later deadlines ride along

    // `wake_at` is asked to have `turn` called at that time, and replaces an earlier wish.
    explicit Wheel(std::function<void(std::int64_t)> wake_at, std::int64_t (*clock)() = monotonic_ms)
        : wake_at_(std::move(wake_at)), clock_(clock), tick_(clock() / kTickMs) {}

    // Lets all deadlines that have come pass.
    void turn();

  private:
    friend class Deadline;
    void link(Deadline& deadline, std::int64_t now);
    void arm(std::int64_t due_ms);

    std::function<void(std::int64_t)> wake_at_;
    std::int64_t (*clock_)();
    std::array<Deadline*, kSlots> slots_{};
    std::int64_t tick_;       // the last tick that was dealt with
    std::int64_t armed_ = 0;  // when the next turn comes; 0 = none is needed
};

}  // namespace net
