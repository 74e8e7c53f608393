#include "storage/locks.h"

#include "storage/check.h"
#include "storage/writing.h"

namespace storage {

namespace {

// What lock_above holds for the locks of which `condition` is true. 4096: a longer chain of parents is a circle.
#define FOLDERS_ABOVE(condition)                                                                        \
    "WITH RECURSIVE up (token, node, distance) AS ("                                                    \
    "SELECT l.token, n.parent, 1 FROM lock AS l CROSS JOIN node AS n ON n.id = l.node WHERE " condition \
    " AND n.parent IS NOT NULL UNION ALL SELECT up.token, n.parent, up.distance + 1 FROM up"            \
    " CROSS JOIN node AS n ON n.id = up.node WHERE n.parent IS NOT NULL AND up.distance < 4096)"        \
    " SELECT token, node, distance FROM up"

bool has_row(sql::Connection& db, const char* statement) {
    return db.query(statement).next();
}

}  // namespace

Lock lock_from(const sql::Query& query, int first) {
    Lock lock;
    lock.token = query.text(first);
    lock.node = query.integer(first + 1);
    lock.depth = static_cast<LockDepth>(query.integer(first + 2));
    lock.scope = static_cast<LockScope>(query.integer(first + 3));
    lock.principal = base::id_from(query.blob(first + 4)).value_or(base::Id128{});
    lock.owner_xml = query.text(first + 5);
    lock.href = query.text(first + 6);
    lock.expires_ms = query.integer(first + 7);
    return lock;
}

template <typename Base>
std::vector<Lock> Reading<Base>::locks_at(std::span<const Node> nodes) {
    std::vector<Lock> found;
    for (const Node& node : nodes) {
        if (!locked_.maybe(node.id)) continue;
        auto query = db_.query("SELECT " LOCK_COLUMNS " FROM lock AS l WHERE l.node = ?1 AND l.expires_ms > ?2");
        query.bind(node.id).bind(clock_.now_ms());
        while (query.next()) found.push_back(lock_from(query, 0));
    }
    return found;
}

template <typename Base>
std::vector<Lock> Reading<Base>::locks_below(NodeId id, std::size_t limit) {
    std::vector<Lock> found;
    auto query = db_.query("SELECT " LOCK_COLUMNS
                           " FROM lock_above AS a CROSS JOIN lock AS l ON l.token = a.token"
                           " WHERE a.node = ?1 AND l.expires_ms > ?2");
    query.bind(id).bind(clock_.now_ms());
    while (found.size() < limit && query.next()) found.push_back(lock_from(query, 0));
    return found;
}

template <typename Base>
std::vector<Lock> Reading<Base>::locks() {
    std::vector<Lock> found;
    auto query =
        db_.query("SELECT " LOCK_COLUMNS " FROM lock AS l WHERE l.expires_ms > ?1 ORDER BY l.href, l.expires_ms");
    query.bind(clock_.now_ms());
    while (query.next()) found.push_back(lock_from(query, 0));
    return found;
}

template <typename Base>
LockCount Reading<Base>::count_locks(const base::Id128& principal) {
    auto query = db_.query("SELECT count(*), total(principal = ?1) FROM lock WHERE expires_ms > ?2");
    query.bind_blob(principal.view()).bind(clock_.now_ms());
    if (!query.next()) return {};
    return {static_cast<std::size_t>(query.integer(0)), static_cast<std::size_t>(query.integer(1))};
}

// Words at a time: a bit that goes is of no lock, one that stays is left alone.
void LockedNodes::load(sql::Connection& db) {
    std::array<std::uint64_t, kWords> held{};
    auto query = db.query("SELECT node FROM lock");
    while (query.next()) held[word(query.integer(0))] |= std::uint64_t{1} << bit(query.integer(0));
    for (std::size_t i = 0; i < kWords; ++i) words_[i].store(held[i]);
}

void Writing::add_lock(const Lock& lock) {
    begin_verb();
    require_durable();  // its holder relies on it; the end of one may be lost, it expires
    may_lock_.add(lock.node);
    group_.locks_went = true;
    db_.query("DELETE FROM lock WHERE expires_ms <= ?1").bind(clock_.now_ms()).run();
    auto query = db_.query(
        "INSERT INTO lock (token, node, depth, scope, principal, owner_xml, href, expires_ms)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
    query.bind_text(lock.token).bind(lock.node).bind(static_cast<std::int64_t>(lock.depth));
    query.bind(static_cast<std::int64_t>(lock.scope)).bind_blob(lock.principal.view()).bind_text(lock.owner_xml);
    query.bind_text(lock.href).bind(lock.expires_ms).run();
    db_.query("INSERT INTO lock_above (token, node, distance) " FOLDERS_ABOVE("l.token = ?1"))
        .bind_text(lock.token)
        .run();
}

void Writing::refresh_lock(std::string_view token, std::int64_t expires_ms) {
    begin_verb();
    require_durable();
    db_.query("UPDATE lock SET expires_ms = ?2 WHERE token = ?1").bind_text(token).bind(expires_ms).run();
}

void Writing::remove_lock(std::string_view token) {
    begin_verb();
    group_.locks_went = true;
    db_.query("DELETE FROM lock WHERE token = ?1").bind_text(token).run();
}

void Writing::drop_locks(NodeId top) {
    db_.query("DELETE FROM lock WHERE node = ?1").bind(top).run();
    db_.query("DELETE FROM lock WHERE token IN (SELECT token FROM lock_above WHERE node = ?1)").bind(top).run();
}

void check_locks(sql::Connection& db, std::vector<Store::Finding>& findings) {
    const bool lacks = has_row(db, FOLDERS_ABOVE("1") " EXCEPT SELECT token, node, distance FROM lock_above LIMIT 1");
    const bool extra = has_row(
        db, "SELECT token, node, distance FROM lock_above EXCEPT SELECT * FROM (" FOLDERS_ABOVE("1") ") LIMIT 1");
    if (lacks || extra) findings.push_back({"lock-index", "the folders above locks", false});
}

void Writing::repair_locks(std::vector<Store::Finding>& findings) {
    begin_verb();
    std::vector<Store::Finding> found;
    check_locks(db_, found);
    if (found.empty()) return;
    db_.query("DELETE FROM lock_above").run();
    db_.query("INSERT INTO lock_above (token, node, distance) " FOLDERS_ABOVE("1")).run();
    found.back().repaired = true;
    findings.push_back(std::move(found.back()));
}

// The class itself is instantiated in reading.cc.
template std::vector<Lock> Reading<ReadTxn>::locks_at(std::span<const Node>);
template std::vector<Lock> Reading<WriteTxn>::locks_at(std::span<const Node>);
template std::vector<Lock> Reading<ReadTxn>::locks_below(NodeId, std::size_t);
template std::vector<Lock> Reading<WriteTxn>::locks_below(NodeId, std::size_t);
template std::vector<Lock> Reading<ReadTxn>::locks();
template std::vector<Lock> Reading<WriteTxn>::locks();
template LockCount Reading<ReadTxn>::count_locks(const base::Id128&);
template LockCount Reading<WriteTxn>::count_locks(const base::Id128&);

}  // namespace storage
