#include "storage/digest.h"

#include "storage/base/failure.h"
#include "storage/sql.h"

namespace storage {

Sum Sum::from(std::string_view octets) {
    Sum sum;
    if (octets.size() != 32) return sum;
    for (std::size_t i = 0; i < 32; ++i) {
        sum.words_[i / 8] |= static_cast<std::uint64_t>(static_cast<unsigned char>(octets[i])) << (8 * (i % 8));
    }
    return sum;
}

Sum& Sum::operator+=(const Sum& other) {
    std::uint64_t carry = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        const std::uint64_t partial = words_[i] + carry;
        carry = partial < carry ? 1 : 0;
        words_[i] = partial + other.words_[i];
        carry += words_[i] < partial ? 1 : 0;
    }
    return *this;
}

Sum& Sum::operator-=(const Sum& other) {
    std::uint64_t borrow = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        const std::uint64_t partial = words_[i] - borrow;
        borrow = partial > words_[i] ? 1 : 0;
        words_[i] = partial - other.words_[i];
        borrow += words_[i] > partial ? 1 : 0;
    }
    return *this;
}

base::Hash Sum::hash() const {
    base::Hash hash;
    for (std::size_t i = 0; i < 32; ++i) hash.bytes[i] = static_cast<std::uint8_t>(words_[i / 8] >> (8 * (i % 8)));
    return hash;
}

Sum share_of(std::string_view name, NodeKind kind, std::string_view hash_or_digest) {
    std::string octets;
    octets.reserve(name.size() + 2 + hash_or_digest.size());
    octets += name;
    octets += '\0';
    octets += static_cast<char>(kind);
    octets += hash_or_digest;
    return Sum::from(base::sha256(octets));
}

Sum share_of(const Node& node) {
    if (is_collection(node.kind)) return share_of(node.name, node.kind, node.tree.view());
    return share_of(node.name, node.kind, node.hash ? node.hash->view() : std::string_view());
}

Folder& Folders::get(NodeId id) {
    if (const auto at = kept_.find(id); at != kept_.end()) return at->second;
    auto query = db_.query(
        "SELECT parent, space, oid, kind, name, placed_lsn, tree FROM node WHERE id = ?1 AND tree IS NOT NULL");
    query.bind(id);
    if (!query.next()) throw base::Failure(base::Fault::corrupt, "no collection with id " + std::to_string(id));
    Folder folder;
    folder.parent = query.integer(0);
    folder.space = query.integer(1);
    folder.oid = base::id_from(query.blob(2)).value_or(Oid{});
    folder.kind = static_cast<NodeKind>(query.integer(3));
    folder.name = query.text(4);
    folder.placed_lsn = query.integer(5);
    folder.tree = Sum::from(query.blob(6));
    folder.share = share_of(folder.name, folder.kind, folder.tree.hash().view());
    return kept_.emplace(id, std::move(folder)).first->second;
}

const Folder* Folders::cached(NodeId id) const {
    const auto at = kept_.find(id);
    return at == kept_.end() ? nullptr : &at->second;
}

void Folders::add(NodeId id, Sum plus) {
    rise(id, plus, Sum());
}

void Folders::subtract(NodeId id, Sum minus) {
    rise(id, Sum(), minus);
}

void Folders::rise(NodeId id, Sum plus, Sum minus) {
    while (id != 0) {
        Folder& folder = get(id);
        folder.tree += plus;
        folder.tree -= minus;
        folder.dirty = true;
        minus = folder.share;
        folder.share = share_of(folder.name, folder.kind, folder.tree.hash().view());
        plus = folder.share;
        id = folder.parent;
    }
}

void Folders::move(NodeId id, NodeId parent, std::string_view name, Lsn placed_lsn) {
    Folder& folder = get(id);
    if (folder.parent != 0) subtract(folder.parent, folder.share);
    folder.parent = parent;
    folder.name = name;
    folder.placed_lsn = placed_lsn;
    folder.share = share_of(folder.name, folder.kind, folder.tree.hash().view());
    if (parent != 0) add(parent, folder.share);
}

void Folders::flush() {
    for (auto& [id, folder] : kept_) {
        if (!folder.dirty) continue;
        const base::Hash tree = folder.tree.hash();
        db_.query("UPDATE node SET tree = ?2 WHERE id = ?1").bind(id).bind_blob(tree.view()).run();
        folder.dirty = false;
    }
}

void Folders::trim() {
    if (kept_.size() > kFoldersKept) kept_.clear();
}

}  // namespace storage
