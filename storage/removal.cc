#include <limits>
#include <unordered_map>

#include "storage/base/failure.h"
#include "storage/base/planted.h"
#include "storage/writing.h"

namespace storage {

void Writing::remove(NodeId id, const Author& author) {
    const Node top = must(id);
    if (top.parent == 0 && ledger_.space(top.space).root == id) {
        throw base::Failure(base::Fault::corrupt, "remove was given the root of a space");
    }
    std::vector<Leaving> leaving;
    const bool all = leave(id, kRemoveAtOnceMax, leaving);
    if (!all) {
        hide(top, author);
        return;
    }
    begin_verb();
    if (top.parent == 0 && top.name.empty()) {
        drop_hidden_copy(top, leaving, author);
        return;
    }
    if (top.parent != 0) note_change_in(top.parent);
    own_copies_of(leaving, author);
    RecordBody body;
    for (const Leaving& one : leaving) add_removed(one.node, body.removed);
    const Stamp stamp = ledger_.append(top.space, RecordKind::remove, top.oid, author, body);
    take_out(top, leaving, stamp, author);
}

// The node and all below it, parents before children. False: there are more than `limit`.
bool Writing::leave(NodeId top, std::size_t limit, std::vector<Leaving>& leaving) {
    std::unordered_map<NodeId, std::string> below;  // so every path is its parent's with one name more
    return subtree(top, limit, [&](const Node& node) {
        const auto parent = below.find(node.parent);
        std::string path = parent == below.end() ? std::string() : parent->second + "/" + node.name;
        if (is_collection(node.kind)) below.emplace(node.id, path);
        leaving.push_back({node, std::move(path)});
    });
}

void Writing::take_out_tree(const Node& top, const Stamp& stamp, const Author& author) {
    std::vector<Leaving> leaving;
    leave(top.id, std::numeric_limits<std::size_t>::max(), leaving);
    take_out(top, leaving, stamp, author);
}

// The rows of `top` and all below it, and what is on the disk.
void Writing::take_out(const Node& top, std::vector<Leaving>& leaving, const Stamp& stamp, const Author& author) {
    const bool files = on_disk(top.space) && !is_item(top.kind);
    const bool folder = is_collection(top.kind);
    const std::string src = files ? disk_path(top) : std::string();
    const std::optional<FileFacts> expect = files && !folder ? expected(top.id) : std::nullopt;
    const bool by_hash = !folder && top.hash;
    for (Leaving& one : leaving) {
        const bool kept_apart = files && !is_collection(one.node.kind) && !by_hash;
        one.place = kept_apart ? trash_path(stamp.lsn) + one.place : std::string();
    }
    erase(leaving, stamp, author);
    if (top.parent != 0) {
        folders_.subtract(top.parent, share_of(top));
        touch(top.parent);
    }
    if (folder) group_.moved_folders = true;
    if (!files) return;
    FileStep& step = queue(stamp, folder ? StepOp::keep_folder : StepOp::keep_file, top.space, 0);
    step.src = src;
    step.dst = by_hash ? version_path(*top.hash) : trash_path(stamp.lsn);
    step.expect = expect;
    save(step);
}

// Takes the rows out: what they were goes to `gone` and `version`. Rows of disk, prop, lock and the domains' tables go
// with their node.
void Writing::erase(std::span<const Leaving> leaving, const Stamp& stamp, const Author& author) {
    for (const Leaving& one : leaving) {
        const Node& node = one.node;
        keep_gone(node, stamp);
        const bool forgotten = base::planted(base::Plant::version_row_missing) && &one != &leaving.front();
        if (!is_collection(node.kind) && !forgotten) keep_version(node, stamp, author, one.place);
        ledger_.use(node.space, -node.size - prop_bytes(node.id));
        db_.query("DELETE FROM node WHERE id = ?1").bind(node.id).run();
        if (is_collection(node.kind)) {
            folders_.forget(node.id);
            touch(node.id);
        }
    }
}

// Nobody ever saw an unfinished copy: no history, its files are thrown away.
void Writing::drop_hidden_copy(const Node& top, const std::vector<Leaving>& all, const Author& author) {
    RecordBody body;
    for (const Leaving& one : all) add_removed(one.node, body.removed);
    const Stamp stamp = ledger_.append(top.space, RecordKind::remove, top.oid, author, body);
    const std::string path = hidden_path(top.oid, top.name, top.placed_lsn);
    for (const Leaving& one : all) {
        ledger_.use(one.node.space, -one.node.size - prop_bytes(one.node.id));
        db_.query("DELETE FROM node WHERE id = ?1").bind(one.node.id).run();
        folders_.forget(one.node.id);
    }
    if (!on_disk(top.space)) return;
    FileStep& step = queue(stamp, StepOp::discard, top.space, 0);
    step.src = path;
    save(step);
}

// Too much for one commit: a place under nobody makes it vanish at once, drain_hidden takes the rows out in groups.
void Writing::hide(const Node& top, const Author& author) {
    begin_verb();
    if (top.parent != 0) note_change_in(top.parent);
    note_change(top.space, top.oid);
    const bool files = on_disk(top.space);
    const std::string src = files ? disk_path(top) : std::string();
    const std::string name = top.name.empty() ? "copy" : top.name;  // a name says: to be drained
    RecordBody body;
    body.place = PlaceFacet{Oid{}, name, heads_of(top).places, {}};
    const Stamp stamp = ledger_.append(top.space, RecordKind::node, top.oid, author, body);
    keep_gone(top, stamp);
    folders_.move(top.id, 0, name, stamp.lsn);  // while the row still says where it was
    auto query = db_.query(
        "UPDATE node SET parent = NULL, name = ?2, name_key = NULL, p_origin = ?3, p_seq = ?4, p_hlc = ?5,"
        " placed_lsn = ?6, changed_lsn = ?6 WHERE id = ?1");
    query.bind(top.id).bind_text(name).bind(stamp.dot.origin).bind(stamp.dot.seq).bind(stamp.hlc).bind(stamp.lsn).run();
    drop_locks(top.id);
    group_.moved_folders = true;
    if (top.parent != 0) touch(top.parent);
    if (!files) return;
    FileStep& step = queue(stamp, StepOp::keep_folder, top.space, 0);
    step.src = src;
    step.dst = trash_path(stamp.lsn);
    save(step);
}

std::vector<Node> Writing::hidden_roots() {
    std::vector<Node> roots;
    auto query = db_.query("SELECT " NODE_COLUMNS
                           " FROM node AS n WHERE n.parent IS NULL"
                           " AND n.id NOT IN (SELECT root_node FROM space WHERE root_node IS NOT NULL)");
    while (query.next()) {
        roots.emplace_back();
        node_from(query, roots.back());
    }
    return roots;
}

std::size_t Writing::drain_hidden(std::size_t limit) {
    for (const Node& top : hidden_roots()) {
        if (top.name.empty()) continue;  // somebody builds it
        // Children before their parents, so that what is left always hangs together.
        struct Level {
            Node folder;
            std::vector<Node> rest;  // members not looked at yet; at most `limit` are read
            bool whole = false;      // all members are in `rest`
        };
        std::vector<Leaving> leaving;
        std::vector<Level> levels;
        const auto descend = [&](const Node& folder) {
            Level level{folder, {}, false};
            auto query = db_.query("SELECT " NODE_COLUMNS " FROM node AS n WHERE n.parent = ?1");
            query.bind(folder.id);
            while (level.rest.size() <= limit && query.next()) {
                level.rest.emplace_back();
                node_from(query, level.rest.back());
            }
            level.whole = level.rest.size() <= limit;
            levels.push_back(std::move(level));
        };
        descend(top);
        while (!levels.empty() && leaving.size() < limit) {
            Level& level = levels.back();
            if (level.rest.empty()) {
                if (!level.whole) break;
                leaving.push_back({level.folder, {}});
                levels.pop_back();
                continue;
            }
            const Node member = std::move(level.rest.back());
            level.rest.pop_back();
            if (is_collection(member.kind)) {
                descend(member);
            } else {
                leaving.push_back({member, on_disk(member.space) && !is_item(member.kind) ? disk_path(member) : ""});
            }
        }
        begin_verb();
        RecordBody body;
        for (const Leaving& one : leaving) add_removed(one.node, body.removed);
        const Author author{Cause::recovery, {}, {}};
        const Stamp stamp = ledger_.append(top.space, RecordKind::remove, top.oid, author, body);
        // Digests of what is hidden are nobody's: members go without being subtracted.
        erase(leaving, stamp, author);
        return leaving.size();
    }
    return 0;
}

}  // namespace storage
