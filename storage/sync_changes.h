#pragma once

#include "storage/sync.h"

namespace sql {
class Connection;
}

namespace storage {

// The work of ReadTxn::sync_changes, over the tables of one view. Its cost is that of what happened in the space since
// the place, plus all that is below each collection that was moved since.
SyncPage sync_changes(sql::Connection& db, const SyncAsk& ask);

// The first removal at or after that record; ids of `gone` grow with to_lsn. 0 = none.
std::int64_t first_gone(sql::Connection& db, Lsn from);

}  // namespace storage
