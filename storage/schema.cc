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

// Step n brings a database of version n - 1 to version n. Step 1 is the whole of schema/; a change of the tables edits
// those files (for new databases) and adds a step here (for old ones).
struct Step {
    int version;
    void (*run)(sql::Connection& connection);
};

void create_all(sql::Connection& connection) {
    for (const Part& part : kParts) connection.script(part.sql);
}

constexpr std::array kSteps = {Step{1, create_all}};
static_assert(kSteps.back().version == kSchemaVersion);

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
    for (const Step& step : kSteps) {
        if (step.version <= version && tables > 0) continue;
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
