#pragma once

#include <span>
#include <string>
#include <vector>

#include "dav/methods/methods.h"
#include "storage/txn.h"

namespace dav::method {

// What items and their collections ask beside what all resources do.

// The rule of what lies in the target's home; null: files and folders.
const ItemRule* rule_of(const Call& call, const Target& target);

// Of a name that is to be created or written: an item stands in a collection of its rule, 403 elsewhere.
void require_item_place(const ItemRule& rule, const Target& target);

// Throws 403 where a new collection would have the name of a group's, or of a member of the merged one.
void require_unmarked(const Target& target);

// Throws no-uid-conflict with its href where another member of the collection has that UID. `collection`: as the
// request names it; `leaving`: those that go, or are what is written.
void require_uid_free(const Call& call, storage::ReadTxn& txn, const ItemRule& rule, const base::Segments& collection,
                      storage::NodeId id, const std::string& uid, std::span<const storage::NodeId> leaving);

// What is to be written to the target: as above, and an object keeps its UID for life (RFC 6352 section 6.3.2.1).
void require_uid_fits(const Call& call, storage::ReadTxn& txn, const ItemRule& rule, const Target& target,
                      const std::string& uid, std::vector<storage::NodeId> leaving = {});

}  // namespace dav::method
