#include "dav/methods/copying.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "storage/base/hash.h"
#include "storage/base/log.h"
#include "storage/root_state.h"

namespace dav {

namespace {

using storage::Need;

constexpr std::size_t kReadBytes = 256 * 1024;
// Looks again when a file moved between its row and its copy.
constexpr int kLooksMax = 3;

// What a copy of one file starts from.
struct Source {
    storage::Row row;
    std::string path;
};

std::optional<Source> find_source(const Context& context, storage::NodeId id) {
    storage::Lsn lsn = 0;
    auto source = context.store.read([&](storage::ReadTxn& txn) -> std::optional<Source> {
        auto row = txn.row(id, Need::props | Need::disk | Need::octets);
        if (!row) return std::nullopt;
        if (storage::is_item(row->node.kind)) return Source{*std::move(row), {}};
        lsn = txn.lsn();
        std::string path = txn.disk_path(row->node);
        return Source{*std::move(row), std::move(path)};
    });
    if (source) context.store.settle(lsn);
    return source;
}

// Hands all octets of a file to `each`.
template <typename Each>
void read_all(const storage::File& file, Each each) {
    std::string buffer(kReadBytes, '\0');
    std::uint64_t offset = 0;
    while (const std::size_t got = file.read_at(buffer.data(), buffer.size(), offset)) {
        each(std::string_view(buffer).substr(0, got));
        offset += got;
    }
}

// The row's hash is that of the copy when the file did not change from the time the row knew it until after it was
// read.
bool still_as_known(const storage::Row& row, const std::optional<storage::FileFacts>& now) {
    return row.node.hash && row.disk && now && now->same_version(*row.disk);
}

storage::Content read_into_memory(const Context& context, const storage::File& file, const storage::Node& node) {
    storage::Upload::Options options{std::nullopt, context.limits.file_bytes_max};
    storage::Upload upload(context.store.tree(), context.store.seams().rng, options);
    read_all(file, [&](std::string_view bytes) { upload.write(bytes); });
    upload.close();
    return upload.finish(node.mtime_ns);
}

}  // namespace

void require_on_disk(const Context& context, const std::string& path) {
    context.store.state().require_readable();
    if (context.store.behind(path)) throw base::Failure(base::Fault::unavailable, "the disk is behind at " + path);
}

std::optional<FileCopy> copy_file(const Context& context, storage::NodeId id) {
    storage::Tree& tree = context.store.tree();
    for (int attempt = 0; attempt < kLooksMax; ++attempt) {
        auto source = find_source(context, id);
        if (!source) return std::nullopt;
        if (storage::is_item(source->row.node.kind)) {
            storage::Content content = storage::Content::inlined(source->row.octets, *source->row.node.hash);
            return FileCopy{source->row.node, std::move(content), std::move(source->row.props)};
        }
        require_on_disk(context, source->path);
        const storage::Node& node = source->row.node;
        const bool small = node.size <= static_cast<std::int64_t>(storage::kInlineBytesMax);
        if (small || !still_as_known(source->row, tree.stat(source->path))) {
            const auto file = tree.open(source->path);
            if (!file) continue;
            storage::Content content = read_into_memory(context, *file, node);
            return FileCopy{node, std::move(content), std::move(source->row.props)};
        }
        const std::string staged =
            ".hearth/staging/" + base::hex(base::new_random_id(context.store.seams().rng).view());
        const auto facts = tree.copy_file(source->path, staged);
        if (!facts) continue;
        // Owns the staged file from here on, whatever happens.
        storage::Content content = storage::Content::staged(tree, staged, facts->copy, *node.hash);
        if (!still_as_known(source->row, facts->source)) continue;
        const auto file = tree.open(staged);
        if (!file) throw base::Failure(base::Fault::io, "a staged copy vanished");
        file->sync();
        storage::keep_staged(tree, staged);
        return FileCopy{node, std::move(content), std::move(source->row.props)};
    }
    return std::nullopt;
}

// Some members of one folder, and where the folder is on disk.
struct TreeCopy::Page {
    std::string from_path;
    std::vector<storage::Row> rows;
};

TreeCopy::TreeCopy(Context& context, const storage::Space& space, storage::NodeKind kind, const storage::Author& author)
    : context_(context), author_(author), on_disk_(!space.dir.empty()) {
    root_ = context_.store.write(
        [&](storage::WriteTxn& txn) { return txn.make_hidden(space.id, author_, std::nullopt, kind); });
    root_path_ = context_.store.read([&](storage::ReadTxn& txn) { return txn.disk_path(root_); });
}

TreeCopy::~TreeCopy() {
    if (placed_) return;
    try {
        context_.store.write([&](storage::WriteTxn& txn) {
            if (txn.node(root_.id)) txn.remove(root_.id, author_);
        });
    } catch (const std::exception& error) {  // the next start removes what was being built
        base::log_warn("dav", std::string("leftover of a copy: ") + error.what());
    }
}

TreeCopy::Page TreeCopy::read_page(const Folder& folder, const std::string& after) {
    storage::Lsn lsn = 0;
    Page page = context_.store.read([&](storage::ReadTxn& txn) {
        Page read;
        const auto node = txn.node(folder.from);
        if (!node) return read;
        read.from_path = txn.disk_path(*node);
        txn.list(folder.from, Need::props | Need::disk, after, storage::kCopyGroupMax,
                 [&](const storage::Row& row) { read.rows.push_back(row); });
        lsn = txn.lsn();
        return read;
    });
    if (!on_disk_) return page;
    context_.store.settle(lsn);
    require_on_disk(context_, page.from_path);
    return page;
}

std::optional<storage::WriteTxn::Copied> TreeCopy::copy_member(const storage::Row& row, const std::string& from,
                                                               const std::string& to) {
    storage::Tree& tree = context_.store.tree();
    storage::WriteTxn::Copied copied;
    copied.name = row.node.name;
    copied.kind = row.node.kind;
    copied.mtime_ns = row.node.mtime_ns;
    copied.exec = row.node.exec;
    copied.props = storage::as_set(row.props);
    if (storage::is_item(row.node.kind)) {  // one row of octets serves all that have them
        copied.size = row.node.size;
        copied.hash = row.node.hash;
        return copied;
    }
    if (storage::is_collection(row.node.kind)) {
        tree.make_folder(to);
        copied.facts = tree.stat(to);
        return copied;
    }
    std::optional<Source> found;  // when it moved meanwhile
    auto facts = tree.copy_file(from, to);
    for (int attempt = 1; !facts && attempt < kLooksMax; ++attempt) {
        found = find_source(context_, row.node.id);
        if (!found) return std::nullopt;
        facts = tree.copy_file(found->path, to);
    }
    if (!facts) return std::nullopt;
    const storage::Row& known = found ? found->row : row;
    copied.facts = facts->copy;
    copied.size = facts->copy.size;
    if (still_as_known(known, facts->source)) {
        copied.hash = known.node.hash;
        return copied;
    }
    const auto file = tree.open(to);
    if (!file) throw base::Failure(base::Fault::io, "a copied file vanished");
    base::Hasher hasher;
    read_all(*file, [&](std::string_view bytes) { hasher.update(bytes); });
    copied.hash = hasher.finish_sha256();
    return copied;
}

void TreeCopy::copy_page(const Folder& folder, const Page& page) {
    for (const storage::Row& row : page.rows) {
        std::string to = folder.to_path + "/" + row.node.name;
        auto copied = copy_member(row, page.from_path + "/" + row.node.name, to);
        if (!copied) continue;
        copied->parent = folder.to;
        if (storage::is_collection(copied->kind)) below_.push_back({group_.size(), {row.node.id, 0, std::move(to)}});
        group_.push_back(*std::move(copied));
        if (group_.size() == storage::kCopyGroupMax) write_group();
    }
}

// The rows of what was copied: each group waits for a flush of the disk, so it spans folders. Folders get their id
// here, and only then can their own members follow.
void TreeCopy::write_group() {
    if (group_.empty()) return;
    const auto ids = context_.store.write([&](storage::WriteTxn& txn) { return txn.add_copied(group_, author_); });
    CHECK(ids.size() == group_.size());
    for (auto& [member, folder] : below_) {
        folder.to = ids[member];
        open_.push_back(std::move(folder));
    }
    group_.clear();
    below_.clear();
}

void TreeCopy::fill(storage::NodeId source) {
    storage::PropChanges changes;
    context_.store.read([&](storage::ReadTxn& txn) {
        changes.props = storage::as_set(txn.props(source));
        if (const auto node = txn.node(source)) changes.mtime_ns = node->mtime_ns;
    });
    if (!changes.empty()) {
        context_.store.write([&](storage::WriteTxn& txn) { txn.set_props(root_.id, changes, author_); });
    }
    open_.push_back({source, root_.id, root_path_});
    while (!open_.empty()) {
        const Folder folder = std::move(open_.back());
        open_.pop_back();
        std::string after;
        for (;;) {
            const Page page = read_page(folder, after);
            if (page.rows.empty()) break;
            after = page.rows.back().node.name;
            copy_page(folder, page);
            if (page.rows.size() < storage::kCopyGroupMax) break;
        }
        if (open_.empty()) write_group();
    }
    if (on_disk_) context_.store.tree().sync_all();
}

}  // namespace dav
