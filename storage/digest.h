#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "storage/node.h"

namespace sql {
class Connection;
}

namespace storage {

// A number mod 2^256. The digest of a collection is the sum of its members' shares: a change of one member costs one
// subtraction and one addition whatever is beside it, and the sum does not know the order things happened in.
class Sum {
  public:
    Sum() = default;
    static Sum from(std::string_view octets);  // little endian, 32 octets; anything else is zero
    static Sum from(const base::Hash& hash) { return from(hash.view()); }
    Sum& operator+=(const Sum& other);
    Sum& operator-=(const Sum& other);
    bool operator==(const Sum&) const = default;
    base::Hash hash() const;

  private:
    std::array<std::uint64_t, 4> words_{};
};

// What a member adds to its collection: SHA-256(name, 0, kind, its hash or digest). A file that is not hashed yet has
// no third part.
Sum share_of(std::string_view name, NodeKind kind, std::string_view hash_or_digest);
Sum share_of(const Node& node);

// One collection as the writer knows it.
struct Folder {
    NodeId parent = 0;
    SpaceId space = 0;
    Oid oid;
    NodeKind kind = NodeKind::folder;
    std::string name;
    Lsn placed_lsn = 0;
    Sum tree;
    Sum share;           // in its parent's tree, as of now
    bool dirty = false;  // tree is newer than the row
};

inline constexpr std::size_t kFoldersKept = 8192;

// The collections the writer met, with digests that are exact at any moment; rows are updated once per commit, so that
// eight uploads into one folder cost one update per ancestor. Writer thread only.
class Folders {
  public:
    explicit Folders(sql::Connection& db) : db_(db) {}

    Folder& get(NodeId id);  // throws Failure when there is no such collection
    const Folder* cached(NodeId id) const;
    void put(NodeId id, Folder folder) { kept_.insert_or_assign(id, std::move(folder)); }
    void add(NodeId id, Sum plus);  // to this collection and, through shares, to all above
    void subtract(NodeId id, Sum minus);
    void move(NodeId id, NodeId parent, std::string_view name, Lsn placed_lsn);  // out of one sum, into another
    void forget(NodeId id) { kept_.erase(id); }
    void flush();  // writes what is dirty; inside the transaction
    void trim();   // between transactions: keeps the cache within its bound
    void clear() { kept_.clear(); }

  private:
    void rise(NodeId id, Sum plus, Sum minus);

    sql::Connection& db_;
    std::unordered_map<NodeId, Folder> kept_;
};

}  // namespace storage
