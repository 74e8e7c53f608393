#pragma once

#include "storage/sql.h"

#include <string>

namespace storage {

// Makes a new database what it was in that version: each step of storage/schema.cc, taken back.
inline void make_old(sql::Connection& db, int version) {
    if (version < 7) db.script("DROP TABLE tangle; DELETE FROM meta WHERE key = 'lsn_last'");
    if (version < 6) {
        db.script(
            "DROP INDEX version_place; DROP INDEX version_hash;"
            "CREATE INDEX version_hash ON version (hash)");
    }
    if (version < 5) db.script("DROP TABLE kv_beside");
    if (version < 3) {
        db.script(
            "DROP INDEX node_moved; DROP INDEX gone_node; ALTER TABLE vector DROP COLUMN lsn;"
            "ALTER TABLE vector DROP COLUMN floor_lsn");
    }
    if (version < 2) db.script("DROP TABLE lock_above");
    db.script(("PRAGMA user_version = " + std::to_string(version)).c_str());
}

}  // namespace storage
