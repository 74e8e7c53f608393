#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/path.h"
#include "storage/indexer.h"
#include "storage/node.h"
#include "storage/replication/apply.h"
#include "storage/replication/feed.h"
#include "storage/staging.h"
#include "storage/sync.h"

namespace sql {
class Connection;
}

namespace storage {

struct KvFacet;
struct Rank;
class Past;

// What a path leads to below the root of a space. chain[0] is the root; chain.size() - 1 segments were found.
struct Walk {
    std::vector<Node> chain;
    std::size_t missing = 0;  // segments without a node: 0 = found, 1 = only the last one is absent
    bool found() const { return missing == 0; }
    const Node& last() const { return chain.back(); }
    // File steps up to this lsn must be done before the disk shows what these rows say.
    Lsn settled_after() const;
    // Where the last node lies below the storage root, without asking again: the chain of a walk from `space`'s root.
    std::string disk_path(const Space& space) const;
};

// The key of one field in `kv`: replicated rows of accounts, groups, app passwords, shares, peers.
struct KvKey {
    std::string table;  // "user", "app_password", "member", "quota", …
    std::string key;
    std::string field;
};
struct KvRow {
    KvKey at;
    std::string value;
};
// One head of a row, shown or beside it, removed values too. Whatever happens to a row changes its set of marks.
struct KvMark {
    KvKey at;
    Dot dot;
};

// A consistent view of the store. Lives inside store.read or store.write only; one thread. Never waits for a client.
class ReadTxn {
  public:
    virtual ~ReadTxn() = default;

    virtual Lsn lsn() const = 0;  // highest record this view contains

    virtual std::optional<Space> space(SpaceId id) = 0;
    virtual std::optional<Space> space_of(SpaceKind kind, const base::Id128& owner) = 0;
    virtual std::vector<Space> spaces() = 0;

    virtual std::optional<Node> node(NodeId id) = 0;
    virtual std::optional<Node> by_oid(SpaceId space, const Oid& oid) = 0;
    // Exact octets first, then the name key (NFC), so that a client that sends NFD finds an NFC name.
    virtual std::optional<Node> child(NodeId parent, std::string_view name) = 0;
    // What `child` finds of each of these names; 0: nothing.
    virtual std::vector<NodeId> children(NodeId parent, std::span<const std::string> names) = 0;
    virtual Walk walk(NodeId root, std::span<const std::string> names) = 0;
    virtual base::Segments path_of(NodeId id) = 0;        // names below the space's root
    virtual std::string disk_path(const Node& node) = 0;  // below the storage root: "files/ana/a/b.txt"

    // Members of a collection in name order, after `after` (empty = from the start), at most `limit`; `each` sees rows
    // one by one (nothing is collected), with what `needs` asks for fetched in one query each. Returns how many were
    // given.
    virtual std::size_t list(NodeId parent, Need needs, std::string_view after, std::size_t limit,
                             const std::function<void(const Row&)>& each) = 0;
    virtual std::size_t count_children(NodeId parent) = 0;
    // The node with its needs; like a listing of one.
    virtual std::optional<Row> row(NodeId id, Need needs) = 0;
    // These nodes in this order, with one query each; those that are not there are left out.
    virtual void rows(std::span<const NodeId> ids, Need needs, const std::function<void(const Row&)>& each) = 0;
    // The node and all below it, parents before children. Stops (false) after `limit` nodes.
    virtual bool subtree(NodeId root, std::size_t limit, const std::function<void(const Node&)>& each) = 0;
    // Whether the node, or one that is below it now, has a record after `since`: content, place, properties or time.
    // Costs by what changed in its space since then, not by the tree. What was removed is not seen.
    virtual bool changed_below(const Node& root, Lsn since) = 0;

    virtual std::optional<FileFacts> disk(NodeId id) = 0;
    virtual std::optional<std::string> body(const base::Hash& hash) = 0;  // octets of a card or event
    virtual std::vector<Prop> props(NodeId id) = 0;

    // Live locks (locks.h). `locks_at`: rooted at one of these nodes, as the chain of a walk. `locks_below`: rooted
    // strictly below, the nearest first, at most `limit`. `locks_at` costs next to nothing where nothing is locked.
    virtual std::vector<Lock> locks_at(std::span<const Node> nodes) = 0;
    virtual std::vector<Lock> locks_below(NodeId id, std::size_t limit) = 0;
    virtual std::vector<Lock> locks() = 0;  // all, in the order of their hrefs
    virtual LockCount count_locks(const base::Id128& principal) = 0;

    virtual std::optional<std::string> kv(const KvKey& at) = 0;
    virtual std::vector<KvRow> kv_rows(std::string_view table) = 0;                        // in key, field order
    virtual std::vector<KvRow> kv_rows(std::string_view table, std::string_view key) = 0;  // of one key
    virtual std::vector<KvMark> kv_marks(std::string_view table) = 0;                      // in key, field, dot order

    // For queries of a domain's own tables; node and prop are read by the verbs above.
    virtual sql::Connection& connection() = 0;

    // Local values that are never logged (counters, last use).
    virtual std::optional<std::string> local(std::string_view table, std::string_view key) = 0;

    // What another home lacks of a space (feed.h).
    virtual Feed records(SpaceId space, std::span<const Dot> known, Lsn from, const FeedLimits& limits) = 0;
    // What was: past.h. Of this view, and not to outlive it.
    virtual Past past() = 0;

    // Vector of what this view contains of a space: the sync token is made of it.
    virtual std::vector<Dot> vector(SpaceId space) = 0;

    // What tokens are made of and compared with. In a WriteTxn without what its group wrote.
    virtual SyncState sync_state(SpaceId space) = 0;
    virtual SyncPage sync_changes(const SyncAsk& ask) = 0;
    // The first record of the space that the token's vector does not cover; one after the last when it covers all.
    // Reads the log of the space: for tokens of other servers only.
    virtual Lsn first_not_covered(SpaceId space, const SyncToken& token) = 0;
};

enum class Put { created, replaced };

// An object that is not there any more and comes back under its id. No row may have that.
struct Revive {
    Oid oid;
    std::int64_t created_ms = 0;
    std::vector<PropChange> lost =
        {};  // removals of properties it had at another time: other homes may know them still
};

// The verbs. Nothing else touches node, log, prop, kv; each appends its one log record, keeps history (`version`,
// `gone`), folder digests and used bytes right, and queues its file steps. Runs on the writer thread. A function given
// to store.write does all its checks before its first verb: there is no savepoint per function, and a throw after a
// verb rolls the whole group back and runs its functions one by one.
class WriteTxn : public ReadTxn {
  public:
    // Whatever the level of durability: the write returns when its commit is synced. What is recorded outside spaces of
    // files, locks, and what comes from another home ask by themselves.
    virtual void require_durable() = 0;

    // A new space with its root folder (`dir` on disk, made by a file step). sys exists from the start. Its uid and the
    // oid of its root follow from kind and owner: homes that make it on their own make the same.
    virtual Space make_space(SpaceKind kind, const base::Id128& owner, std::string dir, const Author& author) = 0;
    // Renames the space's folder; `dir` is free. No record: where a space stands is a matter of each server.
    virtual void move_space(SpaceId space, std::string dir) = 0;
    // Renames the space's folder into trash and forgets its nodes. Says where the files went.
    virtual std::string remove_space(SpaceId space, const Author& author) = 0;

    struct Make {
        NodeId parent = 0;
        std::string name;
        NodeKind kind = NodeKind::folder;
        std::optional<Oid> oid;  // empty = new UUIDv7
        std::span<const PropChange> props = {};
    };
    virtual Node make(const Make& what, const Author& author) = 0;  // the name must be free

    struct PutContent {
        NodeId parent = 0;
        std::string name;
        NodeKind kind = NodeKind::file;
        std::optional<std::int64_t> mtime_ns;  // empty = now
        std::optional<bool> exec;              // empty = as it was
        std::span<const PropChange> props = {};
        std::optional<Revive> revive = {};  // where the name is free
        // Contents that stand beside the one that shows, and are in this one: it replaces them too.
        std::span<const Dot> takes_up = {};
    };
    struct PutResult {
        Put outcome;
        Node node;
    };
    // Creates or replaces the content of (parent, name). The staged file of `content` belongs to the redo entry once
    // the group is committed and stays the caller's until then (the function may run again): staged content is owned
    // outside the function, inline content may be a temporary.
    virtual PutResult put(const PutContent& what, Content&& content, const IndexEntry& index, const Author& author) = 0;
    // MOVE inside a space: one record and one rename whatever is below. The new name must be free.
    virtual Node place(NodeId id, NodeId parent, std::string_view name, const Author& author) = 0;

    // Removes the node and all below: one record, one file step, everything kept in history. Above kRemoveAtOnceMax
    // nodes the subtree is hidden by this commit and drained in groups later.
    virtual void remove(NodeId id, const Author& author) = 0;

    // A copy being built: a hidden folder (no parent) with its own folder under .hearth/staging. Members are added by
    // add_copied, in groups of at most kCopyGroupMax per transaction; `place` of the hidden root shows it in one step.
    virtual Node make_hidden(SpaceId space, const Author& author, const std::optional<Revive>& revive = {},
                             NodeKind kind = NodeKind::folder) = 0;
    struct Copied {
        NodeId parent = 0;  // inside the hidden tree
        std::string name;
        NodeKind kind = NodeKind::file;
        std::int64_t mtime_ns = 0;
        bool exec = false;
        std::int64_t size = 0;
        std::optional<base::Hash> hash;  // of a card or an event: its octets are in `body` already
        std::optional<FileFacts> facts;  // files: already copied to their place under staging
        std::vector<PropChange> props;
        std::optional<Revive> revive = {};
    };
    virtual std::vector<NodeId> add_copied(std::span<const Copied> members, const Author& author) = 0;

    // Properties, DAV's time and the x bit: one record, or none when nothing changes. Of a file only the mode changes
    // on disk; its time there stays as it was written, so that `disk` still knows it.
    virtual void set_props(NodeId id, const PropChanges& changes, const Author& author) = 0;
    virtual void set_kv(const KvKey& at, std::optional<std::string_view> value, const Author& author) = 0;
    // What a record of another home says about its row; the record is in the log already. See replication/kv_state.h.
    virtual void take_kv(const KvFacet& record, const Rank& rank) = 0;

    // Keeps one state of the past, the one that ended with that record, whatever retention says, until it is let go.
    enum class Pin : bool { off, on };
    virtual void pin_version(SpaceId space, const Oid& oid, Lsn to_lsn, Pin pin) = 0;

    // Local tables that are never logged. Locks: who checks what may be locked is dav; remove_lock of a token that is
    // not there does nothing. Locks go by themselves with the removal of their node, and when `place` moves it or
    // anything above (RFC 4918 §7.6).
    virtual void add_lock(const Lock& lock) = 0;  // its node is there; drops what has expired
    virtual void refresh_lock(std::string_view token, std::int64_t expires_ms) = 0;
    virtual void remove_lock(std::string_view token) = 0;
    virtual void set_disk(NodeId id, const FileFacts& facts) = 0;
    virtual void set_local(std::string_view table, std::string_view key, std::optional<std::string_view> value) = 0;

    // Records of other homes, each after those that it names; what is known already is passed over. Afterwards the
    // space shows what all its records together say. Throws MissingContents when octets are wanted first; a hole in the
    // numbers of an origin or a body that can not be read is a Failure, Fault::corrupt. Says how many were new.
    virtual std::size_t apply(SpaceId space, std::span<const LogRecord> records, FetchedContents& fetched) = 0;
};

inline constexpr std::size_t kCopyGroupMax = 256;
inline constexpr std::size_t kRemoveAtOnceMax = 2000;
inline constexpr std::size_t kListPageMax = 1'000'000;

}  // namespace storage
