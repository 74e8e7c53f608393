#pragma once

#include <sys/stat.h>

#include <string>
#include <utility>

#include "storage/disk.h"

namespace storage {

// Owns a descriptor. Not thread-safe; movable.
class UniqueFd {
  public:
    UniqueFd() = default;
    explicit UniqueFd(int fd) : fd_(fd) {}
    UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    UniqueFd& operator=(UniqueFd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~UniqueFd();
    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }

  private:
    int fd_ = -1;
};

inline constexpr unsigned kFileMode = 0660;
inline constexpr unsigned kExecFileMode = 0770;
inline constexpr unsigned kPrivateFileMode = 0600;

FileFacts facts_of(const struct stat& status);
FileFacts facts_of(int fd);

// A regular file held open.
class LinuxFile final : public File {
  public:
    explicit LinuxFile(UniqueFd fd) : fd_(std::move(fd)) {}
    std::size_t read_at(char* into, std::size_t length, std::uint64_t offset) const override;
    void append(std::string_view bytes) override;
    void preallocate(std::uint64_t bytes) override;
    void sync() override;
    void flush_hint() override;
    void set_mtime(std::int64_t mtime_ns) override;
    void set_exec(bool exec) override;
    void set_private() override;
    FileFacts facts() const override;
    int descriptor() const override { return fd_.get(); }

  private:
    UniqueFd fd_;
    std::uint64_t appended_ = 0;
    std::uint64_t hinted_ = 0;
};

// Copies all octets of `from` into the empty `into`: a shared extent where the file system can, or else in the kernel,
// or else through memory.
void copy_octets(int from, LinuxFile& into);

}  // namespace storage
