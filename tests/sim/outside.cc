#include "tests/sim/outside.h"

#include "storage/base/failure.h"

namespace sim {

void Outside::act(int operations, Octets& of_user) {
    for (int i = 0; i < operations && !machine_.disk.dead(); ++i) {
        for (std::uint64_t turns = machine_.below(12); turns > 0; --turns) machine_.exec.yield();
        try {
            change(of_user);
            machine_.count("outside changes");
        } catch (const base::Failure&) {  // its disk is ours: what fails for it is its own affair
            if (machine_.disk.dead()) return;
        }
    }
}

void Outside::list(const std::string& path, std::vector<Found>& found) {
    const Inode* folder = machine_.disk.find(path);
    if (folder == nullptr) return;
    for (const auto& [name, ino] : folder->entries) {
        const std::string at = path + "/" + name;
        const storage::DiskKind kind = machine_.disk.at(ino)->kind;
        found.push_back({at, kind});
        if (kind == storage::DiskKind::folder) list(at, found);
    }
}

std::string Outside::new_bytes() {
    return "outside " + machine_.new_content(machine_.below(6) == 0);
}

void Outside::write_new(const std::string& path, const std::string& bytes) {
    std::string name;
    Inode* folder = machine_.disk.parent_of(path, name);
    if (folder == nullptr || folder->entries.contains(name)) return;
    Inode* made = machine_.disk.make(*folder, name, storage::DiskKind::file);
    machine_.disk.write(*made, 0, bytes);
    left_.insert(bytes);
}

// Whoever wrote these octets can not ask for them any more.
void Outside::gone(const Inode& inode, Octets& of_user) {
    left_.erase(inode.bytes);
    of_user.acknowledged.erase(inode.bytes);
    if (of_user.under_way == inode.bytes) of_user.under_way.clear();
}

void Outside::change(Octets& of_user) {
    std::vector<Found> all;
    list(folder_, all);
    std::vector<Found> files;
    std::vector<std::string> folders{folder_};
    for (const Found& one : all) {
        if (one.kind == storage::DiskKind::file && (!spares_ || left_.contains(machine_.disk.find(one.path)->bytes)))
            files.push_back(one);
        if (one.kind == storage::DiskKind::folder) folders.push_back(one.path);
    }
    if (machine_.disk.find(folder_) == nullptr) return;
    const std::string fresh = folders[machine_.below(folders.size())] + "/" + machine_.new_name();
    const std::string file = files.empty() ? "" : files[machine_.below(files.size())].path;
    std::string name, other_name;
    switch (machine_.below(9)) {
        case 0: return write_new(fresh, new_bytes());
        case 1: {
            Inode* folder = machine_.disk.parent_of(fresh, name);
            if (folder != nullptr && !folder->entries.contains(name))
                machine_.disk.make(*folder, name, storage::DiskKind::folder);
            return;
        }
        default: break;
    }
    if (file.empty()) return;
    Inode* folder = machine_.disk.parent_of(file, name);
    Inode* inode = machine_.disk.find(file);
    switch (machine_.below(7)) {
        case 0: {  // an editor that writes in place
            const std::string bytes = new_bytes();
            gone(*inode, of_user);
            machine_.disk.truncate(*inode, 0);
            machine_.disk.write(*inode, 0, bytes);
            left_.insert(bytes);
            return;
        }
        case 1: {  // a log that grows
            gone(*inode, of_user);
            machine_.disk.write(*inode, inode->bytes.size(), new_bytes());
            left_.insert(inode->bytes);
            return;
        }
        case 2: {  // an editor, rsync or Syncthing: a new file over the old one
            const std::string temporary = folder_of(file) + "/.tmp" + machine_.new_name();
            const std::string bytes = new_bytes();
            write_new(temporary, bytes);
            Inode* from = machine_.disk.parent_of(temporary, other_name);
            if (from == nullptr || !from->entries.contains(other_name) || !folder->entries.contains(name)) return;
            gone(*inode, of_user);
            machine_.disk.rename(*from, other_name, *folder, name);
            return;
        }
        case 3: gone(*inode, of_user); return machine_.disk.unlink(*folder, name);
        case 4: {
            Inode* to = machine_.disk.parent_of(fresh, other_name);
            if (to == nullptr || to->entries.contains(other_name)) return;
            return machine_.disk.rename(*folder, name, *to, other_name);
        }
        case 5: {  // something that is no file where one was
            gone(*inode, of_user);
            machine_.disk.unlink(*folder, name);
            machine_.disk.make(*folder, name, storage::DiskKind::other);
            return;
        }
        default: {  // a folder that moves, with all in it
            if (spares_ || folders.size() < 2) return;
            const std::string from = folders[1 + machine_.below(folders.size() - 1)];
            if ((fresh + "/").starts_with(from + "/")) return;
            Inode* at = machine_.disk.parent_of(from, name);
            Inode* to = machine_.disk.parent_of(fresh, other_name);
            if (at == nullptr || to == nullptr || to->entries.contains(other_name)) return;
            return machine_.disk.rename(*at, name, *to, other_name);
        }
    }
}

}  // namespace sim
