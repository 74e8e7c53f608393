#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "storage/node.h"

namespace sql {
class Connection;
}

namespace storage {

// What a domain adds to a write of content: its index rows, prepared (parsed, validated, expanded) before the writer is
// asked. `put` has no overload without it, so no path can forget the index.
class IndexEntry {
  public:
    virtual ~IndexEntry() = default;
    // Inside the write transaction. Replaces the rows of `node`.
    virtual void store(sql::Connection& connection, NodeId node) const = 0;
    // Whether the rows of `node` are those that store() would write.
    virtual bool is_stored(sql::Connection& connection, NodeId node) const = 0;
    // Why the octets can not be read; empty: they can. Such an item is kept and given as it is, and not searched.
    virtual std::string fault() const { return {}; }
};

// Plain files have no index of their own.
const IndexEntry& no_index();
std::unique_ptr<IndexEntry> make_no_index();

// How a domain reads the items of one kind when nobody prepared an entry: what came from another home, a copy, a state
// of the past, a repair.
struct Indexer {
    NodeKind kind;
    // Total: of octets that can not be read it makes an entry that says so. Any thread.
    std::unique_ptr<IndexEntry> (*entry)(std::string_view octets);
    // One content of two that homes made of `before` (null: of nothing) without knowing of each other; `later` has the
    // higher rank. The same octets for the same three, everywhere. Empty: they can not be one.
    std::optional<std::string> (*merged)(const std::string* before, std::string_view later, std::string_view earlier);
};

// A domain's tables, applied after storage's own; every table references node(id) ON DELETE CASCADE.
struct SchemaPart {
    const char* name;
    int version;
    const char* sql;
};

}  // namespace storage
