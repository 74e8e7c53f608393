#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "storage/disk.h"
#include "storage/file_linux.h"

namespace storage {

// A Tree over a directory of Linux. Every change is an *at() call on the descriptor of the parent and one name, so that
// nobody can swap a folder for a symlink between looking and changing.
class LinuxTree final : public Tree {
  public:
    LinuxTree(UniqueFd root, KernelFeatures features);

    std::unique_ptr<File> open(std::string_view path) const override;
    std::unique_ptr<File> create(std::string_view path) override;
    std::optional<FileFacts> stat(std::string_view path) const override;
    bool make_folder(std::string_view path, unsigned mode) override;
    void make_folders(std::string_view path, unsigned mode) override;
    Rename rename(std::string_view from, std::string_view to) override;
    Rename exchange(std::string_view a, std::string_view b) override;
    Rename replace(std::string_view from, std::string_view to) override;
    bool link(std::string_view from, std::string_view to) override;
    bool unlink(std::string_view path) override;
    bool remove_folder(std::string_view path) override;
    std::vector<DirEntry> list(std::string_view path) const override;
    void sync_folder(std::string_view path) override;
    void sync_all() override;
    std::optional<CopyFacts> copy_file(std::string_view from, std::string_view to) override;
    Space space() const override;
    const Volume& volume() const override { return volume_; }
    const Volume& identify_volume(VolumePolicy policy) override;
    const Volume& try_volume(std::string_view scratch) override;

  private:
    // A folder that is held open, and one name in it: what the *at() calls take.
    struct Place {
        UniqueFd owned;
        int folder = -1;
        std::string name;
        explicit operator bool() const { return folder >= 0; }
    };

    UniqueFd resolve(std::string_view path, int flags) const;  // empty: missing
    UniqueFd walk(std::string_view path, int flags) const;
    Place place(std::string_view path) const;                                   // false: no such parent
    int rename_with(const Place& from, const Place& to, unsigned flags) const;  // 0 or an errno value
    Rename rename_without_flags(const Place& from, const Place& to);
    Rename exchange_without_flags(const Place& a, const Place& b);
    std::unique_ptr<LinuxFile> create_file(const Place& at);

    const UniqueFd root_;
    const KernelFeatures features_;
    Volume volume_;
    std::atomic<bool> sync_failed_ = false;
    mutable std::atomic<bool> walks_;  // openat2 is not there or not allowed: set once it said so
};

}  // namespace storage
