#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "storage/base/exec.h"
#include "storage/disk.h"

namespace storage {

inline constexpr const char* kMarker = ".hearth/root.json";
inline constexpr const char* kFilesFolder = "files";

// What .hearth/root.json says: which root this is, and of which database.
struct Marker {
    std::string root;
    std::string db;
    bool operator==(const Marker&) const = default;
};
std::optional<Marker> read_marker(const Tree& tree);
std::string marker_text(const Marker& marker);

// Whether a storage root may be written to and its files be read; if not, why, and what to do. A disk may be unmounted,
// become read-only or be another one than yesterday, at the start and under the running server: what is then missing
// was not removed, and what would then be written would be lost. Owned by the store; any thread.
class RootState {
  public:
    enum class Files { readable, unreadable };

    RootState(Fs& fs, Tree& tree, std::string root, base::Exec& exec);

    // From now on look() compares with what stands there now, which is `marker`.
    void know(const Marker& marker);
    // A trouble that no look ends, only a restart. The first one stays.
    void refuse(std::string why, Files files);
    // Looks whether the root is still the one that was opened, and may be written to. A few system calls, no sync.
    void look();

    bool writable() const { return writable_; }
    bool readable() const { return readable_; }  // the files; the index always is
    std::string trouble() const;                 // empty: none
    void require_writable() const;               // throws Fault::unavailable
    void require_readable() const;

  private:
    struct Trouble {
        std::string why;
        Files files = Files::readable;
    };
    std::optional<Trouble> find_trouble();
    std::optional<Trouble> find_other_root();
    void become(std::optional<Trouble> trouble);
    [[noreturn]] void unavailable() const;

    Fs& fs_;
    Tree& tree_;
    const std::string root_;
    std::unique_ptr<base::Monitor> monitor_;  // guards the next five
    std::optional<Marker> marker_;
    std::optional<FileFacts> marker_facts_;
    std::optional<FileFacts> files_facts_;
    std::string why_;
    bool until_restart_ = false;
    std::atomic<bool> writable_ = true;
    std::atomic<bool> readable_ = true;
};

}  // namespace storage
