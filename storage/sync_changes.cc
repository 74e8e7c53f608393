#include "storage/sync_changes.h"

#include <algorithm>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "storage/base/failure.h"
#include "storage/sql.h"

namespace storage {

namespace {

constexpr int kDepthMax = 4096;  // a chain of parents longer than this is a circle: the index is corrupt
constexpr Lsn kNever = std::numeric_limits<Lsn>::max();

// What one record tells comes in this order, whatever happens between the pages that it takes: the URL that it took
// away; when something else has that now, what stood below it; what is changed. In each by node.
enum class Phase : std::uint8_t { top, below, changed };
constexpr std::int64_t kPhases = 4;

std::int64_t step_of(Phase phase, NodeId node) {
    return node * kPhases + static_cast<std::int64_t>(phase);
}

struct Part {
    Phase phase = Phase::changed;
    NodeId node = 0;
    SyncChange change;

    bool operator<(const Part& other) const { return std::pair(phase, node) < std::pair(other.phase, other.node); }
    bool operator==(const Part& other) const { return phase == other.phase && node == other.node; }
};

Part part_at(std::int64_t step) {
    return {static_cast<Phase>(step % kPhases), step / kPhases, {}};
}

[[noreturn]] void circle(NodeId id) {
    throw base::Failure(base::Fault::corrupt, "a circle of parents above node " + std::to_string(id));
}

// Reads what happened record by record, in lsn order. A record tells of
// - the node it changed, and the collections above, whose entity tags are made of what is below,
// - all below a collection that it moved: their URLs are new,
// - URLs that it took away, as they were at that moment. That moment matters and not the token's: a client that pages
// may
//   have been told of any state between its token and now.
// Each tells the present state, so a node is told by the last record that touched it or a collection above; what an
// earlier one says of it would only be said again.
class Scan {
  public:
    Scan(sql::Connection& db, const SyncAsk& ask)
        : db_(db), ask_(ask), resume_{ask.since.from, part_at(ask.since.step)} {}

    SyncPage run() {
        Lsn from = ask_.since.from;
        if (from <= ask_.since.base) {
            base_ = ask_.since.base;
            if (list(from)) return std::move(page_);
            from = base_ + 1;
            base_ = 0;
        }
        report(from);
        return std::move(page_);
    }

  private:
    // A collection as it stands now.
    struct Above {
        bool inside = false;  // the asked one, or below it
        NodeId parent = 0;
        NodeId top = 0;    // the direct member that leads to it; 0 = it is the asked one
        Lsn placed = 0;    // when it or one above it, below the asked one, was placed last
        std::string path;  // "" or "a/b/"
    };
    // A collection as it stood before the record at hand, and what has its URL now.
    struct Before {
        bool inside = false;
        std::string path;
        NodeId now = 0;     // what is mapped to that URL now; 0 = nothing
        SyncChange lost{};  // when nothing is: the highest URL above that is not mapped either
    };

    // ---- a first listing: what is there, in the order of last changes ----

    bool list(Lsn from) {
        auto nodes = db_.query(
            "SELECT id, parent, name, kind, changed_lsn FROM node INDEXED BY node_changed"
            " WHERE space = ?1 AND changed_lsn >= ?2 AND changed_lsn <= ?3 ORDER BY changed_lsn");
        nodes.bind(ask_.space).bind(from).bind(base_);
        while (nodes.next()) {
            const Above& parent = above(nodes.integer(1));
            if (!parent.inside || (ask_.level == SyncLevel::one && parent.top != 0)) continue;
            const bool collection = is_collection(static_cast<NodeKind>(nodes.integer(3)));
            record_ = nodes.integer(4);
            add(nodes.integer(0), parent.path + std::string(nodes.text(2)), collection);
            if (tell()) return true;
        }
        return false;
    }

    // ---- afterwards: what happened ----

    void report(Lsn from) {
        auto nodes = db_.query(
            "SELECT changed_lsn, id, parent, name, kind FROM node INDEXED BY node_changed"
            " WHERE space = ?1 AND changed_lsn >= ?2 ORDER BY changed_lsn");
        nodes.bind(ask_.space).bind(from);
        auto moved = db_.query(
            "SELECT placed_lsn, id FROM node INDEXED BY node_moved"
            " WHERE space = ?1 AND placed_lsn >= ?2 AND kind IN (1, 3, 4) AND placed_lsn <> content_lsn"
            " ORDER BY placed_lsn");
        moved.bind(ask_.space).bind(from);
        auto gone = db_.query("SELECT to_lsn, node, parent, name, kind, space FROM gone WHERE id >= ?1 ORDER BY id");
        const std::int64_t first = first_gone(db_, from);
        gone.bind(first == 0 ? kNever : first);
        const auto step = [](sql::Query& query) { return query.next() ? query.integer(0) : kNever; };
        const auto step_gone = [&] {
            while (gone.next()) {
                if (gone.integer(5) == ask_.space) return gone.integer(0);
            }
            return kNever;
        };
        Lsn next_node = step(nodes);
        Lsn next_moved = ask_.level == SyncLevel::infinite ? step(moved) : kNever;
        Lsn next_gone = step_gone();
        for (;;) {
            record_ = std::min({next_node, next_moved, next_gone});
            if (record_ == kNever) return;
            before_.clear();
            for (; next_node == record_; next_node = step(nodes)) {
                changed(nodes.integer(1), nodes.integer(2), nodes.text(3),
                        is_collection(static_cast<NodeKind>(nodes.integer(4))));
            }
            for (; next_moved == record_; next_moved = step(moved)) moved_here(moved.integer(1));
            std::unordered_set<NodeId> with_it;
            for (; next_gone == record_; next_gone = step_gone()) {
                with_it.insert(gone.integer(1));
                if (with_it.contains(gone.integer(2))) continue;  // what was removed comes before its members
                removed(gone.integer(1), gone.integer(2), gone.text(3),
                        is_collection(static_cast<NodeKind>(gone.integer(4))));
            }
            if (tell()) return;
        }
    }

    void changed(NodeId node, NodeId parent, std::string_view name, bool collection) {
        if (parent == 0 || node == ask_.collection) return;
        const Above& up = above(parent);
        // Below something that was moved later: told with that.
        if (!up.inside || (ask_.level == SyncLevel::infinite && up.placed > record_)) return;
        if (ask_.level == SyncLevel::infinite || up.top == 0) add(node, up.path + std::string(name), collection);
        touched(parent);
    }

    // Something below this collection is not as it was, so its entity tag is not, nor that of those above it.
    void touched(NodeId folder) {
        const Above* up = &above(folder);
        if (!up->inside) return;
        if (ask_.level == SyncLevel::one && up->top != 0) {
            folder = up->top;
            up = &above(folder);
        }
        for (; folder != ask_.collection; folder = up->parent, up = &above(folder)) {
            add(folder, up->path.substr(0, up->path.size() - 1), true);
        }
    }

    void moved_here(NodeId folder) {
        const Above& top = above(folder);
        if (!top.inside || top.placed != record_) return;
        struct Level {
            NodeId folder;
            std::string path;
        };
        std::vector<Level> levels{{folder, top.path}};
        while (!levels.empty()) {
            const Level level = std::move(levels.back());
            levels.pop_back();
            auto members = db_.query("SELECT id, name, kind, placed_lsn, changed_lsn FROM node WHERE parent = ?1");
            members.bind(level.folder);
            while (members.next()) {
                if (members.integer(3) > record_) continue;  // with all below it: told when it came here
                const bool collection = is_collection(static_cast<NodeKind>(members.integer(2)));
                std::string path = level.path + std::string(members.text(1));
                if (collection) levels.push_back({members.integer(0), path + "/"});
                if (members.integer(4) <= record_) add(members.integer(0), std::move(path), collection);
            }
        }
    }

    void removed(NodeId node, NodeId parent, std::string_view name, bool collection) {
        touched(parent);
        const Before& was = before(parent);
        if (!was.inside) return;
        const std::string path = was.path + std::string(name);
        const NodeId now = was.now == 0 ? 0 : child(was.now, name);
        const SyncChange& highest = was.now == 0 ? was.lost : SyncChange{node, path, collection, true};
        if (now == 0) lost(Phase::top, node, highest);
        // The page before was in the middle of what is below: it goes on there, even if the URL is free by now.
        const bool within = record_ == resume_.lsn && resume_.at.phase == Phase::below;
        if (collection && ask_.level == SyncLevel::infinite && (now != 0 || within))
            compare({node, path + "/", now, highest});
    }

    // A collection lost its URL, and something else has it now: what stood below and does not stand there now.
    struct Compared {
        NodeId folder = 0;
        std::string path;
        NodeId now = 0;      // what has its URL now
        SyncChange highest;  // when nothing has: the highest URL that nothing has
    };
    void compare(Compared top) {
        std::vector<Compared> levels;
        levels.push_back(std::move(top));
        while (!levels.empty()) {
            const Compared level = std::move(levels.back());
            levels.pop_back();
            auto members = db_.query(
                "SELECT node, name, kind FROM gone WHERE parent = ?1 AND to_lsn >= ?2 AND from_lsn < ?2"
                " UNION ALL SELECT id, name, kind FROM node WHERE parent = ?1 AND placed_lsn < ?2");
            members.bind(level.folder).bind(record_);
            while (members.next()) {
                const NodeId node = members.integer(0);
                const bool collection = is_collection(static_cast<NodeKind>(members.integer(2)));
                std::string path = level.path + std::string(members.text(1));
                const NodeId now = level.now == 0 ? 0 : child(level.now, members.text(1));
                const SyncChange highest = level.now == 0 ? level.highest : SyncChange{node, path, collection, true};
                if (now == 0) lost(Phase::below, node, highest);
                if (collection) levels.push_back({node, path + "/", now, highest});
            }
        }
    }

    // ---- places ----

    const Above& above(NodeId folder) {
        struct Link {
            NodeId id;
            NodeId parent;
            std::string name;
            Lsn placed;
        };
        std::vector<Link> chain;
        NodeId at = folder;
        while (!above_.contains(at)) {
            if (at == ask_.collection) {
                above_[at].inside = true;
                break;
            }
            auto query = db_.query("SELECT parent, name, placed_lsn FROM node WHERE id = ?1");
            query.bind(at);
            if (at == 0 || !query.next()) {
                above_[at];
                break;
            }
            if (chain.size() == kDepthMax) circle(folder);
            chain.push_back({at, query.integer(0), std::string(query.text(1)), query.integer(2)});
            at = query.integer(0);
        }
        for (auto link = chain.rbegin(); link != chain.rend(); ++link) {
            const Above& up = above_[link->parent];
            Above made;
            made.inside = up.inside;
            made.parent = link->parent;
            if (up.inside) {
                made.top = up.top != 0 ? up.top : link->id;
                made.placed = std::max(up.placed, link->placed);
                made.path = up.path + link->name + "/";
            }
            above_[link->id] = std::move(made);
        }
        return above_[folder];
    }

    const Before& before(NodeId folder) {
        struct Link {
            NodeId id;
            NodeId parent;
            std::string name;
        };
        std::vector<Link> chain;
        NodeId at = folder;
        while (!before_.contains(at)) {
            if (at == ask_.collection) {
                before_[at].inside = true;
                before_[at].now = at;
                break;
            }
            auto query = db_.query(
                "SELECT parent, name, from_lsn, to_lsn FROM gone INDEXED BY gone_node WHERE node = ?1 AND to_lsn >= ?2"
                " UNION ALL SELECT parent, name, placed_lsn, NULL FROM node WHERE id = ?1 AND parent IS NOT NULL"
                " ORDER BY 4 NULLS LAST LIMIT 1");
            query.bind(at).bind(record_);
            if (at == 0 || !query.next() || query.integer(2) >= record_) {
                before_[at];
                break;
            }
            if (chain.size() == kDepthMax) circle(folder);
            chain.push_back({at, query.integer(0), std::string(query.text(1))});
            at = query.integer(0);
        }
        for (auto link = chain.rbegin(); link != chain.rend(); ++link) {
            const Before& up = before_[link->parent];
            Before made;
            made.inside = up.inside;
            if (up.inside) {
                made.path = up.path + link->name + "/";
                made.now = up.now == 0 ? 0 : child(up.now, link->name);
                made.lost = up.lost;
                if (made.now == 0 && up.now != 0) made.lost = {link->id, up.path + link->name, true, true};
            }
            before_[link->id] = std::move(made);
        }
        return before_[folder];
    }

    NodeId child(NodeId parent, std::string_view name) {
        auto query = db_.query("SELECT id FROM node WHERE parent = ?1 AND name = ?2");
        query.bind(parent).bind_text(name);
        return query.next() ? query.integer(0) : 0;
    }

    // ---- the page ----

    void lost(Phase phase, NodeId node, const SyncChange& highest) {
        if (ask_.level == SyncLevel::one && highest.path.find('/') != std::string::npos) return;
        if (!told_lost_.contains(highest.path)) keep({phase, node, highest});
    }

    void add(NodeId node, std::string path, bool collection) {
        if (!told_.contains(node)) keep({Phase::changed, node, {node, std::move(path), collection, false}});
    }

    void keep(Part part) {
        if (record_ == resume_.lsn && part < resume_.at) return;  // told by the page before
        parts_bytes_ += part.change.path.size();
        parts_.push_back(std::move(part));
        // More than a page of one record is not kept: the first parts of it, whatever order they come in.
        const std::size_t enough = std::max(ask_.limit + 1, kPartsKept);
        if (parts_.size() < 2 * enough && parts_bytes_ < 2 * kPathBytesKept) return;
        sort_parts();
        parts_bytes_ = 0;
        std::size_t count = 0;
        for (; count < parts_.size() && count < enough && parts_bytes_ < kPathBytesKept; ++count)
            parts_bytes_ += parts_[count].change.path.size();
        if (count == parts_.size()) return;
        parts_.resize(count);
        dropped_ = true;
    }

    void sort_parts() {
        std::sort(parts_.begin(), parts_.end());
        parts_.erase(std::unique(parts_.begin(), parts_.end()), parts_.end());
    }

    // Moves the parts of one record to the page. True: it is full, and `next` says where the next one begins.
    bool tell() {
        sort_parts();
        for (Part& part : parts_) {
            if (part.change.removed && told_lost_.contains(part.change.path)) continue;
            if (page_.changes.size() == ask_.limit || page_bytes_ >= kPathBytesKept)
                return full(step_of(part.phase, part.node));
            page_bytes_ += part.change.path.size();
            if (part.change.removed)
                told_lost_.insert(part.change.path);
            else
                told_.insert(part.change.node);
            page_.changes.push_back(std::move(part.change));
        }
        if (dropped_) return full(step_of(parts_.back().phase, parts_.back().node + 1));
        parts_.clear();
        parts_bytes_ = 0;
        return false;
    }

    bool full(std::int64_t step) {
        page_.next = SyncPlace{ask_.since.origin, record_, step, base_};
        return true;
    }

    static constexpr std::size_t kPartsKept = 1024;
    static constexpr std::size_t kPathBytesKept = 8 << 20;  // of a page, or of one record's parts: paths may be long

    struct Resume {
        Lsn lsn = 0;
        Part at;
    };

    sql::Connection& db_;
    const SyncAsk& ask_;
    const Resume resume_;  // where this page begins
    Lsn base_ = 0;         // while a first listing goes on
    SyncPage page_;
    std::size_t page_bytes_ = 0;
    Lsn record_ = 0;  // the one at hand
    std::unordered_map<NodeId, Above> above_;
    std::unordered_map<NodeId, Before> before_;  // of the record at hand
    std::vector<Part> parts_;                    // of the record at hand
    std::size_t parts_bytes_ = 0;
    bool dropped_ = false;  // of the record at hand: there are more than `parts_` holds
    std::unordered_set<NodeId> told_;
    std::unordered_set<std::string> told_lost_;
};

}  // namespace

SyncPage sync_changes(sql::Connection& db, const SyncAsk& ask) {
    CHECK(ask.limit > 0);
    return Scan(db, ask).run();
}

std::int64_t first_gone(sql::Connection& db, Lsn from) {
    const auto end = [&](const char* statement) {
        auto query = db.query(statement);
        return query.next() ? query.integer(0) : 0;
    };
    std::int64_t low = end("SELECT min(id) FROM gone");
    std::int64_t high = end("SELECT max(id) FROM gone");
    std::int64_t found = 0;
    while (low != 0 && low <= high) {
        const std::int64_t middle = low + (high - low) / 2;
        auto query = db.query("SELECT id, to_lsn FROM gone WHERE id >= ?1 ORDER BY id LIMIT 1");
        query.bind(middle);
        if (!query.next()) break;
        if (query.integer(1) < from) {
            low = query.integer(0) + 1;
        } else {
            found = query.integer(0);
            high = middle - 1;
        }
    }
    return found;
}

}  // namespace storage
