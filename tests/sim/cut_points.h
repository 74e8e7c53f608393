#pragma once

#include <cstdint>
#include <string>
#include <vector>

// The steps of the write path by name: a cut of the power hits one of them. The store does not say where it is; what it
// changes and where says it.
namespace sim {

enum class Deed : std::uint8_t {
    make,
    make_folder,
    link,
    unlink,
    remove_folder,
    rename,
    exchange,
    write,
    truncate,
    time,
    mode,
    sync,
    sync_folder,
    sync_all,
};
constexpr bool changes_names(Deed deed) {
    return deed <= Deed::exchange;
}

// One change of a disk. Paths are below the disk's root, "root/files/ana/a.txt"; empty: no name leads there any more.
struct Touch {
    Deed deed = Deed::make;
    std::string from;
    std::string to = {};    // exchange and rename
    bool unsynced = false;  // of a file: it has octets that were not synced
};

// The number and words of the step, as in kCutPoints; what no row names begins with "unnamed".
std::string name_of(const Touch& touch);

// All there are. Not those that end with ", fsync of a folder": where names keep no order, each change of one has that.
std::vector<std::string> cut_points();

}  // namespace sim
