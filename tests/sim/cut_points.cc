#include "tests/sim/cut_points.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace sim {

namespace {

// What a path is to the store.
enum class Area : std::uint8_t {
    any,
    none,      // no path
    staged,    // staging/<32 digits>: an upload, or the folder of a copy that is being built
    copy,      // below such a folder
    second,    // its second name
    own,       // staging/<lsn>-<step>: what a file step writes, or what it took out of its place
    mark,      // of a step that failed
    staging,   // the folder of all these
    log,       // SQLite's
    database,  // SQLite's
    history,   // a file in versions/<hh>/
    shelf,     // versions/<hh>
    aside,     // what another program left: versions/surprise
    trash,
    start,  // what only a start makes: the lock, the marker, .hearth itself
    files,  // the users'
};

constexpr std::size_t kIdDigits = 32;

bool is_id(std::string_view name) {
    return name.size() == kIdDigits && name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Area area_in_staging(std::string_view below) {
    const auto slash = below.find('/');
    if (slash != std::string_view::npos) return Area::copy;
    if (below.empty()) return Area::staging;
    if (is_id(below)) return Area::staged;
    if (below.ends_with(".keep")) return Area::second;
    if (below.ends_with(".failed")) return Area::mark;
    return Area::own;
}

Area area_of(std::string_view path) {
    if (path.empty()) return Area::none;
    if (path.front() == '/') path.remove_prefix(1);
    const auto slash = path.find('/');  // behind the storage root
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
    const auto below = [&](std::string_view folder) {
        if (!path.starts_with(folder) || (path.size() > folder.size() && path[folder.size()] != '/')) return false;
        path.remove_prefix(std::min(folder.size() + 1, path.size()));
        return true;
    };
    if (below("files")) return Area::files;
    if (path == ".hearth/hearth.db-wal") return Area::log;
    if (path == ".hearth/hearth.db") return Area::database;
    if (below(".hearth/staging")) return area_in_staging(path);
    if (below(".hearth/versions/surprise")) return Area::aside;
    if (below(".hearth/versions")) return path.find('/') == std::string_view::npos ? Area::shelf : Area::history;
    if (below(".hearth/trash")) return Area::trash;
    return Area::start;
}

struct CutPoint {
    Deed deed;
    Area from;
    Area to;
    std::string_view name;
    bool synced = false;  // only when all octets of the file are synced
};

// The numbers are those of the design's write path, "PUT, exact order". 0 and 5 look and change nothing. The order of
// time is that of the numbers, but for a small file: its octets travel in the transaction, and 7 writes them.
constexpr std::array kCutPoints = {
    // Upload::spill, write, finish; Content when nothing came of it
    CutPoint{Deed::make, Area::staged, Area::any, "1 stage: make"},
    CutPoint{Deed::write, Area::staged, Area::any, "1 stage: write"},
    // COPY and what comes back from history: a tree beside the others
    CutPoint{Deed::make, Area::copy, Area::any, "1 copy: make"},
    CutPoint{Deed::make_folder, Area::copy, Area::any, "1 copy: make a folder"},
    CutPoint{Deed::make_folder, Area::staged, Area::any, "1 copy: make its folder"},
    CutPoint{Deed::write, Area::copy, Area::any, "1 copy: write"},
    CutPoint{Deed::time, Area::copy, Area::any, "2 copy: time"},
    CutPoint{Deed::mode, Area::copy, Area::any, "2 copy: mode"},
    // Filer::place_staged sets both of a file that is synced
    CutPoint{Deed::time, Area::staged, Area::any, "7 place: time", true},
    CutPoint{Deed::mode, Area::staged, Area::any, "7 place: mode", true},
    CutPoint{Deed::time, Area::second, Area::any, "7 place: time"},
    CutPoint{Deed::mode, Area::second, Area::any, "7 place: mode"},
    CutPoint{Deed::time, Area::staged, Area::any, "2 stage: time"},
    CutPoint{Deed::sync, Area::staged, Area::any, "3 stage: fsync"},
    // keep_staged
    CutPoint{Deed::link, Area::second, Area::any, "4 second name: link"},
    // Committer::commit_group; the same for its chores, and for what a start writes
    CutPoint{Deed::write, Area::log, Area::any, "6 commit: write the log"},
    CutPoint{Deed::sync, Area::log, Area::any, "6 checkpoint: fsync of the log", true},
    CutPoint{Deed::sync, Area::log, Area::any, "6 commit: fsync of the log"},
    CutPoint{Deed::make, Area::log, Area::any, "0 start: make the log"},
    CutPoint{Deed::make, Area::database, Area::any, "0 start: make the database"},
    CutPoint{Deed::write, Area::database, Area::any, "6 checkpoint: write the database"},
    CutPoint{Deed::truncate, Area::database, Area::any, "6 checkpoint: truncate the database"},
    CutPoint{Deed::sync, Area::database, Area::any, "6 checkpoint: fsync of the database"},
    // Filer::write_inline
    CutPoint{Deed::make, Area::own, Area::any, "7 write: make"},
    CutPoint{Deed::write, Area::own, Area::any, "7 write: octets"},
    CutPoint{Deed::mode, Area::own, Area::any, "7 write: mode"},
    CutPoint{Deed::time, Area::own, Area::any, "7 write: time"},
    CutPoint{Deed::sync, Area::own, Area::any, "7 write: fsync"},
    // Filer::place, of a staged file, a small one, or a whole copy
    CutPoint{Deed::rename, Area::staged, Area::files, "7 place: rename"},
    CutPoint{Deed::rename, Area::own, Area::files, "7 place: rename"},
    CutPoint{Deed::exchange, Area::any, Area::files, "7 place: exchange"},
    CutPoint{Deed::make_folder, Area::files, Area::any, "7 folder: make"},
    CutPoint{Deed::rename, Area::files, Area::files, "7 move: rename"},
    CutPoint{Deed::mode, Area::files, Area::any, "7 mode"},
    // Filer::settle, keep_as: what came out of its place
    CutPoint{Deed::rename, Area::staged, Area::history, "8 keep: rename into history"},
    CutPoint{Deed::rename, Area::own, Area::history, "8 keep: rename into history"},
    CutPoint{Deed::unlink, Area::own, Area::any, "8 keep: unlink"},
    CutPoint{Deed::unlink, Area::staged, Area::any, "8 keep: unlink"},
    // Filer::restore, in a start
    CutPoint{Deed::rename, Area::own, Area::own, "8 restore: rename"},
    CutPoint{Deed::rename, Area::own, Area::trash, "8 restore: rename"},
    CutPoint{Deed::exchange, Area::own, Area::history, "8 restore: exchange"},
    CutPoint{Deed::exchange, Area::own, Area::trash, "8 restore: exchange"},
    CutPoint{Deed::rename, Area::any, Area::aside, "outside: rename aside"},
    CutPoint{Deed::make_folder, Area::shelf, Area::any, "0 start: make a shelf"},
    CutPoint{Deed::make_folder, Area::aside, Area::any, "outside: make a folder"},
    // Filer::keep_file, drop, keep_folder
    CutPoint{Deed::rename, Area::files, Area::history, "8 remove: rename into history"},
    CutPoint{Deed::rename, Area::files, Area::trash, "8 remove: rename into trash"},
    CutPoint{Deed::rename, Area::files, Area::own, "8 remove: out of its place"},
    // Filer::drop_second_name, take_second_name
    CutPoint{Deed::unlink, Area::second, Area::any, "10 second name: unlink"},
    CutPoint{Deed::rename, Area::second, Area::any, "10 second name: rename back"},
    // Filer::flush
    CutPoint{Deed::sync, Area::files, Area::any, "10 flush: fsync of a file"},
    CutPoint{Deed::sync, Area::history, Area::any, "10 flush: fsync of a file"},
    CutPoint{Deed::sync_folder, Area::start, Area::any, "0 start: fsync of a folder"},
    CutPoint{Deed::sync_folder, Area::any, Area::any, "10 flush: fsync of a folder"},
    CutPoint{Deed::sync_all, Area::any, Area::any, "10 flush: syncfs"},
    // Filer::dispatch, StepOp::discard
    CutPoint{Deed::unlink, Area::history, Area::any, "8 discard: unlink"},
    CutPoint{Deed::unlink, Area::trash, Area::any, "8 discard: unlink"},
    CutPoint{Deed::unlink, Area::copy, Area::any, "8 discard: unlink"},
    CutPoint{Deed::remove_folder, Area::any, Area::any, "8 discard: remove a folder"},
    // FailedSteps
    CutPoint{Deed::make, Area::mark, Area::any, "7 mark: make"},
    CutPoint{Deed::unlink, Area::mark, Area::any, "7 mark: unlink"},
    // Another program
    CutPoint{Deed::make, Area::files, Area::any, "outside: make"},
    CutPoint{Deed::write, Area::files, Area::any, "outside: write"},
    CutPoint{Deed::truncate, Area::files, Area::any, "outside: truncate"},
    CutPoint{Deed::unlink, Area::files, Area::any, "outside: unlink"},
    // StoreOnDisk
    CutPoint{Deed::make, Area::start, Area::any, "0 start: make"},
    CutPoint{Deed::make_folder, Area::any, Area::any, "0 start: make a folder"},
    CutPoint{Deed::write, Area::start, Area::any, "0 start: write"},
    CutPoint{Deed::sync, Area::start, Area::any, "0 start: fsync"},
    CutPoint{Deed::rename, Area::start, Area::start, "0 start: rename"},
    CutPoint{Deed::unlink, Area::start, Area::any, "0 start: unlink"},
};

}  // namespace

std::string name_of(const Touch& touch) {
    const Area from = area_of(touch.from);
    const Area to = area_of(touch.to);
    for (const CutPoint& one : kCutPoints) {
        if (one.deed != touch.deed || (one.synced && touch.unsynced)) continue;
        if (one.from != Area::any && one.from != from) continue;
        if (one.to != Area::any && one.to != to) continue;
        return std::string(one.name);
    }
    return "unnamed " + std::to_string(static_cast<int>(touch.deed)) + " " + touch.from + " " + touch.to;
}

std::vector<std::string> cut_points() {
    std::vector<std::string> names;
    for (const CutPoint& one : kCutPoints) {
        const std::string name(one.name);
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
    return names;
}

}  // namespace sim
