#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>

#include "storage/disk.h"

namespace storage::test {

// memory: for tests that make something durable hundreds of times.
enum class Where { disk, memory };

// A storage root in a temporary folder, removed at the end.
class TempRoot {
  public:
    explicit TempRoot(KernelFeatures features = {}, Where where = Where::disk) : fs_(make_linux_fs(features)) {
        const bool memory = where == Where::memory && ::access("/dev/shm", W_OK) == 0;
        std::string pattern = std::string(memory ? "/dev/shm" : "/tmp") + "/hearth-test-XXXXXX";
        if (!::mkdtemp(pattern.data())) throw std::runtime_error("mkdtemp");
        path_ = pattern;
        tree_ = fs_->open_tree(path_, false);
        for (const char* folder : {".hearth/staging", ".hearth/versions", ".hearth/trash", "files"})
            tree_->make_folders(folder);
    }
    ~TempRoot() {
        for (const auto& entry : tree_->list("")) remove_tree(*tree_, entry.name);
        ::rmdir(path_.c_str());
    }
    TempRoot(const TempRoot&) = delete;
    TempRoot& operator=(const TempRoot&) = delete;

    Tree& tree() { return *tree_; }
    Fs& fs() { return *fs_; }
    const std::string& path() const { return path_; }

    void write(const std::string& name, const std::string& bytes, std::int64_t mtime_ns = 1'000'000'000) {
        const auto file = tree_->create(name);
        if (!file) throw std::runtime_error("can not create " + name);
        file->append(bytes);
        file->set_mtime(mtime_ns);
    }
    std::string read(const std::string& name) const {
        const auto file = tree_->open(name);
        if (!file) return "(missing)";
        std::string bytes(static_cast<std::size_t>(file->facts().size), '\0');
        bytes.resize(file->read_at(bytes.data(), bytes.size(), 0));
        return bytes;
    }
    // Every name with what is there: the bytes of a file, "/" for a folder.
    std::map<std::string, std::string> dump(const std::string& below = "") const {
        std::map<std::string, std::string> all;
        for (const auto& entry : tree_->list(below)) {
            const std::string path = below.empty() ? entry.name : below + "/" + entry.name;
            all[path] = entry.kind == DiskKind::folder ? "/" : entry.kind == DiskKind::file ? read(path) : "?";
            if (entry.kind == DiskKind::folder) all.merge(dump(path));
        }
        return all;
    }

  private:
    std::unique_ptr<Fs> fs_;
    std::string path_;
    std::unique_ptr<Tree> tree_;
};

}  // namespace storage::test
