#include "tests/sim/home.h"

#include <algorithm>

#include "storage/base/failure.h"
#include "storage/staging.h"

namespace sim {

namespace {

constexpr int kRefusalsMax = 4;  // in a row: the store refuses until it is started again

// Another home's records came between a look and the write.
class Overtaken : public std::runtime_error {
  public:
    Overtaken() : std::runtime_error("overtaken") {}
};

using storage::Node;
using storage::NodeKind;
using storage::ReadTxn;
using storage::WriteTxn;

}  // namespace

std::vector<std::string> names_of(const std::string& user, const std::string& path) {
    std::vector<std::string> names{user};
    for (std::size_t at = 0; at < path.size();) {
        const std::size_t slash = std::min(path.find('/', at), path.size());
        names.push_back(path.substr(at, slash - at));
        at = slash + 1;
    }
    return names;
}

Home::Home(Machine& machine, std::string root, std::vector<std::string> users, bool with_outsider)
    : machine_(machine), root_(std::move(root)), outside_(machine, root_ + "/files/home/x") {
    if (with_outsider) users.emplace_back("x");
    for (std::string& user : users) users_.emplace_back().name = std::move(user);
    users_.back().has_outsider = with_outsider;
}

void Home::open() {
    storage::Store::Options options;
    options.root = "/" + root_;
    options.readers = 2;
    options.wal_bytes = 0;
    options.durability = machine_.durability;
    store_ = storage::Store::open(std::move(options), machine_.seams());
    const base::Id128 owner{{1, 2, 3}};
    store_->write([&](WriteTxn& txn) {
        const auto space = txn.space_of(storage::SpaceKind::files, owner);
        const storage::Space mine = space ? *space : txn.make_space(storage::SpaceKind::files, owner, "files/home", {});
        top_ = mine.root;
        space_ = mine.id;
    });
}

void Home::make_folders() {
    std::vector<std::string> folders{kShared};
    for (const User& user : users_) folders.push_back(user.name);
    for (const std::string& folder : folders) {
        store_->write([&](WriteTxn& txn) {
            if (!txn.child(top_, folder)) txn.make({top_, folder, NodeKind::folder, {}, {}}, {});
        });
    }
}

void Home::close() {
    if (store_) durable_ = store_->durable();
    store_.reset();
}

void Home::acknowledge(User& user, Folder after) {
    if (machine_.durability == storage::Durability::relaxed && after != user.acknowledged) {
        const storage::Lsn lsn = store_->read([](ReadTxn& txn) { return txn.lsn(); });
        std::erase_if(user.before, [&](const auto& one) { return one.first <= store_->durable(); });
        user.before.emplace_back(lsn, std::move(user.acknowledged));
    }
    user.acknowledged = std::move(after);
    user.possible.clear();
}

void Home::acknowledge(const std::string& octets) {
    if (machine_.durability != storage::Durability::relaxed) return;
    const storage::Lsn lsn = store_->read([](ReadTxn& txn) { return txn.lsn(); });
    std::erase_if(recent_, [&](const auto& one) { return one.first <= store_->durable(); });
    recent_.emplace_back(lsn, octets);
}

void Home::power_was_cut() {
    for (User& user : users_) {
        std::erase_if(user.written, [&](const User::Written& one) { return one.lsn > durable_; });
        for (auto& [lsn, folder] : user.before) {
            if (lsn <= durable_) continue;
            machine_.count("acknowledged and not durable at a cut");
            user.possible.push_back(std::move(folder));
        }
    }
    for (const auto& [lsn, octets] : recent_) {
        if (lsn <= durable_) continue;
        shared_contents_.erase(octets);
        for (User& user : users_) user.octets.acknowledged.erase(octets);
    }
}

void Home::work(std::vector<std::unique_ptr<base::Thread>>& threads, int operations) {
    for (User& user : users_) {
        threads.push_back(machine_.exec.spawn(
            user.name, [this, &user, operations] { act(user, operations); }, 0));
        if (!user.has_outsider) continue;
        threads.push_back(machine_.exec.spawn(
            "outside", [this, &user, operations] { outside_.act(operations / 3, user.octets); }, 0));
    }
    threads.push_back(machine_.exec.spawn(
        "shared", [this, operations] { wander(mirrors_ ? operations : operations / 3); }, 0));
}

void Home::act(User& user, int operations) {
    int refused = 0;
    for (int i = 0; i < operations && refused < kRefusalsMax; ++i) {
        const Folder before = user.acknowledged;
        Folder after = before;
        const auto operation = choose(user, after);
        if (!operation) continue;
        user.possible = {after};
        user.octets.under_way.clear();
        try {
            operation();
        } catch (const base::Failure& failure) {
            if (machine_.disk.dead()) return;
            if (!machine_.disk.fails() && !user.has_outsider)
                machine_.broken(user.name + ": refused: " + failure.what());
            machine_.count("refused");
            ++refused;
            if (!settle_refused(user, before, after)) return;
            continue;
        }
        refused = 0;
        machine_.count("operations");
        try {
            acknowledge(user.octets.under_way);
            if (!user.octets.under_way.empty()) user.octets.acknowledged.insert(user.octets.under_way);
            if (!user.has_outsider && !user.octets.under_way.empty()) remember_when(user, after);
            acknowledge(user, after);
        } catch (const base::Failure&) {  // cut while he looked how far it is
            return;
        }
        const bool told_later = machine_.durability == storage::Durability::relaxed;  // its steps wait for a sync
        if (!user.has_outsider && !told_later && !machine_.disk.fails()) look_at_disk(user);
    }
}

// Where what was just written stood, for check_past.
void Home::remember_when(User& user, const Folder& after) {
    try {
        const storage::Lsn lsn = store_->read([](ReadTxn& txn) { return txn.lsn(); });
        for (const auto& [path, entry] : after) {
            if (!entry.folder && entry.bytes == user.octets.under_way) user.written.push_back({lsn, path, entry.bytes});
        }
    } catch (const base::Failure&) {  // the power or the disk: then this one is not asked for
    }
}

// Who was told that it is done finds it where other programs look as well, at once (I4). It costs the store no call.
void Home::look_at_disk(const User& user) {
    std::size_t found = 0;
    std::vector<std::pair<std::string, const Inode*>> open{
        {"", machine_.disk.find(root_ + "/files/home/" + user.name)}};
    while (!open.empty()) {
        const auto [path, folder] = open.back();
        open.pop_back();
        if (folder == nullptr) return machine_.broken("I4: " + user.name + " has no folder on the disk");
        for (const auto& [name, ino] : folder->entries) {
            const std::string at = under(path, name);
            const Inode* inode = machine_.disk.at(ino);
            const auto known = user.acknowledged.find(at);
            const bool is_folder = inode->kind == storage::DiskKind::folder;
            if (known == user.acknowledged.end() || known->second.folder != is_folder ||
                (!is_folder && known->second.bytes != inode->bytes))
                machine_.broken("I4: " + user.name + " was told otherwise than the disk shows at " + at);
            ++found;
            if (is_folder) open.emplace_back(at, inode);
        }
    }
    if (found < user.acknowledged.size()) machine_.broken("I4: " + user.name + " was told of what the disk has not");
}

// Refused is not applied, or all of it was (I10): the user looks. False: he can not see either.
bool Home::settle_refused(User& user, const Folder& before, const Folder& after) {
    try {
        const Folder found = index_of(user.name);
        if (found != before && found != after) {
            machine_.broken("I10: what was refused left a trace for " + user.name);
            return false;
        }
        acknowledge(user, found);
        return true;
    } catch (const base::Failure&) {
        return false;
    }
}

std::string Home::pick(const Folder& folder, bool folders, bool top) {
    std::vector<std::string> paths;
    if (top) paths.emplace_back();
    for (const auto& [path, entry] : folder) {
        if (entry.folder == folders) paths.push_back(path);
    }
    return paths.empty() ? "-" : paths[machine_.below(paths.size())];
}

Node Home::node(ReadTxn& txn, const std::string& user, const std::string& path) {
    const storage::Walk walk = txn.walk(top_, names_of(user, path));
    if (!walk.found()) throw Overtaken();
    return walk.last();
}

void Home::remember(const std::string& bytes) {
    contents_[base::sha256(bytes)] = bytes;
}

storage::Content Home::uploaded(const std::string& bytes, std::optional<std::int64_t> mtime_ns) {
    storage::Upload upload(store_->tree(), machine_.rng, {bytes.size(), std::uint64_t{1} << 20, false, false, false});
    upload.write(bytes);
    upload.close();
    return upload.finish(mtime_ns);
}

std::function<void()> Home::put(User& user, const std::string& path, Folder& after) {
    const std::string bytes = machine_.new_content(machine_.below(3) == 0);
    after[path].bytes = bytes;
    remember(bytes);
    return [this, &user, path, bytes] {
        machine_.count(bytes.size() > storage::kInlineBytesMax ? "put, staged" : "put, inline");
        user.octets.under_way = bytes;
        storage::Content content = uploaded(bytes, {});
        store_->write([&](WriteTxn& txn) {
            txn.put({node(txn, user.name, folder_of(path)).id, name_of(path), NodeKind::file, {}, {}, {}},
                    std::move(content), storage::no_index(), {});
        });
    };
}

// What a user does next, and what his folder is after it.
std::function<void()> Home::choose(User& user, Folder& after) {
    const std::string folder = pick(after, true, true);
    const std::string file = pick(after, false, false);
    const std::string fresh = under(folder, machine_.new_name());
    const bool is_free = !after.contains(fresh);
    switch (machine_.below(13)) {
        case 0:
        case 1:
        case 2: return is_free ? put(user, fresh, after) : std::function<void()>();
        case 3:
        case 4: return file != "-" ? put(user, file, after) : std::function<void()>();
        case 5:
            if (!is_free || std::count(folder.begin(), folder.end(), '/') > 2) return {};
            after[fresh].folder = true;
            return [this, &user, folder, fresh] {
                machine_.count("mkcol");
                store_->write([&](WriteTxn& txn) {
                    txn.make({node(txn, user.name, folder).id, name_of(fresh), NodeKind::folder, {}, {}}, {});
                });
            };
        case 6: {
            const std::string from = machine_.below(3) == 0 ? pick(after, true, false) : file;
            if (from == "-" || !is_free || folder == from || folder.starts_with(from + "/")) return {};
            Folder moved;
            for (const auto& [path, entry] : after) {
                const bool inside = path == from || path.starts_with(from + "/");
                moved[inside ? fresh + path.substr(from.size()) : path] = entry;
            }
            after = std::move(moved);
            return [this, &user, from, folder, fresh] {
                machine_.count("move");
                store_->write([&](WriteTxn& txn) {
                    txn.place(node(txn, user.name, from).id, node(txn, user.name, folder).id, name_of(fresh), {});
                });
            };
        }
        case 7: {
            const std::string what = machine_.below(4) == 0 ? pick(after, true, false) : file;
            if (what == "-") return {};
            std::erase_if(after,
                          [&](const auto& one) { return one.first == what || one.first.starts_with(what + "/"); });
            return [this, &user, what] {
                machine_.count("delete");
                store_->write([&](WriteTxn& txn) { txn.remove(node(txn, user.name, what).id, {}); });
            };
        }
        case 8: {
            if (file == "-") return {};
            const std::string value = "p" + machine_.new_content(false).substr(8, 6);
            after[file].property = value;
            return [this, &user, file, value] {
                machine_.count("proppatch");
                storage::PropChanges changes;
                changes.props.push_back({"urn:x", "p", value});
                store_->write([&](WriteTxn& txn) { txn.set_props(node(txn, user.name, file).id, changes, {}); });
            };
        }
        case 9:
        case 10: {  // the source's time goes with it: equal octets with equal times at two names
            const std::string to = machine_.below(2) == 0 ? fresh : pick(after, false, false);
            if (file == "-" || to == "-" || to == file || (to == fresh && !is_free)) return {};
            after[to].bytes = after[file].bytes;
            return [this, &user, file, to] {
                machine_.count("copy");
                const Node source = store_->read([&](ReadTxn& txn) { return node(txn, user.name, file); });
                storage::Content content = uploaded(contents_.at(*source.hash), source.mtime_ns);
                store_->write([&](WriteTxn& txn) {
                    txn.put({node(txn, user.name, folder_of(to)).id, name_of(to), NodeKind::file, {}, {}, {}},
                            std::move(content), storage::no_index(), {});
                });
            };
        }
        case 11: {
            const std::string over = pick(after, false, false);
            if (file == "-" || over == "-" || over == file) return {};
            after[over] = after[file];
            after.erase(file);
            return [this, &user, file, over] {
                machine_.count("move over");
                store_->write([&](WriteTxn& txn) {
                    const Node source = node(txn, user.name, file);
                    const Node target = node(txn, user.name, over);
                    txn.remove(target.id, {});
                    txn.place(source.id, target.parent, name_of(over), {});
                });
            };
        }
        default:
            return [this] {
                machine_.count("pause");
                // A clock that is set, by a little or by years.
                const std::int64_t year = 365LL * 24 * 3600 * 1000;
                const bool far = machine_.below(40) == 0;
                machine_.clock.jump(static_cast<std::int64_t>(machine_.below(far ? 6 : 3000)) * (far ? year : 1) -
                                    (far ? 2 * year : 1000));
                if (far) machine_.count("fault clock set by years");
                machine_.exec.advance_ms(static_cast<std::int64_t>(machine_.below(700)));
                if (machine_.below(3) == 0) store_->checkpoint();
                for (std::uint64_t turns = machine_.below(20); turns > 0; --turns) machine_.exec.yield();
            };
    }
}

// Whoever replaces or removes this knows all of it.
void Home::take_away(ReadTxn& txn, const Node& top) {
    std::vector<Node> open{top};
    while (!open.empty()) {
        const Node one = open.back();
        open.pop_back();
        if (one.hash) taken_away_.insert(*one.hash);
        if (!storage::is_collection(one.kind)) continue;
        txn.list(one.id, storage::Need::none, "", storage::kListPageMax,
                 [&](const storage::Row& row) { open.push_back(row.node); });
    }
}

// In the folder that all homes write to, nobody knows what the others do: what is there is looked up first.
void Home::wander(int operations) {
    int props = 0;
    const auto collection = [&](WriteTxn& txn, const std::string& path) {
        const Node found = node(txn, kShared, path);
        if (!storage::is_collection(found.kind)) throw Overtaken();
        return found;
    };
    int refused = 0;
    for (int i = 0; i < operations && refused < kRefusalsMax && !machine_.disk.dead(); ++i) {
        try {
            const Folder there = index_of(kShared);
            const std::string inner = ways_.deep && machine_.below(4) != 0 ? pick(there, true, false) : "-";
            const std::string folder = inner != "-" ? inner : pick(there, true, true);
            const std::string file = pick(there, false, false);
            const bool of_folders = ways_.deep && machine_.below(2) == 0;
            const std::string thing = of_folders || machine_.below(3) == 0 ? pick(there, true, false) : file;
            const std::string fresh = under(folder, ways_.names + std::to_string(machine_.below(5)));
            const bool over = machine_.below(2) == 0 && file != "-";
            const std::string to = over ? file : fresh;
            const std::string bytes = machine_.new_content(machine_.below(4) == 0);
            remember(bytes);
            const std::uint64_t what = of_folders ? 3 + machine_.below(5) : machine_.below(8);
            if (what < 3) {
                if (!over && there.contains(fresh)) continue;
                storage::Content content = uploaded(bytes, {});
                store_->write([&](WriteTxn& txn) {
                    const Node above = collection(txn, folder_of(to));
                    const auto old = txn.child(above.id, name_of(to));
                    if (old && storage::is_collection(old->kind)) throw Overtaken();
                    if (old) take_away(txn, *old);
                    txn.put({above.id, name_of(to), NodeKind::file, {}, {}, {}}, std::move(content),
                            storage::no_index(), {});
                });
                acknowledge(bytes);
                shared_contents_.insert(bytes);
            } else if (what == 3) {
                if (there.contains(fresh) || std::count(fresh.begin(), fresh.end(), '/') > 2) continue;
                store_->write([&](WriteTxn& txn) {
                    const Node above = collection(txn, folder);
                    if (txn.child(above.id, name_of(fresh))) throw Overtaken();
                    txn.make({above.id, name_of(fresh), NodeKind::folder, {}, {}}, {});
                });
            } else if (what == 4 || what == 5) {
                if (thing == "-" || there.contains(fresh) || (fresh + "/").starts_with(thing + "/")) continue;
                store_->write([&](WriteTxn& txn) {
                    const Node moved = node(txn, kShared, thing);
                    const Node above = collection(txn, folder);
                    if (txn.child(above.id, name_of(fresh))) throw Overtaken();
                    for (Node at = above; at.parent != 0; at = *txn.node(at.parent)) {
                        if (at.id == moved.id) throw Overtaken();
                    }
                    txn.place(moved.id, above.id, name_of(fresh), {});
                });
            } else if (what == 6) {
                if (thing == "-") continue;
                storage::PropChanges changes;
                changes.props.push_back({"urn:x", "p" + std::to_string(props++ % 2), bytes.substr(8, 6)});
                store_->write([&](WriteTxn& txn) { txn.set_props(node(txn, kShared, thing).id, changes, {}); });
            } else if (thing != "-") {
                store_->write([&](WriteTxn& txn) {
                    const Node removed = node(txn, kShared, thing);
                    take_away(txn, removed);
                    txn.remove(removed.id, {});
                });
            }
            machine_.count("shared operations");
            refused = 0;
        } catch (const base::Failure& failure) {
            if (machine_.disk.dead()) return;
            if (!machine_.disk.fails()) machine_.broken(std::string("shared: refused: ") + failure.what());
            ++refused;
        } catch (const Overtaken&) {
            machine_.count("overtaken");
        }
    }
}

}  // namespace sim
