#include "storage/writing.h"

#include <algorithm>

#include "storage/base/failure.h"
#include "storage/base/planted.h"
#include "storage/kv_rows.h"

namespace storage {

namespace {

constexpr int kStepsPerRecordMax = 16;

}  // namespace

// ---- what the reads of this group need ----

void Writing::adjust(Node& node) const {
    if (!is_collection(node.kind)) return;
    if (const Folder* folder = folders_.cached(node.id)) node.tree = folder->tree.hash();
}

void Writing::adjust(Space& space) const {
    if (const Space* current = ledger_.find(space.id)) space.used_bytes = current->used_bytes;
}

std::vector<Dot> Writing::vector(SpaceId space) {
    std::vector<Dot> dots = Reading::vector(space);
    const std::int64_t seq = ledger_.last_seq(space);
    if (seq == 0) return dots;
    for (Dot& dot : dots) {
        if (dot.origin != ledger_.origin()) continue;
        dot.seq = seq;
        return dots;
    }
    dots.push_back({ledger_.origin(), seq});
    std::sort(dots.begin(), dots.end());
    return dots;
}

std::string Writing::folder_path(NodeId id) {
    std::vector<const std::string*> names;
    const Folder* folder = &folders_.get(id);
    while (folder->parent != 0) {
        names.push_back(&folder->name);
        id = folder->parent;
        folder = &folders_.get(id);
    }
    const Space& space = ledger_.space(folder->space);
    std::string path = space.root == id ? space.dir : hidden_path(folder->oid, folder->name, folder->placed_lsn);
    for (auto name = names.rbegin(); name != names.rend(); ++name) (path += '/') += **name;
    return path;
}

std::string Writing::disk_path(const Node& node) {
    if (is_collection(node.kind)) return folder_path(node.id);
    if (node.parent == 0) return hidden_path(node.oid, node.name, node.placed_lsn);
    return folder_path(node.parent) + "/" + node.name;
}

void Writing::flush() {
    folders_.flush();
    ledger_.flush();
}

// ---- parts of verbs ----

void Writing::begin_verb() {
    ++verbs_;
}

// Asked before anything is written, once per group: statvfs costs a system call.
void Writing::require_space() {
    if (free_floor_bytes_ == 0 || room_) return;
    if (tree_.space().free_bytes < free_floor_bytes_) {
        throw base::Failure(base::Fault::disk_full, "the free-space floor of the storage root is reached");
    }
    room_ = true;
}

Node Writing::must(NodeId id) {
    if (auto found = node(id)) return *std::move(found);
    throw base::Failure(base::Fault::corrupt, "a verb was given node " + std::to_string(id) + ", which is not there");
}

void Writing::must_be_free(NodeId parent, std::string_view name) {
    auto query = db_.query("SELECT 1 FROM node WHERE parent = ?1 AND name = ?2");
    query.bind(parent).bind_text(name);
    if (query.next()) throw base::Failure(base::Fault::corrupt, "a verb was given a name that is taken");
}

FileStep& Writing::queue(const Stamp& stamp, StepOp op, SpaceId space, NodeId node) {
    if (step_record_ != stamp.lsn) {
        step_record_ = step_lsn_ = stamp.lsn;
        step_ = 0;
    } else if (step_ == kStepsPerRecordMax) {
        step_lsn_ = ledger_.bare_lsn();
        step_ = 0;
    }
    FileStep step;
    step.lsn = step_lsn_;
    step.step = step_++;
    step.op = op;
    step.space = space;
    step.node = node;
    group_.steps.push_back(std::move(step));
    if (node != 0) group_.flying.insert(node);
    return group_.steps.back();
}

void Writing::save(const FileStep& step) {
    const std::string expect = encode_expect(step);
    auto query =
        db_.query("INSERT INTO fs_todo (key, op, space, src, dst, expect, inline) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
    query.bind(step.lsn * kStepsPerRecordMax + step.step).bind(static_cast<std::int64_t>(step.op)).bind(step.space);
    query.bind_text(step.src).bind_text(step.dst).bind_blob(expect);
    if (step.op == StepOp::write_inline)
        query.bind_blob(step.bytes);
    else
        query.bind_null();
    query.run();
}

// What we believe stands at a node's path. Nothing while a step of it is in the air: its facts come with the step's
// outcome.
std::optional<FileFacts> Writing::expected(NodeId id) {
    if (group_.flying.contains(id) || fresh_.flying(id)) return std::nullopt;
    return disk(id);
}

Oid Writing::new_oid(NodeKind kind, SpaceId space, const Oid& parent, std::string_view name) {
    if (is_item(kind)) {
        // The same card created on two servers is one object. Its id may be in use when it was moved and its old name
        // taken again: then the new one gets an id of its own.
        std::string octets(parent.view());
        octets += name;
        const base::Hash hash = base::sha256(octets);
        const auto oid = base::id_from(hash.view().substr(0, 16));
        if (oid && !by_oid(space, *oid)) return *oid;
    }
    return base::new_object_id(seams_.clock, seams_.rng);
}

void Writing::insert(const Node& node, const Stamp& stamp) {
    insert(node, {stamp.hlc, stamp.dot}, {stamp.hlc, stamp.dot}, stamp.lsn);
}

void Writing::insert(const Node& node, const Rank& content, const Rank& place, Lsn lsn) {
    const std::string key = base::is_utf8(node.name) ? base::name_key(node.name) : node.name;
    auto query = db_.query(
        "INSERT INTO node (id, oid, space, parent, name, name_key, kind, created_ms, mtime_ns, exec, size, hash, tree,"
        " c_origin, c_seq, c_hlc, p_origin, p_seq, p_hlc, content_lsn, placed_lsn, changed_lsn)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?20, "
        "?20)");
    query.bind(node.id).bind_blob(node.oid.view()).bind(node.space);
    if (node.parent == 0)
        query.bind_null();
    else
        query.bind(node.parent);
    query.bind_text(node.name);
    if (key == node.name)
        query.bind_null();
    else
        query.bind_text(key);
    query.bind(static_cast<std::int64_t>(node.kind)).bind(node.created_ms).bind(node.mtime_ns);
    query.bind(std::int64_t{node.exec}).bind(node.size);
    if (node.hash)
        query.bind_blob(node.hash->view());
    else
        query.bind_null();
    if (is_collection(node.kind))
        query.bind_blob(node.tree.view());
    else
        query.bind_null();
    query.bind(content.dot.origin).bind(content.dot.seq).bind(content.hlc);
    query.bind(place.dot.origin).bind(place.dot.seq).bind(place.hlc).bind(lsn).run();
}

// What of `props` is a change, and the records it replaces. Removing what is not there is none.
std::optional<MetaFacet> Writing::meta_of(NodeId id, std::span<const PropChange> props) {
    MetaFacet meta;
    for (const PropChange& prop : props) {
        auto query = db_.query("SELECT origin, seq, value IS NULL FROM prop WHERE node = ?1 AND ns = ?2 AND name = ?3");
        query.bind(id).bind_text(prop.ns).bind_text(prop.name);
        const bool known = query.next();
        if (!prop.value && (!known || query.integer(2) != 0)) continue;
        if (known) meta.parents.push_back({query.integer(0), query.integer(1)});
        meta.entries.push_back(prop);
    }
    if (meta.entries.empty()) return std::nullopt;
    std::sort(meta.parents.begin(), meta.parents.end());
    meta.parents.erase(std::unique(meta.parents.begin(), meta.parents.end()), meta.parents.end());
    return meta;
}

void Writing::add_lost(const std::optional<Revive>& revive, std::optional<MetaFacet>& meta) {
    if (!revive || revive->lost.empty()) return;
    if (!meta) meta.emplace();
    meta->entries.insert(meta->entries.end(), revive->lost.begin(), revive->lost.end());
}

std::int64_t Writing::prop_bytes(NodeId id) {
    auto query = db_.query("SELECT sum(" PROP_BYTES ") FROM prop AS p WHERE p.node = ?1");
    query.bind(id);
    return query.next() ? query.integer(0) : 0;
}

// The last writer wins, in whatever order the records came.
void Writing::store_prop(NodeId id, const PropChange& prop, const Rank& rank) {
#define STORE_PROP                                                                                   \
    "INSERT INTO prop (node, ns, name, value, hlc, origin, seq) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)" \
    " ON CONFLICT (node, ns, name) DO UPDATE SET value = ?4, hlc = ?5, origin = ?6, seq = ?7"
    auto query =
        db_.query(base::planted(base::Plant::props_by_origin) ? STORE_PROP " WHERE (?6, ?5, ?7) > (origin, hlc, seq)"
                                                              : STORE_PROP " WHERE (?5, ?6, ?7) > (hlc, origin, seq)");
#undef STORE_PROP
    query.bind(id).bind_text(prop.ns).bind_text(prop.name);
    if (prop.value)
        query.bind_text(*prop.value);
    else
        query.bind_null();
    query.bind(rank.hlc).bind(rank.dot.origin).bind(rank.dot.seq).run();
}

void Writing::store_props(NodeId id, SpaceId space, const std::optional<MetaFacet>& meta, const Stamp& stamp) {
    if (!meta) return;
    const std::int64_t before = prop_bytes(id);
    for (const PropChange& prop : meta->entries) store_prop(id, prop, {stamp.hlc, stamp.dot});
    ledger_.use(space, prop_bytes(id) - before);
}

void Writing::keep_version(const Node& node, const Stamp& stamp, const Author& author, std::string_view place) {
    auto query = db_.query(
        "INSERT INTO version (oid, space, hash, size, mtime_ns, from_lsn, to_lsn, c_origin, c_seq, cause, actor, place)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)");
    query.bind_blob(node.oid.view()).bind(node.space);
    if (node.hash)
        query.bind_blob(node.hash->view());
    else
        query.bind_null();
    query.bind(node.size).bind(node.mtime_ns).bind(node.content_lsn).bind(stamp.lsn);
    query.bind(node.content.origin).bind(node.content.seq).bind(static_cast<std::int64_t>(author.cause));
    if (author.actor.is_zero())
        query.bind_null();
    else
        query.bind_blob(author.actor.view());
    if (place.empty())
        query.bind_null();
    else
        query.bind_text(place);
    query.run();
}

void Writing::keep_gone(const Node& node, const Stamp& stamp) {
    if (node.parent == 0) return;  // nobody saw it there
    auto query = db_.query(
        "INSERT INTO gone (oid, node, space, parent, name, kind, from_lsn, to_lsn, r_origin, r_seq)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");
    query.bind_blob(node.oid.view()).bind(node.id).bind(node.space).bind(node.parent).bind_text(node.name);
    query.bind(static_cast<std::int64_t>(node.kind)).bind(node.placed_lsn).bind(stamp.lsn);
    query.bind(stamp.dot.origin).bind(stamp.dot.seq).run();
}

// ---- content, places ----

Node Writing::make(const Make& what, const Author& author) {
    CHECK(is_collection(what.kind));
    must_be_free(what.parent, what.name);
    const Folder& parent = folders_.get(what.parent);
    begin_verb();
    note_change_in(what.parent);
    Node node;
    node.id = ledger_.next_node();
    node.space = parent.space;
    node.parent = what.parent;
    node.name = what.name;
    node.kind = what.kind;
    node.oid = what.oid ? *what.oid : new_oid(what.kind, node.space, parent.oid, what.name);
    node.created_ms = seams_.clock.now_ms();
    node.mtime_ns = node.created_ms * 1'000'000;

    RecordBody body;
    body.create = CreateFacet{node.kind, node.created_ms, {}, {}};
    body.place = PlaceFacet{parent.oid, node.name, {}, {}};
    body.meta = meta_of(node.id, what.props);
    const Stamp stamp = ledger_.append(node.space, RecordKind::node, node.oid, author, body);
    node.content = node.place = stamp.dot;
    node.content_lsn = node.placed_lsn = node.changed_lsn = stamp.lsn;
    insert(node, stamp);
    store_props(node.id, node.space, body.meta, stamp);
    folders_.add(what.parent, share_of(node));
    if (on_disk(node.space)) {
        FileStep& step = queue(stamp, StepOp::make_folder, node.space, node.id);
        step.dst = folder_path(what.parent) + "/" + node.name;
        save(step);
    }
    touch(what.parent);
    return node;
}

WriteTxn::PutResult Writing::put(const PutContent& what, Content&& content, const IndexEntry& index,
                                 const Author& author) {
    CHECK(!is_collection(what.kind));
    require_space();
    auto old = child(what.parent, what.name);
    CHECK(!old || !what.revive);
    if (old && old->kind != what.kind) {
        throw base::Failure(base::Fault::corrupt, "put was given the name of an object of another kind");
    }
    const Folder& parent = folders_.get(what.parent);
    const bool item = is_item(what.kind);
    if (!item && !on_disk(parent.space)) {
        throw base::Failure(base::Fault::corrupt, "put was given a file for a space without a folder");
    }
    begin_verb();
    note_change_in(what.parent);
    if (old) {
        drop_twins(*old, author);
        old = own(*old, author);
    }

    Node node = old ? *old : Node{};
    if (!old) {
        node.id = ledger_.next_node();
        node.space = parent.space;
        node.parent = what.parent;
        node.name = what.name;
        node.kind = what.kind;
        node.oid = what.revive ? what.revive->oid : new_oid(what.kind, node.space, parent.oid, what.name);
        node.created_ms = what.revive ? what.revive->created_ms : seams_.clock.now_ms();
    }
    node.exec = what.exec.value_or(node.exec);
    node.size = content.size();
    node.hash = content.hash();
    if (what.mtime_ns)
        node.mtime_ns = *what.mtime_ns;
    else if (!content.is_inline())
        node.mtime_ns = content.staged_facts().mtime_ns;
    else
        node.mtime_ns = seams_.clock.now_ms() * 1'000'000;

    RecordBody body;
    if (!old) {
        body.create = CreateFacet{node.kind, node.created_ms, {}, {}};
        body.place = PlaceFacet{parent.oid, node.name, {}, {}};
    }
    body.content = ContentFacet{node.hash, node.size, node.mtime_ns, node.exec, {}, {}};
    if (old) body.content->parents = heads_of(*old).contents;
    for (const Dot& dot : what.takes_up) {
        auto& parents = body.content->parents;
        if (std::find(parents.begin(), parents.end(), dot) == parents.end()) parents.push_back(dot);
    }
    body.meta = meta_of(node.id, what.props);
    add_lost(what.revive, body.meta);
    const Stamp stamp = ledger_.append(node.space, RecordKind::node, node.oid, author, body);
    const Rank rank{stamp.hlc, stamp.dot};
    if (old) {
        replace_content(*old, node, rank, &content, &index, stamp, author);
    } else {
        node.place = stamp.dot;
        node.placed_lsn = stamp.lsn;
        add_file(node, rank, rank, &content, &index, stamp);
    }
    store_props(node.id, node.space, body.meta, stamp);
    return {old ? Put::replaced : Put::created, std::move(node)};
}

// `node` is complete but for what says when.
void Writing::add_file(Node& node, const Rank& content_rank, const Rank& place_rank, Content* content,
                       const IndexEntry* index, const Stamp& stamp) {
    node.content = content_rank.dot;
    node.place = place_rank.dot;
    node.content_lsn = node.placed_lsn = node.changed_lsn = stamp.lsn;
    insert(node, content_rank, place_rank, stamp.lsn);
    keep_octets(node, *content, index, std::nullopt, {}, stamp);
    folders_.add(node.parent, share_of(node));
    ledger_.use(node.space, node.size);
    touch(node.parent);
}

// `node` is `old` with its new content, time and x bit. content null: the octets are the same.
void Writing::replace_content(const Node& old, Node& node, const Rank& rank, Content* content, const IndexEntry* index,
                              const Stamp& stamp, const Author& author) {
    node.content = rank.dot;
    node.content_lsn = node.changed_lsn = stamp.lsn;
    const std::string unhashed = !is_item(old.kind) && !old.hash ? trash_path(stamp.lsn) : std::string();
    if (content) keep_version(old, stamp, author, unhashed);
    {
        auto query = db_.query(
            "UPDATE node SET mtime_ns = ?2, exec = ?3, size = ?4, hash = ?5, c_origin = ?6, c_seq = ?7, c_hlc = ?8,"
            " content_lsn = ?9, changed_lsn = ?9 WHERE id = ?1");
        query.bind(node.id).bind(node.mtime_ns).bind(std::int64_t{node.exec}).bind(node.size);
        query.bind_blob(node.hash->view()).bind(rank.dot.origin).bind(rank.dot.seq).bind(rank.hlc);
        query.bind(stamp.lsn).run();
    }
    if (content) {
        std::string keep = old.hash ? version_path(*old.hash) : unhashed;
        keep_octets(node, *content, index, expected(node.id), std::move(keep), stamp);
    } else if (node.exec != old.exec) {
        set_exec_bit(node, stamp);
    }
    folders_.subtract(node.parent, share_of(old));
    folders_.add(node.parent, share_of(node));
    ledger_.use(node.space, base::planted(base::Plant::space_of_replaced) ? node.size : node.size - old.size);
    touch(node.parent);
}

// Where the octets go: into `body`, or by a file step to the node's place. `keep`: where those that stand there go;
// empty: nothing stands there.
void Writing::keep_octets(const Node& node, Content& content, const IndexEntry* index,
                          const std::optional<FileFacts>& before, std::string keep, const Stamp& stamp) {
    if (is_item(node.kind)) {
        keep_item(node, content.is_inline() ? content.bytes() : read_staged(tree_, content), index);
        return;
    }
    const StepOp op = content.is_inline() ? StepOp::write_inline : StepOp::place_staged;
    FileStep& step = queue(stamp, op, node.space, node.id);
    step.dst = folder_path(node.parent) + "/" + node.name;
    step.expect = before;
    step.keep = std::move(keep);
    step.mtime_ns = node.mtime_ns;
    step.exec = node.exec;
    if (content.is_inline()) {
        step.bytes = content.bytes();
    } else {
        step.src = content.staged_path();
        step.src_ino = content.staged_facts().ino;
        step.src_mtime_ns = content.staged_facts().mtime_ns;
        group_.staged.push_back(&content);
    }
    save(step);
}

void Writing::keep_item(const Node& node, std::string_view octets, const IndexEntry* index) {
    db_.query("INSERT INTO body (hash, bytes) VALUES (?1, ?2) ON CONFLICT (hash) DO NOTHING")
        .bind_blob(node.hash->view())
        .bind_blob(octets)
        .run();
    if (index)
        index->store(db_, node.id);
    else
        index_item(node, octets);
}

// Nothing where no domain reads the kind.
void Writing::index_item(const Node& node, std::string_view octets) {
    for (const Indexer& indexer : indexers_)
        if (indexer.kind == node.kind) indexer.entry(octets)->store(db_, node.id);
}

void Writing::repair_index(std::span<const NodeId> items) {
    for (const NodeId id : items) {
        const auto item = node(id);
        const auto octets = item && item->hash ? body(*item->hash) : std::nullopt;
        if (!octets) continue;
        begin_verb();
        index_item(*item, *octets);
    }
}

Node Writing::place(NodeId id, NodeId parent, std::string_view name, const Author& author) {
    Node before = must(id);
    must_be_free(parent, name);
    const Folder& target = folders_.get(parent);
    if (target.space != before.space) {
        throw base::Failure(base::Fault::corrupt, "place was given a folder of another space");
    }
    for (NodeId above = parent; above != 0; above = folders_.get(above).parent) {
        if (above == id) throw base::Failure(base::Fault::corrupt, "place was given a folder below the moved one");
    }
    begin_verb();
    note_change_in(parent);
    if (before.parent != 0) note_change_in(before.parent);
    if (!is_collection(before.kind)) drop_twins(before, author);
    before = own(before, author);
    // Folders that show as this one go with it.
    const std::vector<Oid> hidden = tangles_.hidden_behind(before.space, before.oid);

    RecordBody body;
    body.place = PlaceFacet{target.oid, std::string(name), heads_of(before).places, {}};
    const Stamp stamp = ledger_.append(before.space, RecordKind::node, before.oid, author, body);
    Node node = move_to(before, parent, name, {stamp.hlc, stamp.dot}, stamp);
    if (is_collection(node.kind)) note_folder_move(node.space, stamp.hlc);
    for (const Oid& alias : hidden) {
        body.place->parents = heads_of(before.space, alias).places;
        const Stamp with_it = ledger_.append(before.space, RecordKind::node, alias, author, body);
        note_folder_move(node.space, with_it.hlc);
    }
    return node;
}

Node Writing::move_to(const Node& before, NodeId parent, std::string_view name, const Rank& rank, const Stamp& stamp) {
    const std::string src = on_disk(before.space) ? disk_path(before) : std::string();
    const bool folder = is_collection(before.kind);
    const std::optional<FileFacts> expect = folder ? std::nullopt : expected(before.id);
    Node node = before;
    node.parent = parent;
    node.name = name;
    node.place = rank.dot;
    node.placed_lsn = node.changed_lsn = stamp.lsn;
    keep_gone(before, stamp);
    if (folder) folders_.move(node.id, parent, name, stamp.lsn);  // while the row still says where it was
    set_place(node, rank);
    drop_locks(node.id);
    if (folder) {
        group_.moved_folders = true;
    } else {
        if (before.parent != 0) folders_.subtract(before.parent, share_of(before));
        if (parent != 0) folders_.add(parent, share_of(node));
    }
    if (on_disk(node.space)) {
        FileStep& step = queue(stamp, StepOp::move, node.space, node.id);
        step.src = src;
        step.dst = parent == 0 ? hidden_path(node.oid, node.name, stamp.lsn) : folder_path(parent) + "/" + node.name;
        step.expect = expect;
        step.mtime_ns = node.mtime_ns;
        step.exec = node.exec;
        save(step);
    }
    if (before.parent != 0) touch(before.parent);
    if (parent != 0) touch(parent);
    return node;
}

void Writing::set_place(const Node& node, const Rank& rank) {
    const std::string key = base::is_utf8(node.name) ? base::name_key(node.name) : node.name;
    auto query = db_.query(
        "UPDATE node SET parent = ?2, name = ?3, name_key = ?4, p_origin = ?5, p_seq = ?6, p_hlc = ?7,"
        " placed_lsn = ?8, changed_lsn = ?8 WHERE id = ?1");
    query.bind(node.id);
    if (node.parent == 0)
        query.bind_null();
    else
        query.bind(node.parent);
    query.bind_text(node.name);
    if (key == node.name)
        query.bind_null();
    else
        query.bind_text(key);
    query.bind(rank.dot.origin).bind(rank.dot.seq).bind(rank.hlc).bind(node.placed_lsn).run();
}

// ---- properties, values ----

void Writing::set_props(NodeId id, const PropChanges& changes, const Author& author) {
    Node before = must(id);
    CHECK(!changes.exec || !is_collection(before.kind));
    if (before.place.seq == 0 && !changes.empty()) {
        begin_verb();
        before = own(before, author);
    }
    RecordBody body;
    body.meta = meta_of(id, changes.props);
    const auto add_fact = [&body](const char* name, std::string value) {
        if (!body.meta) body.meta.emplace();
        body.meta->entries.push_back({std::string(kFactNamespace), name, std::move(value)});
    };
    const std::int64_t mtime_ns = changes.mtime_ns.value_or(before.mtime_ns);
    const bool exec = changes.exec.value_or(before.exec);
    if (mtime_ns != before.mtime_ns) add_fact(kMtimeFact, std::to_string(mtime_ns));
    if (exec != before.exec) add_fact(kExecFact, exec ? "1" : "0");
    const bool step_needed = changes.exec && on_disk(before.space);
    if (!body.meta && !step_needed) return;
    begin_verb();
    Stamp stamp;
    if (body.meta) {
        stamp = ledger_.append(before.space, RecordKind::node, before.oid, author, body);
        store_props(id, before.space, body.meta, stamp);
        auto query = db_.query("UPDATE node SET mtime_ns = ?2, exec = ?3, changed_lsn = ?4 WHERE id = ?1");
        query.bind(id).bind(mtime_ns).bind(std::int64_t{exec}).bind(stamp.lsn).run();
    } else {
        stamp.lsn = ledger_.bare_lsn();
    }
    // Also where the index has the bit already: somebody may have taken it off the file by hand.
    if (step_needed) {
        Node node = before;
        node.mtime_ns = mtime_ns;
        node.exec = exec;
        set_exec_bit(node, stamp);
    }
    if (!body.meta) return;
    if (before.parent != 0) touch(before.parent);
    if (is_collection(before.kind)) touch(id);
}

void Writing::set_exec_bit(const Node& node, const Stamp& stamp) {
    const std::optional<FileFacts> expect = expected(node.id);
    FileStep& step = queue(stamp, StepOp::set_exec, node.space, node.id);
    step.dst = disk_path(node);
    step.expect = expect;
    step.mtime_ns = node.mtime_ns;
    step.exec = node.exec;
    save(step);
}

void Writing::set_kv(const KvKey& at, std::optional<std::string_view> value, const Author& author) {
    begin_verb();
    RecordBody body;
    KvFacet& kv = body.kv.emplace();
    kv.table = at.table;
    kv.key = at.key;
    kv.field = at.field;
    if (value) kv.value = *value;
    for (const KvHead& head : kv_heads(db_, at)) kv.parents.push_back(head.rank.dot);
    std::sort(kv.parents.begin(), kv.parents.end());
    const Stamp stamp = ledger_.append(ledger_.sys(), RecordKind::kv, Oid{}, author, body);
    storage::take_kv(db_, kv, {stamp.hlc, stamp.dot});
}

void Writing::take_kv(const KvFacet& record, const Rank& rank) {
    begin_verb();
    storage::take_kv(db_, record, rank);
}

void Writing::set_disk(NodeId id, const FileFacts& facts) {
    begin_verb();
    // The node may have been removed since the facts were seen.
    auto query = db_.query(
        "INSERT INTO disk (node, dev, ino, size, mtime_ns, ctime_ns) SELECT ?1, ?2, ?3, ?4, ?5, ?6"
        " WHERE EXISTS (SELECT 1 FROM node WHERE id = ?1)"
        " ON CONFLICT (node) DO UPDATE SET dev = ?2, ino = ?3, size = ?4, mtime_ns = ?5, ctime_ns = ?6");
    query.bind(id).bind(static_cast<std::int64_t>(facts.dev)).bind(static_cast<std::int64_t>(facts.ino));
    query.bind(facts.size).bind(facts.mtime_ns).bind(facts.ctime_ns).run();
}

void Writing::set_local(std::string_view table, std::string_view key, std::optional<std::string_view> value) {
    begin_verb();
    if (!value) {
        db_.query("DELETE FROM local WHERE tbl = ?1 AND key = ?2").bind_text(table).bind_text(key).run();
        return;
    }
    db_.query("INSERT INTO local (tbl, key, value) VALUES (?1, ?2, ?3) ON CONFLICT (tbl, key) DO UPDATE SET value = ?3")
        .bind_text(table)
        .bind_text(key)
        .bind_blob(*value)
        .run();
}

}  // namespace storage
