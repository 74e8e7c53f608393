#include "storage/changes.h"

#include <algorithm>

#include "storage/base/failure.h"
#include "storage/reading.h"
#include "storage/sql.h"

namespace storage {

void Ledger::load() {
    const auto number = [this](const char* statement) {
        auto query = db_.query(statement);
        return query.next() ? query.integer(0) : 0;
    };
    spaces_.clear();
    // Redo rows that wait may have a number without a record.
    lsn_ = std::max(number("SELECT max(lsn) FROM log"), number("SELECT max(key) / 16 FROM fs_todo"));
    flushed_lsn_ = lsn_;
    origin_ = number("SELECT value FROM meta WHERE key = 'origin'");
    hlc_ = number("SELECT value FROM meta WHERE key = 'hlc_last'");
    // Ids of nodes that history still names are not used again.
    last_node_ = std::max({last_node_, number("SELECT max(id) FROM node"), number("SELECT max(node) FROM gone")});
    auto query = db_.query("SELECT " SPACE_COLUMNS ", next_seq FROM space");
    while (query.next()) {
        Counters counters{space_from(query), query.integer(kSpaceColumns), 0, false};
        if (counters.space.kind == SpaceKind::sys) sys_ = counters.space.id;
        spaces_.emplace(counters.space.id, std::move(counters));
    }
}

Stamp Ledger::append(SpaceId space, RecordKind kind, const Oid& oid, const Author& author, const RecordBody& body) {
    const auto at = spaces_.find(space);
    if (at == spaces_.end()) throw base::Failure(base::Fault::corrupt, "no space with id " + std::to_string(space));
    Counters& counters = at->second;
    Stamp stamp;
    stamp.at_ms = clock_.now_ms();
    stamp.lsn = ++lsn_;
    stamp.dot = {origin_, counters.next_seq++};
    counters.last_lsn = stamp.lsn;
    hlc_ = std::max(stamp.at_ms << 16, hlc_ + 1);
    stamp.hlc = hlc_;
    counters.dirty = true;

    const std::string octets = encode(body);
    auto query = db_.query(
        "INSERT INTO log (lsn, space, origin, seq, hlc, kind, oid, cause, actor, request_id, at_ms, body)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)");
    query.bind(stamp.lsn).bind(space).bind(stamp.dot.origin).bind(stamp.dot.seq).bind(stamp.hlc);
    query.bind(static_cast<std::int64_t>(kind));
    if (oid.is_zero())
        query.bind_null();
    else
        query.bind_blob(oid.view());
    query.bind(static_cast<std::int64_t>(author.cause));
    if (author.actor.is_zero())
        query.bind_null();
    else
        query.bind_blob(author.actor.view());
    if (author.request_id.is_zero())
        query.bind_null();
    else
        query.bind_blob(author.request_id.view());
    query.bind(stamp.at_ms).bind_blob(octets).run();
    return stamp;
}

void Ledger::flush() {
    for (auto& [id, counters] : spaces_) {
        if (!counters.dirty) continue;
        counters.dirty = false;
        db_.query("UPDATE space SET next_seq = ?2, used_bytes = ?3 WHERE id = ?1")
            .bind(id)
            .bind(counters.next_seq)
            .bind(counters.space.used_bytes)
            .run();
        if (counters.next_seq == 1) continue;
        db_.query(
               "INSERT INTO vector (space, origin, seq, lsn) VALUES (?1, ?2, ?3, ?4)"
               " ON CONFLICT (space, origin) DO UPDATE SET seq = ?3, lsn = max(lsn, ?4)")
            .bind(id)
            .bind(origin_)
            .bind(counters.next_seq - 1)
            .bind(counters.last_lsn)
            .run();
    }
    if (flushed_lsn_ == lsn_) return;
    flushed_lsn_ = lsn_;
    db_.query("UPDATE meta SET value = ?1 WHERE key = 'hlc_last'").bind(hlc_).run();
}

const Space* Ledger::find(SpaceId id) const {
    const auto at = spaces_.find(id);
    return at == spaces_.end() ? nullptr : &at->second.space;
}

const Space& Ledger::space(SpaceId id) const {
    if (const Space* space = find(id)) return *space;
    throw base::Failure(base::Fault::corrupt, "no space with id " + std::to_string(id));
}

std::int64_t Ledger::last_seq(SpaceId id) const {
    const auto at = spaces_.find(id);
    return at == spaces_.end() ? 0 : at->second.next_seq - 1;
}

void Ledger::add_space(const Space& space) {
    spaces_.insert_or_assign(space.id, Counters{space, 1, 0, true});
}

void Ledger::use(SpaceId id, std::int64_t more_bytes) {
    if (more_bytes == 0) return;
    const auto at = spaces_.find(id);
    if (at == spaces_.end()) return;
    at->second.space.used_bytes += more_bytes;
    at->second.dirty = true;
}

}  // namespace storage
