#include "storage/past.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "storage/history.h"
#include "storage/reading.h"
#include "storage/replication/record.h"
#include "storage/store.h"

namespace storage {

namespace {

Change change_from(const sql::Query& query, int first) {
    Change change;
    change.lsn = query.integer(first);
    change.at_ms = query.integer(first + 1);
    change.cause = static_cast<Cause>(query.integer(first + 2));
    change.actor = base::id_from(query.blob(first + 3)).value_or(base::Id128{});
    return change;
}

// The object with the content it had then: the current one, or the one of its versions whose time that was.
PastNode node_from(const sql::Query& query) {
    PastNode node;
    node.id = query.integer(0);
    node.oid = base::id_from(query.blob(1)).value_or(Oid{});
    node.space = query.integer(2);
    node.parent = query.integer(3);
    node.name = query.text(4);
    node.kind = static_cast<NodeKind>(query.integer(5));
    if (is_collection(node.kind) || query.is_null(11)) return node;
    PastContent& content = node.content.emplace();
    content.hash = base::hash_from(query.blob(6));
    content.size = query.integer(7);
    content.mtime_ns = query.integer(8);
    content.place = query.text(9);
    content.pinned = query.integer(10) != 0;
    content.written = change_from(query, 11);
    if (!query.is_null(15)) content.ended = change_from(query, 15);
    return node;
}

// ?2 is the record; `places` gives id, oid, space, parent, name and kind of what was somewhere then.
#define PAST_NODES(places, rest)                                                                                  \
    "SELECT p.id, p.oid, p.space, p.parent, p.name, p.kind,"                                                      \
    " coalesce(c.hash, v.hash), coalesce(c.size, v.size), coalesce(c.mtime_ns, v.mtime_ns), v.place, v.pinned,"   \
    " coalesce(c.content_lsn, v.from_lsn), f.at_ms, f.cause, f.actor, v.to_lsn, t.at_ms, t.cause, t.actor"        \
    " FROM (" places                                                                                              \
    ") AS p"                                                                                                      \
    " LEFT JOIN node AS c ON c.space = p.space AND c.oid = p.oid AND c.content_lsn <= ?2 AND c.kind IN (2, 5, 6)" \
    " LEFT JOIN version AS v ON v.space = p.space AND v.oid = p.oid AND v.to_lsn > ?2 AND v.from_lsn <= ?2"       \
    " LEFT JOIN log AS f ON f.lsn = coalesce(c.content_lsn, v.from_lsn) LEFT JOIN log AS t ON t.lsn = v.to_lsn" rest

#define PLACE_NOW "SELECT n.id, n.oid, n.space, n.parent, n.name, n.kind FROM node AS n WHERE n.placed_lsn <= ?2 AND "
#define PLACE_THEN                                                                                                     \
    "SELECT g.node, g.oid, g.space, g.parent, g.name, g.kind FROM gone AS g WHERE g.to_lsn > ?2 AND g.from_lsn <= ?2 " \
    "AND "

std::optional<PastNode> first(sql::Query& query) {
    if (!query.next()) return std::nullopt;
    return node_from(query);
}

}  // namespace

Lsn Past::at(std::int64_t at_ms) {
    return storage::last_before(db_, at_ms + 1);
}

std::optional<PastNode> Past::find(SpaceId space, const Oid& oid, Lsn at) {
    auto query = db_.query(PAST_NODES(PLACE_NOW "n.parent IS NOT NULL AND n.space = ?1 AND n.oid = ?3"
                                                " UNION ALL " PLACE_THEN "g.space = ?1 AND g.oid = ?3",
                                      " LIMIT 1"));
    query.bind(space).bind(at).bind_blob(oid.view());
    return first(query);
}

std::optional<PastNode> Past::child(NodeId parent, std::string_view name, Lsn at) {
    auto query = db_.query(PAST_NODES(PLACE_NOW "n.parent = ?1 AND n.name = ?3"
                                                " UNION ALL " PLACE_THEN "g.parent = ?1 AND g.name = ?3",
                                      " LIMIT 1"));
    query.bind(parent).bind(at).bind_text(name);
    return first(query);
}

std::optional<PastNode> Past::walk(NodeId root, std::span<const std::string> names, Lsn at) {
    std::optional<PastNode> found;
    NodeId folder = root;
    for (const std::string& name : names) {
        if (found && !is_collection(found->kind)) return std::nullopt;
        found = child(folder, name, at);
        if (!found) return std::nullopt;
        folder = found->id;
    }
    return found;
}

std::size_t Past::list(NodeId parent, Lsn at, std::string_view after, std::size_t limit,
                       const std::function<void(const PastNode&)>& each) {
    auto query = db_.query(
        PAST_NODES("SELECT id, oid, space, parent, name, kind FROM (" PLACE_NOW "n.parent = ?1 AND n.name > ?3"
                   " UNION ALL " PLACE_THEN "g.parent = ?1 AND g.name > ?3) AS q ORDER BY q.name LIMIT ?4",
                   " ORDER BY p.name"));
    query.bind(parent).bind(at).bind_text(after).bind(static_cast<std::int64_t>(limit));
    std::size_t given = 0;
    for (; query.next(); ++given) each(node_from(query));
    return given;
}

std::vector<PastContent> Past::contents(SpaceId space, const Oid& oid, Lsn before, std::size_t limit) {
    std::vector<PastContent> found;
    if (before == 0 && limit > 0) {
        auto query = db_.query(
            "SELECT n.hash, n.size, n.mtime_ns, f.lsn, f.at_ms, f.cause, f.actor FROM node AS n"
            " LEFT JOIN log AS f ON f.lsn = n.content_lsn"
            " WHERE n.space = ?1 AND n.oid = ?2 AND n.kind IN (2, 5, 6)");
        query.bind(space).bind_blob(oid.view());
        if (query.next()) {
            found.push_back({base::hash_from(query.blob(0)),
                             query.integer(1),
                             query.integer(2),
                             {},
                             false,
                             change_from(query, 3),
                             std::nullopt});
        }
    }
    auto query = db_.query(
        "SELECT v.hash, v.size, v.mtime_ns, v.place, v.pinned, v.from_lsn, f.at_ms, f.cause, f.actor,"
        " v.to_lsn, t.at_ms, t.cause, t.actor FROM version AS v"
        " LEFT JOIN log AS f ON f.lsn = v.from_lsn LEFT JOIN log AS t ON t.lsn = v.to_lsn"
        " WHERE v.space = ?1 AND v.oid = ?2 AND (?3 = 0 OR v.to_lsn < ?3) ORDER BY v.to_lsn DESC LIMIT ?4");
    query.bind(space).bind_blob(oid.view()).bind(before).bind(static_cast<std::int64_t>(limit - found.size()));
    while (query.next()) {
        found.push_back({base::hash_from(query.blob(0)), query.integer(1), query.integer(2), std::string(query.text(3)),
                         query.integer(4) != 0, change_from(query, 5), change_from(query, 9)});
    }
    return found;
}

std::vector<PastPlace> Past::places(SpaceId space, const Oid& oid, Lsn before, std::size_t limit) {
    std::vector<PastPlace> found;
    Lsn next = 0;  // where the place that comes after began
    if (limit > 0) {
        auto query = db_.query(
            "SELECT n.parent, n.name, n.placed_lsn, f.at_ms, f.cause, f.actor FROM node AS n"
            " LEFT JOIN log AS f ON f.lsn = n.placed_lsn"
            " WHERE n.space = ?1 AND n.oid = ?2 AND n.parent IS NOT NULL");
        query.bind(space).bind_blob(oid.view());
        if (query.next()) {
            next = query.integer(2);
            if (before == 0) {
                found.push_back(
                    {query.integer(0), std::string(query.text(1)), change_from(query, 2), std::nullopt, false});
            }
        }
    }
    auto query = db_.query(
        "SELECT g.parent, g.name, g.from_lsn, f.at_ms, f.cause, f.actor, g.to_lsn, t.at_ms, t.cause, t.actor,"
        " EXISTS (SELECT 1 FROM gone AS o WHERE o.space = ?1 AND o.oid = ?2 AND o.from_lsn = g.to_lsn) FROM gone AS g"
        " LEFT JOIN log AS f ON f.lsn = g.from_lsn LEFT JOIN log AS t ON t.lsn = g.to_lsn"
        " WHERE g.space = ?1 AND g.oid = ?2 AND (?3 = 0 OR g.to_lsn < ?3) ORDER BY g.to_lsn DESC LIMIT ?4");
    query.bind(space).bind_blob(oid.view()).bind(before).bind(static_cast<std::int64_t>(limit - found.size()));
    while (query.next()) {
        PastPlace place{query.integer(0), std::string(query.text(1)), change_from(query, 2), change_from(query, 6),
                        false};
        place.removed = query.integer(10) == 0 && place.ended->lsn != next;
        found.push_back(std::move(place));
    }
    return found;
}

std::optional<Oid> Past::oid_of(NodeId id) {
    auto query =
        db_.query("SELECT oid FROM node WHERE id = ?1 UNION ALL SELECT g.oid FROM gone AS g WHERE g.node = ?1 LIMIT 1");
    query.bind(id);
    return query.next() ? base::id_from(query.blob(0)) : std::nullopt;
}

// ---- facts from the log ----

namespace {

void take_meta(const MetaFacet& meta, bool until_then, PastFacts& facts) {
    for (const MetaEntry& entry : meta.entries) {
        if (entry.ns != kFactNamespace) {
            auto [at, added] = facts.props.try_emplace({entry.ns, entry.name});
            if (until_then) at->second = entry.value;
            continue;
        }
        if (!until_then || !entry.value) continue;
        if (entry.name == "exec") facts.exec = *entry.value == "1";
        std::int64_t number = 0;
        const char* end = entry.value->data() + entry.value->size();
        if (entry.name == "mtime_ns" && std::from_chars(entry.value->data(), end, number).ec == std::errc())
            facts.mtime_ns = number;
    }
}

void take_record(std::string_view octets, bool until_then, PastFacts& facts) {
    const auto body = decode(octets);
    if (!body) return;
    if (body->create && facts.created_ms == 0) facts.created_ms = body->create->created_ms;
    if (body->content && until_then) {
        facts.exec = body->content->exec;
        facts.mtime_ns = body->content->mtime_ns;
    }
    if (body->meta) take_meta(*body->meta, until_then, facts);
}

}  // namespace

std::map<Oid, PastFacts> past_facts(Store& store, SpaceId space, std::span<const Oid> oids, Lsn at) {
    const std::set<Oid> wanted(oids.begin(), oids.end());
    std::map<Oid, PastFacts> found;
    Lsn last = store.read([](ReadTxn& txn) { return txn.lsn(); });
    for (Lsn from = 1; from <= last; from += kLogPiece) {
        store.read([&](ReadTxn& txn) {
            auto query = static_cast<ReadView&>(txn).connection().query(
                "SELECT lsn, oid, body FROM log WHERE lsn >= ?1 AND lsn < ?2 AND space = ?3 AND kind = ?4"
                " ORDER BY lsn");
            query.bind(from).bind(from + kLogPiece).bind(space).bind(static_cast<std::int64_t>(RecordKind::node));
            while (query.next()) {
                const auto oid = base::id_from(query.blob(1));
                if (oid && wanted.contains(*oid)) take_record(query.blob(2), query.integer(0) <= at, found[*oid]);
            }
        });
    }
    return found;
}

// ---- octets ----

PastOctets open_past(Store& store, const PastNode& node) {
    PastOctets octets;
    if (!node.content) return octets;
    const PastContent& content = *node.content;
    Lsn settled_after = content.ended ? content.ended->lsn : 0;
    store.read([&](ReadTxn& txn) {
        const bool item = node.kind == NodeKind::event || node.kind == NodeKind::card;
        if (item) {
            if (content.hash) octets.text = txn.body(*content.hash);
            return;
        }
        if (!content.place.empty()) {
            octets.path = content.place;
        } else if (content.ended) {
            if (content.hash) octets.path = version_path(*content.hash);
        } else if (const auto now = txn.by_oid(node.space, node.oid)) {
            // It may have got another content since; then what is asked for is a version.
            if (now->content_lsn != content.written.lsn) return;
            octets.path = txn.disk_path(*now);
            settled_after = txn.lsn();
        }
    });
    if (octets.path.empty()) return octets;
    store.settle(settled_after);
    if (store.behind(octets.path)) return octets;
    octets.file = store.tree().open(octets.path);
    return octets;
}

}  // namespace storage
