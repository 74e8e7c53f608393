#include "storage/replication/merging.h"

#include <algorithm>
#include <map>
#include <set>

#include "storage/base/log.h"
#include "storage/past.h"
#include "storage/replication/state.h"
#include "storage/sql.h"

namespace storage {
namespace {

// A content that some record gave an object.
struct Written {
    std::optional<base::Hash> hash;
    Rank rank;
    std::vector<Dot> parents;
};

// One object with contents beside the one that shows.
struct Conflict {
    NodeId node = 0;
    NodeKind kind = NodeKind::card;
    Dot shown;                        // as of the row
    std::map<Dot, Written> contents;  // all there ever were
    std::vector<ContentHead> beside;  // the highest rank first
    std::vector<Dot> heads;           // of all that stand beside what shows, equal ones too
};

struct Tangled {
    NodeId node = 0;
    NodeKind kind = NodeKind::card;
    Dot shown;
};

std::map<Oid, Tangled> tangled_items(Store& store, SpaceId space) {
    std::map<Oid, Tangled> items;
    store.read([&](ReadTxn& txn) {
        auto query = txn.connection().query(
            "SELECT n.oid, n.id, n.kind, n.c_origin, n.c_seq FROM tangle AS t JOIN node AS n"
            " ON n.space = t.space AND n.oid = t.oid WHERE t.space = ?1 AND n.kind IN (5, 6)");
        query.bind(space);
        while (query.next()) {
            const auto oid = base::id_from(query.blob(0));
            if (!oid) continue;
            items[*oid] = {
                query.integer(1), static_cast<NodeKind>(query.integer(2)), {query.integer(3), query.integer(4)}};
        }
    });
    return items;
}

// The records of these objects alone; what removals say of others is left out.
std::vector<Conflict> conflicts_of(Store& store, SpaceId space, const std::map<Oid, Tangled>& items) {
    SpaceState state;
    std::map<Oid, std::map<Dot, Written>> written;
    const Lsn last = store.read([](ReadTxn& txn) { return txn.lsn(); });
    for (Lsn from = 1; from <= last; from += kLogPiece) {
        store.read([&](ReadTxn& txn) {
            auto query = txn.connection().query(
                "SELECT origin, seq, hlc, oid, body FROM log WHERE lsn >= ?1 AND lsn < ?2 AND space = ?3"
                " AND kind IN (1, 2) ORDER BY lsn");
            query.bind(from).bind(from + kLogPiece).bind(space);
            while (query.next()) {
                const Oid oid = base::id_from(query.blob(3)).value_or(Oid{});
                auto body = decode(query.blob(4));
                if (!body) continue;
                std::erase_if(body->removed, [&](const Removed& one) { return !items.contains(one.oid); });
                if (!items.contains(oid) && body->removed.empty()) continue;
                const Rank rank{query.integer(2), {query.integer(0), query.integer(1)}};
                if (!items.contains(oid)) {  // of a removal of others what it says of these
                    RecordBody removal;
                    removal.removed = std::move(body->removed);
                    body = std::move(removal);
                }
                if (body->content) written[oid][rank.dot] = {body->content->hash, rank, body->content->parents};
                state.apply({rank, oid, *std::move(body)});
            }
        });
    }
    std::vector<Conflict> conflicts;
    for (const auto& [oid, item] : items) {
        const ObjectState* object = state.find(oid);
        if (object == nullptr || object->content() == nullptr || object->content()->rank.dot != item.shown) continue;
        Conflict one{item.node, item.kind, item.shown, written[oid], object->losers(), object->live_contents()};
        std::erase(one.heads, item.shown);
        if (one.beside.empty()) continue;  // equal ones do no harm: who writes next replaces all of them
        std::reverse(one.beside.begin(), one.beside.end());
        conflicts.push_back(std::move(one));
    }
    return conflicts;
}

std::set<Dot> ancestors(const std::map<Dot, Written>& contents, const Dot& of) {
    std::set<Dot> found;
    std::vector<Dot> open{of};
    while (!open.empty()) {
        const Dot dot = open.back();
        open.pop_back();
        const auto at = contents.find(dot);
        if (at == contents.end() || !found.insert(dot).second) continue;
        open.insert(open.end(), at->second.parents.begin(), at->second.parents.end());
    }
    return found;
}

// The last content that both writers knew of.
const Written* common(const std::map<Dot, Written>& contents, const Dot& a, const Dot& b) {
    const std::set<Dot> of_a = ancestors(contents, a);
    const Written* last = nullptr;
    for (const Dot& dot : ancestors(contents, b)) {
        const Written& one = contents.at(dot);
        if (of_a.contains(dot) && (last == nullptr || last->rank < one.rank)) last = &one;
    }
    return last;
}

// All contents made one; empty: octets are not here yet.
std::optional<std::string> settled(Store& store, const Conflict& conflict) {
    const auto octets_of = [&](const std::optional<base::Hash>& hash) {
        return hash ? store.read([&](ReadTxn& txn) { return txn.body(*hash); }) : std::nullopt;
    };
    const auto shown = conflict.contents.find(conflict.shown);
    auto result = shown == conflict.contents.end() ? std::nullopt : octets_of(shown->second.hash);
    if (!result) return std::nullopt;
    for (const ContentHead& head : conflict.beside) {
        const auto other = octets_of(head.hash);
        if (!other) return std::nullopt;
        const Written* base = common(conflict.contents, conflict.shown, head.rank.dot);
        const auto before = base ? octets_of(base->hash) : std::nullopt;
        auto merged = store.merged_item(conflict.kind, before, *result, *other);
        if (merged)
            result = *std::move(merged);
        else
            base::log_info("merge", "an object keeps one of two contents; the other one is in its history");
    }
    return result;
}

}  // namespace

std::size_t merge_items(Store& store, SpaceId space) {
    const auto items = tangled_items(store, space);
    if (items.empty()) return 0;
    std::size_t done = 0;
    // What can not be settled now (equal contents, octets that are not here yet) keeps no other one waiting.
    for (const Conflict& conflict : conflicts_of(store, space, items)) {
        if (done == kMergesAtOnce) break;
        auto octets = settled(store, conflict);
        if (!octets) continue;
        const auto index = store.index_entry(conflict.kind, *octets);
        const base::Hash hash = base::sha256(*octets);
        done += store.write([&](WriteTxn& txn) -> std::size_t {
            const auto node = txn.node(conflict.node);
            // Somebody was faster: the next call looks again.
            if (!node || node->content != conflict.shown) return 0;
            WriteTxn::PutContent put;
            put.parent = node->parent;
            put.name = node->name;
            put.kind = node->kind;
            put.takes_up = conflict.heads;
            txn.put(put, Content::inlined(*octets, hash), *index, {Cause::merge, {}, {}});
            return 1;
        });
    }
    return done;
}

}  // namespace storage
