#include "server/net/timers.h"

#include <algorithm>
#include <chrono>
#include <vector>

namespace net {

std::int64_t monotonic_ms() {
    auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

void Deadline::at(std::int64_t monotonic) {
    when_ = monotonic;
    if (slot_at_ != 0 && slot_at_ <= monotonic) return;
    unlink();
    wheel_.link(*this, wheel_.clock_());
}

void Deadline::unlink() {
    if (slot_at_ == 0) return;
    auto slot = static_cast<std::size_t>(slot_at_ / Wheel::kTickMs) % Wheel::kSlots;
    if (previous_ != nullptr) previous_->next_ = next_;
    if (next_ != nullptr) next_->previous_ = previous_;
    if (wheel_.slots_[slot] == this) wheel_.slots_[slot] = next_;
    previous_ = next_ = nullptr;
    slot_at_ = 0;
}

void Wheel::link(Deadline& deadline, std::int64_t now) {
    // Rounded up, never into a tick that is over, and at most one turn ahead of the last tick dealt with.
    std::int64_t tick = std::max((deadline.when_ + kTickMs - 1) / kTickMs, now / kTickMs + 1);
    tick = std::min(std::max(tick, tick_ + 1), tick_ + static_cast<std::int64_t>(kSlots) - 1);
    deadline.slot_at_ = tick * kTickMs;
    Deadline*& head = slots_[static_cast<std::size_t>(tick) % kSlots];
    deadline.next_ = head;
    if (head != nullptr) head->previous_ = &deadline;
    head = &deadline;
    arm(deadline.slot_at_);
}

void Wheel::arm(std::int64_t due_ms) {
    if (armed_ != 0 && armed_ <= due_ms) return;
    armed_ = due_ms;
    wake_at_(due_ms);
}

void Wheel::turn() {
    armed_ = 0;
    const std::int64_t now = clock_();
    const std::int64_t last = now / kTickMs;
    // After a long sleep every slot is looked at once.
    const std::int64_t first = std::max(tick_ + 1, last - static_cast<std::int64_t>(kSlots) + 1);
    tick_ = std::max(tick_, last);
    // Taken out first: what is put back for later may come to lie in a slot that is being emptied.
    std::vector<Deadline*> due;
    for (std::int64_t tick = first; tick <= last; ++tick) {
        Deadline*& slot = slots_[static_cast<std::size_t>(tick) % kSlots];
        while (slot != nullptr) {
            due.push_back(slot);
            slot->unlink();
        }
    }
    for (Deadline* deadline : due) {
        if (deadline->when_ == 0) continue;
        if (deadline->when_ > now) {
            if (deadline->slot_at_ == 0) link(*deadline, now);
            continue;
        }
        deadline->when_ = 0;
        deadline->passed_();
    }
    for (std::int64_t tick = tick_ + 1; tick < tick_ + static_cast<std::int64_t>(kSlots); ++tick) {
        if (slots_[static_cast<std::size_t>(tick) % kSlots] == nullptr) continue;
        arm(tick * kTickMs);
        break;
    }
}

}  // namespace net
