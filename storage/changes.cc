#include "storage/changes.h"

#include <algorithm>
#include <utility>

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
    must_last_ = false;
    lsn_ = number("SELECT value FROM meta WHERE key = 'lsn_last'");
    flushed_lsn_ = lsn_;
    origin_ = number("SELECT value FROM meta WHERE key = 'origin'");
    hlc_ = number("SELECT value FROM meta WHERE key = 'hlc_last'");
    // Ids of nodes that history still names are not used again.
    last_node_ = std::max({last_node_, number("SELECT max(id) FROM node"), number("SELECT max(node) FROM gone")});
    auto query = db_.query("SELECT " SPACE_COLUMNS ", next_seq FROM space");
    while (query.next()) {
        Counters counters{space_from(query), query.integer(kSpaceColumns), {}, 0, false, {}};
        if (counters.space.kind == SpaceKind::sys) sys_ = counters.space.id;
        spaces_.emplace(counters.space.id, std::move(counters));
    }
}

Stamp Ledger::append(SpaceId space, RecordKind kind, const Oid& oid, const Author& author, const RecordBody& body) {
    const auto at = spaces_.find(space);
    if (at == spaces_.end()) throw base::Failure(base::Fault::corrupt, "no space with id " + std::to_string(space));
    Counters& counters = at->second;
    if (counters.space.kind != SpaceKind::files) must_last_ = true;
    LogRecord record;
    record.at_ms = clock_.now_ms();
    record.dot = {origin_, counters.next_seq++};
    hlc_ = std::max(record.at_ms << 16, hlc_ + 1);
    record.hlc = hlc_;
    record.kind = kind;
    record.oid = oid;
    record.author = author;
    record.body = encode(body);
    counters.dirty = true;
    insert(++lsn_, space, record);
    counters.own_lsn = lsn_;
    return counters.last = {lsn_, record.dot, record.hlc, record.at_ms};
}

Stamp Ledger::append_foreign(SpaceId space, const LogRecord& record) {
    CHECK(known(space, record.dot.origin) + 1 == record.dot.seq);
    must_last_ = true;
    // Whatever is written here from now on outranks what was applied.
    hlc_ = std::max(hlc_, record.hlc);
    insert(++lsn_, space, record);
    Counters& counters = spaces_.at(space);
    counters.foreign[record.dot.origin] = {record.dot.seq, lsn_, true};
    return counters.last = {lsn_, record.dot, record.hlc, record.at_ms};
}

void Ledger::insert(Lsn lsn, SpaceId space, const LogRecord& record) {
    auto query = db_.query(
        "INSERT INTO log (lsn, space, origin, seq, hlc, kind, oid, cause, actor, request_id, at_ms, body)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)");
    const auto bind_id = [&query](const base::Id128& id) {
        if (id.is_zero())
            query.bind_null();
        else
            query.bind_blob(id.view());
    };
    query.bind(lsn).bind(space).bind(record.dot.origin).bind(record.dot.seq).bind(record.hlc);
    query.bind(static_cast<std::int64_t>(record.kind));
    bind_id(record.oid);
    query.bind(static_cast<std::int64_t>(record.author.cause));
    bind_id(record.author.actor);
    bind_id(record.author.request_id);
    query.bind(record.at_ms).bind_blob(record.body).run();
}

std::int64_t Ledger::known(SpaceId id, std::int64_t origin) {
    if (origin == origin_) return last_seq(id);
    const auto at = spaces_.find(id);
    if (at == spaces_.end()) return 0;
    const auto found = at->second.foreign.find(origin);
    if (found != at->second.foreign.end()) return found->second.seq;
    auto query = db_.query("SELECT seq, lsn FROM vector WHERE space = ?1 AND origin = ?2");
    query.bind(id).bind(origin);
    Counters::Foreign row;
    if (query.next()) row = {query.integer(0), query.integer(1), false};
    at->second.foreign[origin] = row;
    return row.seq;
}

void Ledger::flush() {
    const auto put = [this](SpaceId id, const Dot& dot, Lsn lsn) {
        db_.query(
               "INSERT INTO vector (space, origin, seq, lsn) VALUES (?1, ?2, ?3, ?4)"
               " ON CONFLICT (space, origin) DO UPDATE SET seq = ?3, lsn = max(lsn, ?4)")
            .bind(id)
            .bind(dot.origin)
            .bind(dot.seq)
            .bind(lsn)
            .run();
    };
    for (auto& [id, counters] : spaces_) {
        for (auto& [origin, row] : counters.foreign) {
            if (std::exchange(row.dirty, false)) put(id, {origin, row.seq}, row.lsn);
        }
        if (!std::exchange(counters.dirty, false)) continue;
        db_.query("UPDATE space SET next_seq = ?2, used_bytes = ?3 WHERE id = ?1")
            .bind(id)
            .bind(counters.next_seq)
            .bind(counters.space.used_bytes)
            .run();
        if (counters.next_seq > 1) put(id, {origin_, counters.next_seq - 1}, counters.own_lsn);
    }
    if (flushed_lsn_ == lsn_) return;
    flushed_lsn_ = lsn_;
    db_.query(
           "UPDATE meta SET value = CASE key WHEN 'hlc_last' THEN ?1 ELSE ?2 END WHERE key IN ('hlc_last', 'lsn_last')")
        .bind(hlc_)
        .bind(lsn_)
        .run();
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
    spaces_.insert_or_assign(space.id, Counters{space, 1, {}, 0, true, {}});
}

void Ledger::use(SpaceId id, std::int64_t more_bytes) {
    if (more_bytes == 0) return;
    const auto at = spaces_.find(id);
    if (at == spaces_.end()) return;
    at->second.space.used_bytes += more_bytes;
    at->second.dirty = true;
}

}  // namespace storage
