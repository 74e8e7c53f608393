#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/node.h"
#include "storage/sync_token.h"

namespace storage {

class ReadTxn;

// What a view knows of a space, for tokens: a token that is made of it says "seen all of this".
struct SyncState {
    std::uint32_t epoch = 0;
    std::vector<Dot> vector;  // what of each origin's records it contains
    std::vector<Dot> floors;  // removals up to these are forgotten
    std::int64_t origin = 0;  // of this database
    Lsn lsn = 0;              // last record of the space
    Lsn floor_lsn = 0;        // removals up to it are forgotten
};

enum class SyncLevel : std::uint8_t { one, infinite };  // RFC 6578 §3.3: direct members, or all below

// Asks what happened to the members of a collection since a place.
struct SyncAsk {
    SpaceId space = 0;
    NodeId collection = 0;
    SyncLevel level = SyncLevel::one;
    SyncPlace since;
    std::size_t limit = 1;  // changes; at least 1
};

// One member URL: changed (new, other content, other properties, or something below it changed) or not mapped any more.
// What is removed stands for all below it, which is not named again.
struct SyncChange {
    NodeId node = 0;
    std::string path;  // below the collection, names joined by "/", which no name contains
    bool collection = false;
    bool removed = false;
};

// A URL is in it once. The order is that of the records, so that what was told is everything up to `next`.
struct SyncPage {
    std::vector<SyncChange> changes;
    std::optional<SyncPlace> next;  // set: the page was full, of changes or of octets, and there is more
};

// What a client that has everything in this view holds; for the answer and the property sync-token.
SyncToken token_of(const SyncState& state, const Oid& collection);
// A first listing that begins in this view.
SyncPlace first_place(const SyncState& state);

// Where to go on for a client that sends this token back for the collection. Empty: the token is none of its own, of
// another epoch, of a later life of this database that was lost, or so old that removals since are forgotten (403
// valid-sync-token, RFC 6578 §3.2).
std::optional<SyncPlace> place_of(ReadTxn& txn, const Node& collection, const SyncToken& token);

// Whether the text is a token, of whatever time, of that collection.
bool is_sync_token_of(const Node& collection, std::string_view token);

// Whether nothing happened below the collection since: what a token in an If header says (RFC 6578 §5). A token that is
// older than the last `records_max` records of the server says so no more: the one writer looks through them, and its
// holder has to sync first.
inline constexpr Lsn kIfRecordsMax = 100'000;
bool is_current_sync_token(ReadTxn& txn, const Node& collection, std::string_view token,
                           Lsn records_max = kIfRecordsMax);

}  // namespace storage
