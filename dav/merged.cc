#include "dav/merged.h"

#include <algorithm>

namespace dav {

namespace {

// Of the home's own and of each group, in the order of the names that a listing of the home has.
std::vector<ItemSource> all_sources(storage::ReadTxn& txn, const Target& target) {
    std::vector<ItemSource> sources;
    const auto add = [&](storage::NodeId home, const storage::Principal* group) {
        txn.list(home, storage::Need::none, "", storage::kListPageMax, [&](const storage::Row& row) {
            const std::string name = group ? shown_name(row.node.name, *group) : row.node.name;
            sources.push_back({row.node, name + std::string(kMergedMark)});
        });
    };
    const auto own = txn.space_of(target.home->space, target.owner->uid);
    if (own) add(own->root, nullptr);
    for (const auto& [unused, group] : target.book->by_name) {
        if (!target.book->in_group(target.owner->uid, group.uid)) continue;
        const auto space = txn.space_of(target.home->space, group.uid);
        if (space) add(space->root, &group);
    }
    return sources;
}

}  // namespace

std::vector<ItemSource> item_sources(storage::ReadTxn& txn, const Target& target) {
    if (target.merged) return all_sources(txn, target);
    return {{target.node(), std::string()}};
}

storage::Node merged_node(storage::ReadTxn& txn, const Target& target, const storage::Node& home) {
    storage::Node node = home;
    node.id = -home.id;  // of no row
    node.parent = home.id;
    node.name = kMergedName;
    node.kind = target.home->collection;
    std::string octets(home.oid.view());
    octets += kMergedName;
    const base::Hash id = base::sha256(octets);
    node.oid = base::id_from(id.view().substr(0, sizeof(storage::Oid::bytes))).value();
    for (const ItemSource& source : all_sources(txn, target)) {
        octets += source.prefix;
        octets += source.collection.tree.view();
        node.mtime_ns = std::max(node.mtime_ns, source.collection.mtime_ns);
    }
    node.tree = base::sha256(octets);
    return node;
}

std::optional<storage::Row> row_of(storage::ReadTxn& txn, const Target& target, storage::Need needs) {
    if (!target.merged) return txn.row(target.node().id, needs);
    storage::Row row;
    row.node = target.node();
    return row;
}

}  // namespace dav
