#include "storage/file_linux.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>

#include "storage/base/failure.h"

namespace storage {
namespace {

constexpr std::int64_t kNanosPerSecond = 1'000'000'000;

std::int64_t nanos(const struct timespec& time) {
    return std::int64_t{time.tv_sec} * kNanosPerSecond + std::int64_t{time.tv_nsec};
}

constexpr std::size_t kCopyPieceBytes = 128 * 1024;
constexpr std::size_t kKernelCopyBytesMax = 1 << 30;

// False: this kernel or file system can not; nothing was copied.
bool copy_in_kernel(int from, int into) {
    if (::ioctl(into, FICLONE, from) == 0) return true;
    bool any = false;
    for (;;) {
        const auto copied = ::copy_file_range(from, nullptr, into, nullptr, kKernelCopyBytesMax, 0);
        if (copied > 0) {
            any = true;
            continue;
        }
        // Some file systems answer 0 at once for files whose size they do not know: reading then finds the end.
        if (copied == 0) return any;
        if (errno == EINTR) continue;
        if (!any && (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP || errno == EPERM))
            return false;
        base::throw_errno("copy_file_range");
    }
}

Special special_of(mode_t mode) {
    if (S_ISLNK(mode)) return Special::symlink;
    if (S_ISFIFO(mode)) return Special::fifo;
    if (S_ISSOCK(mode)) return Special::socket;
    return S_ISCHR(mode) || S_ISBLK(mode) ? Special::device : Special::none;
}

}  // namespace

UniqueFd::~UniqueFd() {
    if (fd_ >= 0) ::close(fd_);
}

FileFacts facts_of(const struct stat& status) {
    FileFacts facts;
    if (S_ISREG(status.st_mode)) facts.kind = DiskKind::file;
    if (S_ISDIR(status.st_mode)) facts.kind = DiskKind::folder;
    facts.special = special_of(status.st_mode);
    facts.dev = status.st_dev;
    facts.ino = status.st_ino;
    facts.size = status.st_size;
    facts.mtime_ns = nanos(status.st_mtim);
    facts.ctime_ns = nanos(status.st_ctim);
    facts.links = static_cast<std::uint32_t>(status.st_nlink);
    facts.exec = S_ISREG(status.st_mode) && (status.st_mode & S_IXUSR) != 0;
    return facts;
}

FileFacts facts_of(int fd) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) base::throw_errno("fstat");
    return facts_of(status);
}

std::size_t LinuxFile::read_at(char* into, std::size_t length, std::uint64_t offset) const {
    for (;;) {
        const auto got = ::pread(fd_.get(), into, length, static_cast<off_t>(offset));
        if (got >= 0) return static_cast<std::size_t>(got);
        if (errno != EINTR) base::throw_errno("pread");
    }
}

void LinuxFile::append(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto put = ::write(fd_.get(), bytes.data(), bytes.size());
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) base::throw_errno("write");
        bytes.remove_prefix(static_cast<std::size_t>(put));
        appended_ += static_cast<std::uint64_t>(put);
    }
}

void LinuxFile::preallocate(std::uint64_t bytes) {
    // The size stays: a body that ends early must not leave zeros behind it.
    if (bytes == 0 || ::fallocate(fd_.get(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(bytes)) == 0) return;
    if (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINTR) return;  // only a hint then; write finds ENOSPC
    base::throw_errno("fallocate");
}

void LinuxFile::sync() {
    if (::fsync(fd_.get()) != 0) base::throw_errno("fsync");
}

void LinuxFile::flush_hint() {
    // A hint: the real answer comes from sync(), so an error here is not one.
    ::sync_file_range(fd_.get(), static_cast<off_t>(hinted_), static_cast<off_t>(appended_ - hinted_),
                      SYNC_FILE_RANGE_WRITE);
    hinted_ = appended_;
}

void LinuxFile::set_mtime(std::int64_t mtime_ns) {
    std::int64_t seconds = mtime_ns / kNanosPerSecond;
    std::int64_t rest = mtime_ns % kNanosPerSecond;
    if (rest < 0) {
        rest += kNanosPerSecond;
        --seconds;
    }
    struct timespec times[2] = {};
    times[0].tv_nsec = UTIME_OMIT;
    times[1].tv_sec = seconds;
    times[1].tv_nsec = rest;
    if (::futimens(fd_.get(), times) != 0) base::throw_errno("futimens");
}

void LinuxFile::set_exec(bool exec) {
    if (::fchmod(fd_.get(), exec ? kExecFileMode : kFileMode) != 0) base::throw_errno("fchmod");
}

void LinuxFile::set_private() {
    if (::fchmod(fd_.get(), kPrivateFileMode) != 0) base::throw_errno("fchmod");
}

FileFacts LinuxFile::facts() const {
    return facts_of(fd_.get());
}

// A small file costs less to read and write than to ask three times how it could be done otherwise.
void copy_octets(int from, LinuxFile& into) {
    const bool small = facts_of(from).size <= static_cast<std::int64_t>(kCopyPieceBytes);
    if (!small && copy_in_kernel(from, into.descriptor())) return;
    std::array<char, kCopyPieceBytes> piece;
    for (off_t offset = 0;;) {
        const auto got = ::pread(from, piece.data(), piece.size(), offset);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) base::throw_errno("pread");
        if (got == 0) return;
        into.append({piece.data(), static_cast<std::size_t>(got)});
        offset += got;
    }
}

}  // namespace storage
