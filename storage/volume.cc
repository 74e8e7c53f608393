#include "storage/volume.h"

#include <array>

namespace storage {
namespace {

enum class Known : std::uint8_t {
    strong,
    checkpointed,  // strong, but only a sync of all keeps the order
    memory,
    weak,
    never,    // no policy makes it safe
    network,  // only when an admin answers for it
};

struct Row {
    std::string_view name;  // or a prefix that ends in a dot
    Known known;
    std::string_view why;  // of what is refused
};

constexpr std::string_view kNetwork =
    "its locks and its shared memory reach over a network, and the index breaks when they do not; put the root on a "
    "local disk and share files/ from there";
constexpr std::string_view kModes =
    "it keeps neither modes nor second names: every user of this machine could read the password hashes, and a power "
    "cut could take a file away; format the disk as ext4, XFS or btrfs";
constexpr std::string_view kFuse =
    "a program serves it, and whether that program keeps locks, shared memory and synced octets is unknown; use a "
    "local "
    "disk, or set storage.volume = \"weak\" and answer for it";

// The first row that fits. What is not here is a local file system nobody proved: weak, when it passes the trial.
constexpr std::array kRows = {
    Row{"ext4", Known::strong, ""},
    Row{"ext3", Known::strong, ""},
    Row{"xfs", Known::strong, ""},
    Row{"btrfs", Known::checkpointed, ""},
    Row{"f2fs", Known::checkpointed, ""},
    Row{"zfs", Known::checkpointed, ""},
    Row{"bcachefs", Known::checkpointed, ""},
    Row{"overlay", Known::checkpointed, ""},  // over any of these: the kernel takes nothing less below it
    Row{"tmpfs", Known::memory, ""},
    Row{"ramfs", Known::memory, ""},
    Row{"ext2", Known::weak, ""},
    Row{"nfs", Known::never, kNetwork},
    Row{"nfs4", Known::never, kNetwork},
    Row{"cifs", Known::never, kNetwork},
    Row{"smb3", Known::never, kNetwork},
    Row{"smbfs", Known::never, kNetwork},
    Row{"vfat", Known::never, kModes},
    Row{"msdos", Known::never, kModes},
    Row{"exfat", Known::never, kModes},
    Row{"ntfs", Known::never, kModes},
    Row{"ntfs3", Known::never, kModes},
    Row{"9p", Known::network, kNetwork},
    Row{"ceph", Known::network, kNetwork},
    Row{"afs", Known::network, kNetwork},
    Row{"gfs2", Known::network, kNetwork},
    Row{"ocfs2", Known::network, kNetwork},
    Row{"lustre", Known::network, kNetwork},
    Row{"orangefs", Known::network, kNetwork},
    Row{"virtiofs", Known::network, kFuse},
    Row{"fuse", Known::network, kFuse},
    Row{"fuseblk", Known::network, kFuse},
    Row{"fuse.", Known::network, kFuse},
};

const Row* row_of(std::string_view name) {
    for (const Row& row : kRows) {
        const bool prefix = row.name.ends_with('.');
        if (prefix ? name.starts_with(row.name) : name == row.name) return &row;
    }
    return nullptr;
}

}  // namespace

Volume refused_volume(Volume volume, std::string why) {
    volume.kind = Volume::Kind::refused;
    volume.refusal = std::move(why);
    return volume;
}

Volume known_volume(std::string_view file_system, VolumePolicy policy) {
    Volume volume;
    volume.file_system = file_system.empty() ? "unknown" : std::string(file_system);
    const Row* row = row_of(file_system);
    const Known known = row ? row->known : Known::weak;
    switch (known) {
        case Known::strong: break;
        case Known::checkpointed: volume.order = Order::checkpoint; break;
        case Known::memory: volume.lasting = false; break;
        case Known::weak:
            if (policy != VolumePolicy::strong) volume.order = Order::none;
            break;
        case Known::never: return refused_volume(volume, std::string(row->why));
        case Known::network:
            if (policy != VolumePolicy::weak) return refused_volume(volume, std::string(row->why));
            break;
    }
    if (policy == VolumePolicy::weak) volume.order = Order::none;
    if (volume.order == Order::none) volume.kind = Volume::Kind::weak;
    return volume;
}

std::string_view kind_text(Volume::Kind kind) {
    switch (kind) {
        case Volume::Kind::strong: return "strong";
        case Volume::Kind::weak: return "weak";
        case Volume::Kind::refused: return "refused";
    }
    return "";
}

std::vector<Volume::Promise> Volume::promises() const {
    if (kind == Kind::refused) return {{"it can not be a storage root: " + refusal, true}};
    std::vector<Promise> all;
    if (lasting)
        all.push_back({"what was acknowledged is there after a power cut"});
    else
        all.push_back({"it is memory: NOTHING in this root survives a restart of the machine", true});
    if (order == Order::none)
        all.push_back(
            {"names may reach the disk in any order: each change of a name is synced, so writes are slower", true});
    else
        all.push_back({"names reach the disk in the order in which they were changed"});
    if (swaps)
        all.push_back({"a file is replaced in one step, and the replaced one is kept"});
    else
        all.push_back({"a file is replaced with the help of a second name, and the replaced one is kept"});
    return all;
}

}  // namespace storage
