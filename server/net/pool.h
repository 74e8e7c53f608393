#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

// Buffers of one io thread, in two sizes. Not thread-safe: a buffer goes to a worker and comes back, but is taken from
// and returned to the pool on the io thread.
namespace net {

inline constexpr std::size_t kSmallBuffer = 16 * 1024;
inline constexpr std::size_t kLargeBuffer = 256 * 1024;

class BufferPool;

class Buffer {
  public:
    Buffer() = default;
    Buffer(Buffer&& other) noexcept { *this = std::move(other); }
    Buffer& operator=(Buffer&& other) noexcept {
        std::swap(pool_, other.pool_);
        std::swap(octets_, other.octets_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~Buffer() { release(); }

    char* data() const { return octets_.get(); }
    std::size_t size() const { return size_; }
    explicit operator bool() const { return octets_ != nullptr; }
    void release();

  private:
    friend class BufferPool;
    Buffer(BufferPool* pool, std::unique_ptr<char[]> octets, std::size_t size)
        : pool_(pool), octets_(std::move(octets)), size_(size) {}

    BufferPool* pool_ = nullptr;
    std::unique_ptr<char[]> octets_;
    std::size_t size_ = 0;
};

class BufferPool {
  public:
    // How many large buffers may be out; beyond that streams go on with small ones: slower, but the memory of a server
    // full of uploads stays bounded (64 * 256 KiB = 16 MiB an io thread).
    static constexpr std::size_t kLargeMax = 64;
    static constexpr std::size_t kKeptSmall = 64;
    static constexpr std::size_t kKeptLarge = 8;

    Buffer small() { return take(small_, kSmallBuffer); }
    // Exactly a large one, within or beyond kLargeMax: heads may need it, and those are bounded by the connections.
    Buffer large() {
        ++large_out_;
        return take(large_, kLargeBuffer);
    }
    bool has_large() const { return large_out_ < kLargeMax; }
    // For `wanted` octets of a stream: large when that helps and there is one to have.
    Buffer for_stream(std::size_t wanted) { return wanted > kSmallBuffer && has_large() ? large() : small(); }

  private:
    friend class Buffer;
    using Kept = std::vector<std::unique_ptr<char[]>>;
    Buffer take(Kept& kept, std::size_t size) {
        if (kept.empty()) return Buffer(this, std::unique_ptr<char[]>(new char[size]), size);
        Buffer buffer(this, std::move(kept.back()), size);
        kept.pop_back();
        return buffer;
    }
    void give_back(std::unique_ptr<char[]> octets, std::size_t size) {
        bool is_large = size == kLargeBuffer;
        if (is_large) --large_out_;
        Kept& kept = is_large ? large_ : small_;
        if (kept.size() < (is_large ? kKeptLarge : kKeptSmall)) kept.push_back(std::move(octets));
    }

    Kept small_;
    Kept large_;
    std::size_t large_out_ = 0;
};

inline void Buffer::release() {
    if (octets_ != nullptr) pool_->give_back(std::move(octets_), size_);
    pool_ = nullptr;
    octets_.reset();
    size_ = 0;
}

}  // namespace net
