#include "storage/sync.h"

#include <algorithm>

#include "storage/txn.h"

namespace storage {

namespace {

// Everything the client may ask about is still known: what was removed after the place, and was there when it began.
bool knows_removals(const SyncState& state, const SyncPlace& place) {
    return std::max(place.from, place.base + 1) > state.floor_lsn;
}

bool knows_removals(const SyncState& state, const SyncToken& token) {
    return std::all_of(state.floors.begin(), state.floors.end(),
                       [&](const Dot& floor) { return floor.seq == 0 || token.covers(floor); });
}

}  // namespace

SyncToken token_of(const SyncState& state, const Oid& collection) {
    return sync_token(collection, state.epoch, state.vector, SyncPlace{state.origin, state.lsn + 1, 0, 0});
}

SyncPlace first_place(const SyncState& state) {
    return {state.origin, 1, 0, state.lsn};
}

std::optional<SyncPlace> place_of(ReadTxn& txn, const Node& collection, const SyncToken& token) {
    const SyncState state = txn.sync_state(collection.space);
    const SyncToken ours = sync_token(collection.oid, state.epoch, {});
    if (token.collection != ours.collection || token.epoch != ours.epoch) return std::nullopt;
    if (token.place && token.place->origin == state.origin && token.place->from <= state.lsn + 1 &&
        token.place->base <= state.lsn) {
        if (!knows_removals(state, *token.place)) return std::nullopt;
        return token.place;
    }
    // Another server's: from the first record it does not cover. What came between and is covered is told again, which
    // harms nobody.
    if (!knows_removals(state, token)) return std::nullopt;
    return SyncPlace{state.origin, txn.first_not_covered(collection.space, token), 0, 0};
}

bool is_current_sync_token(ReadTxn& txn, const Node& collection, std::string_view text) {
    const auto token = decode_sync_token(text);
    const auto place = token ? place_of(txn, collection, *token) : std::nullopt;
    if (!place) return false;
    return txn.sync_changes({collection.space, collection.id, SyncLevel::infinite, *place, 1}).changes.empty();
}

}  // namespace storage
