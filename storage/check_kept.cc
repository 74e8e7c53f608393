#include <algorithm>
#include <map>
#include <set>

#include "storage/base/failure.h"
#include "storage/base/log.h"
#include "storage/check.h"
#include "storage/filer.h"
#include "storage/history.h"
#include "storage/reading.h"
#include "storage/replication/record.h"
#include "storage/sync_changes.h"

// The folders of history on disk, against the rows that lead to what is in them.
namespace storage {

namespace {

constexpr std::string_view kVersionsFolder = ".hearth/versions";

std::string path_in(const KeptFolder& folder, const std::string& name) {
    return folder.path + "/" + name;
}

KeptFolder listed(const Tree& tree, std::string path) {
    KeptFolder folder{std::move(path), {}};
    for (DirEntry& entry : tree.list(folder.path)) folder.names.push_back(std::move(entry.name));
    std::sort(folder.names.begin(), folder.names.end());
    return folder;
}

std::string shelf_name(std::size_t number) {
    return base::hex(std::string(1, static_cast<char>(number)));
}

// A shelf, against the hashes of its range in their order.
std::vector<std::string> unknown_on_shelf(sql::Connection& db, const KeptFolder& shelf) {
    const auto first = base::unhex(shelf.path.substr(kVersionsFolder.size() + 1)).value_or(std::string());
    const std::string last = first + std::string(base::Hash{}.bytes.size(), '\xff');  // longer than any hash
    auto query =
        db.query("SELECT DISTINCT hash FROM version WHERE place IS NULL AND hash >= ?1 AND hash < ?2 ORDER BY hash");
    query.bind_blob(first).bind_blob(last);
    std::vector<std::string> unknown;
    auto at = shelf.names.begin();
    while (at != shelf.names.end() && query.next()) {
        const std::string name = base::hex(query.blob(0));
        for (; at != shelf.names.end() && *at < name; ++at) unknown.push_back(*at);
        if (at != shelf.names.end() && *at == name) ++at;
    }
    unknown.insert(unknown.end(), at, shelf.names.end());
    return unknown;
}

std::vector<std::string> unknown_beside_shelves(const KeptFolder& versions) {
    std::vector<std::string> unknown;
    for (const std::string& name : versions.names) {
        const auto number = base::unhex(name);
        const bool is_shelf = number && number->size() == 1 && base::hex(*number) == name;
        if (!is_shelf && path_in(versions, name) != kSurprises) unknown.push_back(name);
    }
    return unknown;
}

// A space that was removed as a whole left its record alone.
bool is_removal(sql::Connection& db, Lsn lsn) {
    auto query = db.query("SELECT 1 FROM log WHERE lsn = ?1 AND kind = ?2");
    query.bind(lsn).bind(static_cast<std::int64_t>(RecordKind::remove));
    return query.next();
}

// What a removal put there has its lsn in its name. The job of history takes what expired, whatever rows there are.
std::vector<std::string> unknown_in_trash(sql::Connection& db, const KeptFolder& trash) {
    Lsn expired = 0;
    {
        auto query = db.query("SELECT value FROM local WHERE tbl = ?1 AND key = ?2");
        query.bind_text(kHistory).bind_text(kTrash);
        if (query.next()) expired = position_from(query.blob(0)).lsn;
    }
    std::vector<std::string> unknown;
    std::vector<Lsn> removals;  // in their order, as the names are
    for (const std::string& name : trash.names) {
        const Lsn removal = removal_of(name);
        if (removal <= 0 || trash_path(removal) != path_in(trash, name))
            unknown.push_back(name);
        else if (removal > expired)
            removals.push_back(removal);
    }
    if (removals.empty()) return unknown;
    std::vector<Lsn> unnamed;
    auto at = removals.begin();
    if (const std::int64_t first = first_gone(db, removals.front()); first != 0) {
        auto query = db.query("SELECT to_lsn FROM gone WHERE id >= ?1 ORDER BY id");
        query.bind(first);
        while (at != removals.end() && query.next()) {
            const Lsn lsn = query.integer(0);
            for (; at != removals.end() && *at < lsn; ++at) unnamed.push_back(*at);
            if (at != removals.end() && *at == lsn) ++at;
        }
    }
    unnamed.insert(unnamed.end(), at, removals.end());
    for (const Lsn removal : unnamed) {
        const std::string path = trash_path(removal);
        if (!holds_versions(db, path) && !is_removal(db, removal))
            unknown.push_back(path.substr(kTrashFolder.size() + 1));
    }
    return unknown;
}

KeptFolder strays_in(sql::Connection& db, const KeptFolder& folder) {
    if (folder.names.empty()) return {};
    if (folder.path == kVersionsFolder) return {folder.path, unknown_beside_shelves(folder)};
    if (folder.path == kTrashFolder) return {folder.path, unknown_in_trash(db, folder)};
    return {folder.path, unknown_on_shelf(db, folder)};
}

// Names that steps still have to do with: they could not be done, or were, and their rows are not yet tidied up.
std::set<std::string> names_of_steps(sql::Connection& db) {
    std::set<std::string> names;
    auto query = db.query("SELECT src, dst, expect FROM fs_todo");
    while (query.next()) {
        FileStep step;
        decode_expect(query.blob(2), step);
        for (const std::string& name : {std::string(query.text(0)), std::string(query.text(1)), step.keep})
            names.insert(name);
    }
    return names;
}

// A file at `from`, which nobody else writes, gets its name in versions/. False: it is taken.
bool put_into_versions(Tree& tree, const std::string& from, const std::string& to) {
    if (const auto file = tree.open(from)) file->sync();
    tree.make_folders(parent_of(to), 0700);
    if (tree.rename(from, to) != Rename::done) return false;
    tree.sync_folder(parent_of(to));
    tree.sync_folder(parent_of(from));
    return true;
}

bool copy_into_versions(Tree& tree, const std::string& from, const std::string& to, const base::Hash& hash) {
    const std::string copy = ".hearth/staging/found-" + base::hex(hash.view());
    tree.unlink(copy);
    const bool whole = tree.copy_file(from, copy) && hash_of_file(tree, copy) == std::string(hash.view());
    if (whole && put_into_versions(tree, copy, to)) return true;
    tree.unlink(copy);
    return false;
}

}  // namespace

std::vector<KeptFolder> find_strays(sql::Connection& db, const Tree& tree) {
    std::vector<KeptFolder> strays;
    std::size_t count = 0;
    const auto look_into = [&](std::string path) {
        if (count >= kFindingsMax) return;
        KeptFolder found = strays_in(db, listed(tree, std::move(path)));
        count += found.names.size();
        if (!found.names.empty()) strays.push_back(std::move(found));
    };
    look_into(std::string(kVersionsFolder));
    for (std::size_t shelf = 0; shelf < kShelves; ++shelf)
        look_into(std::string(kVersionsFolder) + "/" + shelf_name(shelf));
    look_into(std::string(kTrashFolder));
    return strays;
}

void check_strays(sql::Connection& db, const Tree& tree, const std::vector<KeptFolder>& strays,
                  std::vector<Store::Finding>& findings) {
    const std::set<std::string> awaited = names_of_steps(db);
    for (const KeptFolder& folder : strays) {
        for (const std::string& name : strays_in(db, folder).names) {
            const std::string path = path_in(folder, name);
            if (findings.size() >= kFindingsMax) return;
            if (awaited.contains(path) || !tree.stat(path)) continue;
            const auto what =
                folder.path == kTrashFolder ? Store::Finding::kUnknownTrash : Store::Finding::kUnknownVersion;
            findings.push_back({std::string(what), path, false});
        }
    }
}

void put_versions_back(ReadTxn& txn, sql::Connection& db, Tree& tree, std::vector<Store::Finding>& findings) {
    std::map<std::string, Store::Finding*> missing;  // by hash
    for (Store::Finding& finding : findings) {
        if (finding.what != Store::Finding::kMissingVersion) continue;
        const auto hash = base::unhex(finding.where.substr(finding.where.rfind('/') + 1));
        const auto whole = hash ? base::hash_from(*hash) : std::nullopt;
        if (whole && finding.where == version_path(*whole)) missing.emplace(*hash, &finding);
    }
    // It has the name of a hash that nobody misses: reading all of it would tell nothing.
    const auto is_of_another = [&](const std::string& path) {
        const auto hash = base::unhex(path.substr(path.rfind('/') + 1));
        return hash && hash->size() == base::Hash{}.bytes.size() && !missing.contains(*hash);
    };
    for (Store::Finding& finding : findings) {
        if (missing.empty()) return;
        if (finding.what != Store::Finding::kUnknownVersion || is_of_another(finding.where)) continue;
        const auto hash = hash_of_file(tree, finding.where);
        const auto wanted = hash ? missing.find(*hash) : missing.end();
        const auto facts = tree.stat(finding.where);
        // Through another hard link somebody could change history.
        if (wanted == missing.end() || !facts || facts->links > 1) continue;
        if (!put_into_versions(tree, finding.where, wanted->second->where)) continue;
        finding.repaired = wanted->second->repaired = true;
        missing.erase(wanted);
    }
    std::vector<std::pair<NodeId, std::string>> holders;
    {
        auto query = db.query(
            "SELECT n.id, n.hash FROM node AS n JOIN space AS s ON s.id = n.space"
            " WHERE s.dir <> '' AND n.hash IS NOT NULL AND n.parent IS NOT NULL");
        while (!missing.empty() && query.next()) {
            std::string hash(query.blob(1));
            if (missing.contains(hash)) holders.emplace_back(query.integer(0), std::move(hash));
        }
    }
    for (const auto& [id, hash] : holders) {
        const auto wanted = missing.find(hash);
        const auto node = txn.node(id);
        if (wanted == missing.end() || !node) continue;
        try {
            if (!copy_into_versions(tree, txn.disk_path(*node), wanted->second->where, *node->hash)) continue;
        } catch (const base::Failure& failure) {  // this one can not be read, or there is no room
            base::log_warn("check", wanted->second->where + " stays missing: " + failure.what());
            continue;
        }
        wanted->second->repaired = true;
        missing.erase(wanted);
    }
}

}  // namespace storage
