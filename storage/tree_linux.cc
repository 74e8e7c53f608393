#include "storage/tree_linux.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <cstdio>

#include "storage/base/failure.h"
#include "storage/volume_linux.h"

namespace storage {
namespace {

constexpr int kAgainMax = 5;  // openat2 says EAGAIN while a rename elsewhere makes its answer unsafe

constexpr unsigned kScratchMode = 0700;

constexpr int kFolderFlags = O_PATH | O_DIRECTORY;
constexpr int kListFlags = O_RDONLY | O_DIRECTORY;
// Not blocking: whoever puts a FIFO into the tree must not stop a worker. Nothing changes for regular files.
constexpr int kReadFlags = O_RDONLY | O_NONBLOCK | O_NOCTTY;

// The path leads through something that is not ours to follow, or to nothing.
bool says_missing(int error) {
    return error == ENOENT || error == ENOTDIR || error == ELOOP || error == EXDEV || error == ENAMETOOLONG;
}

bool says_no_flags(int error) {
    return error == EINVAL || error == ENOSYS;
}

bool is_plain_name(std::string_view name) {
    return !name.empty() && name != "." && name != ".." && name.find('\0') == std::string_view::npos;
}

// Both ways of resolving refuse the same spellings: "..", ".", empty names and NUL never reach the kernel.
bool is_plain_path(std::string_view path) {
    while (!path.empty()) {
        const auto slash = path.find('/');
        if (!is_plain_name(path.substr(0, slash))) return false;
        if (slash == std::string_view::npos) return true;
        path.remove_prefix(slash + 1);
        if (path.empty()) return false;
    }
    return true;
}

// What was attempted, for the log.
std::string about(const char* call, std::string_view path) {
    return std::string(call) + " " + std::string(path);
}

DiskKind kind_at(int folder, const char* name, unsigned char type) {
    if (type == DT_REG) return DiskKind::file;
    if (type == DT_DIR) return DiskKind::folder;
    if (type != DT_UNKNOWN) return DiskKind::other;
    struct stat status {};
    if (::fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0) return DiskKind::other;
    return facts_of(status).kind;
}

struct DirCloser {
    void operator()(DIR* dir) const { ::closedir(dir); }
};

}  // namespace

LinuxTree::LinuxTree(UniqueFd root, KernelFeatures features) : root_(std::move(root)), features_(features) {
    walks_ = !features.openat2;
    if (!features.known_order) volume_ = known_volume({}, VolumePolicy::weak);
}

const Volume& LinuxTree::identify_volume(VolumePolicy policy) {
    volume_ = storage::identify_volume(root_.get(), features_.known_order ? policy : VolumePolicy::weak);
    return volume_;
}

const Volume& LinuxTree::try_volume(std::string_view scratch) {
    remove_tree(*this, scratch);  // of a start that was cut
    make_folder(scratch, kScratchMode);
    const UniqueFd folder = resolve(scratch, kListFlags);
    if (!folder) base::throw_errno(about("opening", scratch), ENOENT);
    volume_ = storage::try_volume(folder.get(), volume_);
    if (!features_.rename_flags) volume_.swaps = false;
    remove_tree(*this, scratch);
    return volume_;
}

UniqueFd LinuxTree::resolve(std::string_view path, int flags) const {
    if (!is_plain_path(path)) return {};
    if (walks_ || path.size() >= PATH_MAX) return walk(path, flags);
    struct open_how how {};
    how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC | O_NOFOLLOW);
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    const std::string terminated(path.empty() ? std::string_view(".") : path);
    for (int tries = 0;; ++tries) {
        const long fd = ::syscall(SYS_openat2, root_.get(), terminated.c_str(), &how, sizeof how);
        if (fd >= 0) return UniqueFd(static_cast<int>(fd));
        if (errno == EINTR) continue;
        if (errno == EAGAIN && tries < kAgainMax) continue;
        if (errno == EAGAIN) throw base::Failure(base::Fault::busy, about("openat2", path));
        if (errno == ENOSYS || errno == EPERM) {  // an old kernel, or a sandbox that does not know the call
            walks_ = true;
            return walk(path, flags);
        }
        if (says_missing(errno) || errno == ENXIO) return {};  // ENXIO: a socket
        base::throw_errno(about("openat2", path));
    }
}

UniqueFd LinuxTree::walk(std::string_view path, int flags) const {
    UniqueFd folder;
    int at = root_.get();
    for (;;) {
        const auto slash = path.find('/');
        const bool last = slash == std::string_view::npos;
        const std::string name(path.empty() ? std::string_view(".") : path.substr(0, slash));
        const int how = (last ? flags : kFolderFlags) | O_NOFOLLOW | O_CLOEXEC;
        UniqueFd next(::openat(at, name.c_str(), how));
        if (!next && errno == EINTR) continue;
        if (!next && (says_missing(errno) || errno == ENXIO)) return {};
        if (!next) base::throw_errno(about("openat", path));
        if (last) return next;
        folder = std::move(next);
        at = folder.get();
        path.remove_prefix(slash + 1);
    }
}

LinuxTree::Place LinuxTree::place(std::string_view path) const {
    const auto slash = path.rfind('/');
    Place found;
    found.name = path.substr(slash == std::string_view::npos ? 0 : slash + 1);
    if (!is_plain_name(found.name)) return {};
    if (slash == std::string_view::npos) {
        found.folder = root_.get();
        return found;
    }
    found.owned = resolve(path.substr(0, slash), kFolderFlags);
    found.folder = found.owned.get();
    return found;
}

std::unique_ptr<File> LinuxTree::open(std::string_view path) const {
    UniqueFd fd = resolve(path, kReadFlags);
    if (!fd || facts_of(fd.get()).kind != DiskKind::file) return nullptr;
    return std::make_unique<LinuxFile>(std::move(fd));
}

std::unique_ptr<LinuxFile> LinuxTree::create_file(const Place& at) {
    UniqueFd fd(::openat(at.folder, at.name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kFileMode));
    if (!fd && (errno == EEXIST || says_missing(errno))) return nullptr;
    if (!fd) base::throw_errno(about("creating", at.name));
    // Whatever the umask is, and an access list of the folder: Samba, NFS and a shell share the tree by group.
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) base::throw_errno(about("fstat", at.name));
    if ((status.st_mode & 07777) != kFileMode && ::fchmod(fd.get(), kFileMode) != 0)
        base::throw_errno(about("fchmod", at.name));
    return std::make_unique<LinuxFile>(std::move(fd));
}

std::unique_ptr<File> LinuxTree::create(std::string_view path) {
    const Place at = place(path);
    return at ? create_file(at) : nullptr;
}

std::optional<FileFacts> LinuxTree::stat(std::string_view path) const {
    if (path.empty()) return facts_of(root_.get());
    const Place at = place(path);
    if (!at) return std::nullopt;
    struct stat status {};
    if (::fstatat(at.folder, at.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) return facts_of(status);
    if (says_missing(errno)) return std::nullopt;
    base::throw_errno(about("fstatat", path));
}

bool LinuxTree::make_folder(std::string_view path, unsigned mode) {
    const Place at = place(path);
    if (!at) base::throw_errno(about("mkdirat below a missing folder", path), ENOENT);
    if (::mkdirat(at.folder, at.name.c_str(), mode & 0777) != 0) {
        if (errno == EEXIST) return false;
        base::throw_errno(about("mkdirat", path));
    }
    // Again by descriptor: mkdirat applies the umask and does not set the set-group-id bit.
    const UniqueFd made(::openat(at.folder, at.name.c_str(), kListFlags | O_NOFOLLOW | O_CLOEXEC));
    if (!made) base::throw_errno(about("opening the new folder", path));
    if (::fchmod(made.get(), mode) != 0) base::throw_errno(about("fchmod", path));
    return true;
}

void LinuxTree::make_folders(std::string_view path, unsigned mode) {
    const auto there = stat(path);
    if (there && there->kind == DiskKind::folder) return;
    for (std::size_t slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/', slash + 1))
        make_folder(path.substr(0, slash), mode);
    if (make_folder(path, mode)) return;
    const auto now = stat(path);  // somebody else may have made it, but it must be a folder
    if (!now || now->kind != DiskKind::folder) base::throw_errno(about("making folder", path), ENOTDIR);
}

int LinuxTree::rename_with(const Place& from, const Place& to, unsigned flags) const {
    if (!features_.rename_flags && flags != 0) return EINVAL;
    if (::renameat2(from.folder, from.name.c_str(), to.folder, to.name.c_str(), flags) == 0) return 0;
    return errno;
}

Rename LinuxTree::rename(std::string_view from, std::string_view to) {
    const Place source = place(from);
    const Place target = place(to);
    if (!source || !target) return Rename::missing;
    const int error = rename_with(source, target, RENAME_NOREPLACE);
    if (error == 0) return Rename::done;
    if (error == EEXIST) return Rename::exists;
    if (says_missing(error)) return Rename::missing;
    if (says_no_flags(error)) return rename_without_flags(source, target);
    base::throw_errno(about("renameat2", from) + " to " + std::string(to), error);
}

// Files: a second name, then the first one goes, so nothing is ever overwritten. Folders have no second names: looking
// first leaves a moment in which an *empty* folder made there by somebody else could be replaced, and nothing more.
Rename LinuxTree::rename_without_flags(const Place& from, const Place& to) {
    struct stat status {};
    if (::fstatat(from.folder, from.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return Rename::missing;
    if (!S_ISDIR(status.st_mode)) {
        if (::linkat(from.folder, from.name.c_str(), to.folder, to.name.c_str(), 0) == 0) {
            if (::unlinkat(from.folder, from.name.c_str(), 0) != 0) base::throw_errno(about("unlinkat", from.name));
            return Rename::done;
        }
        if (errno == EEXIST) return Rename::exists;
        if (says_missing(errno)) return Rename::missing;
        if (errno != EPERM && errno != EOPNOTSUPP) base::throw_errno(about("linkat", from.name));
    }
    if (::fstatat(to.folder, to.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) return Rename::exists;
    const int error = rename_with(from, to, 0);
    if (error == 0) return Rename::done;
    if (error == EEXIST || error == ENOTEMPTY) return Rename::exists;
    if (says_missing(error)) return Rename::missing;
    base::throw_errno(about("renameat", from.name), error);
}

Rename LinuxTree::exchange(std::string_view a, std::string_view b) {
    const Place first = place(a);
    const Place second = place(b);
    if (!first || !second) return Rename::missing;
    const int error = rename_with(first, second, RENAME_EXCHANGE);
    if (error == 0) return Rename::done;
    if (says_missing(error)) return Rename::missing;
    if (says_no_flags(error)) return exchange_without_flags(first, second);
    base::throw_errno(about("exchanging", a) + " and " + std::string(b), error);
}

// `b` has a file at every moment, and both files have a name at every moment.
Rename LinuxTree::exchange_without_flags(const Place& a, const Place& b) {
    struct stat status {};
    for (const Place* each : {&a, &b}) {
        if (::fstatat(each->folder, each->name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return Rename::missing;
        if (!S_ISREG(status.st_mode))
            base::throw_errno(about("exchanging without RENAME_EXCHANGE", each->name), EINVAL);
    }
    const std::string aside = a.name + std::string(kExchangeAside);
    struct stat left {};
    // `status` is that of b by now. An exchange that failed left its other name.
    const bool is_left = ::fstatat(a.folder, aside.c_str(), &left, AT_SYMLINK_NOFOLLOW) == 0 &&
                         left.st_ino == status.st_ino && left.st_dev == status.st_dev;
    if (!is_left && ::linkat(b.folder, b.name.c_str(), a.folder, aside.c_str(), 0) != 0)
        base::throw_errno(about("linkat", b.name));
    if (::renameat(a.folder, a.name.c_str(), b.folder, b.name.c_str()) != 0 ||
        ::renameat(a.folder, aside.c_str(), a.folder, a.name.c_str()) != 0)
        base::throw_errno(about("renameat", a.name));
    return Rename::done;
}

Rename LinuxTree::replace(std::string_view from, std::string_view to) {
    const Place source = place(from);
    const Place target = place(to);
    if (!source || !target) return Rename::missing;
    const int error = rename_with(source, target, 0);
    if (error == 0) return Rename::done;
    if (error == EEXIST || error == ENOTEMPTY || error == EISDIR) return Rename::exists;
    if (says_missing(error)) return Rename::missing;
    base::throw_errno(about("renameat", from) + " to " + std::string(to), error);
}

bool LinuxTree::link(std::string_view from, std::string_view to) {
    const Place source = place(from);
    const Place target = place(to);
    if (!source || !target) return false;
    if (::linkat(source.folder, source.name.c_str(), target.folder, target.name.c_str(), 0) == 0) return true;
    if (errno == EEXIST || says_missing(errno)) return false;
    base::throw_errno(about("linkat", from) + " to " + std::string(to));
}

bool LinuxTree::unlink(std::string_view path) {
    const Place at = place(path);
    if (!at) return false;
    if (::unlinkat(at.folder, at.name.c_str(), 0) == 0) return true;
    if (says_missing(errno)) return false;
    base::throw_errno(about("unlinkat", path));
}

bool LinuxTree::remove_folder(std::string_view path) {
    const Place at = place(path);
    if (!at) return false;
    if (::unlinkat(at.folder, at.name.c_str(), AT_REMOVEDIR) == 0) return true;
    if (says_missing(errno) || errno == ENOTEMPTY || errno == EEXIST) return false;
    base::throw_errno(about("removing folder", path));
}

std::vector<DirEntry> LinuxTree::list(std::string_view path) const {
    const UniqueFd folder = resolve(path, kListFlags);
    if (!folder) return {};
    const int copy = ::fcntl(folder.get(), F_DUPFD_CLOEXEC, 0);  // closedir closes its own
    if (copy < 0) base::throw_errno(about("dup", path));
    const std::unique_ptr<DIR, DirCloser> dir(::fdopendir(copy));
    if (!dir) {
        const int error = errno;
        ::close(copy);
        base::throw_errno(about("fdopendir", path), error);
    }
    std::vector<DirEntry> entries;
    for (;;) {
        errno = 0;
        const auto* entry = ::readdir(dir.get());
        if (!entry && errno != 0) base::throw_errno(about("readdir", path));
        if (!entry) return entries;
        const std::string_view name(entry->d_name);
        if (name == "." || name == "..") continue;
        entries.push_back({std::string(name), kind_at(folder.get(), entry->d_name, entry->d_type)});
    }
}

void LinuxTree::sync_folder(std::string_view path) {
    const UniqueFd folder = resolve(path, kListFlags);
    if (!folder) return;  // gone since: what is left to make durable is its parent's
    if (::fsync(folder.get()) != 0) base::throw_errno(about("fsync of folder", path));
}

void LinuxTree::sync_all() {
    // The kernel tells of an error once, to whoever asks first: who asks next must not take that for well.
    if (sync_failed_) throw base::Failure(base::Fault::io, "syncfs failed before");
    if (::syncfs(root_.get()) == 0) return;
    sync_failed_ = true;
    base::throw_errno("syncfs");
}

std::optional<CopyFacts> LinuxTree::copy_file(std::string_view from, std::string_view to) {
    const auto source = open(from);
    if (!source) return std::nullopt;
    const Place at = place(to);
    const auto copy = at ? create_file(at) : nullptr;
    if (!copy) throw base::Failure(base::Fault::io, about("no new file for a copy at", to));
    try {
        copy_octets(source->descriptor(), *copy);
        const auto facts = source->facts();
        if (facts.exec) copy->set_exec(true);
        copy->set_mtime(facts.mtime_ns);
        return CopyFacts{facts, copy->facts()};
    } catch (...) {  // half a copy must not stay; the failure goes on
        ::unlinkat(at.folder, at.name.c_str(), 0);
        throw;
    }
}

Tree::Space LinuxTree::space() const {
    struct statvfs status {};
    if (::fstatvfs(root_.get(), &status) != 0) base::throw_errno("fstatvfs");
    const std::uint64_t block = status.f_frsize;
    return {status.f_bavail * block, status.f_blocks * block, (status.f_flag & ST_RDONLY) == 0};
}

}  // namespace storage
