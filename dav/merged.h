#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dav/target.h"

// All collections of a home and of its owner's groups shown as one, read-only, for clients that show only one:
// /dav/contacts/<user>/~all/ . Derived: nothing of it is stored. Its members are those of the collections, each under
// the name of its collection, the mark, and its own name.
namespace dav {

inline constexpr std::string_view kMergedName = "~all";
inline constexpr std::string_view kMergedMark = "~~";

// Where the members of what a target names come from, and what stands before their names there. One source without a
// prefix, unless the target is the merged collection.
struct ItemSource {
    storage::Node collection;
    std::string prefix;
};
std::vector<ItemSource> item_sources(storage::ReadTxn& txn, const Target& target);

// The collection itself as a row: its digest changes with that of any source.
storage::Node merged_node(storage::ReadTxn& txn, const Target& target, const storage::Node& home);

// The row of what a located target names, derived or stored.
std::optional<storage::Row> row_of(storage::ReadTxn& txn, const Target& target, storage::Need needs);

}  // namespace dav
