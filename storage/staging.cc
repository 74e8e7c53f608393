#include "storage/staging.h"

#include <algorithm>
#include <utility>

#include "storage/base/failure.h"
#include "storage/base/log.h"
#include "storage/base/planted.h"
#include "storage/filer.h"

namespace storage {
namespace {

using namespace base::literals;

constexpr std::string_view kStagingFolder = ".hearth/staging/";
constexpr std::uint64_t kFlushEvery = 8_MiB;

// For destructors: what can not be removed now is swept at the next start.
void drop_staged(Tree& tree, const std::string& path) noexcept {
    try {
        tree.unlink(path);
        if (!tree.volume().keeps_order()) tree.unlink(second_name(path));
    } catch (const std::exception& error) {
        base::log_warn("staging", "leftover=" + path + " " + error.what());
    }
}

std::string staging_path(base::Rng& rng) {
    return std::string(kStagingFolder) + base::hex(base::new_random_id(rng).view());
}

}  // namespace

std::string second_name(std::string_view staged) {
    return std::string(staged) + ".keep";
}

void keep_staged(Tree& tree, const std::string& staged) {
    if (tree.volume().keeps_order()) return;
    if (!tree.link(staged, second_name(staged))) throw base::Failure(base::Fault::io, "no second name for " + staged);
    if (!base::planted(base::Plant::second_name_unsynced)) tree.sync_folder(parent_of(staged));
}

Content::Content(Content&& other) noexcept
    : bytes_(std::move(other.bytes_)),
      tree_(std::exchange(other.tree_, nullptr)),
      path_(std::move(other.path_)),
      facts_(other.facts_),
      hash_(other.hash_),
      size_(other.size_) {}

Content& Content::operator=(Content&& other) noexcept {
    if (this == &other) return *this;
    if (tree_) drop_staged(*tree_, path_);
    bytes_ = std::move(other.bytes_);
    tree_ = std::exchange(other.tree_, nullptr);
    path_ = std::move(other.path_);
    facts_ = other.facts_;
    hash_ = other.hash_;
    size_ = other.size_;
    return *this;
}

Content::~Content() {
    if (tree_) drop_staged(*tree_, path_);
}

Content Content::inlined(std::string bytes, base::Hash hash) {
    Content content;
    content.size_ = static_cast<std::int64_t>(bytes.size());
    content.bytes_ = std::move(bytes);
    content.hash_ = hash;
    return content;
}

Content Content::staged(Tree& tree, std::string path, FileFacts facts, base::Hash hash) {
    CHECK(!path.empty());
    Content content;
    content.tree_ = &tree;
    content.path_ = std::move(path);
    content.facts_ = facts;
    content.hash_ = hash;
    content.size_ = facts.size;
    return content;
}

struct Upload::State {
    State(Tree& tree_root, base::Rng& random, const Options& chosen) : root(tree_root), rng(random), options(chosen) {
        if (options.want_sha1) sha1.emplace(base::Digest::sha1);
        if (options.want_md5) md5.emplace(base::Digest::md5);
        if (options.want_sha512) sha512.emplace(base::Digest::sha512);
    }
    ~State() {
        if (file) drop_staged(root, path);
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    // From here on the bytes go to a file; what memory held comes first.
    void spill() {
        path = staging_path(rng);
        file = root.create(path);
        if (!file) throw base::Failure(base::Fault::unavailable, "no staging folder in the storage root");
        if (options.expected) file->preallocate(std::min(*options.expected, options.limit));
        file->append(memory);
        memory = {};
    }

    Tree& root;
    base::Rng& rng;
    const Options options;
    base::Hasher sha256;
    std::optional<base::Hasher> sha1, md5, sha512;
    std::string memory;
    std::string path;
    std::unique_ptr<File> file;
    std::uint64_t size = 0;
    std::uint64_t flushed = 0;
    std::optional<Sums> sums;
};

Upload::Upload(Tree& root, base::Rng& rng, Options options) : state_(std::make_unique<State>(root, rng, options)) {}
Upload::~Upload() = default;

void Upload::write(std::string_view bytes) {
    State& s = *state_;
    CHECK(!s.sums);
    if (bytes.size() > s.options.limit - s.size) throw TooLarge();
    s.size += bytes.size();
    s.sha256.update(bytes);
    for (auto* other : {&s.sha1, &s.md5, &s.sha512})
        if (*other) (*other)->update(bytes);
    if (!s.file && s.size <= kInlineBytesMax) {
        s.memory += bytes;
        return;
    }
    if (!s.file) s.spill();
    s.file->append(bytes);
    if (s.size - s.flushed < kFlushEvery) return;
    s.file->flush_hint();
    s.flushed = s.size;
}

std::uint64_t Upload::size() const {
    return state_->size;
}

const Upload::Sums& Upload::close() {
    State& s = *state_;
    if (s.sums) return *s.sums;
    Sums sums;
    sums.sha256 = s.sha256.finish_sha256();
    if (s.sha1) sums.sha1 = s.sha1->finish();
    if (s.md5) sums.md5 = s.md5->finish();
    if (s.sha512) sums.sha512 = s.sha512->finish();
    s.sums = std::move(sums);
    return *s.sums;
}

Content Upload::finish(std::optional<std::int64_t> mtime_ns) {
    State& s = *state_;
    CHECK(s.sums);
    if (!s.file) return Content::inlined(std::move(s.memory), s.sums->sha256);
    if (mtime_ns) s.file->set_mtime(*mtime_ns);
    if (!base::planted(base::Plant::staged_unsynced)) s.file->sync();
    keep_staged(s.root, s.path);
    auto content = Content::staged(s.root, s.path, s.file->facts(), s.sums->sha256);
    s.file.reset();  // the content owns the staged file now
    return content;
}

std::string read_staged(const Tree& tree, const Content& content) {
    const auto file = tree.open(content.staged_path());
    std::string octets(static_cast<std::size_t>(content.size()), '\0');
    std::size_t done = 0;
    while (file && done < octets.size()) {
        const std::size_t got = file->read_at(octets.data() + done, octets.size() - done, done);
        if (got == 0) break;
        done += got;
    }
    if (!file || done < octets.size()) throw base::Failure(base::Fault::io, "a staged content vanished");
    return octets;
}

}  // namespace storage
