#pragma once

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "storage/base/failure.h"
#include "storage/disk.h"

namespace storage::test {

// A tree in which other programs gave some things modes that keep us out. (The tests may run as root, whom no mode
// keeps out.)
class DeniedTree final : public Tree {
  public:
    DeniedTree(Tree& tree, std::set<std::string> denied) : tree_(tree), denied_(std::move(denied)) {}
    std::unique_ptr<File> open(std::string_view path) const override {
        deny(path);
        return tree_.open(path);
    }
    std::vector<DirEntry> list(std::string_view path) const override {
        deny(path);
        return tree_.list(path);
    }
    void sync_folder(std::string_view path) override {
        deny(path);
        tree_.sync_folder(path);
    }
    std::unique_ptr<File> create(std::string_view path) override { return tree_.create(path); }
    std::optional<FileFacts> stat(std::string_view path) const override {
        deny_below(path);
        return tree_.stat(path);
    }
    bool make_folder(std::string_view path, unsigned mode) override { return tree_.make_folder(path, mode); }
    void make_folders(std::string_view path, unsigned mode) override { tree_.make_folders(path, mode); }
    Rename rename(std::string_view from, std::string_view to) override {
        deny_below(from);
        deny_below(to);
        return tree_.rename(from, to);
    }
    Rename exchange(std::string_view a, std::string_view b) override { return tree_.exchange(a, b); }
    Rename replace(std::string_view from, std::string_view to) override { return tree_.replace(from, to); }
    bool link(std::string_view from, std::string_view to) override { return tree_.link(from, to); }
    bool unlink(std::string_view path) override { return tree_.unlink(path); }
    bool remove_folder(std::string_view path) override { return tree_.remove_folder(path); }
    void sync_all() override {
        ++whole_syncs;
        tree_.sync_all();
    }
    std::optional<CopyFacts> copy_file(std::string_view from, std::string_view to) override {
        return tree_.copy_file(from, to);
    }
    Space space() const override { return tree_.space(); }

    // Nobody may search this folder: what is in it can not even be looked at.
    void close(std::string folder) { closed_ = std::move(folder) + "/"; }

    int whole_syncs = 0;

  private:
    void deny(std::string_view path) const {
        if (denied_.contains(std::string(path))) base::throw_errno("opening " + std::string(path), EACCES);
    }
    void deny_below(std::string_view path) const {
        if (!closed_.empty() && path.starts_with(closed_)) base::throw_errno("looking at " + std::string(path), EACCES);
    }
    std::string closed_;
    Tree& tree_;
    const std::set<std::string> denied_;
};

class DeniedFs final : public Fs {
  public:
    explicit DeniedFs(std::set<std::string> denied) : denied_(std::move(denied)) {}
    std::unique_ptr<Tree> open_tree(const std::string& path, bool create) override {
        trees_.push_back(system_fs().open_tree(path, create));
        return trees_.back() ? std::make_unique<DeniedTree>(*trees_.back(), denied_) : nullptr;
    }
    const char* sqlite_vfs() const override { return system_fs().sqlite_vfs(); }
    std::unique_ptr<File> lock_file(const std::string& path, std::string& holder) override {
        return system_fs().lock_file(path, holder);
    }

  private:
    std::vector<std::unique_ptr<Tree>> trees_;
    const std::set<std::string> denied_;
};

}  // namespace storage::test
