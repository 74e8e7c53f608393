#include "dav/http/spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "storage/base/failure.h"

namespace http {
namespace {

// An open file without a name: it ends with its last descriptor, also when the process is killed.
class NamelessFile final : public Spooled {
  public:
    explicit NamelessFile(const std::string& folder) : descriptor_(open_in(folder)) {}
    ~NamelessFile() override { ::close(descriptor_); }
    NamelessFile(const NamelessFile&) = delete;
    NamelessFile& operator=(const NamelessFile&) = delete;

    void append(std::string_view bytes) {
        while (!bytes.empty()) {
            const auto written = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(size_));
            if (written < 0) {
                if (errno == EINTR) continue;
                base::throw_errno("write a spooled answer");
            }
            size_ += static_cast<std::uint64_t>(written);
            bytes.remove_prefix(static_cast<std::size_t>(written));
        }
    }

    std::uint64_t size() const override { return size_; }

    std::size_t read_at(char* into, std::size_t length, std::uint64_t offset) const override {
        while (true) {
            const auto got = ::pread(descriptor_, into, length, static_cast<off_t>(offset));
            if (got >= 0) return static_cast<std::size_t>(got);
            if (errno != EINTR) base::throw_errno("read a spooled answer");
        }
    }

  private:
    static int open_in(const std::string& folder) {
        const int nameless = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (nameless >= 0) return nameless;
        // EISDIR: a kernel without O_TMPFILE; EOPNOTSUPP: a file system without it.
        if (errno != EOPNOTSUPP && errno != EISDIR) base::throw_errno("open a spool file in " + folder);
        std::string path = folder + "/.spool-XXXXXX";
        const int named = ::mkostemp(path.data(), O_CLOEXEC);
        if (named < 0) base::throw_errno("open a spool file in " + folder);
        ::unlink(path.c_str());
        return named;
    }

    int descriptor_;
    std::uint64_t size_ = 0;
};

}  // namespace

struct Spool::State {
    std::string folder;
    std::uint64_t memory_limit;
    std::uint64_t bytes_max;
    std::string memory;  // all of it, until there is a file
    std::shared_ptr<NamelessFile> file;

    std::uint64_t size() const { return file ? file->size() : memory.size(); }
};

Spool::Spool(std::string folder, std::uint64_t memory_limit, std::uint64_t bytes_max)
    : state_(new State{std::move(folder), memory_limit, bytes_max, {}, {}}) {}
Spool::~Spool() = default;
Spool::Spool(Spool&&) noexcept = default;
Spool& Spool::operator=(Spool&&) noexcept = default;

void Spool::write(std::string_view bytes) {
    State& state = *state_;
    if (bytes.size() > state.bytes_max - state.size())
        throw base::Failure(base::Fault::disk_full, "spool an answer of more than " + std::to_string(state.bytes_max));
    if (!state.file && state.memory.size() + bytes.size() > state.memory_limit) {
        state.file = std::make_shared<NamelessFile>(state.folder);
        state.file->append(state.memory);
        std::string().swap(state.memory);
    }
    if (state.file) {
        state.file->append(bytes);
    } else {
        state.memory.append(bytes);
    }
}

std::uint64_t Spool::size() const {
    return state_->size();
}

Body Spool::finish() {
    State& state = *state_;
    if (state.file) return std::shared_ptr<const Spooled>(std::exchange(state.file, nullptr));
    return std::exchange(state.memory, std::string());
}

}  // namespace http
