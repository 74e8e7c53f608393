#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/node.h"

namespace storage {

// What a client has seen of a collection (RFC 6578 §3.2): the vector of the space at the answer, so that a token is
// valid on every peer. "urn:hearth:sync:1:" + base64url of collection (8 octets of its oid), epoch of the space (u32),
// then for each origin in ascending order its number (u64, big endian) and the highest seq (varint). Pure values.
struct SyncToken {
    std::array<std::uint8_t, 8> collection{};
    std::uint32_t epoch = 0;
    std::vector<Dot> vector;  // ascending by origin, one entry each

    auto operator<=>(const SyncToken&) const = default;

    // Whether whoever holds the token has seen this record.
    bool covers(const Dot& dot) const;
};

inline constexpr std::size_t kTokenOriginsMax = 64;

SyncToken sync_token(const Oid& collection, std::uint32_t epoch, std::vector<Dot> vector);
std::string encode(const SyncToken& token);
// Empty: not one of ours, or not in the one form that encode writes. The caller compares collection and epoch, and the
// vector with the floor (403 valid-sync-token).
std::optional<SyncToken> decode_sync_token(std::string_view text);

}  // namespace storage
