#include <algorithm>
#include <string>

#include "storage/history.h"
#include "storage/writing.h"

// The job that thins history, in turns of bounded length, each a commit of its own.
//
// Time: a state can only go when its end passes one of the ages of the policy (retention.h). For each age there is a
// position in `version`, which grows with the time of the end: all before it was looked at. A turn looks at what lies
// between the position and the last record of that age, and moves the position in the same commit. So each row is
// looked at once per age, however many there are, and a turn that is cut is made again.
//
// Share of the disk: the octets are counted up to one more position and subtracted as they go. Above the share rows go
// from a position of the first pass, and when that is at the end, of the second.
namespace storage {

namespace {

constexpr std::string_view kBytes = "bytes";
constexpr std::string_view kCounted = "counted";
constexpr std::array<std::string_view, 2> kPasses = {"others", "last_states"};  // as in Thinning

// A tree that is put back is hidden until all of it is there. Its objects are neither here nor gone meanwhile.
bool is_putting_back(sql::Connection& db) {
    auto query = db.query(
        "SELECT 1 FROM node AS n CROSS JOIN log AS l ON l.lsn = n.placed_lsn"
        " WHERE n.parent IS NULL AND n.name = '' AND l.cause = ?1 LIMIT 1");
    query.bind(static_cast<std::int64_t>(Cause::restore));
    return query.next();
}

}  // namespace

std::int64_t history_bytes(sql::Connection& db) {
    auto query = db.query("SELECT value FROM local WHERE tbl = ?1 AND key = ?2");
    query.bind_text(kHistory).bind_text(kBytes);
    return query.next() ? std::stoll(std::string(query.blob(0))) : 0;
}

// A row of `version` and what the rule wants to know of it.
struct VersionRow {
    Position at;
    SpaceId space = 0;
    std::string oid, hash, place;
    Lsn last_lsn = 0;  // of the last state, where the object is not there
    PastState state;
};

class Writing::Expiry {
  public:
    Expiry(Writing& txn, const HistoryTurn& turn, std::size_t limit)
        : txn_(txn), db_(txn.db_), turn_(turn), left_(limit), bytes_(history_bytes(txn.db_)) {}

    void run() {
        count();
        const auto ages = ages_of(turn_.policy);
        for (std::size_t i = 0; i < kAges; ++i) pass_age(ages[i].name, turn_.passed[i], i == kTrashAge);
        for (const Thinning pass : {Thinning::others, Thinning::last_states}) thin(pass);
        if (bytes_ != history_bytes(db_)) txn_.set_local(kHistory, kBytes, std::to_string(bytes_));
    }
    std::size_t left() const { return left_; }

  private:
    Position position(std::string_view key) {
        const auto kept = txn_.local(kHistory, key);
        return kept ? position_from(*kept) : Position{};
    }
    void set_position(std::string_view key, const Position& was, const Position& now) {
        if (now != was) txn_.set_local(kHistory, key, text_of(now));
    }

    std::vector<VersionRow> page(const Position& after, Lsn up_to);
    std::vector<VersionRow> earlier_states(const VersionRow& last);
    VersionRow row_from(const sql::Query& query);
    void count();
    void pass_age(std::string_view key, Lsn up_to, bool trash);
    bool drop_with_earlier(const VersionRow& last);
    void thin(Thinning pass);
    void drop(const VersionRow& row);
    void drop_shared(const VersionRow& row);

    Writing& txn_;
    sql::Connection& db_;
    const HistoryTurn& turn_;
    std::size_t left_;  // rows that may still be looked at
    std::int64_t bytes_;
    Stamp stamp_;
};

#define VERSION_STATE                                                                                               \
    "SELECT v.id, v.space, v.oid, v.hash, v.size, v.place, v.pinned, v.to_lsn, v.last_lsn,"                         \
    " coalesce((SELECT l.at_ms FROM log AS l WHERE l.lsn <= v.from_lsn ORDER BY l.lsn DESC LIMIT 1), 0),"           \
    " coalesce((SELECT l.at_ms FROM log AS l WHERE l.lsn <= v.to_lsn ORDER BY l.lsn DESC LIMIT 1), 0),"             \
    " CASE WHEN v.last_lsn IS NULL THEN NULL ELSE coalesce((SELECT l.at_ms FROM log AS l WHERE l.lsn <= v.last_lsn" \
    " ORDER BY l.lsn DESC LIMIT 1), 0) END"                                                                         \
    " FROM (SELECT w.rowid AS id, w.space, w.oid, w.hash, w.size, w.place, w.pinned, w.from_lsn, w.to_lsn,"         \
    " CASE WHEN EXISTS (SELECT 1 FROM node AS n WHERE n.space = w.space AND n.oid = w.oid) THEN NULL"               \
    " ELSE (SELECT max(x.to_lsn) FROM version AS x WHERE x.space = w.space AND x.oid = w.oid) END AS last_lsn"      \
    " FROM version AS w"

VersionRow Writing::Expiry::row_from(const sql::Query& query) {
    VersionRow row;
    row.at = {query.integer(7), query.integer(0)};
    row.space = query.integer(1);
    row.oid = query.blob(2);
    row.hash = query.blob(3);
    row.place = query.text(5);
    row.last_lsn = query.integer(8);
    row.state.from_ms = query.integer(9);
    row.state.to_ms = query.integer(10);
    row.state.bytes = query.integer(4);
    row.state.pinned = query.integer(6) != 0;
    if (!query.is_null(11)) row.state.removed_ms = query.integer(11);
    row.state.last = row.last_lsn == row.at.lsn;
    return row;
}

// The next rows, in one query whatever is wanted of them.
std::vector<VersionRow> Writing::Expiry::page(const Position& after, Lsn up_to) {
    std::vector<VersionRow> rows;
    const std::int64_t first = left_ == 0 || up_to < after.lsn ? 0 : first_version(db_, after.lsn);
    if (first == 0) return rows;
    auto query = db_.query(VERSION_STATE
                           " WHERE w.rowid >= ?1 AND NOT (w.to_lsn = ?2 AND w.rowid <= ?3)"
                           " ORDER BY w.rowid LIMIT ?4) AS v ORDER BY v.id");
    query.bind(first).bind(after.lsn).bind(after.row).bind(static_cast<std::int64_t>(left_));
    while (query.next() && query.integer(7) <= up_to) rows.push_back(row_from(query));
    return rows;
}

// What is new since the last turn. Bytes that several rows share count with the first of them.
void Writing::Expiry::count() {
    const Position before = position(kCounted);
    Position at = before;
    const std::int64_t first = first_version(db_, at.lsn);
    if (first == 0) return;
    auto query = db_.query(
        "SELECT v.rowid, v.to_lsn, v.size, v.place IS NULL AND (v.hash IS NULL OR EXISTS (SELECT 1 FROM version AS w"
        " WHERE w.hash = v.hash AND w.place IS NULL AND w.rowid < v.rowid)) FROM version AS v"
        " WHERE v.rowid >= ?1 AND NOT (v.to_lsn = ?2 AND v.rowid <= ?3) ORDER BY v.rowid LIMIT ?4");
    query.bind(first).bind(before.lsn).bind(before.row).bind(static_cast<std::int64_t>(left_));
    while (query.next()) {
        at = {query.integer(1), query.integer(0)};
        if (query.integer(3) == 0) bytes_ += query.integer(2);
        --left_;
    }
    set_position(kCounted, before, at);
}

void Writing::Expiry::pass_age(std::string_view key, Lsn up_to, bool trash) {
    if (left_ == 0) return;  // what was not counted yet may not go
    const Position before = position(key);
    Position at = before;
    for (const VersionRow& row : page(before, up_to)) {
        if (left_ == 0) break;
        --left_;
        if (outlived(row.state, turn_.policy, turn_.now_ms)) {
            if (!trash || !row.state.last)
                drop(row);
            else if (!drop_with_earlier(row))
                break;  // the next turn goes on with it
        }
        at = row.at;
    }
    // All of that age was looked at: whatever ends from now on is younger.
    if (left_ > 0) at = std::max(at, Position{up_to, Position::kAllRows});
    set_position(key, before, at);
}

// What was removed goes as a whole. Its last state comes last: until it went, it is found again.
bool Writing::Expiry::drop_with_earlier(const VersionRow& last) {
    for (const VersionRow& row : earlier_states(last)) {
        if (left_ == 0) return false;
        --left_;
        if (!row.state.pinned) drop(row);
    }
    drop(last);
    return true;
}

std::vector<VersionRow> Writing::Expiry::earlier_states(const VersionRow& last) {
    std::vector<VersionRow> rows;
    auto query = db_.query(VERSION_STATE
                           " WHERE w.space = ?1 AND w.oid = ?2 AND w.to_lsn < ?3 AND w.pinned = 0"
                           " ORDER BY w.to_lsn LIMIT ?4) AS v ORDER BY v.id");
    query.bind(last.space).bind_blob(last.oid).bind(last.at.lsn).bind(static_cast<std::int64_t>(left_) + 1);
    while (query.next()) rows.push_back(row_from(query));
    return rows;
}

void Writing::Expiry::thin(Thinning pass) {
    if (turn_.share_bytes == 0 || bytes_ <= turn_.share_bytes) return;
    const std::string_view key = kPasses[static_cast<std::size_t>(pass)];
    const Position before = position(key);
    Position at = before;
    for (const VersionRow& row : page(before, Position::kAllRows)) {
        if (bytes_ <= turn_.share_bytes) break;
        --left_;
        if (may_go(row.state, pass)) drop(row);
        at = row.at;
    }
    set_position(key, before, at);
}

void Writing::Expiry::drop(const VersionRow& row) {
    txn_.begin_verb();
    db_.query("DELETE FROM version WHERE rowid = ?1").bind(row.at.row).run();
    if (row.place.empty()) {
        if (!row.hash.empty()) drop_shared(row);
        return;
    }
    bytes_ -= row.state.bytes;
    // Inside a folder whose time in trash is over: goes with it (discard_trash).
    const std::string_view below = std::string_view(row.place).substr(kTrashFolder.size() + 1);
    if (below.find('/') == std::string_view::npos || removal_of(below) > turn_.passed[kTrashAge])
        txn_.discard(row.place, stamp_);
}

void Writing::Expiry::drop_shared(const VersionRow& row) {
    {
        auto query = db_.query("SELECT 1 FROM version WHERE hash = ?1 AND place IS NULL LIMIT 1");
        query.bind_blob(row.hash);
        if (query.next()) return;
    }
    bytes_ -= row.state.bytes;
    db_.query(
           "DELETE FROM body WHERE hash = ?1 AND NOT EXISTS (SELECT 1 FROM node INDEXED BY node_body"
           " WHERE node.hash = ?1 AND node.kind IN (5, 6))")
        .bind_blob(row.hash)
        .run();
    const auto hash = base::hash_from(row.hash);
    if (!hash) return;
    // The octets of a card have no file there, unless a file of the same octets was kept too.
    const Space* space = txn_.ledger_.find(row.space);
    const std::string path = version_path(*hash);
    if (!space || !space->dir.empty() || txn_.tree_.stat(path)) txn_.discard(path, stamp_);
}

std::size_t Writing::expire_history(const HistoryTurn& turn, std::size_t limit) {
    if (is_putting_back(db_)) return 0;
    Expiry expiry(*this, turn, limit);
    expiry.run();
    return limit - expiry.left();
}

}  // namespace storage
