#include "storage/principal_spaces.h"

#include <algorithm>
#include <array>
#include <set>

#include "storage/account_book.h"
#include "storage/base/log.h"

namespace storage {
namespace {

constexpr std::string_view kFolders = "files/";
constexpr std::array kKinds = {SpaceKind::files, SpaceKind::contacts};

std::string folder_of(const Principal& principal) {
    return std::string(kFolders) + principal.name;
}

// Where a folder stands when its name is in use. No name of a person is that long by chance.
std::string spare_folder_of(const base::Id128& uid) {
    return std::string(kFolders) + kv_key(uid);
}

std::set<std::string> folders_in_use(ReadTxn& txn) {
    std::set<std::string> dirs;
    for (Space& space : txn.spaces()) dirs.insert(std::move(space.dir));
    return dirs;
}

// Who may not write any more keeps nobody else from it.
void end_locks(WriteTxn& txn, const base::Id128& of, const std::optional<Space>& in) {
    for (const Lock& lock : txn.locks()) {
        if (lock.principal != of) continue;
        const auto node = txn.node(lock.node);
        if (!in || (node && node->space == in->id)) txn.remove_lock(lock.token);
    }
}

void leave_group(WriteTxn& txn, const KvKey& at) {
    const auto group = uid_from(at.key);
    const auto user = uid_from(at.field);
    if (!group || !user) return;
    if (const auto files = txn.space_of(SpaceKind::files, *group)) end_locks(txn, *user, files);
}

std::string remove_spaces(WriteTxn& txn, const base::Id128& owner, const Author& author) {
    end_locks(txn, owner, std::nullopt);
    if (const auto contacts = txn.space_of(SpaceKind::contacts, owner)) txn.remove_space(contacts->id, author);
    const auto files = txn.space_of(SpaceKind::files, owner);
    return files ? txn.remove_space(files->id, author) : std::string();
}

// Folders that do not have the name of their owner any more get it, each after the one that stands there has left.
// Where they wait for each other in a circle, one steps aside.
void rename_folders(WriteTxn& txn, const AccountBook& book) {
    struct Move {
        Space space;
        std::string to;
        bool aside = false;
    };
    std::vector<Move> moves;
    for (Space& space : txn.spaces()) {
        const Principal* owner = book.find(space.owner);
        if (space.kind != SpaceKind::files || !owner || !space.dir.starts_with(kFolders)) continue;
        std::string to = folder_of(*owner);
        if (space.dir != to) moves.push_back({std::move(space), std::move(to)});
    }
    std::set<std::string> in_use = folders_in_use(txn);
    while (!moves.empty()) {
        const auto is_free = [&](const Move& move) { return !in_use.contains(move.to); };
        auto next = std::ranges::find_if(moves, is_free);
        const bool stuck = next == moves.end();
        if (stuck) next = std::ranges::find(moves, false, &Move::aside);
        if (next == moves.end()) {  // of nobody's we know; asked again with the next change
            base::log_warn("accounts", "a folder can not have its name: " + moves.front().to + " is in use");
            return;
        }
        const std::string to = stuck ? spare_folder_of(next->space.owner) : next->to;
        in_use.erase(next->space.dir);
        in_use.insert(to);
        txn.move_space(next->space.id, to);
        next->space.dir = to;
        next->aside = true;
        if (!stuck) moves.erase(next);
    }
}

}  // namespace

std::vector<Lacking> lacking_spaces(ReadTxn& txn, const AccountBook& book) {
    std::set<std::pair<base::Id128, SpaceKind>> there;
    for (const Space& space : txn.spaces()) there.emplace(space.owner, space.kind);
    std::vector<Lacking> lacking;
    for (const auto& [name, principal] : book.by_name) {
        for (const SpaceKind kind : kKinds)
            if (!there.contains({principal.uid, kind})) lacking.push_back({principal.uid, kind});
    }
    return lacking;
}

void make_space_of(WriteTxn& txn, const Principal& owner, SpaceKind kind, const Author& author) {
    if (txn.space_of(kind, owner.uid)) return;
    if (kind != SpaceKind::files) {
        txn.make_space(kind, owner.uid, "", author);
        return;
    }
    const std::string dir = folder_of(owner);
    const bool is_free = !folders_in_use(txn).contains(dir);
    txn.make_space(kind, owner.uid, is_free ? dir : spare_folder_of(owner.uid), author);
}

std::map<base::Id128, std::string> follow_accounts(WriteTxn& txn, std::span<const KvKey> changed,
                                                   const Author& author) {
    std::set<base::Id128> principals;  // what they are called, or whether they are, may not be what it was
    for (const KvKey& at : changed) {
        const bool there = txn.kv(at).has_value();
        if (at.table == kv_table::kMember && !there) leave_group(txn, at);
        if (at.table == kv_table::kAppPassword && !there) txn.set_local(kLastUseTable, at.key, std::nullopt);
        if (at.table != kv_table::kUser || (at.field != "name" && at.field != "created")) continue;
        if (const auto uid = uid_from(at.key)) principals.insert(*uid);
    }
    std::map<base::Id128, std::string> went;
    if (principals.empty()) return went;
    for (const base::Id128& uid : principals) {
        // Not by the book: what it leaves out as unreadable may have been written by a newer program.
        if (txn.kv({kv_table::kUser, kv_key(uid), "name"})) continue;
        went.emplace(uid, remove_spaces(txn, uid, author));
    }
    const AccountBook book = load_book(txn);
    rename_folders(txn, book);
    for (const base::Id128& uid : principals) {
        const Principal* principal = book.find(uid);
        if (principal == nullptr) continue;
        for (const SpaceKind kind : kKinds) make_space_of(txn, *principal, kind, author);
    }
    return went;
}

}  // namespace storage
