#pragma once

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
};

// Plain files have no index of their own.
const IndexEntry& no_index();

// A domain's tables, applied after storage's own; every table references node(id) ON DELETE CASCADE.
struct SchemaPart {
    const char* name;
    int version;
    const char* sql;
};

}  // namespace storage
