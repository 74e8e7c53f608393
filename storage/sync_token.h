#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/node.h"

namespace storage {

// Where the server that wrote a token goes on: what was not told yet begins at part `step` of the record `from`. While
// a first listing is being paged, `base` is the last record before it began: up to it only what is there is told, never
// a removal.
struct SyncPlace {
    std::int64_t origin = 0;  // of the database that counts these lsns; another one leaves all this aside
    Lsn from = 0;
    std::int64_t step = 0;
    Lsn base = 0;  // 0: no first listing is under way

    auto operator<=>(const SyncPlace&) const = default;
};

// What a client has seen of a collection (RFC 6578 §3.2): the vector of the space at the answer, so that a token is
// valid on every peer. "urn:hearth:sync:1:" + base64url of collection (8 octets of its oid), epoch of the space (u32),
// then for each origin in ascending order its number (u64, big endian) and the highest seq (varint). Then, for the
// server that wrote it, ":" + base64url of origin (u64), from, step and base (varints): that spares it looking for the
// place in its log, and says how far a record was told that is longer than a page. The vector alone is enough, and then
// tells no less: while an answer is being paged it is the one that the client came with. Pure values.
struct SyncToken {
    std::array<std::uint8_t, 8> collection{};
    std::uint32_t epoch = 0;
    std::vector<Dot> vector;  // ascending by origin, one entry each
    std::optional<SyncPlace> place;

    auto operator<=>(const SyncToken&) const = default;

    // Whether whoever holds the token has seen this record.
    bool covers(const Dot& dot) const;
};

inline constexpr std::size_t kTokenOriginsMax = 64;

SyncToken sync_token(const Oid& collection, std::uint32_t epoch, std::vector<Dot> vector,
                     std::optional<SyncPlace> place = {});
std::string encode(const SyncToken& token);
// Empty: not one of ours, or not in the one form that encode writes. The caller compares collection and epoch, and the
// vector with the floor (403 valid-sync-token).
std::optional<SyncToken> decode_sync_token(std::string_view text);

}  // namespace storage
