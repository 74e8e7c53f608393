#include <algorithm>
#include <deque>
#include <unordered_map>

#include "storage/base/failure.h"
#include "storage/base/planted.h"
#include "storage/replication/contents.h"
#include "storage/sql.h"
#include "storage/supply.h"
#include "storage/writing.h"

// Makes the rows of a space, and by file steps its folder, show what all its records together say.

namespace storage {

namespace {

constexpr int kMovePasses = 8;  // over what moves; what is still in each other's way then goes through staging

struct Wanted {
    const Shown* shown = nullptr;
    const ObjectState* object = nullptr;  // null: a conflict copy, of which no record speaks
};

Rank place_rank(const Wanted& wanted) {
    if (wanted.object == nullptr) return {};
    Rank rank = wanted.object->place()->rank;
    if (wanted.object->is_plain()) rank.dot = wanted.object->live_places().front();
    return rank;
}

Rank content_rank(const Wanted& wanted) {
    if (is_collection(wanted.shown->kind)) return wanted.object->created();
    return wanted.shown->content.rank;
}

}  // namespace

// One laying out of one space, used once. Throws MissingContents before it moves anything.
class Writing::Showing {
  public:
    Showing(Writing& txn, const Space& space, const SpaceState& state, const Layout& layout, const Author& author,
            Supply& supply)
        : txn_(txn), space_(space), state_(state), layout_(layout), author_(author), supply_(supply) {
        stamp_ = txn_.ledger_.last(space_.id);
        root_ = txn_.must(space_.root).oid;
        // Whatever its record's own steps were numbered, these come after all that is queued.
        txn_.step_record_ = stamp_.lsn;
        txn_.step_lsn_ = txn_.ledger_.bare_lsn();
        txn_.step_ = 0;
    }

    void run() {
        read_rows();
        compare();
        require_contents();
        for (const Node& node : vanishing_) {
            if (!is_collection(node.kind)) take_out(node);
        }
        move_what_can();
        for (const Node& node : moving_) park(node);
        for (const Node& node : vanishing_) {
            if (is_collection(node.kind) && !vanishing_ids_.contains(node.parent)) take_out(node);
        }
        build();
        rewrite();
    }

  private:
    // All nodes below the root; what is being built or drained is nobody's yet.
    void read_rows() {
        std::unordered_map<NodeId, std::vector<Node>> members;
        {
            auto query = txn_.db_.query("SELECT " NODE_COLUMNS " FROM node AS n WHERE n.space = ?1");
            query.bind(space_.id);
            while (query.next()) {
                Node node;
                node_from(query, node);
                members[node.parent].push_back(std::move(node));
            }
        }
        std::deque<NodeId> open{space_.root};
        folders_[root_] = space_.root;
        while (!open.empty()) {
            const NodeId folder = open.front();
            open.pop_front();
            for (Node& node : members[folder]) {
                if (is_collection(node.kind)) {
                    open.push_back(node.id);
                    folders_[node.oid] = node.id;
                }
                rows_.emplace(node.oid, std::move(node));
            }
        }
    }

    Wanted wanted(const Oid& oid, const Shown& shown) const {
        return {&shown, shown.copy_of ? nullptr : state_.find(oid)};
    }

    void compare() {
        for (const auto& [oid, node] : rows_) {
            const auto shown = layout_.shown.find(oid);
            if (shown == layout_.shown.end() || shown->second.kind != node.kind) {
                vanishing_.push_back(node);
                vanishing_ids_.insert(node.id);
                continue;
            }
            const auto folder = folders_.find(shown->second.parent);
            if (folder == folders_.end() || folder->second != node.parent || shown->second.name != node.name)
                moving_.push_back(node);
        }
        for (const auto& [oid, shown] : layout_.shown) {
            const auto row = rows_.find(oid);
            if (row == rows_.end() || vanishing_ids_.contains(row->second.id))
                fresh_.insert(oid);
            else
                changed_dots(row->second, wanted(oid, shown));
        }
    }

    void changed_dots(const Node& node, const Wanted& wanted) {
        if (node.content != content_rank(wanted).dot && !is_collection(node.kind)) rewritten_.push_back(node);
        const Rank place = place_rank(wanted);
        if (node.place != place.dot) {
            txn_.db_.query("UPDATE node SET p_origin = ?2, p_seq = ?3, p_hlc = ?4 WHERE id = ?1")
                .bind(node.id)
                .bind(place.dot.origin)
                .bind(place.dot.seq)
                .bind(place.hlc)
                .run();
        }
    }

    // Before anything is done: all octets that are wanted are here.
    void require_contents() {
        std::map<base::Hash, std::size_t> needed;
        std::vector<WantedContent> missing;
        const auto need = [&](const Oid& oid, const Shown& shown) {
            const auto& hash = shown.content.hash;
            if (!hash) throw base::Failure(base::Fault::unavailable, "a content that was never hashed is to be shown");
            if (++needed[*hash] > supply_.left(*hash))
                missing.push_back({space_.id, oid, shown.copy_of, *hash, shown.content.size});
        };
        for (const Oid& oid : fresh_) {
            const Shown& shown = layout_.shown.at(oid);
            if (!is_collection(shown.kind)) need(oid, shown);
        }
        for (const Node& node : rewritten_) {
            const Shown& shown = layout_.shown.at(node.oid);
            if (shown.content.hash != node.hash) need(node.oid, shown);
        }
        if (!missing.empty()) throw MissingContents(std::move(missing));
    }

    void take_out(const Node& node) {
        Stamp at = stamp_;
        at.lsn = txn_.ledger_.bare_lsn();  // each has its own place in trash
        txn_.take_out_tree(txn_.must(node.id), at, author_);
        // The next steps of this laying out come after it.
        txn_.step_record_ = stamp_.lsn;
        txn_.step_lsn_ = txn_.ledger_.bare_lsn();
        txn_.step_ = 0;
    }

    void move_what_can() {
        for (int pass = 0; pass < kMovePasses && !moving_.empty(); ++pass) {
            const std::size_t before = moving_.size();
            std::erase_if(moving_, [&](const Node& node) { return move(node); });
            if (moving_.size() == before) return;
        }
    }

    bool move(const Node& node) {
        const Shown& shown = layout_.shown.at(node.oid);
        const auto folder = folders_.find(shown.parent);
        if (folder == folders_.end() || fresh_.contains(shown.parent)) return false;
        if (is_taken(folder->second, shown.name)) return false;
        for (NodeId above = folder->second; above != 0; above = txn_.folders_.get(above).parent) {
            if (above == node.id) return false;
        }
        txn_.move_to(txn_.must(node.id), folder->second, shown.name, place_rank(wanted(node.oid, shown)), stamp_);
        return true;
    }

    bool is_taken(NodeId folder, const std::string& name) {
        auto query = txn_.db_.query("SELECT 1 FROM node WHERE parent = ?1 AND name = ?2");
        query.bind(folder).bind_text(name);
        return query.next();
    }

    // Out of the way of others, until its place is free.
    void park(const Node& node) {
        txn_.move_to(txn_.must(node.id), 0, "", place_rank(wanted(node.oid, layout_.shown.at(node.oid))), stamp_);
        parked_.insert(node.oid);
    }

    // From the root down: what is new, and what waits in staging.
    void build() {
        if (fresh_.empty() && parked_.empty()) return;
        std::map<Oid, std::vector<Oid>> members;
        for (const auto& [oid, shown] : layout_.shown) members[shown.parent].push_back(oid);
        std::deque<Oid> open{root_};
        while (!open.empty()) {
            const Oid folder = open.front();
            open.pop_front();
            for (const Oid& oid : members[folder]) {
                const Shown& shown = layout_.shown.at(oid);
                if (is_collection(shown.kind)) open.push_back(oid);
                if (fresh_.contains(oid))
                    add(oid, shown);
                else if (parked_.contains(oid))
                    txn_.move_to(txn_.must(rows_.at(oid).id), folders_.at(shown.parent), shown.name,
                                 place_rank(wanted(oid, shown)), stamp_);
            }
        }
    }

    void add(const Oid& oid, const Shown& shown) {
        const Wanted want = wanted(oid, shown);
        Node node;
        node.id = txn_.ledger_.next_node();
        node.space = space_.id;
        node.parent = folders_.at(shown.parent);
        node.name = shown.name;
        node.kind = shown.kind;
        node.oid = oid;
        node.created_ms = want.object ? want.object->created_ms() : shown.content.rank.hlc >> 16;
        if (is_collection(node.kind)) {
            node.mtime_ns =
                facts_of(*want.object, {content_rank(want), {}, 0, node.created_ms * 1'000'000, false}).mtime_ns;
            txn_.add_folder(node, content_rank(want), place_rank(want), stamp_);
            folders_[oid] = node.id;
        } else {
            take_content(node, shown.content, want.object);
            txn_.add_file(node, content_rank(want), place_rank(want), supply_.take(*node.hash), nullptr, stamp_);
        }
        if (want.object == nullptr) return;
        for (const auto& [key, head] : want.object->meta())
            txn_.store_prop(node.id, {key.first, key.second, head.value}, head.rank);
        txn_.ledger_.use(space_.id, txn_.prop_bytes(node.id));
    }

    static void take_content(Node& node, const ContentHead& content, const ObjectState* object) {
        const Facts facts = object ? facts_of(*object, content) : Facts{content.mtime_ns, content.exec};
        node.hash = content.hash;
        node.size = content.size;
        node.mtime_ns = facts.mtime_ns;
        node.exec = facts.exec;
    }

    void rewrite() {
        for (const Node& one : rewritten_) {
            const Shown& shown = layout_.shown.at(one.oid);
            const Node old = txn_.must(one.id);
            Node node = old;
            take_content(node, shown.content, shown.copy_of ? nullptr : state_.find(one.oid));
            Content* octets = old.hash == node.hash ? nullptr : supply_.take(*node.hash);
            txn_.replace_content(old, node, shown.content.rank, octets, nullptr, stamp_, author_);
        }
    }

    Writing& txn_;
    const Space space_;
    const SpaceState& state_;
    const Layout& layout_;
    const Author author_;
    Supply& supply_;
    Stamp stamp_;
    Oid root_;
    std::map<Oid, Node> rows_;
    std::map<Oid, NodeId> folders_;
    std::vector<Node> vanishing_;
    std::set<NodeId> vanishing_ids_;
    std::vector<Node> moving_;
    std::vector<Node> rewritten_;
    std::set<Oid> fresh_;
    std::set<Oid> parked_;
};

// Where the octets may be while steps of this group wait: at any object that has them, or where a step takes them from.
std::vector<std::string> Writing::paths_of(const WantedContent& wanted) {
    std::vector<std::string> paths{content_path(*this, wanted)};
    auto holders = db_.query("SELECT id FROM node WHERE space = ?1 AND hash = ?2");
    holders.bind(wanted.space).bind_blob(wanted.hash.view());
    std::set<NodeId> ids;
    while (holders.next()) ids.insert(holders.integer(0));
    for (const NodeId id : ids) paths.push_back(disk_path(must(id)));
    const std::string kept = version_path(wanted.hash);
    for (const FileStep& step : group_.steps) {
        if (step.op == StepOp::move && ids.contains(step.node)) paths.push_back(step.src);
        if (step.op == StepOp::keep_file && step.dst == kept) paths.push_back(step.src);
        if (step.op == StepOp::place_staged && ids.contains(step.node)) paths.push_back(step.src);
        if (step.keep == kept) paths.push_back(step.dst);
    }
    return paths;
}

// A change here that lets a file show which another hid: its octets are here. Seldom, and so not worth asking before.
void Writing::reveal(const std::vector<WantedContent>& wanted, FetchedContents& into) {
    wait_for_steps_();
    for (const WantedContent& one : wanted) {
        std::optional<Content> content;
        for (const FileStep& step : group_.steps) {
            const bool has = step.op == StepOp::write_inline && base::sha256(step.bytes) == one.hash;
            if (has && !content) content = Content::inlined(step.bytes, one.hash);
        }
        if (auto octets = body(one.hash)) content = Content::inlined(*std::move(octets), one.hash);
        for (const std::string& path : paths_of(one)) {
            if (content) break;
            content = receive_content(tree_, seams_.rng, one,
                                      [&](base::ByteSink& sink) { return send_content(tree_, path, one, sink); });
        }
        if (!content) throw base::Failure(base::Fault::unavailable, "a file that is to show again has no octets yet");
        into.emplace(one.hash, std::move(*content));
    }
}

// `supply` null: records of this server, whose contents are here.
void Writing::lay_out_anew(SpaceId id, const Author& author, Supply* supply) {
    const Space space = ledger_.space(id);
    // A removal in pieces ends first: what is in it shows nowhere and is not removed yet.
    const auto draining = [&] {
        for (const Node& top : hidden_roots()) {
            if (top.space == id && !top.name.empty()) return true;
        }
        return false;
    };
    while (draining()) drain_hidden(kRemoveAtOnceMax);
    const Oid root = must(space.root).oid;
    const SpaceState state = state_of(id);
    const OriginName named = [this](std::int64_t origin) {
        return short_origin(base::planted(base::Plant::copy_named_by_here) ? ledger_.origin() : origin);
    };
    const Layout layout = lay_out(state, root, named);
    if (supply) {
        Showing(*this, space, state, layout, author, *supply).run();
    } else {
        FetchedContents& revealed = group_.revealed.emplace_back();
        Supply here(&revealed);
        try {
            Showing(*this, space, state, layout, author, here).run();
        } catch (const MissingContents& missing) {  // nothing was moved yet
            reveal(missing.wanted(), revealed);
            Showing(*this, space, state, layout, author, here).run();
        }
    }
    tangles_.replace(db_, id, tangles_of(state, layout, root, named));
    anew_.erase(id);
}

}  // namespace storage
