#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/failure.h"
#include "storage/disk.h"
#include "tests/sim/cut_points.h"
#include "tests/sim/faults.h"

// A disk that forgets. It holds what programs see (cached) and what would be left after a power cut (durable), as far
// as a file system promises no more: what was not synced may be there, missing or torn. A copy is another disk that
// holds the same.
namespace sim {

using Ino = std::uint64_t;

// What a crash may do to names that were not synced. ordered: a prefix of all changes of names is left (journals of
// ext4, XFS). loose: any of them, each change (a rename is one) whole or not at all.
enum class Names : std::uint8_t { ordered, loose };

struct Inode {
    Ino ino = 0;
    storage::DiskKind kind = storage::DiskKind::file;
    std::string bytes;                   // files, as seen
    std::map<std::string, Ino> entries;  // folders, as seen
    std::int64_t mtime_ns = 0;
    std::int64_t ctime_ns = 0;
    bool exec = false;
    std::uint32_t links = 0;
    int opens = 0;

    // Files: what is on the platter, and what was written since it was synced.
    std::string durable;
    struct Write {
        std::uint64_t offset = 0;
        std::string bytes;
        std::optional<std::uint64_t> size;  // a truncation to that instead
    };
    std::vector<Write> pending;
    bool lost_writes = false;  // forgotten when somebody else's sync failed: the next one of this file is told
};

// Where something is changed: a name in a folder, or without a name the file or folder itself.
struct Spot {
    Ino ino = 0;
    std::string name = {};
};

class Disk {
  public:
    Disk(std::uint64_t seed, Names names);

    // ---- power ----
    // From the nth change from now on nothing happens any more: that change and all calls after it throw.
    void cut_power_after(std::uint64_t changes) { cut_at_ = changes_ + changes; }
    void never_cut() { cut_at_.reset(); }
    void cut() { dead_ = true; }
    bool dead() const { return dead_; }
    std::uint64_t changes() const { return changes_; }
    // What is left, by lot: all is durable then and the disk works again. Open files of before are void. Killed: only
    // the process died; all that was written is left, and as little of it durable as before.
    void power_on(bool killed);
    int life() const { return life_; }

    // ---- failing calls ----
    void use(const Faults& faults) { faults_ = faults; }
    void heal() { faults_ = {}, full_until_ = 0; }
    bool fails() const { return faults_fired_ > 0; }  // since the power came on
    void may_fail(Call call, bool grows = false);     // throws base::Failure where it was drawn
    const Counts& fired() const { return fired_; }
    const std::string& cut_at() const { return cut_point_; }  // the step of the write path that the last cut hit
    // Told of each change before it is made, by the name of its step: a copy taken then is what a cut there leaves.
    void watch(std::function<void(const std::string& point)> watch) { watch_ = std::move(watch); }

    // ---- for the file system and SQLite's VFS; all throw base::Failure when the power is cut ----
    Inode* find(std::string_view path);  // below "/"; no leading slash
    Inode* at(Ino ino);
    Inode* parent_of(std::string_view path, std::string& name);  // null: no such folder
    Inode* make(Inode& folder, const std::string& name, storage::DiskKind kind);
    void link(Inode& folder, const std::string& name, Ino ino);
    void unlink(Inode& folder, const std::string& name);
    void rename(Inode& from, const std::string& name, Inode& to, const std::string& new_name);  // over what is there
    void exchange(Inode& a, const std::string& name_a, Inode& b, const std::string& name_b);
    void write(Inode& file, std::uint64_t offset, std::string_view bytes);
    void truncate(Inode& file, std::uint64_t size);
    void set_mtime(Inode& file, std::int64_t mtime_ns);
    void set_exec(Inode& file, bool exec);
    void sync_file(Inode& file);
    void sync_folder(Inode& folder);
    void sync_all(const std::string& root);  // that asks
    void alive() const;                      // throws when the power is cut
    void opened(Inode& file) { ++file.opens; }
    void closed(Ino ino, int life);

    storage::FileFacts facts(const Inode& inode) const;
    std::int64_t now_ns();
    void advance_ns(std::int64_t by) { now_ns_ += by; }
    std::mt19937_64& dice() { return dice_; }
    const storage::Volume& volume() const { return volume_; }  // what it promises

    // Of all that a start finds here and that is on the platter, but for the times of the database: other for other
    // contents, very likely.
    std::uint64_t digest() const;

    // Of a whole run, in order: equal for equal seeds.
    std::uint64_t trace() const { return trace_; }
    void note(std::string_view what);

  private:
    // One change of names.
    struct Change {
        enum class What : std::uint8_t { add, remove, move, swap } what;
        Ino folder = 0;
        std::string name;
        Ino to = 0;  // move, swap
        std::string to_name;
        Ino ino = 0;  // add; swap: what was at `name`
        storage::DiskKind kind = storage::DiskKind::file;
        Ino other = 0;  // swap: what was at `to_name`
        bool touches(Ino one) const { return folder == one || to == one || ino == one || other == one; }
    };
    void change(Change what);
    void step(std::string_view what, std::string_view where, Deed deed, Spot from, Spot to = {});
    std::string cut_point_of(Deed deed, const Spot& from, const Spot& to);
    std::string path_of(const Spot& spot);
    static void harden(Inode& file);
    void settle(const Change& what);  // on the durable tree
    void commit_names(std::size_t count);
    void take_causes(std::vector<bool>& taken) const;  // of the journal
    void drop_if_unused(Ino ino);
    Inode& must(Ino ino);

    void forget_unsynced(Inode& file);

    Faults faults_;
    std::uint64_t faults_fired_ = 0;
    std::uint64_t full_until_ = 0;  // changes
    Counts fired_;
    std::string cut_point_;
    std::function<void(const std::string&)> watch_;
    struct Named {  // the last change of names, and the folders synced since
        Deed deed = Deed::make;
        Spot from, to;
        std::vector<Ino> synced;
    };
    std::optional<Named> named_;
    Names names_;
    storage::Volume volume_;
    std::mt19937_64 dice_;
    std::map<Ino, Inode> inodes_;
    Ino last_ino_ = 1;
    std::map<Ino, std::map<std::string, Ino>> durable_;  // folders on the platter
    std::vector<Change> journal_;                        // changes of names that are not on the platter
    // As Linux does: each who has the file system open hears once of a write that it lost.
    std::uint64_t lost_writes_ = 0;
    std::map<std::string, std::uint64_t> told_;  // by root
    std::optional<std::uint64_t> cut_at_;
    std::uint64_t changes_ = 0;
    bool dead_ = false;
    int life_ = 0;
    std::int64_t now_ns_ = 1'800'000'000'000'000'000;
    std::uint64_t trace_ = 14695981039346656037U;
};

constexpr Ino kRootIno = 1;

}  // namespace sim
