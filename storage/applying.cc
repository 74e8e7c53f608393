#include <algorithm>

#include "storage/base/failure.h"
#include "storage/base/planted.h"
#include "storage/principal_spaces.h"
#include "storage/replication/layout.h"
#include "storage/sql.h"
#include "storage/supply.h"
#include "storage/writing.h"

// Records of other homes. Nearly all of them come after everything that concerns them here and say plainly what to do:
// these change the rows of their own nodes. Where homes wrote without knowing of each other, the records that are left
// are only noted, and at the end the space is laid out anew from all its records (showing.cc).

namespace storage {

namespace {

bool same_dots(std::vector<Dot> a, std::vector<Dot> b) {
    const auto tidy = [](std::vector<Dot>& dots) {
        std::sort(dots.begin(), dots.end());
        dots.erase(std::unique(dots.begin(), dots.end()), dots.end());
    };
    tidy(a);
    tidy(b);
    return a == b;
}

}  // namespace

std::size_t Writing::apply(SpaceId id, std::span<const LogRecord> records, FetchedContents& fetched) {
    CHECK(records.size() <= kApplyRecordsMax);
    const Space space = ledger_.space(id);
    Supply supply(&fetched);
    std::size_t fresh = 0;
    bool anew = false;
    Author last;
    std::vector<KvKey> changed;
    struct Unshown {
        const LogRecord* record;
        ContentFacet content;
        Stamp stamp;
    };
    std::vector<Unshown> unshown;  // contents of items that may come to stand beside another
    for (const LogRecord& record : records) {
        const std::int64_t known = ledger_.known(id, record.dot.origin);
        if (record.dot.seq <= known) continue;
        if (record.dot.seq != known + 1 || record.dot.origin == ledger_.origin())
            throw base::Failure(base::Fault::corrupt, "records of another home have a hole");
        const auto body = decode(record.body);
        if (!body) throw base::Failure(base::Fault::corrupt, "a record of another home can not be read");
        begin_verb();
        const Stamp stamp = ledger_.append_foreign(id, record);
        ++fresh;
        last = record.author;
        if (record.kind == RecordKind::kv && body->kv) {
            take_kv(*body->kv, {record.hlc, record.dot});
            changed.push_back({body->kv->table, body->kv->key, body->kv->field});
        }
        if (record.kind != RecordKind::node && record.kind != RecordKind::remove) continue;
        if (anew || !apply_plainly(space, record, *body, stamp, supply)) {
            anew = true;
            if (body->content && space.dir.empty()) unshown.push_back({&record, *body->content, stamp});
            const auto node = body->meta ? by_oid(id, record.oid) : std::nullopt;
            if (node) apply_meta(node->id, *body->meta, stamp);
        }
        if (body->place && !body->create) {
            const auto node = by_oid(id, record.oid);
            if (!node || is_collection(node->kind)) note_folder_move(id, record.hlc);
        }
    }
    if (anew) lay_out_anew(id, last, &supply);
    for (const Unshown& one : unshown) keep_unshown(id, *one.record, one.content, one.stamp, supply);
    if (!changed.empty()) follow_accounts(*this, changed, last);
    return fresh;
}

// A content that lost against another: history has it, and who merges.
void Writing::keep_unshown(SpaceId space, const LogRecord& record, const ContentFacet& content, const Stamp& stamp,
                           Supply& supply) {
    if (!content.hash) return;
    const auto node = by_oid(space, record.oid);
    if (!node || !is_item(node->kind) || node->hash == content.hash) return;
    // Also where another card has the same octets: they are this one's history too, when that one goes.
    const bool here = body(*content.hash).has_value();
    Content* octets = here ? nullptr : supply.take(*content.hash);
    if (!here && octets == nullptr) return;  // its writer has it, and merges
    Node lost = *node;
    lost.hash = content.hash;
    lost.size = content.size;
    lost.mtime_ns = content.mtime_ns;
    lost.content = record.dot;
    lost.content_lsn = stamp.lsn;
    if (octets != nullptr) {
        const std::string bytes = octets->is_inline() ? octets->bytes() : read_staged(tree_, *octets);
        db_.query("INSERT INTO body (hash, bytes) VALUES (?1, ?2)")
            .bind_blob(content.hash->view())
            .bind_blob(bytes)
            .run();
    }
    Stamp ended = stamp;
    ended.lsn = ledger_.bare_lsn();
    keep_version(lost, ended, record.author, {});
}

// False: it is not plain, and nothing was done about it.
bool Writing::apply_plainly(const Space& space, const LogRecord& record, const RecordBody& body, const Stamp& stamp,
                            Supply& supply) {
    if (record.kind == RecordKind::remove) return remove_plainly(space, record, body, stamp);
    const auto node = by_oid(space.id, record.oid);
    if (!body.create && !body.place && !body.content) {
        if (node && body.meta) apply_meta(node->id, *body.meta, stamp);
        return true;  // properties bring nothing back
    }
    if (node && node->id == space.root) return body.create.has_value();  // both homes made it
    if (tangles_.contains(space.id, record.oid)) return false;
    if (body.create) return !node && create_plainly(space, record, body, stamp, supply);
    if (!node || !shows(*node) || (body.place && body.content)) return false;
    const Rank rank{stamp.hlc, stamp.dot};
    const bool done = body.place ? place_plainly(*node, *body.place, rank, stamp)
                                 : rewrite_plainly(*node, record, *body.content, stamp, supply);
    if (done && body.meta) apply_meta(node->id, *body.meta, stamp);
    return done;
}

// It is below the root of its space, and not in a tree that is being built or drained.
bool Writing::shows(const Node& node) {
    NodeId id = is_collection(node.kind) ? node.id : node.parent;
    while (id != 0) {
        const Folder& folder = folders_.get(id);
        if (folder.parent == 0) return ledger_.space(folder.space).root == id;
        id = folder.parent;
    }
    return false;
}

// The folder a plain record puts something into. Empty: the space has to be looked at as a whole.
std::optional<Node> Writing::plain_folder(const Space& space, const PlaceFacet& place) {
    auto folder = by_oid(space.id, place.parent);
    if (!folder || !is_collection(folder->kind) || tangles_.contains(space.id, folder->oid)) return std::nullopt;
    if (!shows(*folder) || child(folder->id, place.name)) return std::nullopt;
    return folder;
}

bool Writing::create_plainly(const Space& space, const LogRecord& record, const RecordBody& body, const Stamp& stamp,
                             Supply& supply) {
    if (!body.place) return false;
    {
        auto query = db_.query("SELECT 1 FROM gone WHERE space = ?1 AND oid = ?2 LIMIT 1");
        query.bind(space.id).bind_blob(record.oid.view());
        if (query.next()) return false;  // it was here before
    }
    // A tree that another home builds shows when it is placed.
    const auto above = by_oid(space.id, body.place->parent);
    const bool hidden = body.place->parent.is_zero() || (!above && tangles_.is_unseen(space.id, body.place->parent));
    if (hidden) {
        tangles_.add(db_, space.id, record.oid);
        return true;
    }
    const auto folder = plain_folder(space, *body.place);
    if (!folder) return false;
    Node node;
    node.space = space.id;
    node.parent = folder->id;
    node.name = body.place->name;
    node.kind = body.create->kind;
    node.oid = record.oid;
    node.created_ms = body.create->created_ms;
    const Rank rank{stamp.hlc, stamp.dot};
    if (is_collection(node.kind)) {
        node.mtime_ns = node.created_ms * 1'000'000;
        node.id = ledger_.next_node();
        add_folder(node, rank, rank, stamp);
    } else {
        if (!body.content || !body.content->hash || !body.content->parents.empty()) return false;
        Content* content = supply.take(*body.content->hash);
        if (content == nullptr) return false;
        node.mtime_ns = body.content->mtime_ns;
        node.exec = body.content->exec;
        node.size = body.content->size;
        node.hash = body.content->hash;
        node.id = ledger_.next_node();
        add_file(node, rank, rank, content, nullptr, stamp);
    }
    if (body.meta) apply_meta(node.id, *body.meta, stamp);
    return true;
}

void Writing::add_folder(Node& node, const Rank& content_rank, const Rank& place_rank, const Stamp& stamp) {
    node.content = content_rank.dot;
    node.place = place_rank.dot;
    node.content_lsn = node.placed_lsn = node.changed_lsn = stamp.lsn;
    insert(node, content_rank, place_rank, stamp.lsn);
    folders_.add(node.parent, share_of(node));
    touch(node.parent);
    if (!on_disk(node.space)) return;
    FileStep& step = queue(stamp, StepOp::make_folder, node.space, node.id);
    step.dst = folder_path(node.id);
    save(step);
}

bool Writing::place_plainly(const Node& node, const PlaceFacet& place, const Rank& rank, const Stamp& stamp) {
    if (!same_dots(place.parents, {node.place})) return false;
    if (place.parent.is_zero()) {  // hidden from its own server, which removes what is below in pieces
        db_.query("UPDATE node SET p_origin = ?2, p_seq = ?3, p_hlc = ?4 WHERE id = ?1")
            .bind(node.id)
            .bind(rank.dot.origin)
            .bind(rank.dot.seq)
            .bind(rank.hlc)
            .run();
        return true;
    }
    const Space& space = ledger_.space(node.space);
    const auto folder = plain_folder(space, place);
    if (!folder || tangles_.contains(space.id, folders_.get(node.parent).oid)) return false;
    if (is_collection(node.kind)) {
        // Moves of folders count in the order of their ranks: one that closes a circle at its time is passed over.
        if (rank.hlc <= last_folder_move(space.id) && !base::planted(base::Plant::folder_moves_as_heard)) return false;
        for (NodeId above = folder->id; above != 0; above = folders_.get(above).parent) {
            if (above == node.id) return false;
        }
    }
    move_to(node, folder->id, place.name, rank, stamp);
    return true;
}

bool Writing::rewrite_plainly(const Node& node, const LogRecord& record, const ContentFacet& content,
                              const Stamp& stamp, Supply& supply) {
    if (is_collection(node.kind) || !content.hash || !same_dots(content.parents, {node.content})) return false;
    Content* octets = nullptr;
    if (content.hash != node.hash) {
        octets = supply.take(*content.hash);
        if (octets == nullptr) return false;
    }
    const Rank rank{stamp.hlc, stamp.dot};
    const Facts facts = with_later_facts(node.id, {content.mtime_ns, content.exec}, rank);
    Node next = node;
    next.size = content.size;
    next.hash = content.hash;
    next.mtime_ns = facts.mtime_ns;
    next.exec = facts.exec;
    replace_content(node, next, rank, octets, nullptr, stamp, record.author);
    return true;
}

bool Writing::remove_plainly(const Space& space, const LogRecord& record, const RecordBody& body, const Stamp& stamp) {
    std::vector<Node> nodes;
    std::set<NodeId> ids;
    for (const Removed& one : body.removed) {
        if (tangles_.contains(space.id, one.oid)) return false;
        auto node = by_oid(space.id, one.oid);
        if (!node) {
            // A conflict copy there, which shows as the object itself where that was removed.
            if (one.seen.size() == 1 && one.oid == copy_oid(one.seen.front())) return false;
            continue;
        }
        if (node->id == space.root || !same_dots(one.seen, {node->content, node->place})) return false;
        if (node->parent != 0 && tangles_.contains(space.id, folders_.get(node->parent).oid)) return false;
        ids.insert(node->id);
        nodes.push_back(std::move(*node));
    }
    for (const Node& node : nodes) {
        if (!is_collection(node.kind)) continue;
        auto members = db_.query("SELECT id FROM node WHERE parent = ?1");
        members.bind(node.id);
        while (members.next()) {
            const bool heard = ids.contains(members.integer(0)) || base::planted(base::Plant::removal_takes_unseen);
            if (!heard) return false;  // by the remover
        }
    }
    Stamp at = stamp;
    for (const Node& node : nodes) {
        if (ids.contains(node.parent)) continue;
        take_out_tree(must(node.id), at, record.author);
        at.lsn = ledger_.bare_lsn();  // each has its own place in trash
    }
    return true;
}

void Writing::apply_meta(NodeId id, const MetaFacet& meta, const Stamp& stamp) {
    const Node before = must(id);
    store_props(id, before.space, meta, stamp);
    Rank content_rank;
    {
        auto query = db_.query("SELECT c_hlc, c_origin, c_seq FROM node WHERE id = ?1");
        query.bind(id);
        CHECK(query.next());
        content_rank = {query.integer(0), {query.integer(1), query.integer(2)}};
    }
    const Facts facts = with_later_facts(id, {before.mtime_ns, before.exec}, content_rank);
    db_.query("UPDATE node SET mtime_ns = ?2, exec = ?3, changed_lsn = ?4 WHERE id = ?1")
        .bind(id)
        .bind(facts.mtime_ns)
        .bind(std::int64_t{facts.exec})
        .bind(stamp.lsn)
        .run();
    if (facts.exec != before.exec && on_disk(before.space)) {
        Node node = before;
        node.mtime_ns = facts.mtime_ns;
        node.exec = facts.exec;
        set_exec_bit(node, stamp);
    }
    if (before.parent != 0) touch(before.parent);
    if (is_collection(before.kind)) touch(id);
}

// The time and the x bit that came with a content, or as properties said them later.
Facts Writing::with_later_facts(NodeId id, Facts facts, const Rank& content) {
    auto query = db_.query("SELECT name, value, hlc, origin, seq FROM prop WHERE node = ?1 AND ns = char(1)");
    query.bind(id);
    while (query.next()) {
        const Rank rank{query.integer(2), {query.integer(3), query.integer(4)}};
        if (rank < content) continue;
        if (query.text(0) == kMtimeFact) facts.mtime_ns = std::stoll(std::string(query.text(1)));
        if (query.text(0) == kExecFact) facts.exec = query.text(1) == "1";
    }
    return facts;
}

}  // namespace storage
