#pragma once

#include <ucontext.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "storage/base/clock.h"
#include "storage/base/exec.h"

namespace sim {

// Threads of which one runs at a time, each a stack of its own on one thread of the system: who goes on at each turn is
// drawn from the seed, and going on costs no call of the kernel's scheduler. Time passes only when all wait. What makes
// it is the first of them.
class Exec final : public base::Exec {
  public:
    explicit Exec(std::uint64_t seed);
    ~Exec() override;

    std::unique_ptr<base::Thread> spawn(std::string name, std::function<void()> body, std::size_t stack) override;
    std::unique_ptr<base::Monitor> monitor() override;

    // When the power is cut, threads may end by a failure, and those that then wait for ever fail as well: their
    // process is gone. Any other end by an exception is told through `wrong`.
    void know_power(std::function<bool()> is_cut, std::function<void(std::string)> wrong) {
        is_cut_ = std::move(is_cut);
        wrong_ = std::move(wrong);
    }

    // Perhaps somebody else's turn.
    void yield();
    std::uint64_t turns() const { return turns_; }

    std::int64_t monotonic_ms() const { return now_ms_; }
    void advance_ms(std::int64_t by) { now_ms_ += by; }

  private:
    friend class SimMonitor;
    friend class SimThread;
    // What the language keeps for each thread: an exception that is being handled while others have their turn.
    struct Exceptions {
        void* caught = nullptr;
        unsigned int uncaught = 0;
    };
    struct Actor {
        std::string name;
        std::function<void()> body;
        std::unique_ptr<std::byte[]> stack;
        ucontext_t context{};
        Exceptions exceptions;
        bool ready = true;  // can go on
        bool over = false;
        const void* waits_for = nullptr;  // a monitor's lock or news, or a thread's end
        std::int64_t until_ms = -1;       // -1: without end
        bool timed_out = false;
        bool killed = false;
    };
    static void enter();  // on a new stack
    void run(Actor& actor);
    void block(const void* on, std::int64_t until_ms);
    void wake(const void* on, bool one);
    bool is_thread(const void* what) const;
    static void expire(Actor& actor);
    void hand_over();  // returns when it is this one's turn again
    Actor* next();
    void forget(const Actor& actor);

    std::function<bool()> is_cut_;
    std::function<void(std::string)> wrong_;
    std::mt19937_64 dice_;
    std::vector<std::unique_ptr<Actor>> actors_;
    std::vector<std::unique_ptr<std::byte[]>> stacks_;  // of those that are over, for new ones
    std::vector<Actor*> able_;                          // of one turn
    Actor* running_ = nullptr;
    std::int64_t now_ms_ = 1'000;
    std::uint64_t turns_ = 0;
};

class Clock final : public base::Clock {
  public:
    Clock(Exec& exec, std::int64_t epoch_ms) : exec_(exec), offset_ms_(epoch_ms) {}
    std::int64_t now_ms() const override { return exec_.monotonic_ms() + offset_ms_; }
    std::int64_t monotonic_ms() const override { return exec_.monotonic_ms(); }
    void jump(std::int64_t by_ms) { offset_ms_ += by_ms; }

  private:
    Exec& exec_;
    std::int64_t offset_ms_;
};

class Rng final : public base::Rng {
  public:
    explicit Rng(std::uint64_t seed) : dice_(seed) {}
    void fill(std::span<std::uint8_t> bytes) override {
        for (std::uint8_t& octet : bytes) octet = static_cast<std::uint8_t>(dice_());
    }

  private:
    std::mt19937_64 dice_;
};

}  // namespace sim
