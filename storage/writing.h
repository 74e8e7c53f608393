#pragma once

#include <deque>
#include <set>
#include <unordered_set>

#include "storage/changes.h"
#include "storage/digest.h"
#include "storage/history.h"
#include "storage/reading.h"
#include "storage/replication/layout.h"
#include "storage/store.h"
#include "storage/tangles.h"

namespace storage {

// What the functions of one group leave behind for after the commit.
struct Group {
    std::deque<FetchedContents> revealed;  // octets of files that came to show; before `staged`, which points here
    std::vector<FileStep> steps;           // in key order
    std::vector<Content*> staged;          // belong to their redo entries once this is committed
    std::vector<NodeId> touched;           // collections whose generation grows
    bool moved_folders = false;            // all generations grow: paths below changed
    bool locks_went = false;               // a lock was ended, or one came and expired ones left
    bool durable = false;                  // to be synced before anybody hears of it
    std::unordered_set<NodeId> flying;     // nodes with a step in this group
};

// The verbs, for the functions of one group. Writer thread only.
class Writing final : public Reading<WriteTxn> {
  public:
    struct Tools {
        sql::Connection& db;
        const FreshFacts& fresh;
        LockedNodes& locked;
        Ledger& ledger;
        Folders& folders;
        Tangles& tangles;
        Tree& tree;
        const std::function<void()>& wait_for_steps;  // of the groups before this one; bounded
        const Seams& seams;
        std::uint64_t free_floor_bytes;
        const std::vector<Indexer>& indexers;
    };
    Writing(const Tools& tools, Group& group)
        : Reading(tools.db, tools.fresh, tools.locked, tools.seams.clock),
          may_lock_(tools.locked),
          ledger_(tools.ledger),
          folders_(tools.folders),
          tangles_(tools.tangles),
          tree_(tools.tree),
          wait_for_steps_(tools.wait_for_steps),
          seams_(tools.seams),
          free_floor_bytes_(tools.free_floor_bytes),
          indexers_(tools.indexers),
          group_(group) {}

    std::size_t verbs() const { return verbs_; }  // how many were begun: after the first, a throw means ROLLBACK
    void end_job();  // after each function: what it changed about tangled objects shows as the records say
    void flush();    // digests and counters to their rows; before COMMIT

    void require_durable() override { group_.durable = true; }
    Lsn lsn() const override { return ledger_.lsn(); }
    std::string disk_path(const Node& node) override;
    std::vector<Dot> vector(SpaceId space) override;

    Space make_space(SpaceKind kind, const base::Id128& owner, std::string dir, const Author& author) override;
    void move_space(SpaceId space, std::string dir) override;
    std::string remove_space(SpaceId space, const Author& author) override;
    Node make(const Make& what, const Author& author) override;
    PutResult put(const PutContent& what, Content&& content, const IndexEntry& index, const Author& author) override;
    Node place(NodeId id, NodeId parent, std::string_view name, const Author& author) override;
    void remove(NodeId id, const Author& author) override;
    Node make_hidden(SpaceId space, const Author& author, const std::optional<Revive>& revive, NodeKind kind) override;
    std::vector<NodeId> add_copied(std::span<const Copied> members, const Author& author) override;
    void set_props(NodeId id, const PropChanges& changes, const Author& author) override;
    void set_kv(const KvKey& at, std::optional<std::string_view> value, const Author& author) override;
    void take_kv(const KvFacet& record, const Rank& rank) override;
    void pin_version(SpaceId space, const Oid& oid, Lsn to_lsn, Pin pin) override;
    void add_lock(const Lock& lock) override;
    void refresh_lock(std::string_view token, std::int64_t expires_ms) override;
    void remove_lock(std::string_view token) override;
    void set_disk(NodeId id, const FileFacts& facts) override;
    void set_local(std::string_view table, std::string_view key, std::optional<std::string_view> value) override;
    std::size_t apply(SpaceId space, std::span<const LogRecord> records, FetchedContents& fetched) override;

    // Jobs of the store, in groups of at most `limit`; how many nodes or rows went.
    std::size_t drain_hidden(std::size_t limit);
    std::size_t expire_history(const HistoryTurn& turn, std::size_t limit);
    std::size_t discard_trash(std::span<const Lsn> removals);  // their folders, where no version needs them
    std::size_t forget_removals(Lsn removals, Lsn places, std::size_t limit);  // at or before those records
    std::vector<Node> hidden_roots();
    void repair_sums(std::vector<Store::Finding>& findings);   // digests and used bytes, recomputed
    void repair_locks(std::vector<Store::Finding>& findings);  // lock_above, made anew
    void repair_index(std::span<const NodeId> items);          // of the domains, made anew from their octets

  protected:
    void adjust(Node& node) const override;
    void adjust(Space& space) const override;

  private:
    struct Leaving {  // a node on its way out, and where its content is found from now on
        Node node;
        std::string place;  // below the storage root; empty = versions/ or body
    };

    void begin_verb();
    void require_space();
    Node must(NodeId id);
    void must_be_free(NodeId parent, std::string_view name);
    bool on_disk(SpaceId space) const { return !ledger_.space(space).dir.empty(); }
    std::string folder_path(NodeId id);
    struct Heads {  // of an object: what a record about it names as replaced
        std::vector<Dot> contents;
        std::vector<Dot> places;
    };
    class Supply;  // contents for one application

    FileStep& queue(const Stamp& stamp, StepOp op, SpaceId space, NodeId node);
    void save(const FileStep& step);  // its row in fs_todo
    std::optional<FileFacts> expected(NodeId id);
    void insert(const Node& node, const Stamp& stamp);
    void insert(const Node& node, const Rank& content, const Rank& place, Lsn lsn);
    // `index` null: it is made from the octets.
    void add_file(Node& node, const Rank& content_rank, const Rank& place_rank, Content* content,
                  const IndexEntry* index, const Stamp& stamp);
    void add_folder(Node& node, const Rank& content_rank, const Rank& place_rank, const Stamp& stamp);
    void replace_content(const Node& old, Node& node, const Rank& rank, Content* content, const IndexEntry* index,
                         const Stamp& stamp, const Author& author);
    void keep_octets(const Node& node, Content& content, const IndexEntry* index,
                     const std::optional<FileFacts>& before, std::string keep, const Stamp& stamp);
    void keep_item(const Node& node, std::string_view octets, const IndexEntry* index);
    void index_item(const Node& node, std::string_view octets);
    Node move_to(const Node& before, NodeId parent, std::string_view name, const Rank& rank, const Stamp& stamp);
    void set_place(const Node& node, const Rank& rank);
    void set_exec_bit(const Node& node, const Stamp& stamp);
    void store_prop(NodeId id, const PropChange& prop, const Rank& rank);
    std::optional<MetaFacet> meta_of(NodeId id, std::span<const PropChange> props);
    void add_lost(const std::optional<Revive>& revive, std::optional<MetaFacet>& meta);
    void store_props(NodeId id, SpaceId space, const std::optional<MetaFacet>& meta, const Stamp& stamp);
    std::int64_t prop_bytes(NodeId id);  // what its properties count in the space
    void touch(NodeId folder) { group_.touched.push_back(folder); }
    void drop_locks(NodeId top);  // there and below
    Oid new_oid(NodeKind kind, SpaceId space, const Oid& parent, std::string_view name);
    void keep_version(const Node& node, const Stamp& stamp, const Author& author, std::string_view place);
    void keep_gone(const Node& node, const Stamp& stamp);
    bool leave(NodeId top, std::size_t limit, std::vector<Leaving>& leaving);
    void take_out(const Node& top, std::vector<Leaving>& leaving, const Stamp& stamp, const Author& author);
    void take_out_tree(const Node& top, const Stamp& stamp, const Author& author);
    void erase(std::span<const Leaving> leaving, const Stamp& stamp, const Author& author);
    void hide(const Node& top, const Author& author);
    void drop_hidden_copy(const Node& top, const std::vector<Leaving>& all, const Author& author);
    void discard(std::string path, Stamp& stamp);
    class Expiry;  // one turn of expire_history

    // untangling.cc
    const SpaceState& state_of(SpaceId space);  // of all its records; valid until the next one
    Heads heads_of(const Node& node);
    Heads heads_of(SpaceId space, const Oid& oid);
    void note_change(SpaceId space, const Oid& oid);
    void note_change_in(NodeId folder);
    void note_folder_move(SpaceId space, std::int64_t hlc);
    std::int64_t last_folder_move(SpaceId space);
    Node own(const Node& node, const Author& author);
    void drop_twins(const Node& node, const Author& author);
    void add_removed(SpaceId space, const Oid& oid, std::vector<Removed>& to);
    void add_removed(const Node& node, std::vector<Removed>& to);
    void own_copies_of(std::span<const Leaving> leaving, const Author& author);
    void own_copies_of(SpaceId space, const Oid& oid, const std::set<Oid>& going, const Author& author);

    // applying.cc
    void keep_unshown(SpaceId space, const LogRecord& record, const ContentFacet& content, const Stamp& stamp,
                      Supply& supply);
    bool apply_plainly(const Space& space, const LogRecord& record, const RecordBody& body, const Stamp& stamp,
                       Supply& supply);
    bool create_plainly(const Space& space, const LogRecord& record, const RecordBody& body, const Stamp& stamp,
                        Supply& supply);
    bool place_plainly(const Node& node, const PlaceFacet& place, const Rank& rank, const Stamp& stamp);
    bool rewrite_plainly(const Node& node, const LogRecord& record, const ContentFacet& content, const Stamp& stamp,
                         Supply& supply);
    bool remove_plainly(const Space& space, const LogRecord& record, const RecordBody& body, const Stamp& stamp);
    void apply_meta(NodeId id, const MetaFacet& meta, const Stamp& stamp);
    Facts with_later_facts(NodeId id, Facts facts, const Rank& content);
    bool shows(const Node& node);
    std::optional<Node> plain_folder(const Space& space, const PlaceFacet& place);

    // showing.cc
    void lay_out_anew(SpaceId space, const Author& author, Supply* supply);
    std::vector<std::string> paths_of(const WantedContent& wanted);
    void reveal(const std::vector<WantedContent>& wanted, FetchedContents& into);
    class Showing;
    friend class Showing;

    LockedNodes& may_lock_;
    Ledger& ledger_;
    Folders& folders_;
    Tangles& tangles_;
    Tree& tree_;
    const std::function<void()>& wait_for_steps_;
    const Seams& seams_;
    const std::uint64_t free_floor_bytes_;
    const std::vector<Indexer>& indexers_;
    Group& group_;
    std::size_t verbs_ = 0;
    Lsn step_record_ = 0;  // whose steps are being queued
    Lsn step_lsn_ = 0;     // the number they go under: the record's, or one after it where it has many
    int step_ = 0;
    std::set<SpaceId> anew_;  // spaces to lay out at the end of the function
    struct KnownState {
        SpaceId space = 0;
        Lsn lsn = 0;  // contains the records up to it
        SpaceState state;
    };
    std::optional<KnownState> known_state_;
    bool room_ = false;  // the free-space floor was looked at in this group
};

}  // namespace storage
