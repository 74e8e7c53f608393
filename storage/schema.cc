#include "storage/schema.h"

#include <array>

#include "storage/base/failure.h"
#include "storage/sql.h"

namespace storage {

namespace {

struct Part {
    const char* name;
    const char* sql;
};
constexpr Part kParts[] = {
#include "schema_sql.inc"
};

// Step n brings a database of version n - 1 to version n. A change of the tables edits the files of schema/ (for new
// databases, which get them whole) and adds a step here (for old ones).
struct Step {
    int version;
    void (*run)(sql::Connection& connection);
};

void create_all(sql::Connection& connection) {
    for (const Part& part : kParts) connection.script(part.sql);
}

// No version before this one locked anything.
void add_lock_above(sql::Connection& connection) {
    connection.script(
        "CREATE TABLE lock_above (node INTEGER NOT NULL, distance INTEGER NOT NULL,"
        " token TEXT NOT NULL REFERENCES lock (token) ON DELETE CASCADE, PRIMARY KEY (node, distance, token))"
        " STRICT, WITHOUT ROWID;"
        "CREATE INDEX lock_above_token ON lock_above (token)");
}

// Sync reports: places by node and time, moved collections, the lsn of a vector.
void add_sync(sql::Connection& connection) {
    connection.script(
        "CREATE INDEX node_moved ON node (space, placed_lsn) WHERE kind IN (1, 3, 4) AND placed_lsn <> content_lsn;"
        "CREATE INDEX gone_node ON gone (node, to_lsn);"
        "ALTER TABLE vector ADD COLUMN lsn INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE vector ADD COLUMN floor_lsn INTEGER NOT NULL DEFAULT 0;"
        "UPDATE vector SET lsn = coalesce((SELECT max(l.lsn) FROM log AS l"
        " WHERE l.space = vector.space AND l.origin = vector.origin), 0);");
}

// Properties count in the bytes a space uses, as files do.
void count_props(sql::Connection& connection) {
    connection.script(
        "UPDATE space SET used_bytes = used_bytes + coalesce((SELECT sum(length(CAST(p.ns AS BLOB)) +"
        " length(CAST(p.name AS BLOB)) + coalesce(length(CAST(p.value AS BLOB)), 0)) FROM prop AS p"
        " CROSS JOIN node AS n ON n.id = p.node WHERE n.space = space.id), 0)");
}

// Before there were two homes, no record stood beside another.
void add_kv_beside(sql::Connection& connection) {
    connection.script(
        "CREATE TABLE kv_beside (tbl TEXT NOT NULL, key TEXT NOT NULL, field TEXT NOT NULL,"
        " origin INTEGER NOT NULL, seq INTEGER NOT NULL, value BLOB, hlc INTEGER NOT NULL,"
        " PRIMARY KEY (tbl, key, field, origin, seq)) STRICT, WITHOUT ROWID");
}

// Octets that are kept at a place of their own are shared with nobody.
void split_version_index(sql::Connection& connection) {
    connection.script(
        "DROP INDEX version_hash; CREATE INDEX version_hash ON version (hash) WHERE place IS NULL;"
        "CREATE INDEX version_place ON version (place) WHERE place IS NOT NULL");
}

// Records of other homes. The last number of this server, so that numbers without a record are not used twice.
void add_tangle(sql::Connection& connection) {
    connection.script(
        "CREATE TABLE tangle (space INTEGER NOT NULL, oid BLOB NOT NULL, shown BLOB, PRIMARY KEY (space, oid))"
        " STRICT, WITHOUT ROWID;"
        "INSERT INTO meta (key, value) SELECT 'lsn_last', max(coalesce((SELECT max(lsn) FROM log), 0),"
        " coalesce((SELECT max(key) / 16 FROM fs_todo), 0))");
}

constexpr Step kWhole{kSchemaVersion, create_all};
constexpr std::array kSteps = {Step{2, add_lock_above},      Step{3, add_sync},
                               Step{4, count_props},         Step{5, add_kv_beside},
                               Step{6, split_version_index}, Step{7, add_tangle}};
static_assert(kSteps.back().version == kSchemaVersion);

void take(sql::Connection& connection, const Step& step) {
    connection.begin();
    try {
        step.run(connection);
        connection.script(("PRAGMA user_version = " + std::to_string(step.version)).c_str());
        connection.script(("PRAGMA application_id = " + std::to_string(kApplicationId)).c_str());
        connection.commit();
    } catch (...) {  // the database stays at the step before
        connection.rollback();
        throw;
    }
}

std::int64_t number(sql::Connection& connection, const char* statement) {
    auto query = connection.query(statement);
    return query.next() ? query.integer(0) : 0;
}

void apply_domain(sql::Connection& connection, const SchemaPart& part) {
    connection.begin();
    try {
        connection.script(part.sql);
        const std::string key = std::string("schema.") + part.name;
        connection.query("INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2")
            .bind_text(key)
            .bind(part.version)
            .run();
        connection.commit();
    } catch (...) {  // the schema is as it was; the caller says why the store does not open
        connection.rollback();
        throw;
    }
}

}  // namespace

std::string apply_schema(sql::Connection& connection, std::span<const SchemaPart> domains) {
    const std::int64_t tables = number(connection, "SELECT count(*) FROM sqlite_schema");
    const std::int64_t owner = number(connection, "PRAGMA application_id");
    const std::int64_t version = number(connection, "PRAGMA user_version");
    if (tables > 0 && owner != kApplicationId) return "its database was made by another program";
    if (version > kSchemaVersion) {
        return "its database has schema " + std::to_string(version) + ", this program knows " +
               std::to_string(kSchemaVersion) + ": a newer hearth has opened it, use that one";
    }
    if (tables == 0) take(connection, kWhole);
    for (const Step& step : kSteps) {
        if (tables > 0 && step.version > version) take(connection, step);
    }
    for (const SchemaPart& part : domains) {
        std::int64_t have = 0;
        {
            const std::string key = std::string("schema.") + part.name;
            auto query = connection.query("SELECT value FROM meta WHERE key = ?1");
            query.bind_text(key);
            if (query.next()) have = query.integer(0);
        }
        if (have > part.version) {
            return std::string("its tables of ") + part.name + " were made by a newer hearth, use that one";
        }
        if (have < part.version) apply_domain(connection, part);
    }
    return {};
}

}  // namespace storage
