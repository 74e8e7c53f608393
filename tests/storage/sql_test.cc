#include "storage/sql.h"

#include "storage/base/failure.h"  // before Catch: both have a CHECK, and here it is the test's
#include "tests/storage/temp_root.h"

#include <catch2/catch.hpp>

// What the database promises beyond SQLite.

namespace storage {

TEST_CASE("a transaction that SQLite ended by itself takes nothing more") {
    test::TempRoot root;
    const std::string path = root.path() + "/x.db";
    sql::Connection db(path, sql::Access::writer, nullptr);
    db.script("CREATE TABLE t (x INTEGER)");
    db.begin();
    db.query("INSERT INTO t VALUES (1)").run();
    auto open = db.query("SELECT x FROM t");
    REQUIRE(open.next());
    db.query("ROLLBACK").run();  // as an I/O error does
    CHECK_THROWS_AS(db.query("INSERT INTO t VALUES (2)").run(), base::Failure);
    CHECK_THROWS_AS(db.script("INSERT INTO t VALUES (3)"), base::Failure);
    CHECK_THROWS_AS(open.next(), base::Failure);
    CHECK_THROWS_AS(db.commit(), base::Failure);
    db.rollback();
    db.begin();
    CHECK_FALSE(db.query("SELECT x FROM t").next());
    db.query("INSERT INTO t VALUES (4)").run();
    db.commit();
    auto left = db.query("SELECT x FROM t");
    REQUIRE(left.next());
    CHECK(left.integer(0) == 4);
    CHECK_FALSE(left.next());
}

}  // namespace storage
