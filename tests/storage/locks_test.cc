// Ours first: both they and Catch have a CHECK, and here it is the test's.
#include "storage/locks.h"
#include "storage/schema.h"
#include "storage/sql.h"
#include "tests/storage/old_schema.h"
#include "tests/storage/store_support.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace storage {

namespace {

constexpr std::int64_t kHourMs = 3'600'000;

Lock lock_on(const Node& node, const std::string& token, std::int64_t life_ms = kHourMs) {
    Lock lock;
    lock.token = token;
    lock.node = node.id;
    lock.principal = base::Id128{{7}};
    lock.owner_xml = "<o/>";
    lock.href = "/" + token;
    lock.expires_ms = base::system_clock().now_ms() + life_ms;
    return lock;
}

// The tokens of some locks, in their order.
std::string tokens(const std::vector<Lock>& locks) {
    std::string text;
    for (const Lock& lock : locks) text += (text.empty() ? "" : " ") + lock.token;
    return text;
}

struct Locked : Home {
    explicit Locked(const std::string& root) : Home(root) {
        store->write([&](WriteTxn& txn) {
            txn.add_lock(lock_on(file, "file"));
            txn.add_lock(lock_on(inner, "inner"));
        });
    }
    std::string below(const Node& node) {
        return store->read([&](ReadTxn& txn) { return tokens(txn.locks_below(node.id, 100)); });
    }
    std::string at(const Node& node) {
        return store->read([&](ReadTxn& txn) { return tokens(txn.locks_at(std::vector{node})); });
    }
    std::string all() {
        return store->read([&](ReadTxn& txn) { return tokens(txn.locks()); });
    }
    std::int64_t rows(const char* statement) {
        sql::Connection db(store->root() + "/.hearth/hearth.db", sql::Access::reader, nullptr);
        auto query = db.query(statement);
        return query.next() ? query.integer(0) : -1;
    }
    std::int64_t log_rows() { return rows("SELECT count(*) FROM log"); }

    Node folder = make(files.root, "d");
    Node inner = make(folder.id, "e");
    Node file = put(inner.id, "f", "x");
};

}  // namespace

TEST_CASE("a lock is found at its node, below every folder above it, and after a restart") {
    TempDir dir;
    {
        Locked home(dir.path());
        CHECK(home.at(home.file) == "file");
        CHECK(home.below(home.inner) == "file");
        CHECK(home.below(home.folder) == "inner file");
        CHECK(home.below(home.store->read([&](ReadTxn& txn) { return txn.node(home.files.root).value(); })) ==
              "inner file");
        CHECK(home.below(home.file).empty());
        CHECK(home.store->read([&](ReadTxn& txn) { return txn.locks_below(home.folder.id, 1).size(); }) == 1);
    }
    Home again(dir.path());
    const auto locks = again.store->read([](ReadTxn& txn) { return txn.locks(); });
    REQUIRE(locks.size() == 2);
    CHECK(locks[0].token == "file");
    CHECK(locks[0].principal == base::Id128{{7}});
    CHECK(locks[0].owner_xml == "<o/>");
    CHECK(locks[0].href == "/file");
}

TEST_CASE("locks are not logged, change no etag, and are counted") {
    TempDir dir;
    Locked home(dir.path());
    const auto before = home.log_rows();
    const auto etag = home.etag(home.folder.id);
    home.store->write([&](WriteTxn& txn) {
        txn.add_lock(lock_on(home.folder, "more"));
        txn.refresh_lock("more", base::system_clock().now_ms() + kHourMs);
        txn.remove_lock("inner");
    });
    CHECK(home.log_rows() == before);
    CHECK(home.etag(home.folder.id) == etag);
    const auto count = home.store->read([](ReadTxn& txn) { return txn.count_locks(base::Id128{{7}}); });
    CHECK(count.all == 2);
    CHECK(count.of_principal == 2);
    CHECK(home.store->read([](ReadTxn& txn) { return txn.count_locks(base::Id128{{8}}); }).of_principal == 0);
}

TEST_CASE("an expired lock is absent everywhere and leaves with the next one") {
    TempDir dir;
    Locked home(dir.path());
    home.store->write([&](WriteTxn& txn) {
        txn.refresh_lock("file", base::system_clock().now_ms());
        txn.refresh_lock("inner", base::system_clock().now_ms() - 1);
    });
    CHECK(home.at(home.file).empty());
    CHECK(home.below(home.folder).empty());
    CHECK(home.all().empty());
    home.store->read([&](ReadTxn& txn) {
        CHECK(txn.count_locks(base::Id128{{7}}).all == 0);
        CHECK(txn.row(home.file.id, Need::locks)->locks.empty());
        txn.list(home.folder.id, Need::locks, "", 10, [](const Row& row) { CHECK(row.locks.empty()); });
    });
    CHECK(home.rows("SELECT count(*) FROM lock") == 2);
    home.store->write([&](WriteTxn& txn) { txn.add_lock(lock_on(home.folder, "new")); });
    CHECK(home.rows("SELECT count(*) FROM lock") == 1);
    CHECK(home.rows("SELECT count(*) FROM lock_above") == 1);
}

TEST_CASE("a listing brings each member's locks") {
    TempDir dir;
    Locked home(dir.path());
    const Node a = home.put(home.folder.id, "a", "x");
    const Node z = home.put(home.folder.id, "z", "x");
    home.store->write([&](WriteTxn& txn) {
        txn.add_lock(lock_on(z, "z1"));
        txn.add_lock(lock_on(z, "z2"));
        txn.add_lock(lock_on(home.folder, "itself"));
    });
    std::string seen;
    home.store->read([&](ReadTxn& txn) {
        txn.list(home.folder.id, Need::locks | Need::props, "", 10,
                 [&](const Row& row) { seen += row.node.name + "(" + tokens(row.locks) + ")"; });
    });
    CHECK(seen == "a()e(inner)z(z1 z2)");
    CHECK(home.store->read([&](ReadTxn& txn) { return tokens(txn.row(z.id, Need::locks)->locks); }) == "z1 z2");
}

TEST_CASE("locks go with a removal and a move, of their node or of a folder above") {
    TempDir dir;
    Locked home(dir.path());
    SECTION("the file is removed") {
        home.remove(home.file.id);
        CHECK(home.all() == "inner");
        CHECK(home.below(home.folder) == "inner");
    }
    SECTION("a folder above is removed") {
        home.remove(home.folder.id);
        CHECK(home.all().empty());
        CHECK(home.rows("SELECT count(*) FROM lock_above") == 0);
    }
    SECTION("the file is moved") {
        home.place(home.file.id, home.files.root, "g");
        CHECK(home.all() == "inner");
    }
    SECTION("a folder above is moved") {
        home.place(home.folder.id, home.files.root, "g");
        CHECK(home.all().empty());
        CHECK(home.rows("SELECT count(*) FROM lock_above") == 0);
    }
    SECTION("a folder too big for one commit is removed") {
        for (std::size_t done = 0; done <= kRemoveAtOnceMax; done += 100) {
            home.store->write([&](WriteTxn& txn) {
                for (std::size_t i = 0; i < 100; ++i)
                    txn.make({home.folder.id, std::to_string(done + i), NodeKind::folder, {}}, {});
            });
        }
        home.remove(home.folder.id);
        CHECK(home.all().empty());
    }
    SECTION("a neighbour is moved, content is replaced") {
        home.put(home.inner.id, "f", "other");
        home.place(home.put(home.inner.id, "h", "x").id, home.files.root, "h");
        CHECK(home.all() == "file inner");
    }
}

TEST_CASE("check finds a wrong index of locks, and repair makes it anew") {
    TempDir dir;
    Locked home(dir.path());
    CHECK(home.store->check(false).empty());
    for (const char* damage :
         {"DELETE FROM lock_above WHERE distance = 2", "UPDATE lock_above SET node = node + 100"}) {
        {
            sql::Connection db(dir.path() + "/.hearth/hearth.db", sql::Access::writer, nullptr);
            db.script(damage);
        }
        INFO(damage);
        const auto found = home.store->check(false);
        REQUIRE(found.size() == 1);
        CHECK(found[0].what == "lock-index");
        const auto repaired = home.store->check(true);
        REQUIRE(repaired.size() == 1);
        CHECK(repaired[0].repaired);
        CHECK(home.store->check(false).empty());
        CHECK(home.below(home.folder) == "inner file");
    }
}

TEST_CASE("a database from before the locks learns to find them") {
    TempDir dir;
    sql::Connection db(dir.path() + "/x.db", sql::Access::writer, nullptr);
    CHECK(apply_schema(db, {}).empty());
    make_old(db, 1);
    CHECK(apply_schema(db, {}).empty());
    auto query = db.query("SELECT count(*) FROM lock_above");
    CHECK(query.next());
}

}  // namespace storage
