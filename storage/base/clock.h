#pragma once

#include <cstdint>
#include <span>

namespace base {

// The only source of time for storage and dav; the simulator has its own. Thread-safe.
class Clock {
  public:
    virtual ~Clock() = default;
    virtual std::int64_t now_ms() const = 0;        // UTC, milliseconds since 1970; may jump
    virtual std::int64_t monotonic_ms() const = 0;  // never jumps back; for waits and ages within one process
};

// The only source of randomness. Thread-safe; the system's is getrandom, the simulator's is seeded.
class Rng {
  public:
    virtual ~Rng() = default;
    virtual void fill(std::span<std::uint8_t> bytes) = 0;
    std::uint64_t next_u64();
};

Clock& system_clock();
Rng& system_rng();

}  // namespace base
