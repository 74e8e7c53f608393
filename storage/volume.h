#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace storage {

// In which order names that were changed and not synced reach the disk before a power cut.
enum class Order : std::uint8_t {
    journal,     // as they were changed; a sync of one name takes all earlier ones along
    checkpoint,  // the same for a sync of the whole file system; a sync of one file or folder may overtake others
    none,        // any
};

// What the file system of a storage root promises. Found out at the start, before anything is written to it, and then
// tried out.
struct Volume {
    enum class Kind : std::uint8_t { strong, weak, refused };
    Kind kind = Kind::strong;
    std::string file_system = "memory";  // as the kernel calls it: "ext4"
    Order order = Order::journal;
    bool lasting = true;  // false: it is memory
    bool swaps = true;    // two names are exchanged in one step; else with the help of a third
    std::string refusal;  // refused: what is missing, and what to do

    bool keeps_order() const { return order != Order::none; }
    struct Promise {
        std::string text;  // a sentence, for the log and for people
        bool warns = false;
    };
    std::vector<Promise> promises() const;
};

std::string_view kind_text(Volume::Kind kind);

enum class VolumePolicy : std::uint8_t {
    proven,  // what is known, and local file systems that pass the trial
    weak,    // whatever passes the trial, save what is never taken; and nothing is believed of its order
    strong,  // as proven, and what is weak otherwise is believed to keep order: somebody else answers for that
};

// What is known of a file system by the name that the kernel gives it ("ext4", "fuse.sshfs"; empty: it has none).
// Pure.
Volume known_volume(std::string_view file_system, VolumePolicy policy);

// `volume` as one on which no root can be. `why` completes "… can not be a storage root: ".
Volume refused_volume(Volume volume, std::string why);

}  // namespace storage
