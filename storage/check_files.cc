#include <algorithm>

#include "storage/base/failure.h"
#include "storage/base/path.h"
#include "storage/check.h"
#include "storage/sql.h"

namespace storage {

namespace {

using Finding = Store::Finding;

// What a folder has that no client can reach. Names are octets to Linux; other programs need not know our rules.
std::string_view word_for(base::NameFault fault) {
    switch (fault) {
        case base::NameFault::not_utf8: return "not-utf8";
        case base::NameFault::too_long: return "name-too-long";
        case base::NameFault::reserved: return "reserved-name";
        case base::NameFault::control: return "control-character";
        case base::NameFault::backslash: return "backslash";
        case base::NameFault::trailing_dot_or_space: return "trailing-dot-or-space";
        case base::NameFault::empty:
        case base::NameFault::dots:
        case base::NameFault::slash: break;  // no kernel lists these
    }
    return "unknown-file";
}

std::string_view word_for(Special special) {
    switch (special) {
        case Special::symlink: return "symlink";
        case Special::fifo: return "fifo";
        case Special::socket: return "socket";
        case Special::device: return "device";
        case Special::none: break;
    }
    return "no-file";
}

// A walk over one space, by levels instead of recursion. Memory: the names of one folder and the folders beside those
// on the way down to it. Below folders that the index does not know it ends where no URL reaches.
class FileCheck {
  public:
    FileCheck(sql::Connection& db, const Tree& tree, std::vector<Finding>& findings)
        : db_(db), tree_(tree), findings_(findings) {}

    void look_at(const Space& space) {
        levels_.clear();
        levels_.push_back({space.dir, {}});
        look_into(space.root);
        while (!levels_.empty() && findings_.size() < kFileFindingsMax) {
            auto& folders = levels_.back().folders;
            if (folders.empty()) {
                levels_.pop_back();
                continue;
            }
            Folder next = std::move(folders.back());
            folders.pop_back();
            levels_.push_back({levels_.back().path + "/" + next.name, {}});
            look_into(next.id);
        }
    }

  private:
    struct Folder {
        NodeId id = 0;  // 0: the index does not know it
        std::string name;
    };
    struct Level {
        std::string path;
        std::vector<Folder> folders;  // to be looked into
    };
    struct Known {
        NodeId id = 0;
        bool folder = false;
        bool hashed = false;
        std::int64_t size = 0;
    };

    void add(std::string_view what, const std::string& where) {
        if (findings_.size() < kFileFindingsMax) findings_.push_back({std::string(what), where, false});
        if (findings_.size() == kFileFindingsMax - 1)
            findings_.push_back({"more-findings", "files are not looked at any further", false});
    }

    std::string path_of(std::string_view name) const { return levels_.back().path + "/" + std::string(name); }

    void look_into(NodeId folder) {
        std::vector<DirEntry> there;
        try {
            there = tree_.list(levels_.back().path);
        } catch (const base::Failure& failure) {  // a folder that can not be read must not hide the others
            if (failure.fault() != base::Fault::denied) throw;
            return add("unreadable", levels_.back().path);
        }
        const auto by_name = [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; };
        std::sort(there.begin(), there.end(), by_name);
        auto at = there.cbegin();
        if (folder != 0) {
            // As SQLite orders names, so does std::string: octet by octet.
            auto query =
                db_.query("SELECT name, id, kind, size, hash IS NULL FROM node WHERE parent = ?1 ORDER BY name");
            query.bind(folder);
            while (query.next()) {
                const std::string_view name = query.text(0);
                for (; at != there.cend() && at->name < name; ++at) see_unknown(*at);
                const Known known{query.integer(1), is_collection(static_cast<NodeKind>(query.integer(2))),
                                  query.integer(4) == 0, query.integer(3)};
                if (at == there.cend() || at->name != name)
                    add(known.folder ? "missing-folder" : "missing-file", path_of(name));
                else
                    see_known(*at++, known);
            }
        }
        for (; at != there.cend(); ++at) see_unknown(*at);
        see_twins(there);
    }

    void see_known(const DirEntry& entry, const Known& known) {
        const std::string path = path_of(entry.name);
        const DiskKind wanted = known.folder ? DiskKind::folder : DiskKind::file;
        if (entry.kind != wanted) {
            add(known.folder ? "missing-folder" : "missing-file", path);
            return see_unknown(entry);
        }
        if (known.folder) return levels_.back().folders.push_back({known.id, entry.name});
        const auto facts = tree_.stat(path);
        if (!facts) return add("missing-file", path);
        if (known.hashed && facts->size != known.size) add("wrong-size", path);
        see_file(path, *facts);
    }

    // One finding says what keeps the entry from clients; that the index does not know it goes with that.
    void see_unknown(const DirEntry& entry) {
        const std::string path = path_of(entry.name);
        const auto facts = tree_.stat(path);
        if (!facts) return;  // gone since it was listed
        const auto fault = base::name_fault(entry.name);
        const bool too_long = path.size() > base::kPathBytesMax || levels_.size() > base::kSegmentsMax;
        if (facts->kind == DiskKind::other)
            add(word_for(facts->special), path);
        else if (fault)
            add(word_for(*fault), path);
        else if (too_long)
            add("path-too-long", path);
        else
            add(facts->kind == DiskKind::folder ? "unknown-folder" : "unknown-file", path);
        if (facts->kind == DiskKind::file) see_file(path, *facts);
        if (facts->kind == DiskKind::folder && !too_long) levels_.back().folders.push_back({0, entry.name});
    }

    void see_file(const std::string& path, const FileFacts& facts) {
        if (facts.links > 1) add(Finding::kHardLink, path);
        try {
            (void)tree_.open(path);
        } catch (const base::Failure& failure) {  // a file that can not be read must not hide the others
            if (failure.fault() != base::Fault::denied) throw;
            add("unreadable", path);
        }
    }

    // Names that differ to us and are one to somebody. `names` is sorted, so that what is told is the same every time.
    void see_twins(const std::vector<DirEntry>& names) {
        std::vector<std::pair<std::string, const std::string*>> keys;
        keys.reserve(names.size());
        for (const DirEntry& entry : names) keys.emplace_back(base::caseless_key(entry.name), &entry.name);
        std::stable_sort(keys.begin(), keys.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
        for (std::size_t i = 1; i < keys.size(); ++i) {
            if (keys[i].first != keys[i - 1].first) continue;
            const bool alike = base::name_key(*keys[i].second) == base::name_key(*keys[i - 1].second);
            add(alike ? Finding::kLookTwin : Finding::kCaseTwin, path_of(*keys[i].second));
        }
    }

    sql::Connection& db_;
    const Tree& tree_;
    std::vector<Finding>& findings_;
    std::vector<Level> levels_;
};

}  // namespace

void check_files(ReadTxn& txn, sql::Connection& db, const Tree& tree, std::vector<Finding>& findings) {
    FileCheck check(db, tree, findings);
    for (const Space& space : txn.spaces()) {
        if (!space.dir.empty()) check.look_at(space);
    }
}

}  // namespace storage
