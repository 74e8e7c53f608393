#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "storage/base/bytes.h"
#include "storage/base/hash.h"
#include "storage/disk.h"

namespace storage {

// Bodies of at most this travel inside the redo entry: the one flush before the answer is the WAL's.
// Measured: the break-even is near 24 KiB, but p99 suffers first.
inline constexpr std::uint64_t kInlineBytesMax = 16 * 1024;

// Where a volume keeps no order, a staged file has a second name from before the commit until it is in its place: what
// is left of an exchange after a power cut may be neither of its halves.
std::string second_name(std::string_view staged);
// Gives it that name, if the volume asks for it, and makes both names durable. The file is synced already.
void keep_staged(Tree& tree, const std::string& staged);

// Octets on their way into the tree: complete, hashed, and safe to commit (inline, or staged and synced).
// Destroying one that was not committed removes its staged file.
class Content {
  public:
    Content() = default;
    Content(Content&&) noexcept;
    Content& operator=(Content&&) noexcept;
    ~Content();

    static Content inlined(std::string bytes, base::Hash hash);
    static Content staged(Tree& tree, std::string path, FileFacts facts, base::Hash hash);

    bool is_inline() const { return path_.empty(); }
    const std::string& bytes() const { return bytes_; }       // inline octets
    const std::string& staged_path() const { return path_; }  // below the storage root: ".hearth/staging/…"
    const FileFacts& staged_facts() const { return facts_; }
    const base::Hash& hash() const { return hash_; }
    std::int64_t size() const { return size_; }
    void committed() { tree_ = nullptr; }  // the redo entry owns the staged file from here on

  private:
    std::string bytes_;
    Tree* tree_ = nullptr;
    std::string path_;
    FileFacts facts_;
    base::Hash hash_;
    std::int64_t size_ = 0;
};

// The octets of a staged content that is small enough for memory, as those of a card are. Throws Failure when they are
// not there.
std::string read_staged(const Tree& tree, const Content& content);

// One body being received. Memory up to kInlineBytesMax, then a file in `.hearth/staging`, hashed while written,
// write-back started every 8 MiB. One thread at a time. Dropping it leaves nothing behind.
class Upload final : public base::ByteSink {
  public:
    // `expected` = the announced length, used to preallocate. `limit` = octets after which write() throws TooLarge.
    struct Options {
        std::optional<std::uint64_t> expected;
        std::uint64_t limit;
        bool want_sha1 = false;  // for OC-Checksum and friends, computed in the same pass
        bool want_md5 = false;
        bool want_sha512 = false;
    };
    class TooLarge : public std::runtime_error {
      public:
        TooLarge() : std::runtime_error("the body is larger than its limit") {}
    };

    Upload(Tree& root, base::Rng& rng, Options options);
    ~Upload() override;

    void write(std::string_view bytes) override;
    std::uint64_t size() const;

    struct Sums {
        base::Hash sha256;
        std::string sha1, md5, sha512;  // raw; empty when not wanted
    };
    const Sums& close();  // no more bytes; computes the sums. Idempotent.
    // Sets times and mode, syncs the file (larger than inline) and gives the content. Once, after close().
    Content finish(std::optional<std::int64_t> mtime_ns);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace storage
