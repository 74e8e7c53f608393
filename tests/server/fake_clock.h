#pragma once

#include <atomic>
#include <cstdint>

#include "storage/base/clock.h"

// The system's time plus what a test adds to it: waits of real threads keep working.
class ShiftedClock final : public base::Clock {
  public:
    void advance(std::int64_t ms) { shift_ms_ += ms; }
    std::int64_t now_ms() const override { return base::system_clock().now_ms() + shift_ms_; }
    std::int64_t monotonic_ms() const override { return base::system_clock().monotonic_ms() + shift_ms_; }

  private:
    std::atomic<std::int64_t> shift_ms_{0};
};

// Stands still until it is told.
class StoppedClock final : public base::Clock {
  public:
    void advance(std::int64_t ms) { at_ms_ += ms; }
    std::int64_t now_ms() const override { return at_ms_; }
    std::int64_t monotonic_ms() const override { return at_ms_; }

  private:
    std::atomic<std::int64_t> at_ms_{1'000'000};
};
