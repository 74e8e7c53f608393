#pragma once

#include <limits>

#include "storage/fresh.h"
#include "storage/locked_nodes.h"
#include "storage/log_sync.h"
#include "storage/sql.h"
#include "storage/txn.h"

namespace storage {

// The columns of a node and of a space in the order node_from and space_from take them.
#define SHOWN_COLUMNS \
    "n.id, n.oid, n.space, n.parent, n.name, n.kind, n.created_ms, n.mtime_ns, n.exec, n.size, n.hash, n.tree"
#define NODE_COLUMNS \
    SHOWN_COLUMNS ", n.c_origin, n.c_seq, n.p_origin, n.p_seq, n.content_lsn, n.placed_lsn, n.changed_lsn"
inline constexpr int kShownColumns = 12;
inline constexpr int kNodeColumns = 19;
// What a row of `prop` p counts in its space. Of what was removed the name is kept.
#define PROP_BYTES \
    "(length(CAST(p.ns AS BLOB)) + length(CAST(p.name AS BLOB)) + coalesce(length(CAST(p.value AS BLOB)), 0))"
#define SPACE_COLUMNS "id, uid, kind, owner, root_node, dir, epoch, used_bytes"
inline constexpr int kSpaceColumns = 8;

void node_from(const sql::Query& query, Node& node);   // assigns in place: a listing reuses its row's memory
void shown_from(const sql::Query& query, Node& node);  // what SHOWN_COLUMNS are, and nothing else
Space space_from(const sql::Query& query);

// The columns of a lock in the order lock_from takes them, from column `first` on.
#define LOCK_COLUMNS "l.token, l.node, l.depth, l.scope, l.principal, l.owner_xml, l.href, l.expires_ms"
Lock lock_from(const sql::Query& query, int first);

// Where the folder of a node without a parent stands that is not the root of a space: a copy being built (no name) in
// staging, a removal being drained in trash, under the dot that hid it.
std::string hidden_path(const Oid& oid, std::string_view name, Lsn placed_lsn);
// By the lsn of the removal: it is unique on this server, where a seq is counted in each space anew.
std::string trash_path(Lsn lsn);
std::string version_path(const base::Hash& hash);

struct ListingQueries;  // the queries of one listing

// The read verbs over one connection, for ReadTxn (a connection of the pool) and WriteTxn (the writer's own).
template <typename Base>
class Reading : public Base {
  public:
    Reading(sql::Connection& db, const FreshFacts& fresh, const LockedNodes& locked, const base::Clock& clock)
        : db_(db), fresh_(fresh), locked_(locked), clock_(clock) {}

    Lsn lsn() const override;
    std::optional<Space> space(SpaceId id) override;
    std::optional<Space> space_of(SpaceKind kind, const base::Id128& owner) override;
    std::vector<Space> spaces() override;
    std::optional<Node> node(NodeId id) override;
    std::optional<Node> by_oid(SpaceId space, const Oid& oid) override;
    std::optional<Node> child(NodeId parent, std::string_view name) override;
    std::vector<NodeId> children(NodeId parent, std::span<const std::string> names) override;
    Walk walk(NodeId root, std::span<const std::string> names) override;
    base::Segments path_of(NodeId id) override;
    std::string disk_path(const Node& node) override;
    std::size_t list(NodeId parent, Need needs, std::string_view after, std::size_t limit,
                     const std::function<void(const Row&)>& each) override;
    std::size_t count_children(NodeId parent) override;
    std::optional<Row> row(NodeId id, Need needs) override;
    void rows(std::span<const NodeId> ids, Need needs, const std::function<void(const Row&)>& each) override;
    bool subtree(NodeId root, std::size_t limit, const std::function<void(const Node&)>& each) override;
    bool changed_below(const Node& root, Lsn since) override;
    std::optional<FileFacts> disk(NodeId id) override;
    std::optional<std::string> body(const base::Hash& hash) override;
    std::vector<Prop> props(NodeId id) override;
    std::vector<Lock> locks_at(std::span<const Node> nodes) override;
    std::vector<Lock> locks_below(NodeId id, std::size_t limit) override;
    std::vector<Lock> locks() override;
    LockCount count_locks(const base::Id128& principal) override;
    std::optional<std::string> kv(const KvKey& at) override;
    std::vector<KvRow> kv_rows(std::string_view table) override;
    std::vector<KvRow> kv_rows(std::string_view table, std::string_view key) override;
    std::vector<KvMark> kv_marks(std::string_view table) override;
    sql::Connection& connection() override { return db_; }
    std::optional<std::string> local(std::string_view table, std::string_view key) override;
    Past past() override;
    std::vector<Dot> vector(SpaceId space) override;
    Feed records(SpaceId space, std::span<const Dot> known, Lsn from, const FeedLimits& limits) override;
    SyncState sync_state(SpaceId space) override;
    SyncPage sync_changes(const SyncAsk& ask) override;
    Lsn first_not_covered(SpaceId space, const SyncToken& token) override;

  protected:
    // The writer's rows lag behind its counters until the commit: these bring what was read up to date.
    virtual void adjust(Node&) const {}
    virtual void adjust(Space&) const {}
    // Records that others may hear of; and that they will hear of those up to `lsn` by a token.
    virtual Lsn told_up_to() const { return std::numeric_limits<Lsn>::max(); }
    virtual void will_tell(Lsn) const {}

    std::optional<Node> first(sql::Query& query) const;

    sql::Connection& db_;
    const FreshFacts& fresh_;
    const LockedNodes& locked_;
    const base::Clock& clock_;  // which locks are live

  private:
    std::size_t give(const ListingQueries& from, Need needs, std::size_t limit,
                     const std::function<void(const Row&)>& each);

    mutable std::optional<Lsn> lsn_;
};

class ReadView final : public Reading<ReadTxn> {
  public:
    ReadView(sql::Connection& db, const FreshFacts& fresh, const LockedNodes& locked, const base::Clock& clock,
             LogSync* log_sync)
        : Reading(db, fresh, locked, clock), log_sync_(log_sync) {}
    Lsn last_before(std::int64_t at_ms);  // the last record older than that; 0 = none

  protected:
    Lsn told_up_to() const override;
    void will_tell(Lsn lsn) const override;

  private:
    LogSync* log_sync_;  // null: what is visible is durable
};

}  // namespace storage
