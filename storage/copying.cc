#include <map>

#include "storage/base/failure.h"
#include "storage/writing.h"

namespace storage {

namespace {

base::Id128 id_of_space(std::string_view what, SpaceKind kind, const base::Id128& owner) {
    std::string octets(what);
    octets += static_cast<char>(kind);
    octets += owner.view();
    const auto id = base::id_from(base::sha256(octets).view().substr(0, 16));
    CHECK(id);
    return *id;
}

}  // namespace

Space Writing::make_space(SpaceKind kind, const base::Id128& owner, std::string dir, const Author& author) {
    CHECK(kind != SpaceKind::sys);
    begin_verb();
    Space space;
    space.uid = id_of_space("space", kind, owner);
    space.kind = kind;
    space.owner = owner;
    space.dir = std::move(dir);
    space.root = ledger_.next_node();
    {
        auto query =
            db_.query("INSERT INTO space (uid, kind, owner, root_node, dir) VALUES (?1, ?2, ?3, ?4, ?5) RETURNING id");
        query.bind_blob(space.uid.view())
            .bind(static_cast<std::int64_t>(kind))
            .bind_blob(owner.view())
            .bind(space.root);
        if (space.dir.empty())
            query.bind_null();
        else
            query.bind_text(space.dir);
        CHECK(query.next());
        space.id = query.integer(0);
        query.run();
    }
    ledger_.add_space(space);

    Node root;
    root.id = space.root;
    root.space = space.id;
    root.kind = NodeKind::folder;
    root.oid = id_of_space("root", kind, owner);
    root.created_ms = seams_.clock.now_ms();
    root.mtime_ns = root.created_ms * 1'000'000;
    RecordBody body;
    body.create = CreateFacet{root.kind, root.created_ms, {}, {}};
    body.place = PlaceFacet{Oid{}, "", {}, {}};
    const Stamp stamp = ledger_.append(space.id, RecordKind::node, root.oid, author, body);
    insert(root, stamp);
    if (!space.dir.empty()) {
        FileStep& step = queue(stamp, StepOp::make_folder, space.id, root.id);
        step.dst = space.dir;
        save(step);
    }
    return space;
}

void Writing::move_space(SpaceId id, std::string dir) {
    const Space before = ledger_.space(id);
    CHECK(!before.dir.empty());
    begin_verb();
    Stamp stamp;
    stamp.lsn = ledger_.bare_lsn();
    db_.query("UPDATE space SET dir = ?2 WHERE id = ?1").bind(id).bind_text(dir).run();
    // Who reads below it waits for the step, as after any move.
    db_.query("UPDATE node SET placed_lsn = ?2 WHERE id = ?1").bind(before.root).bind(stamp.lsn).run();
    ledger_.move_space(id, dir);
    drop_locks(before.root);
    group_.moved_folders = true;
    FileStep& step = queue(stamp, StepOp::move, id, before.root);
    step.src = before.dir;
    step.dst = std::move(dir);
    save(step);
}

std::string Writing::remove_space(SpaceId id, const Author& author) {
    const Space space = ledger_.space(id);
    CHECK(space.kind != SpaceKind::sys);
    const Node root = must(space.root);
    begin_verb();
    RecordBody body;
    body.removed.push_back({root.oid, {root.place}});
    const Stamp stamp = ledger_.append(id, RecordKind::remove, root.oid, author, body);
    ledger_.flush();  // its last seq, before the ledger forgets it
    // Octets of items are history like those of a removed file: they expire with it.
    db_.query(
           "INSERT INTO version (oid, space, hash, size, mtime_ns, from_lsn, to_lsn, c_origin, c_seq, cause, actor)"
           " SELECT oid, space, hash, size, mtime_ns, content_lsn, ?2, c_origin, c_seq, ?3, ?4 FROM node"
           " WHERE space = ?1 AND kind IN (5, 6)")
        .bind(id)
        .bind(stamp.lsn)
        .bind(static_cast<std::int64_t>(author.cause))
        .bind_blob(author.actor.view())
        .run();
    db_.query("DELETE FROM node WHERE space = ?1").bind(id).run();
    db_.query("DELETE FROM space WHERE id = ?1").bind(id).run();
    folders_.flush();
    folders_.clear();
    group_.moved_folders = true;
    if (space.dir.empty()) {
        ledger_.forget_space(id);
        return {};
    }
    FileStep& step = queue(stamp, StepOp::keep_folder, id, 0);
    step.src = space.dir;
    step.dst = trash_path(stamp.lsn);
    save(step);
    ledger_.forget_space(id);
    return step.dst;
}

Node Writing::make_hidden(SpaceId space, const Author& author, const std::optional<Revive>& revive, NodeKind kind) {
    CHECK(is_collection(kind));
    const bool files = on_disk(space);
    begin_verb();
    Node node;
    node.id = ledger_.next_node();
    node.space = space;
    node.kind = kind;
    node.oid = revive ? revive->oid : base::new_object_id(seams_.clock, seams_.rng);
    node.created_ms = revive ? revive->created_ms : seams_.clock.now_ms();
    node.mtime_ns = seams_.clock.now_ms() * 1'000'000;
    RecordBody body;
    body.create = CreateFacet{node.kind, node.created_ms, {}, {}};
    body.place = PlaceFacet{Oid{}, "", {}, {}};
    add_lost(revive, body.meta);
    const Stamp stamp = ledger_.append(space, RecordKind::node, node.oid, author, body);
    node.content = node.place = stamp.dot;
    node.content_lsn = node.placed_lsn = node.changed_lsn = stamp.lsn;
    insert(node, stamp);
    store_props(node.id, space, body.meta, stamp);
    if (files) {
        FileStep& step = queue(stamp, StepOp::make_folder, space, node.id);
        step.dst = hidden_path(node.oid, node.name, node.placed_lsn);
        save(step);
    }
    return node;
}

std::vector<NodeId> Writing::add_copied(std::span<const Copied> members, const Author& author) {
    CHECK(members.size() <= kCopyGroupMax);
    require_space();
    std::vector<NodeId> ids;
    std::map<NodeId, Sum> shares;  // one climb to the top per folder and group
    for (const Copied& member : members) {
        const Folder& parent = folders_.get(member.parent);
        begin_verb();
        Node node;
        node.id = ledger_.next_node();
        node.space = parent.space;
        node.parent = member.parent;
        node.name = member.name;
        node.kind = member.kind;
        node.oid = member.revive ? member.revive->oid : new_oid(member.kind, node.space, parent.oid, member.name);
        node.created_ms = member.revive ? member.revive->created_ms : seams_.clock.now_ms();
        node.mtime_ns = member.mtime_ns;
        node.exec = member.exec;
        node.size = member.size;
        node.hash = member.hash;

        RecordBody body;
        body.create = CreateFacet{node.kind, node.created_ms, {}, {}};
        body.place = PlaceFacet{parent.oid, node.name, {}, {}};
        const bool collection = is_collection(node.kind);
        if (!collection) body.content = ContentFacet{node.hash, node.size, node.mtime_ns, node.exec, {}, {}};
        body.meta = meta_of(node.id, member.props);
        add_lost(member.revive, body.meta);
        const Stamp stamp = ledger_.append(node.space, RecordKind::node, node.oid, author, body);
        insert(node, stamp);
        store_props(node.id, node.space, body.meta, stamp);
        if (is_item(node.kind) && !indexers_.empty()) {
            const auto octets = node.hash ? Reading::body(*node.hash) : std::nullopt;
            if (!octets) throw base::Failure(base::Fault::corrupt, "a copied item has no octets");
            index_item(node, *octets);
        }
        if (member.facts) set_disk(node.id, *member.facts);
        if (collection && !member.facts && on_disk(node.space)) {
            FileStep& step = queue(stamp, StepOp::make_folder, node.space, node.id);
            step.dst = folder_path(member.parent) + "/" + node.name;
            save(step);
        }
        shares[member.parent] += share_of(node);
        ledger_.use(node.space, node.size);
        ids.push_back(node.id);
    }
    for (const auto& [parent, share] : shares) folders_.add(parent, share);
    return ids;
}

}  // namespace storage
