#include "storage/replication/contents.h"

#include "storage/reading.h"

namespace storage {

namespace {

constexpr std::size_t kPieceBytes = 64 * 1024;

}  // namespace

std::string content_path(ReadTxn& txn, const WantedContent& wanted) {
    for (const auto& oid : {std::optional(wanted.oid), wanted.copy_of}) {
        if (!oid) continue;
        const auto node = txn.by_oid(wanted.space, *oid);
        if (node && node->hash == wanted.hash && !is_item(node->kind)) return txn.disk_path(*node);
    }
    return version_path(wanted.hash);
}

bool send_content(const Tree& tree, const std::string& path, const WantedContent& wanted, base::ByteSink& to) {
    const auto file = tree.open(path);
    if (!file || file->facts().size != wanted.size) return false;
    base::Hasher hasher;
    std::string piece(kPieceBytes, '\0');
    std::uint64_t offset = 0;
    while (offset <= static_cast<std::uint64_t>(wanted.size)) {  // another program may make it longer all the time
        const auto got = file->read_at(piece.data(), piece.size(), offset);
        if (got == 0) return hasher.finish() == wanted.hash.view();
        const auto octets = std::string_view(piece).substr(0, got);
        hasher.update(octets);
        to.write(octets);
        offset += got;
    }
    return false;
}

std::optional<Content> receive_content(Tree& tree, base::Rng& rng, const WantedContent& wanted,
                                       const std::function<bool(base::ByteSink&)>& send) {
    const auto size = static_cast<std::uint64_t>(wanted.size);
    Upload upload(tree, rng, {size, size, false, false, false});
    try {
        if (!send(upload)) return std::nullopt;
    } catch (const Upload::TooLarge&) {  // not what was announced: as if it were not there
        return std::nullopt;
    }
    if (upload.close().sha256 != wanted.hash) return std::nullopt;
    return upload.finish(std::nullopt);
}

}  // namespace storage
