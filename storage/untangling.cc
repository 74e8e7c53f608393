#include <algorithm>

#include "storage/sql.h"
#include "storage/writing.h"

// What the verbs do about objects that homes wrote without knowing of each other (tangles.h). A record names all that
// its writer saw: of these the rows of a node do not say it, so it is asked of the records themselves.

namespace storage {

namespace {

constexpr std::string_view kFolderMoves = "folder_moves";  // in `local`: the highest clock value, by space

void add_all(std::vector<Dot>& to, std::span<const Dot> dots) {
    for (const Dot& dot : dots) {
        if (dot.seq != 0 && std::find(to.begin(), to.end(), dot) == to.end()) to.push_back(dot);
    }
}

bool is_copy(const Node& node) {
    return node.place.seq == 0;  // nothing was written about it yet
}

}  // namespace

const SpaceState& Writing::state_of(SpaceId space) {
    if (!known_state_ || known_state_->space != space) known_state_ = KnownState{space, 0, {}};
    if (known_state_->lsn == ledger_.lsn()) return known_state_->state;
    auto query = db_.query(
        "SELECT origin, seq, hlc, oid, body FROM log WHERE space = ?1 AND lsn > ?2 AND kind IN (1, 2) ORDER BY lsn");
    query.bind(space).bind(known_state_->lsn);
    while (query.next()) {
        const auto body = decode(query.blob(4));
        if (!body) throw base::Failure(base::Fault::corrupt, "a record of the log can not be read");
        const Rank rank{query.integer(2), {query.integer(0), query.integer(1)}};
        const Oid oid = base::id_from(query.blob(3)).value_or(Oid{});
        if (!known_state_->state.apply({rank, oid, *body}))
            throw base::Failure(base::Fault::corrupt, "a record of the log comes before one that it names");
    }
    known_state_->lsn = ledger_.lsn();
    return known_state_->state;
}

Writing::Heads Writing::heads_of(const Node& node) {
    if (tangles_.contains(node.space, node.oid) && !is_copy(node)) return heads_of(node.space, node.oid);
    return {{node.content}, {node.place}};
}

Writing::Heads Writing::heads_of(SpaceId space, const Oid& oid) {
    const ObjectState* object = state_of(space).find(oid);
    CHECK(object != nullptr);
    const auto places = object->live_places();
    return {object->shown_contents(), {places.begin(), places.end()}};
}

void Writing::note_change(SpaceId space, const Oid& oid) {
    if (tangles_.contains(space, oid)) anew_.insert(space);
}

void Writing::note_change_in(NodeId folder) {
    const Folder& there = folders_.get(folder);
    note_change(there.space, there.oid);
}

void Writing::note_folder_move(SpaceId space, std::int64_t hlc) {
    const std::string key = std::to_string(space);
    if (hlc > last_folder_move(space)) set_local(kFolderMoves, key, std::to_string(hlc));
}

std::int64_t Writing::last_folder_move(SpaceId space) {
    const auto kept = local(kFolderMoves, std::to_string(space));
    return kept ? std::stoll(*kept) : 0;
}

// The first record about a conflict copy makes it an object of its own, with the content that lost.
Node Writing::own(const Node& node, const Author& author) {
    note_change(node.space, node.oid);
    if (!is_copy(node)) return node;
    RecordBody body;
    body.create = CreateFacet{node.kind, node.created_ms, {}, {}};
    body.place = PlaceFacet{folders_.get(node.parent).oid, node.name, {}, {}};
    body.content = ContentFacet{node.hash, node.size, node.mtime_ns, node.exec, {node.content}, {}};
    const Stamp stamp = ledger_.append(node.space, RecordKind::node, node.oid, author, body);
    Node mine = node;
    mine.content = mine.place = stamp.dot;
    mine.placed_lsn = mine.changed_lsn = stamp.lsn;
    set_place(mine, {stamp.hlc, stamp.dot});
    db_.query("UPDATE node SET c_origin = ?2, c_seq = ?3, c_hlc = ?4 WHERE id = ?1")
        .bind(mine.id)
        .bind(stamp.dot.origin)
        .bind(stamp.dot.seq)
        .bind(stamp.hlc)
        .run();
    touch(node.parent);
    return mine;
}

// Who changes or removes a file means all that look like it: else an equal one would appear in its place.
void Writing::drop_twins(const Node& node, const Author& author) {
    const std::vector<Oid> twins = tangles_.hidden_behind(node.space, node.oid);
    for (const Oid& twin : twins) own_copies_of(node.space, twin, {}, author);
    RecordBody body;
    for (const Oid& twin : twins) add_removed(node.space, twin, body.removed);
    if (!body.removed.empty()) ledger_.append(node.space, RecordKind::remove, node.oid, author, body);
}

void Writing::add_removed(SpaceId space, const Oid& oid, std::vector<Removed>& to) {
    const Heads heads = heads_of(space, oid);
    Removed& removed = to.emplace_back();
    removed.oid = oid;
    add_all(removed.seen, heads.contents);
    add_all(removed.seen, heads.places);
}

// A node that goes, and all that hides behind it.
void Writing::add_removed(const Node& node, std::vector<Removed>& to) {
    if (!tangles_.contains(node.space, node.oid)) {
        Removed& removed = to.emplace_back();
        removed.oid = node.oid;
        add_all(removed.seen, std::vector<Dot>{node.content, node.place});
        return;
    }
    anew_.insert(node.space);
    if (is_copy(node)) {
        to.push_back({node.oid, {node.content}});
        return;
    }
    add_removed(node.space, node.oid, to);
    for (const Oid& twin : tangles_.hidden_behind(node.space, node.oid)) add_removed(node.space, twin, to);
}

// Conflict copies of what goes that do not go themselves become files: they would else take its place, since nobody
// could tell them from an edit that the remover had not heard of.
void Writing::own_copies_of(std::span<const Leaving> leaving, const Author& author) {
    if (leaving.empty() || !tangles_.any(leaving.front().node.space)) return;
    std::set<Oid> going;
    for (const Leaving& one : leaving) going.insert(one.node.oid);
    for (const Leaving& one : leaving) {
        const Node& node = one.node;
        if (is_collection(node.kind) || !tangles_.contains(node.space, node.oid)) continue;
        if (!is_copy(node)) own_copies_of(node.space, node.oid, going, author);
        for (const Oid& twin : tangles_.hidden_behind(node.space, node.oid))
            own_copies_of(node.space, twin, going, author);
    }
}

void Writing::own_copies_of(SpaceId space, const Oid& oid, const std::set<Oid>& going, const Author& author) {
    const std::vector<ContentHead> losers = state_of(space).find(oid)->losers();
    for (const ContentHead& loser : losers) {
        const auto copy = by_oid(space, copy_oid(loser.rank.dot));
        if (copy && !going.contains(copy->oid)) own(*copy, author);
    }
}

void Writing::end_job() {
    for (const SpaceId space : std::exchange(anew_, {})) {
        if (ledger_.find(space)) lay_out_anew(space, Author{Cause::merge, {}, {}}, nullptr);
    }
}

}  // namespace storage
