#include "tests/sim/world.h"

#include <algorithm>
#include <set>

#include "storage/staging.h"
#include "storage/store.h"
#include "tests/sim/exec.h"
#include "tests/sim/fs.h"

namespace sim {

namespace {

constexpr int kLives = 4;
constexpr std::size_t kUsers = 2;
constexpr int kOperationsPerLife = 60;
constexpr std::uint64_t kCutStarting = 300;  // within so many changes of the disk
constexpr std::uint64_t kCutWorking = 4000;
constexpr std::uint64_t kCountedOperations = 200;
constexpr std::uint64_t kCountedCrashes = 2;
constexpr std::size_t kBigBytes = 20'000;  // beyond what travels inside a redo entry

using storage::Node;
using storage::NodeKind;
using storage::ReadTxn;
using storage::WriteTxn;

struct Entry {
    bool folder = false;
    std::string bytes;
    std::string property;
    bool operator==(const Entry&) const = default;
};
using Folder = std::map<std::string, Entry>;  // path below the user's folder

std::string text_of(const Folder& folder) {
    std::string text;
    for (const auto& [path, entry] : folder) {
        text += " " + path + (entry.folder ? "/" : "=" + entry.bytes.substr(0, 12)) +
                (entry.property.empty() ? "" : "{" + entry.property + "}");
    }
    return text.empty() ? " nothing" : text;
}

// The octets a seed writes: each content once in a run.
std::string content_of(std::uint64_t number, bool big) {
    std::string bytes = "content " + std::to_string(number) + "\n";
    if (big) bytes.append(kBigBytes, static_cast<char>('a' + number % 26));
    return bytes;
}

// One person: what the store acknowledged, and what it may have done when it went away.
struct User {
    std::string name;
    Folder acknowledged;
    std::vector<Folder> possible;    // beside it: an operation was under way
    std::set<std::string> contents;  // acknowledged ones, ever
};

class World {
  public:
    World(std::uint64_t seed, Names names)
        : dice_(seed),
          exec_(dice_()),
          clock_(exec_, 1'795'000'000'000),
          rng_(dice_()),
          disk_(dice_(), names),
          fs_(disk_, exec_) {
        report_.seed = seed;
        for (std::size_t i = 0; i < kUsers; ++i) users_.push_back({"u" + std::to_string(i), {}, {}, {}});
        the_world = this;
        exec_.know_power([this] { return disk_.dead(); }, [this](const std::string& what) { broken(what); });
        use_for_sqlite(&disk_);
        base::replace_stop_at_once([] {
            the_world->disk_.cut();
            throw base::Failure(base::Fault::io, "stopped at once");
        });
    }
    ~World() {
        base::replace_stop_at_once(nullptr);
        use_for_sqlite(nullptr);
        the_world = nullptr;
    }

    Report run() {
        for (int life = 0; life < kLives && report_.broken.empty(); ++life) live(life);
        if (report_.broken.empty()) check_life();
        disk_.note(std::to_string(exec_.turns()));
        report_.trace = disk_.trace();
        return std::move(report_);
    }

  private:
    void broken(const std::string& what) { report_.broken.push_back(what); }
    void count(const std::string& what) { ++report_.counts[what]; }
    std::uint64_t below(std::uint64_t n) { return dice_() % n; }

    std::unique_ptr<storage::Store> open() {
        storage::Store::Options options;
        options.root = "/root";
        options.readers = 2;
        options.wal_bytes = 0;
        return storage::Store::open(std::move(options), {clock_, rng_, fs_, exec_});
    }

    // The power is cut somewhere: while it starts, works, or stops.
    void live(int life) {
        const bool while_starting = below(4) == 0;
        if (while_starting) disk_.cut_power_after(1 + below(kCutStarting));
        try {
            std::unique_ptr<storage::Store> store = open();
            home_of(*store);
            check_all(*store);
            if (!while_starting && life + 1 < kLives) disk_.cut_power_after(1 + below(kCutWorking));
            const std::uint64_t before = disk_.changes();
            if (report_.broken.empty()) work(*store);
            store.reset();
            report_.counts["changes of the disk in whole lives"] += disk_.changes() - before;
        } catch (const base::Failure& failure) {
            if (!disk_.dead()) broken(std::string("a life ended by: ") + failure.what());
        } catch (const std::exception& error) {
            if (!disk_.dead()) broken(std::string("a life ended by: ") + error.what());
        }
        const bool killed = disk_.dead() && below(3) == 0;
        count(!disk_.dead() ? "clean stops" : killed ? "kills" : "crashes");
        disk_.power_on(killed);
        use_for_sqlite(&disk_);
    }

    // Nothing is cut: what is left must be whole.
    void check_life() {
        disk_.never_cut();
        try {
            const auto store = open();
            home_of(*store);
            check_all(*store);
        } catch (const std::exception& error) {
            broken(std::string("the last start failed: ") + error.what());
        }
    }

    void home_of(storage::Store& store) {
        root_ = store.write([&](WriteTxn& txn) {
            const base::Id128 owner{{1, 2, 3}};
            const auto space = txn.space_of(storage::SpaceKind::files, owner);
            return space ? space->root : txn.make_space(storage::SpaceKind::files, owner, "files/home", {}).root;
        });
        for (const User& user : users_) {
            store.write([&](WriteTxn& txn) {
                if (!txn.child(root_, user.name)) txn.make({root_, user.name, NodeKind::folder, {}, {}}, {});
            });
        }
    }

    void work(storage::Store& store) {
        std::vector<std::unique_ptr<base::Thread>> threads;
        for (User& user : users_) {
            threads.push_back(exec_.spawn(
                user.name, [&] { act(store, user); }, 0));
        }
        threads.clear();  // waits
    }

    void act(storage::Store& store, User& user) {
        for (int i = 0; i < kOperationsPerLife; ++i) {
            Folder after = user.acknowledged;
            const auto operation = choose(store, user, after);
            if (!operation) continue;
            user.possible = {after};
            try {
                operation();
            } catch (const base::Failure& failure) {
                if (!disk_.dead()) broken(user.name + ": refused: " + failure.what());
                return;
            }
            count("operations");
            for (const auto& [path, entry] : after) {
                if (!entry.folder) user.contents.insert(entry.bytes);
            }
            user.acknowledged = std::move(after);
            user.possible.clear();
        }
    }

    // ---- what a user does ----

    std::string pick(const Folder& folder, bool folders, bool top) {
        std::vector<std::string> paths;
        if (top) paths.emplace_back();
        for (const auto& [path, entry] : folder) {
            if (entry.folder == folders) paths.push_back(path);
        }
        return paths.empty() ? "-" : paths[below(paths.size())];
    }
    static std::string under(const std::string& folder, const std::string& name) {
        return folder.empty() ? name : folder + "/" + name;
    }

    Node node(ReadTxn& txn, const User& user, const std::string& path) {
        std::vector<std::string> names{user.name};
        for (std::size_t at = 0; at < path.size();) {
            const std::size_t slash = std::min(path.find('/', at), path.size());
            names.push_back(path.substr(at, slash - at));
            at = slash + 1;
        }
        const storage::Walk walk = txn.walk(root_, names);
        if (!walk.found()) throw std::runtime_error(user.name + "/" + path + " is not found");
        return walk.last();
    }
    static std::string name_of(const std::string& path) {
        const auto slash = path.rfind('/');
        return slash == std::string::npos ? path : path.substr(slash + 1);
    }
    static std::string parent_of(const std::string& path) {
        const auto slash = path.rfind('/');
        return slash == std::string::npos ? "" : path.substr(0, slash);
    }

    std::function<void()> choose(storage::Store& store, User& user, Folder& after) {
        const std::string folder = pick(after, true, true);
        const std::string file = pick(after, false, false);
        const std::string fresh = under(folder, "n" + std::to_string(next_name_++ % 40));
        const bool is_free = !after.contains(fresh);
        switch (below(13)) {
            case 0:
            case 1:
            case 2:
                if (!is_free) return {};
                return put(store, user, fresh, after);
            case 3:
            case 4:
                if (file == "-") return {};
                return put(store, user, file, after);
            case 5:
                if (!is_free || std::count(folder.begin(), folder.end(), '/') > 2) return {};
                after[fresh].folder = true;
                return [this, &store, &user, folder, fresh] {
                    count("mkcol");
                    store.write([&](WriteTxn& txn) {
                        txn.make({node(txn, user, folder).id, name_of(fresh), NodeKind::folder, {}, {}}, {});
                    });
                };
            case 6: {
                const std::string from = below(3) == 0 ? pick(after, true, false) : file;
                if (from == "-" || !is_free || folder == from || folder.starts_with(from + "/")) return {};
                Folder moved;
                for (const auto& [path, entry] : after) {
                    const bool inside = path == from || path.starts_with(from + "/");
                    moved[inside ? fresh + path.substr(from.size()) : path] = entry;
                }
                after = std::move(moved);
                return [this, &store, &user, from, folder, fresh] {
                    count("move");
                    store.write([&](WriteTxn& txn) {
                        txn.place(node(txn, user, from).id, node(txn, user, folder).id, name_of(fresh), {});
                    });
                };
            }
            case 7: {
                const std::string what = below(4) == 0 ? pick(after, true, false) : file;
                if (what == "-") return {};
                std::erase_if(after,
                              [&](const auto& one) { return one.first == what || one.first.starts_with(what + "/"); });
                return [this, &store, &user, what] {
                    count("delete");
                    store.write([&](WriteTxn& txn) { txn.remove(node(txn, user, what).id, {}); });
                };
            }
            case 8: {
                if (file == "-") return {};
                const std::string value = "p" + std::to_string(next_content_++);
                after[file].property = value;
                return [this, &store, &user, file, value] {
                    count("proppatch");
                    storage::PropChanges changes;
                    changes.props.push_back({"urn:x", "p", value});
                    store.write([&](WriteTxn& txn) { txn.set_props(node(txn, user, file).id, changes, {}); });
                };
            }
            case 9:
            case 10: {  // the source's time goes with it: equal octets with equal times at two names
                const std::string to = below(2) == 0 ? fresh : pick(after, false, false);
                if (file == "-" || to == "-" || to == file || (to == fresh && !is_free)) return {};
                after[to].bytes = after[file].bytes;
                return [this, &store, &user, file, to] {
                    count("copy");
                    const Node source = store.read([&](ReadTxn& txn) { return node(txn, user, file); });
                    storage::Content content = uploaded(store, contents_.at(*source.hash), source.mtime_ns);
                    store.write([&](WriteTxn& txn) {
                        txn.put({node(txn, user, parent_of(to)).id, name_of(to), NodeKind::file, {}, {}, {}},
                                std::move(content), storage::no_index(), {});
                    });
                };
            }
            case 11: {
                const std::string over = pick(after, false, false);
                if (file == "-" || over == "-" || over == file) return {};
                after[over] = after[file];
                after.erase(file);
                return [this, &store, &user, file, over] {
                    count("move over");
                    store.write([&](WriteTxn& txn) {
                        const Node source = node(txn, user, file);
                        const Node target = node(txn, user, over);
                        txn.remove(target.id, {});
                        txn.place(source.id, target.parent, name_of(over), {});
                    });
                };
            }
            default:
                return [this, &store] {
                    count("pause");
                    clock_.jump(static_cast<std::int64_t>(below(3000)) - 1000);
                    exec_.advance_ms(static_cast<std::int64_t>(below(700)));
                    if (below(3) == 0) store.checkpoint();
                    for (std::uint64_t turns = below(20); turns > 0; --turns) exec_.yield();
                };
        }
    }

    storage::Content uploaded(storage::Store& store, const std::string& bytes, std::optional<std::int64_t> mtime_ns) {
        storage::Upload upload(store.tree(), rng_, {bytes.size(), std::uint64_t{1} << 20, false, false, false});
        upload.write(bytes);
        upload.close();
        return upload.finish(mtime_ns);
    }

    std::function<void()> put(storage::Store& store, User& user, const std::string& path, Folder& after) {
        const bool big = below(3) == 0;
        const std::string bytes = content_of(next_content_++, big);
        after[path].bytes = bytes;
        contents_[base::sha256(bytes)] = bytes;
        return [this, &store, &user, path, bytes] {
            count(bytes.size() > storage::kInlineBytesMax ? "put, staged" : "put, inline");
            storage::Content content = uploaded(store, bytes, {});
            store.write([&](WriteTxn& txn) {
                txn.put({node(txn, user, parent_of(path)).id, name_of(path), NodeKind::file, {}, {}, {}},
                        std::move(content), storage::no_index(), {});
            });
        };
    }

    // ---- what must hold ----

    void check_all(storage::Store& store) {
        store.read([&](ReadTxn& txn) { store.settle(txn.lsn()); });
        std::set<std::string> everything;
        read_all(store.tree(), "", everything);
        for (User& user : users_) check_user(store, user, everything);
        for (const auto& finding : store.check(false)) {
            if (finding.what == storage::Store::Finding::kKeptAside) continue;
            broken("check: " + finding.what + " " + finding.where);
        }
    }

    void check_user(storage::Store& store, User& user, const std::set<std::string>& everything) {
        const Folder indexed = index_of(store, user);
        const Folder on_disk = disk_of(store.tree(), "files/home/" + user.name);
        user.possible.push_back(user.acknowledged);
        const auto same = std::find(user.possible.begin(), user.possible.end(), indexed);
        if (same == user.possible.end()) {
            std::string wanted;
            for (const Folder& one : user.possible) wanted += "\n      or" + text_of(one);
            broken("I1: " + user.name + " finds" + text_of(indexed) + "\n  wanted" + wanted.substr(9));
            return;
        }
        Folder plain = indexed;
        for (auto& [path, entry] : plain) entry.property.clear();
        if (plain != on_disk) {
            broken("I4: " + user.name + "'s index says" + text_of(plain) + "\n  the disk" + text_of(on_disk));
        }
        user.acknowledged = indexed;
        user.possible.clear();
        // Nothing expires in the time of a run: what was ever acknowledged is there or in history.
        for (const std::string& bytes : user.contents) {
            if (everything.contains(bytes)) continue;
            const std::string hash = base::hex(base::sha256(bytes).view());
            const auto kept = store.tree().stat(".hearth/versions/" + hash.substr(0, 2) + "/" + hash);
            broken("I1: history of " + user.name + " lacks " + bytes.substr(0, bytes.find('\n')) + "; versions/ has " +
                   (kept ? std::to_string(kept->size) + " octets" : "no file") + " of its " +
                   std::to_string(bytes.size()));
        }
    }

    Folder index_of(storage::Store& store, const User& user) {
        Folder found;
        std::map<std::string, base::Hash> hashes;
        store.read([&](ReadTxn& txn) {
            const Node top = node(txn, user, "");
            std::vector<std::pair<Node, std::string>> open{{top, ""}};
            while (!open.empty()) {
                const Node folder = open.back().first;
                const std::string path = open.back().second;
                open.pop_back();
                txn.list(folder.id, storage::Need::props, "", storage::kListPageMax, [&](const storage::Row& row) {
                    const std::string at = under(path, row.node.name);
                    Entry& entry = found[at];
                    entry.folder = storage::is_collection(row.node.kind);
                    for (const storage::Prop& prop : row.props) entry.property = prop.value;
                    if (entry.folder) {
                        open.push_back({row.node, at});
                    } else if (row.node.hash) {
                        hashes[at] = *row.node.hash;
                    }
                });
            }
        });
        for (const auto& [path, hash] : hashes) {
            const auto octets = contents_.find(hash);
            found[path].bytes = octets == contents_.end() ? "unknown" : octets->second;
        }
        return found;
    }

    static std::string read_file(storage::Tree& tree, const std::string& path) {
        const auto file = tree.open(path);
        std::string bytes(file ? static_cast<std::size_t>(file->facts().size) : 0, '\0');
        if (file) bytes.resize(file->read_at(bytes.data(), bytes.size(), 0));
        return bytes;
    }
    static Folder disk_of(storage::Tree& tree, const std::string& top) {
        Folder found;
        std::vector<std::string> open{""};
        while (!open.empty()) {
            const std::string path = open.back();
            open.pop_back();
            for (const storage::DirEntry& one : tree.list(path.empty() ? top : top + "/" + path)) {
                const std::string at = under(path, one.name);
                found[at].folder = one.kind == storage::DiskKind::folder;
                if (found[at].folder) {
                    open.push_back(at);
                } else {
                    found[at].bytes = read_file(tree, top + "/" + at);
                }
            }
        }
        return found;
    }
    static void read_all(storage::Tree& tree, const std::string& path, std::set<std::string>& contents) {
        for (const storage::DirEntry& one : tree.list(path)) {
            const std::string at = under(path, one.name);
            if (one.kind == storage::DiskKind::folder) {
                read_all(tree, at, contents);
            } else if (one.kind == storage::DiskKind::file) {
                contents.insert(read_file(tree, at));
            }
        }
    }

    static World* the_world;

    std::mt19937_64 dice_;
    Exec exec_;
    Clock clock_;
    Rng rng_;
    Disk disk_;
    SimFs fs_;
    Report report_;
    std::vector<User> users_;
    storage::NodeId root_ = 0;
    std::uint64_t next_content_ = 1;
    std::uint64_t next_name_ = 0;
    std::map<base::Hash, std::string> contents_;
};

World* World::the_world = nullptr;

}  // namespace

bool Report::counted() const {
    const auto at_least = [&](const char* what, std::uint64_t n) {
        const auto found = counts.find(what);
        return found != counts.end() && found->second >= n;
    };
    return at_least("operations", kCountedOperations) && at_least("crashes", kCountedCrashes);
}

Report run_seed(std::uint64_t seed, Names names) {
    return World(seed, names).run();
}

}  // namespace sim
