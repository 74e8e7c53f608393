#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/disk.h"

namespace storage {

// A tree whose names reach the disk in any order, made to keep it: each change of a name is on the disk before the call
// that made it returns, so that what is left after a power cut is what some first calls did. Only a new file waits: its
// name is made durable with the change that gives it its place. Borrows the tree; as thread-safe as that is.
class OrderedTree final : public Tree {
  public:
    explicit OrderedTree(Tree& tree) : tree_(tree) {}

    std::unique_ptr<File> open(std::string_view path) const override { return tree_.open(path); }
    std::unique_ptr<File> create(std::string_view path) override { return tree_.create(path); }
    std::optional<FileFacts> stat(std::string_view path) const override { return tree_.stat(path); }
    bool make_folder(std::string_view path, unsigned mode) override;
    void make_folders(std::string_view path, unsigned mode) override;
    Rename rename(std::string_view from, std::string_view to) override;
    Rename exchange(std::string_view a, std::string_view b) override;
    Rename replace(std::string_view from, std::string_view to) override;
    bool link(std::string_view from, std::string_view to) override;
    bool unlink(std::string_view path) override;
    bool remove_folder(std::string_view path) override;
    std::vector<DirEntry> list(std::string_view path) const override { return tree_.list(path); }
    void sync_folder(std::string_view path) override { tree_.sync_folder(path); }
    void sync_all() override { tree_.sync_all(); }
    std::optional<CopyFacts> copy_file(std::string_view from, std::string_view to) override {
        return tree_.copy_file(from, to);
    }
    Space space() const override { return tree_.space(); }
    const Volume& volume() const override { return tree_.volume(); }
    // A name was changed and could not be made durable: nothing of this tree is believed from then on.
    bool sync_failed() const { return sync_failed_; }

  private:
    void sync_above(std::string_view path);
    void sync_above(std::string_view first, std::string_view second);

    Tree& tree_;
    std::atomic<bool> sync_failed_ = false;
};

}  // namespace storage
