#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/base/exec.h"
#include "storage/disk.h"
#include "storage/node.h"

namespace storage {

// One step on the file system that follows from a committed transaction: a row of `fs_todo`. Paths are below the storage
// root. Each step may be performed again after a crash and finds out by looking what is left to do.
// Numbers are stored: never renumber.
enum class StepOp : std::uint8_t {
    write_inline = 1,  // `bytes` become the file `dst` (through a staging name; replacing: see `keep`)
    place_staged = 2,  // `src` (staged, synced) becomes the file `dst`
    make_folder = 3,   // `dst`
    move = 4,          // `src` -> `dst`, file or folder; `dst` must be free
    keep_file = 5,     // file `src` -> `dst` in versions/ (a removal); same hash already kept: unlink `src`
    keep_folder = 6,   // folder `src` -> `dst` in trash/
    discard = 7,       // remove `src` and all below it (staging leftovers, expired trash and versions)
};

struct FileStep {
    Lsn lsn = 0;
    int step = 0;  // 0..15 within the lsn; key in fs_todo = lsn * 16 + step
    StepOp op = StepOp::write_inline;
    SpaceId space = 0;
    NodeId node = 0;        // whose `disk` row the outcome refreshes; 0 = none
    std::string src, dst;
    std::string keep;       // where the replaced file goes: ".hearth/versions/<hh>/<hash>"; empty = nothing to replace
    std::optional<FileFacts> expect;  // what we believe stands at dst (replacing) or src (moving, keeping)
    std::string bytes;      // write_inline
    std::int64_t mtime_ns = 0;
    bool exec = false;
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

// Performs steps in lsn order, idempotently. Stateless beside the tree it works on; one thread at a time.
class Filer {
  public:
    Filer(Tree& root, base::Rng& rng) : root_(root), rng_(rng) {}
    StepOutcome perform(const FileStep& step);
    // Makes the folders touched since the last call durable (redo rows may then go): fsync of each when there are few,
    // syncfs above 64.
    void flush();

  private:
    Tree& root_;
    base::Rng& rng_;
    std::vector<std::string> touched_;  // folders
};

// The octets of a step as stored in fs_todo's columns `expect`; pure.
std::string encode_expect(const FileStep& step);
void decode_expect(std::string_view octets, FileStep& into);

}  // namespace storage
