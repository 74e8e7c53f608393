#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace storage {

// What an acknowledgement of a write promises for a power cut. The end of the process loses nothing at any level.
//
// Relaxed: what is left is always a state that was, the one after some commit (with the files of that state and under
// their own entity tags), and what must not be lost (WriteTxn::require_durable) is synced before it is acknowledged.
enum class Durability : std::uint8_t {
    strict,   // written and synced: none is lost
    group,    // the same; the writer waits a little for more jobs, so that a slow flush is shared
    relaxed,  // written, and synced within kRelaxedWindowMs and a flush: that much may be lost, the latest first
};

inline constexpr std::int64_t kGroupWaitMaxMs = 20;
inline constexpr std::int64_t kRelaxedWindowMs = 1000;

inline constexpr std::array kDurabilityNames = {"strict", "group", "relaxed"};
std::string_view name_of(Durability level);
std::optional<Durability> durability_named(std::string_view name);
// What may be lost, in words: for the log.
std::string loss_window(Durability level);

}  // namespace storage
