#pragma once

#include <span>
#include <string>

#include "storage/indexer.h"

namespace storage {

inline constexpr int kSchemaVersion = 7;           // PRAGMA user_version
inline constexpr int kApplicationId = 0x48525448;  // "HRTH", PRAGMA application_id

// Brings a database to kSchemaVersion: an empty one gets all tables, an older one the numbered steps it lacks, each in
// a transaction of its own with the new user_version. Then the domains' tables. Says what is wrong with a database that
// is not ours or newer than this program; empty = fine.
std::string apply_schema(sql::Connection& connection, std::span<const SchemaPart> domains);

}  // namespace storage
