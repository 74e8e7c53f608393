#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/volume.h"

namespace storage {

enum class DiskKind { file, folder, other };  // other: symlinks, devices, sockets, FIFOs; never followed or opened
enum class Special { none, symlink, fifo, socket, device };  // what an `other` is

// What a stat says. Times in nanoseconds since 1970.
struct FileFacts {
    DiskKind kind = DiskKind::other;
    std::uint64_t dev = 0;
    std::uint64_t ino = 0;
    std::int64_t size = 0;
    std::int64_t mtime_ns = 0;
    std::int64_t ctime_ns = 0;
    std::uint32_t links = 0;
    bool exec = false;
    Special special = Special::none;

    // The same bytes in the same inode, as far as a stat can tell.
    bool same_version(const FileFacts& other) const {
        return ino == other.ino && dev == other.dev && size == other.size && mtime_ns == other.mtime_ns &&
               ctime_ns == other.ctime_ns;
    }
};

// Two files after one was copied to the other. `source`: when its last octet had been read.
struct CopyFacts {
    FileFacts source;
    FileFacts copy;
};

// An open regular file. One thread at a time for writing; read_at is thread-safe.
class File {
  public:
    virtual ~File() = default;
    virtual std::size_t read_at(char* into, std::size_t length, std::uint64_t offset) const = 0;  // 0 at the end
    virtual void append(std::string_view bytes) = 0;
    virtual void preallocate(std::uint64_t bytes) = 0;  // ENOSPC now rather than later
    virtual void sync() = 0;                            // bytes and size durable; a failure is never retried
    virtual void flush_hint() = 0;                      // start write-back of what was appended; no promise
    virtual void set_mtime(std::int64_t mtime_ns) = 0;
    virtual void set_exec(bool exec) = 0;
    virtual void set_private() = 0;  // 0600: no other user of the machine reads it
    virtual FileFacts facts() const = 0;
    virtual int descriptor() const = 0;  // for pread by the edge; -1 in a simulation
};

struct DirEntry {
    std::string name;
    DiskKind kind;
};

// Where the kernel exchanges nothing in one step, exchange(a, b) has the old file of `b` as `a` + this for a moment. A
// crash may leave it: as another name of `b`, or as the only name of what came out while `a` is gone.
inline constexpr std::string_view kExchangeAside = ".x";

enum class Rename { done, missing, exists };

// A directory that is the root of every path given to it: "a/b/c", no leading slash, "" = itself. All resolution is
// below it, without symlinks, magic links or "..": openat2(RESOLVE_BENEATH | NO_SYMLINKS | NO_MAGICLINKS), or a walk
// with O_NOFOLLOW where the kernel has no openat2. A path through a symlink or a non-directory is *missing*.
// Thread-safe. Expected outcomes are values; anything else is base::Failure.
class Tree {
  public:
    virtual ~Tree() = default;
    virtual std::unique_ptr<File> open(std::string_view path) const = 0;  // read-only; null: missing or no regular file
    virtual std::unique_ptr<File> create(std::string_view path) = 0;      // exclusive, 0660; null: exists or no parent
    virtual std::optional<FileFacts> stat(std::string_view path) const = 0;       // does not follow a final symlink
    virtual bool make_folder(std::string_view path, unsigned mode = 02770) = 0;   // false: exists; parents must exist
    virtual void make_folders(std::string_view path, unsigned mode = 02770) = 0;  // with parents; fine when there
    virtual Rename rename(std::string_view from, std::string_view to) = 0;        // RENAME_NOREPLACE
    virtual Rename exchange(std::string_view a, std::string_view b) = 0;          // RENAME_EXCHANGE; both must exist
    virtual Rename replace(std::string_view from, std::string_view to) = 0;       // plain rename
    virtual bool link(std::string_view from, std::string_view to) = 0;    // false: `to` exists or `from` missing
    virtual bool unlink(std::string_view path) = 0;                       // false: missing
    virtual bool remove_folder(std::string_view path) = 0;                // false: missing or not empty
    virtual std::vector<DirEntry> list(std::string_view path) const = 0;  // unordered; empty when missing
    virtual void sync_folder(std::string_view path) = 0;
    virtual void sync_all() = 0;  // syncfs
    // Copies a regular file (reflink, then copy_file_range, then read/write; a small one by read/write at once) to a
    // new name, with mtime and exec bit. Empty when `from` is missing. Not synced.
    virtual std::optional<CopyFacts> copy_file(std::string_view from, std::string_view to) = 0;
    struct Space {
        std::uint64_t free_bytes = 0;
        std::uint64_t total_bytes = 0;
        bool writable = true;  // false: mounted read-only
    };
    virtual Space space() const = 0;

    // What the file system below promises, as last found out. A tree that says nothing keeps order and forgets nothing.
    virtual const Volume& volume() const;
    // Finds that out: by name, writing nothing; then by trying, in a new folder `scratch` that is removed again. Before
    // other threads use the tree.
    virtual const Volume& identify_volume(VolumePolicy) { return volume(); }
    virtual const Volume& try_volume(std::string_view scratch);
};

// The only code that touches the file system. The simulator has its own.
class Fs {
  public:
    virtual ~Fs() = default;
    // Opens an existing directory, or makes it (mode 0750) when `create`. Null: missing, or not a directory.
    virtual std::unique_ptr<Tree> open_tree(const std::string& absolute_path, bool create) = 0;
    // SQLite's VFS for files of this file system: "unix" on a real one; the simulator registers its own.
    virtual const char* sqlite_vfs() const = 0;
    // Takes an exclusive lock on a file (made if missing), held until the returned value dies. Empty = someone has it;
    // `holder` then gets the file's text (a pid).
    virtual std::unique_ptr<File> lock_file(const std::string& absolute_path, std::string& holder) = 0;
};

Fs& system_fs();

// What the kernel is asked for. Off: what kernels and file systems without it get anyway (tests).
struct KernelFeatures {
    bool openat2 = true;
    bool rename_flags = true;  // renameat2 with NOREPLACE and EXCHANGE
    bool known_order = true;   // off: nothing is known of the order in which names reach the disk
};
std::unique_ptr<Fs> make_linux_fs(KernelFeatures features);

// Removes a folder and all below it, never following links; bounded recursion is replaced by a work list.
void remove_tree(Tree& tree, std::string_view path);

}  // namespace storage
