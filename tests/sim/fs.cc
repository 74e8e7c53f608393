#include "tests/sim/fs.h"

#include <algorithm>

namespace sim {

namespace {

using storage::DirEntry;
using storage::DiskKind;
using storage::FileFacts;
using storage::Rename;

bool plain(std::string_view path) {
    while (!path.empty()) {
        const auto slash = path.find('/');
        const std::string_view name = path.substr(0, slash);
        if (name.empty() || name == "." || name == ".." || name.find('\0') != std::string_view::npos) return false;
        if (slash == std::string_view::npos) return true;
        path.remove_prefix(slash + 1);
        if (path.empty()) return false;
    }
    return true;
}

class SimFile final : public storage::File {
  public:
    SimFile(Disk& disk, Exec& exec, Inode& inode) : disk_(disk), exec_(exec), ino_(inode.ino), life_(disk.life()) {
        disk_.opened(inode);
    }
    ~SimFile() override { disk_.closed(ino_, life_); }

    std::size_t read_at(char* into, std::size_t length, std::uint64_t offset) const override {
        exec_.yield();
        disk_.may_fail(Call::read);
        const std::string& bytes = inode().bytes;
        if (offset >= bytes.size()) return 0;
        const std::size_t count = std::min(length, bytes.size() - static_cast<std::size_t>(offset));
        bytes.copy(into, count, static_cast<std::size_t>(offset));
        return count;
    }
    void append(std::string_view bytes) override {
        exec_.yield();
        disk_.write(inode(), inode().bytes.size(), bytes);
    }
    void preallocate(std::uint64_t) override {}
    void sync() override {
        exec_.yield();
        disk_.sync_file(inode());
    }
    void flush_hint() override {}
    void set_mtime(std::int64_t mtime_ns) override { disk_.set_mtime(inode(), mtime_ns); }
    void set_exec(bool exec) override { disk_.set_exec(inode(), exec); }
    void set_private() override { inode(); }
    FileFacts facts() const override { return disk_.facts(inode()); }
    int descriptor() const override { return -1; }

  private:
    Inode& inode() const {
        disk_.alive();
        if (life_ != disk_.life()) throw base::Failure(base::Fault::io, "a file of an earlier life");
        Inode* found = disk_.at(ino_);
        CHECK(found != nullptr);
        return *found;
    }

    Disk& disk_;
    Exec& exec_;
    const Ino ino_;
    const int life_;
};

class SimTree final : public storage::Tree {
  public:
    SimTree(Disk& disk, Exec& exec, std::string root) : disk_(disk), exec_(exec), root_(std::move(root)) {}

    std::unique_ptr<storage::File> open(std::string_view path) const override {
        Inode* found = look(path);
        disk_.may_fail(Call::open);
        if (found == nullptr || found->kind != DiskKind::file) return nullptr;
        return std::make_unique<SimFile>(disk_, exec_, *found);
    }
    std::unique_ptr<storage::File> create(std::string_view path) override {
        exec_.yield();
        disk_.may_fail(Call::open);
        const Place at = place(path);
        if (!at || at.inode()) return nullptr;
        return std::make_unique<SimFile>(disk_, exec_, *disk_.make(*at.folder, at.name, DiskKind::file));
    }
    std::optional<FileFacts> stat(std::string_view path) const override {
        const Inode* found = look(path);
        return found == nullptr ? std::nullopt : std::optional(disk_.facts(*found));
    }
    bool make_folder(std::string_view path, unsigned) override {
        exec_.yield();
        const Place at = place(path);
        if (!at) throw base::Failure(base::Fault::io, "a folder below nothing");
        if (at.inode()) return false;
        disk_.make(*at.folder, at.name, DiskKind::folder);
        return true;
    }
    void make_folders(std::string_view path, unsigned mode) override {
        for (std::size_t slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/', slash + 1)) {
            make_folder(path.substr(0, slash), mode);
        }
        make_folder(path, mode);
        const Inode* made = look(path);
        if (made == nullptr || made->kind != DiskKind::folder) throw base::Failure(base::Fault::io, "no folder there");
    }
    Rename rename(std::string_view from, std::string_view to) override {
        exec_.yield();
        const Place a = place(from), b = place(to);
        if (!a || !b || !a.inode()) return Rename::missing;
        if (b.inode()) return Rename::exists;
        disk_.rename(*a.folder, a.name, *b.folder, b.name);
        return Rename::done;
    }
    Rename exchange(std::string_view one, std::string_view other) override {
        exec_.yield();
        const Place a = place(one), b = place(other);
        if (!a || !b || !a.inode() || !b.inode()) return Rename::missing;
        disk_.exchange(*a.folder, a.name, *b.folder, b.name);
        return Rename::done;
    }
    Rename replace(std::string_view from, std::string_view to) override {
        exec_.yield();
        const Place a = place(from), b = place(to);
        if (!a || !b || !a.inode()) return Rename::missing;
        if (const Inode* there = b.inode()) {
            const bool folders = there->kind == DiskKind::folder;
            if (folders && (a.inode()->kind != DiskKind::folder || !there->entries.empty())) return Rename::exists;
        }
        disk_.rename(*a.folder, a.name, *b.folder, b.name);
        return Rename::done;
    }
    bool link(std::string_view from, std::string_view to) override {
        exec_.yield();
        const Place a = place(from), b = place(to);
        if (!a || !b || !a.inode() || b.inode()) return false;
        disk_.link(*b.folder, b.name, a.inode()->ino);
        return true;
    }
    bool unlink(std::string_view path) override {
        exec_.yield();
        const Place at = place(path);
        if (!at || !at.inode()) return false;
        if (at.inode()->kind == DiskKind::folder) throw base::Failure(base::Fault::io, "unlink of a folder");
        disk_.unlink(*at.folder, at.name);
        return true;
    }
    bool remove_folder(std::string_view path) override {
        exec_.yield();
        const Place at = place(path);
        if (!at || !at.inode() || at.inode()->kind != DiskKind::folder || !at.inode()->entries.empty()) return false;
        disk_.unlink(*at.folder, at.name);
        return true;
    }
    std::vector<DirEntry> list(std::string_view path) const override {
        std::vector<DirEntry> entries;
        const Inode* folder = look(path);
        if (folder == nullptr || folder->kind != DiskKind::folder) return entries;
        for (const auto& [name, ino] : folder->entries) entries.push_back({name, disk_.at(ino)->kind});
        return entries;
    }
    void sync_folder(std::string_view path) override {
        Inode* folder = look(path);
        if (folder != nullptr && folder->kind == DiskKind::folder) disk_.sync_folder(*folder);
    }
    void sync_all() override {
        exec_.yield();
        disk_.sync_all(root_);
    }
    std::optional<storage::CopyFacts> copy_file(std::string_view from, std::string_view to) override {
        const Inode* source = look(from);
        if (source == nullptr || source->kind != DiskKind::file) return std::nullopt;
        const Place at = place(to);
        if (!at || at.inode()) throw base::Failure(base::Fault::io, "no new file for a copy");
        const FileFacts before = disk_.facts(*source);
        Inode* copy = disk_.make(*at.folder, at.name, DiskKind::file);
        disk_.write(*copy, 0, source->bytes);
        if (source->exec) disk_.set_exec(*copy, true);
        disk_.set_mtime(*copy, source->mtime_ns);
        return storage::CopyFacts{before, disk_.facts(*copy)};
    }
    Space space() const override { return {std::uint64_t{1} << 40, std::uint64_t{1} << 41}; }
    const storage::Volume& volume() const override { return disk_.volume(); }

  private:
    struct Place {
        Disk* disk = nullptr;
        Inode* folder = nullptr;
        std::string name;
        explicit operator bool() const { return folder != nullptr; }
        Inode* inode() const {
            const auto found = folder->entries.find(name);
            return found == folder->entries.end() ? nullptr : disk->at(found->second);
        }
    };
    std::string whole(std::string_view path) const { return path.empty() ? root_ : root_ + "/" + std::string(path); }
    Inode* look(std::string_view path) const {
        exec_.yield();
        disk_.alive();
        return plain(path) ? disk_.find(whole(path)) : nullptr;
    }
    Place place(std::string_view path) const {
        disk_.alive();
        Place found;
        found.disk = &disk_;
        if (plain(path) && !path.empty()) found.folder = disk_.parent_of(whole(path), found.name);
        return found;
    }

    Disk& disk_;
    Exec& exec_;
    const std::string root_;
};

std::string below_root(const std::string& absolute_path) {
    return absolute_path.substr(absolute_path.find_first_not_of('/'));
}

}  // namespace

std::unique_ptr<storage::Tree> SimFs::open_tree(const std::string& absolute_path, bool create) {
    const std::string path = below_root(absolute_path);
    std::string name;
    Inode* above = disk_.parent_of(path, name);
    Inode* found = disk_.find(path);
    if (found == nullptr && create && above != nullptr) found = disk_.make(*above, name, DiskKind::folder);
    if (found == nullptr || found->kind != DiskKind::folder) return nullptr;
    return std::make_unique<SimTree>(disk_, exec_, path);
}

const char* SimFs::sqlite_vfs() const {
    return vfs_name();
}

// One process has the root at a time: lives follow one another.
std::unique_ptr<storage::File> SimFs::lock_file(const std::string& absolute_path, std::string&) {
    const std::string path = below_root(absolute_path);
    std::string name;
    Inode* above = disk_.parent_of(path, name);
    Inode* found = disk_.find(path);
    if (found == nullptr) found = disk_.make(*above, name, DiskKind::file);
    return std::make_unique<SimFile>(disk_, exec_, *found);
}

}  // namespace sim
