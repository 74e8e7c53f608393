#include "storage/base/clock.h"

#include <sys/random.h>

#include <chrono>
#include <cstring>

#include "storage/base/failure.h"

namespace base {
namespace {

class SystemClock final : public Clock {
  public:
    std::int64_t now_ms() const override { return millis(std::chrono::system_clock::now()); }
    std::int64_t monotonic_ms() const override { return millis(std::chrono::steady_clock::now()); }

  private:
    template <typename Point>
    static std::int64_t millis(Point point) {
        return std::chrono::duration_cast<std::chrono::milliseconds>(point.time_since_epoch()).count();
    }
};

class SystemRng final : public Rng {
  public:
    void fill(std::span<std::uint8_t> bytes) override {
        while (!bytes.empty()) {
            const auto got = ::getrandom(bytes.data(), bytes.size(), 0);
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) throw_errno("getrandom");
            bytes = bytes.subspan(static_cast<std::size_t>(got));
        }
    }
};

}  // namespace

std::uint64_t Rng::next_u64() {
    std::uint8_t raw[8];
    fill(raw);
    std::uint64_t value = 0;
    std::memcpy(&value, raw, sizeof value);
    return value;
}

Clock& system_clock() {
    static SystemClock clock;
    return clock;
}

Rng& system_rng() {
    static SystemRng rng;
    return rng;
}

}  // namespace base
