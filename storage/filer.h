#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "storage/base/clock.h"
#include "storage/disk.h"
#include "storage/node.h"

namespace storage {

// One step on the file system that follows from a committed transaction: a row of `fs_todo`. Paths are below the
// storage root. Each step may be performed again after a crash and finds out by looking what is left to do. Numbers are
// stored: never renumber.
enum class StepOp : std::uint8_t {
    write_inline = 1,  // `bytes` become the file `dst` (through a staging name; replacing: see `keep`)
    place_staged = 2,  // `src` (staged, synced) becomes the file `dst`
    make_folder = 3,   // `dst`
    move = 4,          // `src` -> `dst`, file or folder; `dst` must be free
    keep_file = 5,     // file `src` -> `dst` in versions/ (a removal); same hash already kept: unlink `src`
    keep_folder = 6,   // folder `src` -> `dst` in trash/
    discard = 7,       // remove `src` and all below it (staging leftovers, expired trash and versions)
    set_exec = 8,      // the x bits of the file `dst`, whoever wrote it
};

struct FileStep {
    Lsn lsn = 0;
    int step = 0;  // 0..15 within the lsn; key in fs_todo = lsn * 16 + step
    StepOp op = StepOp::write_inline;
    SpaceId space = 0;
    NodeId node = 0;  // whose `disk` row the outcome refreshes; 0 = none
    std::string src, dst;
    std::string keep;  // where the replaced file goes: ".hearth/versions/<hh>/<hash>"; empty = nothing to replace
    std::optional<FileFacts> expect;  // what we believe stands at dst (replacing) or src (moving, keeping)
    std::string bytes;                // write_inline
    std::int64_t mtime_ns = 0;        // of the file to place
    bool exec = false;
    // place_staged: of Content::staged_facts(). The inode tells a redo who is who (0 = unknown), the time whether
    // another program wrote into the file, placed before a crash that took the placing back.
    std::uint64_t src_ino = 0;
    std::optional<std::int64_t> src_mtime_ns;
};

// What a performed step left: the facts of node's file now (for `disk`), and whether what we replaced or moved away was
// not what we expected (an outside write raced; its bytes are kept under `surprise`, below the storage root).
struct StepOutcome {
    Lsn lsn = 0;
    int step = 0;
    NodeId node = 0;
    std::optional<FileFacts> facts;
    std::optional<std::string> surprise;
    std::string failure;  // empty = done. Otherwise what the log says; the step stays in fs_todo.
};

// Steps that could not be done, and those that build upon them: performing these as if nothing had happened would find
// another tree than they were decided for. Their rows stay, and they are tried again, in order, before the next step
// that builds upon them, and at the next start; steps that touch other names go on.
//
// But not before the failed one has its mark, a name in staging: a replay takes rows without a mark for performed in
// order, so a cut must leave the mark wherever it leaves a later step. One thread at a time.
class FailedSteps {
  public:
    struct Entry {
        FileStep step;
        bool marked = false;
        bool performed = false;  // before a crash, and what it made can not be looked at: only a start tries again
    };

    void add(const FileStep& step);
    void add_performed(const FileStep& step);
    bool concern(const FileStep& step) const;  // it failed itself, or builds upon one that did
    bool concern(const std::string& path) const;
    bool empty() const { return entries_.empty(); }
    std::vector<FileStep> take();  // in order, to be tried again; none when there were too many to remember
    // Makes the marks that are missing, by `make`, which says whether it could.
    void mark_all(const std::function<bool(const FileStep&)>& make);
    bool has_mark(const FileStep& step) const { return marks_.contains({step.lsn, step.step}); }
    void set_mark(const FileStep& step, bool there);

    static constexpr std::size_t kStepsMax = 1024;  // more, and every step is concerned, until the next start

  private:
    void add(Entry entry);

    std::vector<Entry> entries_;
    std::set<std::string> names_;
    std::size_t unmarked_ = 0;
    std::set<std::pair<Lsn, int>> marks_;
};

class OrderedTree;

// Performs steps in lsn order, idempotently. One thread at a time; beside the tree it only remembers what it has not
// yet made durable. Needs `.hearth/staging`; makes other folders itself.
class Filer {
  public:
    // `failed` outlives the Filer; null: it remembers none.
    Filer(Tree& root, base::Rng& rng, FailedSteps* failed = nullptr);
    ~Filer();
    StepOutcome perform(const FileStep& step);
    // After a start: all rows of fs_todo in lsn order, some of which were performed before the crash. Gives one outcome
    // per step. Afterwards flush() makes all of it durable, and the rows may go.
    std::vector<StepOutcome> replay(std::vector<FileStep> steps);
    // Makes what was placed since the last call durable (redo rows may then go): fsync of each file and folder when
    // there are few, syncfs above kFlushMax. After a Failure the rows must stay.
    void flush();
    // A sync failed: what it was to make durable may be lost, whatever later syncs say. Nothing more becomes durable.
    bool sync_failed() const;

    static constexpr std::size_t kFlushMax = 64;

  private:
    void dispatch(const FileStep& step, StepOutcome& outcome);
    void write_inline(const FileStep& step, StepOutcome& outcome);
    void place_staged(const FileStep& step, StepOutcome& outcome);
    void make_folder(const FileStep& step, StepOutcome& outcome);
    void move(const FileStep& step, StepOutcome& outcome);
    void keep_file(const FileStep& step, StepOutcome& outcome);
    void keep_folder(const FileStep& step, StepOutcome& outcome);
    void set_exec(const FileStep& step, StepOutcome& outcome);

    bool is_placed(const FileStep& step) const;
    bool is_exchanged(const FileStep& step, const FileFacts& at_src) const;
    void write_own(File* file, const FileStep& step, bool exec);  // null: there is no place for it
    void take_second_name(const FileStep& step);
    void drop_second_name(const FileStep& step);
    void place(const std::string& own, const FileStep& step, StepOutcome& outcome);
    void settle(const std::string& out, const FileStep& step, StepOutcome& outcome);
    void settle_leftover(const FileStep& step, StepOutcome& outcome);
    void drop(const std::string& path, const FileFacts& seen, const FileStep& step, StepOutcome& outcome);
    void keep_as(const std::string& from, const std::string& keep, const FileStep& step, StepOutcome& outcome);
    void make_way(const FileStep& step, const std::string& folder, StepOutcome& outcome);
    void keep_surprise(const std::string& from, const FileStep& step, StepOutcome& outcome);
    Rename rename_making_parents(const std::string& from, const std::string& to);
    void redo(const FileStep& step, StepOutcome& outcome);
    enum class Role : std::uint8_t { work, look };  // look: at a step that was performed before a crash
    StepOutcome guarded(const FileStep& step, Role role, const std::function<void(StepOutcome&)>& work);
    void make_marks();
    std::vector<bool> read_marks(const std::vector<FileStep>& steps) const;
    bool is_moved(const FileStep& step) const;
    void finish_exchanges();
    std::optional<FileFacts> facts_of_copy(const std::string& path, const FileStep& step) const;
    void restore_replaced(const std::vector<FileStep>& steps, std::vector<StepOutcome>& outcomes);
    void forget_earlier_contents(const std::vector<FileStep>& steps, std::vector<StepOutcome>& outcomes);
    bool is_gone(const FileStep& step) const;
    // A step before the cut of a replay. `home` is the name where what it made must stand now; empty = a later step
    // took its place. `src_free`: nothing may stand at its src.
    StepOutcome recheck(const FileStep& step, const std::string& home, bool src_free);
    void recheck_inline(const FileStep& step, const std::string& home, StepOutcome& outcome);
    void recheck_staged(const FileStep& step, const std::string& home, StepOutcome& outcome);
    void restore(const std::string& path, const FileStep& step, StepOutcome& outcome);
    void restore_history(const FileStep& step, const std::string& kept, bool by_hash, StepOutcome& outcome);
    void flush_below(const std::string& path);
    void sync_noted();
    void note_file(const std::string& path, std::uint64_t ino);
    void note_folder_of(const std::string& path);
    void bound_notes();
    void note_all();

    Tree& plain_;                           // for what has no order: throwing away
    std::unique_ptr<OrderedTree> ordered_;  // where names would reach the disk in any order
    Tree& root_;                            // one of the two
    const bool sync_all_;                   // a sync of one folder could overtake earlier changes in another
    base::Rng& rng_;
    FailedSteps* failed_;
    std::map<std::string, std::uint64_t> written_;  // files whose bytes may not be on disk yet, and their inodes
    std::set<std::string> touched_;                 // folders whose names may not be on disk yet
    bool many_;                                     // too many to name: the next flush is a syncfs
    bool sync_failed_ = false;
    std::vector<FileStep> later_;     // during a replay: what is still to come, last first
    std::span<const FileStep> rows_;  // during a replay: all of them
};

// Where a step keeps what it writes until it is placed, and where it keeps bytes that it did not expect.
std::string own_path(const FileStep& step);
std::string mark_path(const FileStep& step);  // of one that failed
std::string surprise_path(const FileStep& step);
inline constexpr std::string_view kSurprises = ".hearth/versions/surprise";  // the folder of the latter

// What steps took out of its place to look at it, before a crash kept them from it: octets that history has are left in
// staging, to be thrown away; others become surprises. Gives the names in staging that could be neither and have to
// stay.
std::set<std::string> settle_taken_out(Tree& root, base::Rng& rng);

// Of its octets; nothing where it can not be read.
std::optional<std::string> hash_of_file(const Tree& root, const std::string& path);

// `path` itself or something below `folder`.
bool is_at_or_below(std::string_view path, std::string_view folder);
std::string parent_of(std::string_view path);

// The same file before and after a rename (ctime differs); of folders only the inode counts.
bool is_same_file(const FileFacts& a, const FileFacts& b);
// Moves or changes a file that nothing was known of when this was decided: an earlier step of its node was in the air.
bool is_unsure(const FileStep& step);
// What is there counts only when it is the file that is known: another program may have written into it, or put
// something else in its place. (A folder is what it holds.)
void distrust(StepOutcome& outcome, const std::optional<FileFacts>& known);

// A file that a step wrote has the time that the step gave it, as exactly as the file system keeps times, until
// somebody writes into it.
bool has_time_of(const FileStep& step, const FileFacts& facts);

// How the file at `path` compares with the bytes and the time of a write_inline step. torn: ours, but a power cut lost
// octets that had not reached the disk (the file is shorter, or has zeros in their place).
enum class Likeness { other, torn, same };
Likeness likeness(const Tree& root, const std::string& path, const FileStep& step);

// Is the file at `path` the version that step wants to keep as `keep`? By what a stat says, or else by its bytes: the
// belief may be older than the file (two writes in one batch) or absent, and a touch from outside changes only the
// time.
bool is_version(const Tree& root, const std::string& path, const FileFacts& facts,
                const std::optional<FileFacts>& expect, std::string_view keep);

// The octets of a step as stored in fs_todo's column `expect` (keep, expect, node, mtime, exec, src_*); pure.
// Decoding what encode_expect did not make is a Failure, Fault::corrupt.
std::string encode_expect(const FileStep& step);
void decode_expect(std::string_view octets, FileStep& into);

}  // namespace storage
