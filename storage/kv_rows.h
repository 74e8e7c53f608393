#pragma once

#include "storage/replication/kv_state.h"
#include "storage/txn.h"

namespace sql {
class Connection;
}

// The rows of `kv` and of `kv_beside`: the heads of each (table, key, field), see replication/kv_state.h.
namespace storage {

KvHeads kv_heads(sql::Connection& db, const KvKey& at);

// What a record says, brought to the rows. It comes once, after all that it names.
void take_kv(sql::Connection& db, const KvFacet& record, const Rank& rank);

}  // namespace storage
