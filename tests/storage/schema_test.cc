// Ours first: both they and Catch have a CHECK, and here it is the test's.
#include "storage/schema.h"
#include "storage/base/failure.h"
#include "storage/sql.h"
#include "tests/storage/old_schema.h"
#include "tests/storage/store_support.h"

#include <catch2/catch.hpp>
#include <set>

namespace storage {

namespace {

std::set<std::string> names(sql::Connection& db, const char* statement) {
    std::set<std::string> found;
    auto query = db.query(statement);
    while (query.next()) found.emplace(query.text(0));
    return found;
}

}  // namespace

TEST_CASE("every table is there, and strict") {
    TempDir dir;
    sql::Connection db(dir.path() + "/x.db", sql::Access::writer, nullptr);
    CHECK(apply_schema(db, {}).empty());
    const std::set<std::string> tables = {"meta",       "space",   "tangle", "vector",    "log",  "node",
                                          "gone",       "version", "body",   "disk",      "prop", "lock",
                                          "lock_above", "fs_todo", "kv",     "kv_beside", "local"};
    CHECK(names(db, "SELECT name FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite_%'") == tables);
    CHECK(names(db,
                "SELECT name FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite_%'"
                " AND strict = 0")
              .empty());
    CHECK(apply_schema(db, {}).empty());  // a second time changes nothing
}

TEST_CASE("a newer or foreign database is refused in words") {
    TempDir dir;
    sql::Connection db(dir.path() + "/x.db", sql::Access::writer, nullptr);
    SECTION("newer") {
        CHECK(apply_schema(db, {}).empty());
        db.script("PRAGMA user_version = 99");
        CHECK(apply_schema(db, {}).find("newer") != std::string::npos);
    }
    SECTION("foreign") {
        db.script("CREATE TABLE theirs (x)");
        CHECK(apply_schema(db, {}).find("another program") != std::string::npos);
    }
}

TEST_CASE("a database of version 2 gets what sync needs, and its vectors their lsn") {
    TempDir dir;
    const auto shape = [](sql::Connection& db) {
        return names(
            db,
            "SELECT type || ' ' || tbl_name || ' ' || name || ' ' ||"
            " coalesce((SELECT group_concat(name) FROM pragma_table_info(s.name)), '') FROM sqlite_schema AS s");
    };
    sql::Connection fresh(dir.path() + "/fresh.db", sql::Access::writer, nullptr);
    CHECK(apply_schema(fresh, {}).empty());
    sql::Connection old(dir.path() + "/old.db", sql::Access::writer, nullptr);
    CHECK(apply_schema(old, {}).empty());
    make_old(old, 2);
    old.script(
        "INSERT INTO vector (space, origin, seq) VALUES (1, 7, 2), (2, 7, 1), (3, 7, 1);"
        "INSERT INTO log (lsn, space, origin, seq, hlc, kind, cause, at_ms, body) VALUES"
        " (1, 1, 7, 1, 0, 1, 1, 0, x''), (2, 2, 7, 1, 0, 1, 1, 0, x''), (3, 1, 7, 2, 0, 1, 1, 0, x'')");
    CHECK(apply_schema(old, {}).empty());
    CHECK(shape(old) == shape(fresh));
    CHECK(names(old, "SELECT space || ':' || lsn FROM vector") == std::set<std::string>{"1:3", "2:2", "3:0"});
    CHECK(apply_schema(old, {}).empty());
}

TEST_CASE("a database of version 3 counts the octets of its properties as used") {
    TempDir dir;
    sql::Connection old(dir.path() + "/old.db", sql::Access::writer, nullptr);
    CHECK(apply_schema(old, {}).empty());
    make_old(old, 3);
    old.script(
        "INSERT INTO space (id, uid, kind, owner, used_bytes) VALUES (1, x'01', 1, x'01', 10), (2, x'02', 1, x'02', "
        "20);"
        "INSERT INTO node (id, oid, space, name, kind, created_ms, mtime_ns, c_origin, c_seq, c_hlc, p_origin, p_seq,"
        " p_hlc, content_lsn, placed_lsn, changed_lsn) VALUES (5, x'05', 1, '', 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);"
        "INSERT INTO prop (node, ns, name, value, hlc, origin, seq) VALUES (5, 'urn:x', 'a', 'größe', 0, 0, 0),"
        " (5, 'urn:x', 'b', NULL, 0, 0, 0)");
    CHECK(apply_schema(old, {}).empty());
    CHECK(names(old, "SELECT id || ':' || used_bytes FROM space") == std::set<std::string>{"1:29", "2:20"});
    CHECK(apply_schema(old, {}).empty());
    CHECK(names(old, "SELECT id || ':' || used_bytes FROM space") == std::set<std::string>{"1:29", "2:20"});
}

TEST_CASE("a domain's tables come after ours, once per version") {
    TempDir dir;
    sql::Connection db(dir.path() + "/x.db", sql::Access::writer, nullptr);
    const SchemaPart first{"cards", 1, "CREATE TABLE card (node INTEGER PRIMARY KEY REFERENCES node (id)) STRICT"};
    CHECK(apply_schema(db, std::span(&first, 1)).empty());
    CHECK(apply_schema(db, std::span(&first, 1)).empty());
    const SchemaPart second{"cards", 2, "ALTER TABLE card ADD COLUMN fn TEXT"};
    CHECK(apply_schema(db, std::span(&second, 1)).empty());
    CHECK(apply_schema(db, std::span(&second, 1)).empty());
    CHECK(apply_schema(db, std::span(&first, 1)).find("newer") != std::string::npos);
}

TEST_CASE("a root with a newer database says so") {
    TempDir dir;
    { open_store(dir.path()); }
    {
        sql::Connection db(dir.path() + "/.hearth/hearth.db", sql::Access::writer, nullptr);
        db.script("PRAGMA user_version = 99");
    }
    CHECK_THROWS_WITH(open_store(dir.path()), Catch::Contains("newer"));
}

TEST_CASE("a statement used inside its own rows does not lose its place") {
    TempDir dir;
    sql::Connection db(dir.path() + "/x.db", sql::Access::writer, nullptr);
    db.script("CREATE TABLE t (x INTEGER); INSERT INTO t VALUES (1), (2), (3)");
    constexpr const char* kAll = "SELECT x FROM t ORDER BY x";
    int pairs = 0;
    auto outer = db.query(kAll);
    while (outer.next()) {
        auto inner = db.query(kAll);
        while (inner.next()) ++pairs;
    }
    CHECK(pairs == 9);
    CHECK_THROWS_AS(db.query("INSERT INTO nowhere VALUES (1)"), base::Failure);
    db.script("CREATE UNIQUE INDEX once ON t (x)");
    CHECK_THROWS_AS(db.query("INSERT INTO t VALUES (1)").run(), sql::Refused);
}

}  // namespace storage
