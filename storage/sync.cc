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

bool is_of(const SyncToken& token, const Node& collection) {
    return token.collection == sync_token(collection.oid, 0, {}).collection;
}

bool is_of(const SyncToken& token, const Node& collection, std::uint32_t epoch) {
    return token.epoch == epoch && is_of(token, collection);
}

// It has seen records of this database that this database does not have: a copy from before them was put back, and what
// has their numbers since is something else.
bool is_from_a_lost_life(const SyncToken& token, const SyncState& state) {
    const auto is_ours = [&](const Dot& dot) { return dot.origin == state.origin; };
    const auto seen = std::find_if(token.vector.begin(), token.vector.end(), is_ours);
    const auto known = std::find_if(state.vector.begin(), state.vector.end(), is_ours);
    if (seen == token.vector.end()) return false;
    return known == state.vector.end() || seen->seq > known->seq;
}

// Not of another database, nor of a later life of this one that was lost.
bool counts_here(const SyncPlace& place, const SyncState& state) {
    return place.origin == state.origin && place.from <= state.lsn + 1 && place.base <= state.lsn;
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
    if (!is_of(token, collection, state.epoch) || is_from_a_lost_life(token, state)) return std::nullopt;
    if (token.place && counts_here(*token.place, state)) {
        if (!knows_removals(state, *token.place)) return std::nullopt;
        return token.place;
    }
    // Another server's: from the first record it does not cover. What came between and is covered is told again, which
    // harms nobody.
    if (!knows_removals(state, token)) return std::nullopt;
    return SyncPlace{state.origin, txn.first_not_covered(collection.space, token), 0, 0};
}

bool is_sync_token_of(const Node& collection, std::string_view text) {
    const auto token = decode_sync_token(text);
    return token && is_of(*token, collection);
}

bool is_current_sync_token(ReadTxn& txn, const Node& collection, std::string_view text, Lsn records_max) {
    const auto token = decode_sync_token(text);
    if (!token) return false;
    const SyncState state = txn.sync_state(collection.space);
    if (!is_of(*token, collection, state.epoch) || is_from_a_lost_life(*token, state)) return false;
    // This may be the writer's thread: the log is not searched for the place of another server's token.
    SyncPlace place;
    if (token->place && counts_here(*token->place, state)) {
        if (!knows_removals(state, *token->place)) return false;
        place = *token->place;
    } else {
        const auto seen = [&](const Dot& dot) { return token->covers(dot); };
        if (!std::all_of(state.vector.begin(), state.vector.end(), seen)) return false;
        place = {state.origin, state.lsn + 1, 0, 0};
    }
    if (state.lsn - place.from >= records_max) return false;
    return txn.sync_changes({collection.space, collection.id, SyncLevel::infinite, place, 1}).changes.empty();
}

}  // namespace storage
