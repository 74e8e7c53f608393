#include "storage/check.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "storage/filer.h"
#include "storage/writing.h"

namespace storage {

namespace {

void add(std::vector<Store::Finding>& findings, std::string what, std::string where) {
    if (findings.size() < kFindingsMax) findings.push_back({std::move(what), std::move(where), false});
}

struct Collection {
    NodeId parent = 0;
    NodeKind kind = NodeKind::folder;
    std::string name;
    base::Hash stored;
    Sum sum;
    std::size_t open = 0;  // collections below that are not summed up yet
};

}  // namespace

void check_schema(sql::Connection& db, std::vector<Store::Finding>& findings) {
    auto query = db.query("PRAGMA quick_check(100)");
    while (query.next()) {
        if (query.text(0) != "ok") add(findings, "schema", std::string(query.text(0)));
    }
    auto keys = db.query("PRAGMA foreign_key_check");
    while (keys.next())
        add(findings, "foreign-key", std::string(keys.text(0)) + " row " + std::to_string(keys.integer(1)));
}

void check_history(sql::Connection& db, const Tree& tree, std::vector<Store::Finding>& findings) {
    auto query = db.query(
        "SELECT DISTINCT v.hash, v.size, v.place FROM version AS v JOIN space AS s ON s.id = v.space"
        " WHERE v.hash IS NOT NULL AND s.dir <> ''");
    while (query.next() && findings.size() < kFindingsMax) {
        const auto hash = base::hash_from(query.blob(0));
        if (!hash) {
            add(findings, "schema", "version without a hash");
            continue;
        }
        const std::string path = query.is_null(2) ? version_path(*hash) : std::string(query.text(2));
        const auto facts = tree.stat(path);
        if (!facts || facts->kind != DiskKind::file)
            add(findings, std::string(Store::Finding::kMissingVersion), path);
        else if (facts->size != query.integer(1))
            add(findings, "wrong-size", path);
    }
}

void forget_expired(sql::Connection& db, const Tree& tree, std::vector<Store::Finding>& findings) {
    std::vector<Store::Finding> now;
    check_history(db, tree, now);
    std::set<std::string> missing;
    for (const Store::Finding& one : now) missing.insert(one.where);
    std::erase_if(findings, [&](const Store::Finding& one) {
        return one.what == Store::Finding::kMissingVersion && !missing.contains(one.where);
    });
}

void check_kept_aside(const Tree& tree, std::vector<Store::Finding>& findings) {
    std::vector<std::string> names;
    for (DirEntry& entry : tree.list(kSurprises)) names.push_back(std::move(entry.name));
    std::sort(names.begin(), names.end());
    for (const std::string& name : names)
        add(findings, std::string(Store::Finding::kKeptAside), std::string(kSurprises) + "/" + name);
}

std::vector<WrongSum> check_sums(sql::Connection& db, std::vector<Store::Finding>& findings) {
    std::vector<WrongSum> wrong;
    std::unordered_map<NodeId, Collection> all;  // collections only; a file is added to its folder as it comes by
    {
        auto query = db.query("SELECT id, parent, kind, name, tree FROM node WHERE tree IS NOT NULL");
        while (query.next()) {
            Collection one;
            one.parent = query.integer(1);
            one.kind = static_cast<NodeKind>(query.integer(2));
            one.name = query.text(3);
            one.stored = base::hash_from(query.blob(4)).value_or(base::Hash{});
            all.emplace(query.integer(0), std::move(one));
        }
    }
    {
        auto query = db.query("SELECT parent, name, kind, hash FROM node WHERE tree IS NULL");
        while (query.next()) {
            const auto parent = all.find(query.integer(0));
            if (parent == all.end()) {
                add(findings, "no-parent", std::string(query.text(1)));
                continue;
            }
            parent->second.sum += share_of(query.text(1), static_cast<NodeKind>(query.integer(2)), query.blob(3));
        }
    }
    std::vector<NodeId> ready;
    for (auto& [id, one] : all) {
        if (const auto parent = all.find(one.parent); parent != all.end()) ++parent->second.open;
    }
    for (auto& [id, one] : all) {
        if (one.open == 0) ready.push_back(id);
    }
    std::size_t summed = 0;
    std::vector<NodeId> order;
    while (!ready.empty()) {
        const NodeId id = ready.back();
        ready.pop_back();
        order.push_back(id);
        ++summed;
        const Collection& one = all.at(id);
        const auto parent = all.find(one.parent);
        if (parent == all.end()) {
            if (one.parent != 0) add(findings, "no-parent", one.name);
            continue;
        }
        parent->second.sum += share_of(one.name, one.kind, one.sum.hash().view());
        if (--parent->second.open == 0) ready.push_back(one.parent);
    }
    if (summed != all.size()) add(findings, "circle", std::to_string(all.size() - summed) + " collections");
    std::unordered_map<NodeId, bool> shown;
    {
        auto query = db.query("SELECT root_node FROM space WHERE root_node IS NOT NULL");
        while (query.next()) shown.emplace(query.integer(0), true);
    }
    for (auto id = order.rbegin(); id != order.rend(); ++id) {  // parents first
        const Collection& one = all.at(*id);
        if (!shown.contains(*id) && !shown.contains(one.parent)) continue;
        shown.emplace(*id, true);
        if (one.sum.hash() == one.stored) continue;
        add(findings, "digest", "collection " + std::to_string(*id) + " " + one.name);
        wrong.push_back({*id, one.sum.hash(), 0, 0});
    }
    auto query = db.query(
        "SELECT s.id, s.used_bytes, coalesce((SELECT sum(n.size) FROM node AS n WHERE n.space = s.id), 0)"
        " + coalesce((SELECT sum(" PROP_BYTES
        ") FROM node AS n CROSS JOIN prop AS p ON p.node = n.id WHERE n.space = s.id), 0) FROM space AS s");
    while (query.next()) {
        if (query.integer(1) == query.integer(2)) continue;
        add(findings, "used-bytes", "space " + std::to_string(query.integer(0)));
        wrong.push_back({0, {}, query.integer(0), query.integer(2)});
    }
    return wrong;
}

void Writing::repair_sums(std::vector<Store::Finding>& findings) {
    begin_verb();
    flush();
    std::vector<Store::Finding> found;
    for (const WrongSum& wrong : check_sums(db_, found)) {
        if (wrong.node != 0) {
            db_.query("UPDATE node SET tree = ?2 WHERE id = ?1").bind(wrong.node).bind_blob(wrong.tree.view()).run();
        } else {
            db_.query("UPDATE space SET used_bytes = ?2 WHERE id = ?1").bind(wrong.space).bind(wrong.used_bytes).run();
        }
    }
    for (Store::Finding& one : found) {
        one.repaired = one.what == "digest" || one.what == "used-bytes";
        findings.push_back(std::move(one));
    }
    folders_.clear();
    ledger_.load();
    group_.moved_folders = true;
}

}  // namespace storage
