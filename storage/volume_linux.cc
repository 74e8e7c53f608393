#include "storage/volume_linux.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

#include "storage/base/failure.h"
#include "storage/file_linux.h"

namespace storage {
namespace {

// For a process that can not read mountinfo; the names are those of the kernel. linux/magic.h lacks some.
struct Magic {
    std::uint32_t number;
    std::string_view name;
};
constexpr std::array kMagics = {
    Magic{EXT4_SUPER_MAGIC, "ext4"},   Magic{XFS_SUPER_MAGIC, "xfs"},    Magic{BTRFS_SUPER_MAGIC, "btrfs"},
    Magic{F2FS_SUPER_MAGIC, "f2fs"},   Magic{0x2fc12fc1, "zfs"},         Magic{0xca451a4e, "bcachefs"},
    Magic{TMPFS_MAGIC, "tmpfs"},       Magic{RAMFS_MAGIC, "ramfs"},      Magic{OVERLAYFS_SUPER_MAGIC, "overlay"},
    Magic{NFS_SUPER_MAGIC, "nfs"},     Magic{0xff534d42, "cifs"},        Magic{0xfe534d42, "smb3"},
    Magic{SMB_SUPER_MAGIC, "smbfs"},   Magic{MSDOS_SUPER_MAGIC, "vfat"}, Magic{0x2011bab0, "exfat"},
    Magic{0x5346544e, "ntfs"},         Magic{0x7366746e, "ntfs3"},       Magic{FUSE_SUPER_MAGIC, "fuse"},
    Magic{V9FS_MAGIC, "9p"},           Magic{CEPH_SUPER_MAGIC, "ceph"},  Magic{AFS_SUPER_MAGIC, "afs"},
    Magic{OCFS2_SUPER_MAGIC, "ocfs2"}, Magic{0x01161970, "gfs2"},        Magic{0x0bd00bd0, "lustre"},
};

std::string_view name_of(std::uint32_t magic) {
    for (const Magic& one : kMagics) {
        if (one.number == magic) return one.name;
    }
    return {};
}

struct Mount {
    std::string type;
    std::string options;  // of the file system, separated by commas
};

// The mount of an open folder, from /proc. Lines are "id parent major:minor root point options [fields] - type source
// options".
std::optional<Mount> mount_of(int folder) {
    struct statx facts {};
    if (::statx(folder, "", AT_EMPTY_PATH, STATX_MNT_ID, &facts) != 0) return std::nullopt;
    if ((facts.stx_mask & STATX_MNT_ID) == 0) return std::nullopt;
    const std::string id = std::to_string(facts.stx_mnt_id) + " ";
    std::ifstream mounts("/proc/self/mountinfo");
    for (std::string line; std::getline(mounts, line);) {
        const auto dash = line.find(" - ");
        if (!line.starts_with(id) || dash == std::string::npos) continue;
        std::istringstream rest(line.substr(dash + 3));
        Mount mount;
        std::string source;
        if (rest >> mount.type >> source >> mount.options) return mount;
    }
    return std::nullopt;
}

// mkfs.ext4 -O ^has_journal: what the kernel calls ext4 then keeps no order.
bool lacks_journal(int folder) {
    struct stat facts {};
    if (::fstat(folder, &facts) != 0) return false;
    const std::string device =
        "/sys/dev/block/" + std::to_string(major(facts.st_dev)) + ":" + std::to_string(minor(facts.st_dev));
    std::array<char, 4096> target{};
    const auto length = ::readlink(device.c_str(), target.data(), target.size());
    if (length <= 0) return false;
    const std::string_view path(target.data(), static_cast<std::size_t>(length));
    std::ifstream task("/sys/fs/ext4/" + std::string(path.substr(path.rfind('/') + 1)) + "/journal_task");
    std::string text;
    return task >> text && text == "<none>";
}

bool has_option(const std::string& options, std::string_view wanted) {
    return ("," + options + ",").find("," + std::string(wanted) + ",") != std::string::npos;
}

// One file of the trial; removed with it.
class Scrap {
  public:
    Scrap(int folder, const char* name)
        : folder_(folder),
          name_(name),
          fd_(::openat(folder, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kFileMode)) {
        if (!fd_) error_ = errno;
    }
    ~Scrap() {
        if (fd_) ::unlinkat(folder_, name_, 0);
    }
    Scrap(const Scrap&) = delete;
    int fd() const { return fd_.get(); }
    const char* name() const { return name_; }
    bool taken() const { return error_ == EEXIST; }
    explicit operator bool() const { return static_cast<bool>(fd_); }
    // What the machine could not do just now says nothing about the file system.
    void must() const {
        if (!fd_) base::throw_errno(std::string("trying out the storage root: creating ") + name_, error_);
    }

  private:
    int folder_;
    const char* name_;
    UniqueFd fd_;
    int error_ = 0;
};

// Each gives what is missing and what to do, or nothing.

std::string try_modes(const Scrap& file) {
    for (const unsigned mode : {0600U, 0660U}) {
        struct stat facts {};
        if (::fchmod(file.fd(), mode) != 0 || ::fstat(file.fd(), &facts) != 0 || (facts.st_mode & 0777) != mode)
            return "it keeps no modes, so every user of this machine could read the password hashes; mount it so that "
                   "chmod works, or format the disk as ext4, XFS or btrfs";
    }
    return {};
}

std::string try_times(const Scrap& file) {
    constexpr long kNanos = 123'456'789;
    const std::array<struct timespec, 2> times = {{{0, UTIME_OMIT}, {1'700'000'001, kNanos}}};
    struct stat facts {};
    if (::futimens(file.fd(), times.data()) != 0 || ::fstat(file.fd(), &facts) != 0 ||
        facts.st_mtim.tv_sec != times[1].tv_sec || facts.st_mtim.tv_nsec != kNanos)
        return "it does not keep times to the nanosecond, by which changes from outside are noticed; format the disk "
               "as "
               "ext4 (with inodes of 256 octets), XFS or btrfs";
    return {};
}

std::string try_links(int folder, const Scrap& file) {
    constexpr const char* kSecond = "second-name";
    struct stat facts {};
    const bool linked = ::linkat(folder, file.name(), folder, kSecond, 0) == 0;
    const bool counted = linked && ::fstat(file.fd(), &facts) == 0 && facts.st_nlink == 2;
    if (linked) ::unlinkat(folder, kSecond, 0);
    if (!counted)
        return "it has no second names for a file (hard links), without which nothing can be kept while it is "
               "replaced; "
               "format the disk as ext4, XFS or btrfs";
    return {};
}

std::string try_names(int folder) {
    const Scrap small(folder, "case"), capital(folder, "CASE");
    if (capital.taken())
        return "it takes names that differ in capital letters for one, so files of the same folder would overwrite "
               "each "
               "other; use a folder or a file system that tells them apart";
    capital.must();
    const Scrap composed(folder, "\xc3\xa9"), decomposed(folder, "e\xcc\x81");
    if (decomposed.taken())
        return "it takes two spellings of an accented letter for one name; use a file system that keeps names as they "
               "are";
    composed.must();
    return {};
}

std::string try_sync(int folder, const Scrap& file) {
    if (::fsync(file.fd()) != 0) base::throw_errno("trying out the storage root: fsync");
    if (::fsync(folder) == 0) return {};
    if (errno != EINVAL && errno != EOPNOTSUPP && errno != ENOSYS)
        base::throw_errno("trying out the storage root: fsync of a folder");
    return "it can not sync a folder, so that no name in it is certain; use ext4, XFS or btrfs";
}

// What SQLite's write-ahead log rests on.
std::string try_sqlite(const Scrap& file) {
    constexpr std::size_t kLength = 32 * 1024;
    constexpr std::string_view kMark = "shared";
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_len = 1;
    const bool locks = ::fcntl(file.fd(), F_SETLK, &lock) == 0;
    bool shares = false;
    if (::ftruncate(file.fd(), kLength) != 0) base::throw_errno("trying out the storage root: ftruncate");
    void* memory = ::mmap(nullptr, kLength, PROT_READ | PROT_WRITE, MAP_SHARED, file.fd(), 0);
    if (memory != MAP_FAILED) {
        std::memcpy(memory, kMark.data(), kMark.size());
        std::array<char, kMark.size()> seen{};
        shares = ::pread(file.fd(), seen.data(), seen.size(), 0) == static_cast<ssize_t>(seen.size()) &&
                 std::string_view(seen.data(), seen.size()) == kMark;
        ::munmap(memory, kLength);
    }
    if (locks && shares) return {};
    return std::string("it has no ") + (locks ? "shared memory of files" : "locks of files") +
           ", which the index needs; put the root on a local disk";
}

// Not missed: there is another way.
bool exchanges(int folder, const Scrap& file) {
    const Scrap other(folder, "other");
    other.must();
    return ::renameat2(folder, file.name(), folder, other.name(), RENAME_EXCHANGE) == 0;
}

}  // namespace

Volume identify_volume(int folder, VolumePolicy policy) {
    struct statfs facts {};
    if (::fstatfs(folder, &facts) != 0) base::throw_errno("fstatfs");
    const std::string_view by_magic = name_of(static_cast<std::uint32_t>(facts.f_type));
    const auto mount = mount_of(folder);
    // A magic tells whose code it is; ext2 and ext4 share one, and so do all that a program serves.
    std::string name = mount ? mount->type : std::string(by_magic);
    if (name == "ext4" && lacks_journal(folder)) name = "ext2";
    Volume volume = known_volume(name, policy);
    if (mount) volume.file_system = mount->type;
    if (volume.kind == Volume::Kind::refused) return volume;
    if ((static_cast<unsigned long>(facts.f_flags) & ST_RDONLY) != 0)
        return refused_volume(volume,
                              "it is mounted read-only; mount it for writing (mount -o remount,rw), and look "
                              "into the kernel's log for why it was not");
    // "volatile": an overlay that leaves out every sync.
    if (mount && has_option(mount->options, "volatile")) volume.lasting = false;
    return volume;
}

Volume try_volume(int folder, Volume volume) {
    if (volume.kind == Volume::Kind::refused) return volume;
    const Scrap file(folder, "trial");
    file.must();
    std::string missing = try_modes(file);
    if (missing.empty()) missing = try_times(file);
    if (missing.empty()) missing = try_links(folder, file);
    if (missing.empty()) missing = try_names(folder);
    if (missing.empty()) missing = try_sync(folder, file);
    if (missing.empty()) missing = try_sqlite(file);
    if (!missing.empty()) return refused_volume(std::move(volume), std::move(missing));
    volume.swaps = exchanges(folder, file);
    return volume;
}

}  // namespace storage
