#include <algorithm>

#include "storage/base/failure.h"
#include "storage/past.h"
#include "storage/replication/layout.h"
#include "tests/sim/home.h"

// The invariants of one store, checked after each start.

namespace sim {

namespace {

using storage::Node;
using storage::ReadTxn;

constexpr std::size_t kPastLooks = 6;  // of each user, after each start
constexpr storage::FeedLimits kAllRecords{1'000'000, std::size_t{1} << 30};
constexpr std::size_t kTodoMax = 2000;  // redo rows at rest: what waits for the next flush

std::string text_of(const Folder& folder) {
    std::string text;
    for (const auto& [path, entry] : folder) {
        text += " " + path + (entry.folder ? "/" : "=" + short_text(entry.bytes)) +
                (entry.property.empty() ? "" : "{" + entry.property + "}");
    }
    return text.empty() ? " nothing" : text;
}

}  // namespace

void Home::check() {
    store_->read([&](ReadTxn& txn) { store_->settle(txn.lsn()); });
    std::set<std::string> everything;
    read_all("", everything);
    for (User& user : users_) check_user(user, everything);
    recent_.clear();
    check_contents("the shared folder", shared_contents_, everything);
    check_outside();
    check_dots();
    check_layout();
    // I5, I8: names, files, digests, sums, locks.
    for (const auto& finding : store_->check(false)) {
        if (!finding.is_fault() || finding.where.starts_with("files/home/x")) continue;
        // Another program may have taken what history was to keep; what it did not take, check_contents() asks for.
        if (has_outsider() && finding.where.starts_with(".hearth/")) continue;
        machine_.broken("I8: check: " + finding.what + " " + finding.where);
    }
    // I12: nothing is left over from what was cut.
    if (store_->tree().list(".hearth/staging").size() > kTodoMax) machine_.broken("I12: staging is not tidied");
}

void Home::check_user(User& user, const std::set<std::string>& everything) {
    const Folder indexed = index_of(user.name);
    user.possible.push_back(user.acknowledged);
    const auto same = std::find(user.possible.begin(), user.possible.end(), indexed);
    if (same == user.possible.end()) {
        std::string wanted;
        for (const Folder& one : user.possible) wanted += "\n      or" + text_of(one);
        machine_.broken("I1: " + user.name + " finds" + text_of(indexed) + "\n  wanted" + wanted.substr(9));
        return;
    }
    if (!user.has_outsider) {
        Folder plain = indexed;
        for (auto& [path, entry] : plain) entry.property.clear();
        const Folder on_disk = disk_of("files/home/" + user.name);
        if (plain != on_disk) {
            machine_.broken("I4: " + user.name + "'s index says" + text_of(plain) + "\n  the disk" + text_of(on_disk));
        }
    }
    if (indexed != user.acknowledged) machine_.count("found less or more than was acknowledged last");
    user.acknowledged = indexed;
    user.possible.clear();
    user.before.clear();
    check_contents(user.name, user.octets.acknowledged, everything);
    if (!user.has_outsider) check_past(user);
}

// History leads to what was written, from where it stood then: some of it, by lot.
void Home::check_past(const User& user) {
    for (std::size_t i = 0; i < kPastLooks && !user.written.empty(); ++i) {
        const User::Written& one = user.written[machine_.below(user.written.size())];
        const auto found =
            store_->read([&](ReadTxn& txn) { return txn.past().walk(top_, names_of(user.name, one.path), one.lsn); });
        const std::string where = user.name + "/" + one.path + " as of " + std::to_string(one.lsn);
        if (!found) {
            machine_.broken("I1: history does not lead to " + where);
            continue;
        }
        const storage::PastOctets octets = storage::open_past(*store_, *found);
        std::string bytes(octets.file ? static_cast<std::size_t>(octets.file->facts().size) : 0, '\0');
        if (octets.file) bytes.resize(octets.file->read_at(bytes.data(), bytes.size(), 0));
        if (bytes != one.bytes)
            machine_.broken("I1: history has " + short_text(bytes) + " instead of " + short_text(one.bytes) + " for " +
                            where);
    }
}

std::set<base::Hash> Home::shown_contents() {
    std::set<base::Hash> contents;
    store_->read([&](ReadTxn& txn) {
        std::vector<Node> open{node(txn, kShared, "")};
        while (!open.empty()) {
            const Node folder = open.back();
            open.pop_back();
            txn.list(folder.id, storage::Need::none, "", storage::kListPageMax, [&](const storage::Row& row) {
                if (storage::is_collection(row.node.kind)) open.push_back(row.node);
                if (row.node.hash) contents.insert(*row.node.hash);
            });
        }
    });
    return contents;
}

// Nothing expires in the time of a run: what was ever acknowledged is there or in history.
void Home::check_contents(const std::string& whose, const std::set<std::string>& wanted,
                          const std::set<std::string>& everything) {
    for (const std::string& bytes : wanted) {
        if (everything.contains(bytes)) continue;
        const std::string hash = base::hex(base::sha256(bytes).view());
        const auto kept = store_->tree().stat(".hearth/versions/" + hash.substr(0, 2) + "/" + hash);
        machine_.broken("I1: history of " + whose + " lacks " + short_text(bytes) + "; versions/ has " +
                        (kept ? std::to_string(kept->size) + " octets" : "no file") + " of its " +
                        std::to_string(bytes.size()));
    }
}

void Home::check_outside() {
    if (outside_.left().empty()) return;
    // Steps that wait for a sync would move files about while they are looked for.
    if (machine_.durability == Durability::relaxed) store_->read([&](ReadTxn& txn) { store_->settle(txn.lsn()); });
    std::set<std::string> everything;
    read_all("", everything);
    for (const std::string& bytes : outside_.left()) {
        if (!everything.contains(bytes))
            machine_.broken("I9: nowhere is what another program left: " + short_text(bytes));
    }
    check_etags("x");
}

// What a GET would answer under an entity tag has these octets: the file is as it was last seen, or the tag is not
// used.
void Home::check_etags(const std::string& folder) {
    store_->read([&](ReadTxn& txn) {
        store_->settle(txn.lsn());
        std::vector<Node> open{node(txn, folder, "")};
        while (!open.empty()) {
            const Node top = open.back();
            open.pop_back();
            txn.list(top.id, storage::Need::disk, "", storage::kListPageMax, [&](const storage::Row& row) {
                if (storage::is_collection(row.node.kind)) return open.push_back(row.node);
                if (!row.disk || !row.node.hash) return;
                const std::string path = txn.disk_path(row.node);
                if (store_->behind(path)) return;  // answered with 503 until its step is done
                const auto there = store_->tree().stat(path);
                if (!there || !there->same_version(*row.disk)) return;
                if (base::sha256(read_file(path)) != *row.node.hash)
                    machine_.broken("I9: a changed file has the entity tag of another: " + path);
            });
        }
    });
}

// No two records have one dot, in whatever life they were written (I7); none that was seen is changed.
void Home::check_dots() {
    const storage::Feed feed = store_->read([&](ReadTxn& txn) { return txn.records(space_, {}, 0, kAllRecords); });
    std::map<std::int64_t, std::int64_t> last;
    for (const storage::LogRecord& record : feed.records) {
        if (++last[record.dot.origin] != record.dot.seq) return machine_.broken("I7: records of an origin have a hole");
        const std::string octets = std::to_string(record.hlc) + record.body;
        const auto [at, fresh] = dots_.try_emplace(record.dot, octets);
        if (!fresh && at->second != octets) machine_.broken("I7: one dot names two records");
    }
    for (const auto& [dot, octets] : dots_) {
        if (last[dot.origin] < dot.seq) {
            machine_.broken("I1: a record that was read is gone");
            return;
        }
    }
}

// The rows follow the log record by record; what they show is what all records say together (I2).
void Home::check_layout() {
    store_->read([&](ReadTxn& txn) {
        if (txn.lsn() > store_->durable()) return;  // relaxed: of those others hear later, and so would we
        storage::SpaceState state;
        for (const storage::LogRecord& record : txn.records(space_, {}, 0, kAllRecords).records) {
            const auto body = storage::decode(record.body);
            if (!body || !state.apply({{record.hlc, record.dot}, record.oid, *body}))
                return machine_.broken("I2: the log has a record that can not be applied");
        }
        const Node root = *txn.node(top_);
        std::map<storage::Oid, storage::Shown> wanted = storage::lay_out(state, root.oid, storage::short_origin).shown;
        std::vector<Node> open{root};
        while (!open.empty()) {
            const Node folder = open.back();
            open.pop_back();
            txn.list(folder.id, storage::Need::none, "", storage::kListPageMax, [&](const storage::Row& row) {
                if (storage::is_collection(row.node.kind)) open.push_back(row.node);
                const auto said = wanted.find(row.node.oid);
                const bool same = said != wanted.end() && said->second.parent == folder.oid &&
                                  said->second.name == row.node.name && said->second.kind == row.node.kind &&
                                  (!row.node.hash || said->second.content.hash == row.node.hash);
                if (!same) machine_.broken("I2: shown otherwise than the records say: " + row.node.name);
                if (said != wanted.end()) wanted.erase(said);
            });
        }
        for (const auto& [oid, shown] : wanted)
            machine_.broken("I2: not shown, although the records say so: " + shown.name);
    });
}

Folder Home::index_of(const std::string& user) {
    Folder found;
    std::map<std::string, base::Hash> hashes;
    store_->read([&](ReadTxn& txn) {
        std::vector<std::pair<Node, std::string>> open{{node(txn, user, ""), ""}};
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

std::string Home::read_file(const std::string& path) {
    const auto file = store_->tree().open(path);
    std::string bytes(file ? static_cast<std::size_t>(file->facts().size) : 0, '\0');
    if (file) bytes.resize(file->read_at(bytes.data(), bytes.size(), 0));
    return bytes;
}

Folder Home::disk_of(const std::string& top) {
    Folder found;
    std::vector<std::string> open{""};
    while (!open.empty()) {
        const std::string path = open.back();
        open.pop_back();
        for (const storage::DirEntry& one : store_->tree().list(path.empty() ? top : top + "/" + path)) {
            const std::string at = under(path, one.name);
            found[at].folder = one.kind == storage::DiskKind::folder;
            if (found[at].folder) {
                open.push_back(at);
            } else {
                found[at].bytes = read_file(top + "/" + at);
            }
        }
    }
    return found;
}

void Home::read_all(const std::string& path, std::set<std::string>& contents) {
    for (const storage::DirEntry& one : store_->tree().list(path)) {
        if (one.name.starts_with("hearth.db")) continue;
        const std::string at = under(path, one.name);
        if (one.kind == storage::DiskKind::folder) {
            read_all(at, contents);
        } else if (one.kind == storage::DiskKind::file) {
            contents.insert(read_file(at));
        }
    }
}

std::string Home::digest() {
    return base::hex(store_->read([&](ReadTxn& txn) { return txn.node(top_)->tree; }).view());
}

std::map<std::string, std::string> Home::shown() {
    std::map<std::string, std::string> all;
    store_->read([&](ReadTxn& txn) {
        std::vector<std::pair<storage::NodeId, std::string>> open{{top_, ""}};
        while (!open.empty()) {
            const auto [folder, path] = open.back();
            open.pop_back();
            std::vector<std::pair<storage::NodeId, std::string>>& below = open;
            const std::string& above = path;
            txn.list(folder, storage::Need::props, "", storage::kListPageMax, [&](const storage::Row& row) {
                const std::string at = under(above, row.node.name);
                std::string& text = all[at];
                text = base::hex(row.node.oid.view()) + " " + storage::etag_of(row.node);
                if (!storage::is_collection(row.node.kind)) text += " " + std::to_string(row.node.mtime_ns);
                for (const storage::Prop& prop : row.props) text += " " + prop.name + "=" + prop.value;
                if (storage::is_collection(row.node.kind)) below.emplace_back(row.node.id, at);
            });
        }
    });
    return all;
}

}  // namespace sim
