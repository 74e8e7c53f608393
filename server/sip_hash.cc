#include "server/sip_hash.h"

#include <bit>
#include <cstddef>

namespace server {
namespace {

struct State {
    std::uint64_t v0, v1, v2, v3;

    void rounds(int count) {
        for (int i = 0; i < count; ++i) {
            v0 += v1;
            v1 = std::rotl(v1, 13) ^ v0;
            v0 = std::rotl(v0, 32);
            v2 += v3;
            v3 = std::rotl(v3, 16) ^ v2;
            v0 += v3;
            v3 = std::rotl(v3, 21) ^ v0;
            v2 += v1;
            v1 = std::rotl(v1, 17) ^ v2;
            v2 = std::rotl(v2, 32);
        }
    }
    void absorb(std::uint64_t word) {
        v3 ^= word;
        rounds(2);
        v0 ^= word;
    }
    std::uint64_t sum() const { return v0 ^ v1 ^ v2 ^ v3; }
};

// Little-endian whatever the machine is; at most 8 octets.
std::uint64_t word_from(std::string_view octets) {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < octets.size(); ++i)
        word |= std::uint64_t{static_cast<unsigned char>(octets[i])} << (8 * i);
    return word;
}

}  // namespace

SipSum sip_hash(const SipKey& key, std::string_view text) {
    // The constants spell "somepseudorandomlygeneratedbytes"; 0xee and 0xdd mark the variant with 128 bits.
    State state{0x736f6d6570736575 ^ key.low, 0x646f72616e646f6d ^ key.high ^ 0xee, 0x6c7967656e657261 ^ key.low,
                0x7465646279746573 ^ key.high};
    const std::uint64_t length_mark = std::uint64_t{text.size() & 0xff} << 56;
    for (; text.size() >= 8; text.remove_prefix(8)) state.absorb(word_from(text.substr(0, 8)));
    state.absorb(length_mark | word_from(text));
    state.v2 ^= 0xee;
    state.rounds(4);
    const std::uint64_t low = state.sum();
    state.v1 ^= 0xdd;
    state.rounds(4);
    return {low, state.sum()};
}

}  // namespace server
