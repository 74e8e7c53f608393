#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace server {

// SipHash-2-4 with a result of 128 bits (Aumasson and Bernstein, "SipHash: a fast short-input PRF"): a keyed hash of a
// short text in well under a microsecond. Under a secret random key it stands for the text: nobody can make two that
// collide.
struct SipKey {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
};
using SipSum = std::array<std::uint64_t, 2>;

SipSum sip_hash(const SipKey& key, std::string_view text);

}  // namespace server
