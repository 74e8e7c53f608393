// Ours first: both they and Catch have a CHECK, and here it is the test's.
#include "storage/replication/record.h"
#include "storage/root_state.h"
#include "storage/sql.h"
#include "tests/storage/store_support.h"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

namespace fs = std::filesystem;

namespace storage {

namespace {

std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

struct LogRow {
    Lsn lsn;
    SpaceId space;
    std::int64_t seq;
    RecordKind kind;
    RecordBody body;
};

// Looks into the database beside the running store: WAL lets any number of readers in.
std::vector<LogRow> log_after(const std::string& root, Lsn after) {
    sql::Connection db(root + "/.hearth/hearth.db", sql::Access::reader, nullptr);
    std::vector<LogRow> rows;
    auto query = db.query("SELECT lsn, space, seq, kind, body FROM log WHERE lsn > ?1 ORDER BY lsn");
    query.bind(after);
    while (query.next()) {
        auto body = decode(query.blob(4));
        REQUIRE(body);
        rows.push_back({query.integer(0), query.integer(1), query.integer(2), static_cast<RecordKind>(query.integer(3)),
                        *std::move(body)});
    }
    return rows;
}

std::int64_t number(const std::string& root, const char* statement) {
    sql::Connection db(root + "/.hearth/hearth.db", sql::Access::reader, nullptr);
    auto query = db.query(statement);
    return query.next() ? query.integer(0) : -1;
}

Lsn lsn_of(Store& store) {
    return store.read([](ReadTxn& txn) { return txn.lsn(); });
}

}  // namespace

TEST_CASE("a root is made only in a missing or empty folder") {
    TempDir dir;
    SECTION("missing") {
        open_store(dir.path() + "/new");
        CHECK(fs::exists(dir.path() + "/new/.hearth/root.json"));
    }
    SECTION("a second start opens it again") {
        const auto uuid = open_store(dir.path())->uuid();
        CHECK(open_store(dir.path())->uuid() == uuid);
        CHECK_FALSE(uuid.is_zero());
    }
    SECTION("somebody else's folder") {
        std::ofstream(dir.path() + "/letter.txt") << "hello";
        CHECK_THROWS_AS(open_store(dir.path()), Store::NotARoot);
        CHECK_FALSE(fs::exists(dir.path() + "/.hearth"));
    }
    SECTION("the marker is missing") {
        { Home home(dir.path()); }
        fs::remove(dir.path() + "/.hearth/root.json");
        CHECK_FALSE(open_store(dir.path())->state().writable());
        // Without the index as well there is nothing left to serve.
        fs::remove(dir.path() + "/.hearth/hearth.db");
        CHECK_THROWS_AS(open_store(dir.path()), Store::NotARoot);
    }
    SECTION("the marker names another database") {
        open_store(dir.path());
        std::ofstream(dir.path() + "/.hearth/root.json") << R"({"root": "a", "db": "b"})";
        CHECK_FALSE(open_store(dir.path())->state().writable());
    }
    SECTION("two at once") {
        const auto first = open_store(dir.path());
        try {
            open_store(dir.path());
            FAIL("opened twice");
        } catch (const Store::InUse& in_use) {
            CHECK(in_use.pid() == std::to_string(::getpid()));
        }
    }
}

TEST_CASE("what the store keeps for itself is nobody else's to read") {
    TempDir dir;
    const auto modes = [&] {
        std::map<std::string, unsigned> found;
        for (const auto& entry : fs::directory_iterator(dir.path() + "/.hearth")) {
            if (entry.is_regular_file())
                found[entry.path().filename()] = static_cast<unsigned>(entry.status().permissions());
        }
        return found;
    };
    const std::map<std::string, unsigned> wanted = {
        {"hearth.db", 0600}, {"hearth.db-shm", 0600}, {"hearth.db-wal", 0600}, {"lock", 0600}, {"root.json", 0600}};
    const ::mode_t before = ::umask(0);
    {
        Home home(dir.path());
        CHECK(modes() == wanted);
    }
    // An older root, or one restored without care.
    for (const auto& [name, mode] : modes())
        if (name != "lock") fs::permissions(dir.path() + "/.hearth/" + name, fs::perms{0664});
    Home home(dir.path());
    CHECK(modes() == wanted);
    ::umask(before);
}

TEST_CASE("a removal finds the folder it keeps files in, so that a full disk takes no part in it") {
    TempDir dir;
    const std::string versions = dir.path() + "/root/.hearth/versions";
    const auto shelves = [&] {
        std::size_t count = 0;
        for (const auto& one : fs::directory_iterator(versions)) count += one.is_directory() ? 1 : 0;
        return count;
    };
    { Home home(dir.path() + "/root"); }
    CHECK(shelves() == 256);
    fs::remove(versions + "/a7");  // an older root has only those it came to need
    { Home home(dir.path() + "/root"); }
    CHECK(shelves() == 256);
    CHECK(fs::exists(versions + "/a7"));
}

TEST_CASE("content is written, read, replaced, and its past kept") {
    TempDir dir;
    Home home(dir.path());
    const Node first = home.put(home.files.root, "a.txt", "one");
    CHECK(read_file(dir.path() + "/files/ana/a.txt") == "one");
    CHECK(first.size == 3);
    CHECK(etag_of(first).size() == 24);
    auto facts = home.store->read([&](ReadTxn& txn) { return txn.disk(first.id); });
    REQUIRE(facts);
    CHECK(facts->same_version(home.store->tree().stat("files/ana/a.txt").value()));

    const Node second = home.put(home.files.root, "a.txt", "four");
    CHECK(second.id == first.id);
    CHECK(second.oid == first.oid);
    CHECK(etag_of(second) != etag_of(first));
    CHECK(read_file(dir.path() + "/files/ana/a.txt") == "four");
    const std::string hex = base::hex(first.hash->view());
    CHECK(read_file(dir.path() + "/.hearth/versions/" + hex.substr(0, 2) + "/" + hex) == "one");
    CHECK(home.store->read([&](ReadTxn& txn) { return txn.space(home.files.id)->used_bytes; }) == 4);
    facts = home.store->read([&](ReadTxn& txn) { return txn.row(first.id, Need::disk)->disk; });
    REQUIRE(facts);
    CHECK(facts->same_version(home.store->tree().stat("files/ana/a.txt").value()));
    CHECK(home.store->check(false).empty());

    SECTION("staged content") {
        Upload upload(home.store->tree(), base::system_rng(), {{}, 1 << 20});
        upload.write(std::string(100'000, 'x'));
        upload.close();
        Content content = upload.finish({});
        REQUIRE_FALSE(content.is_inline());
        home.store->write([&](WriteTxn& txn) {
            txn.put({home.files.root, "a.txt", NodeKind::file, {}, {}}, std::move(content), no_index(), {});
        });
        CHECK(read_file(dir.path() + "/files/ana/a.txt") == std::string(100'000, 'x'));
        CHECK(fs::is_empty(dir.path() + "/.hearth/staging"));
        CHECK(home.store->check(false).empty());
    }
    SECTION("removal") {
        home.remove(first.id);
        CHECK_FALSE(fs::exists(dir.path() + "/files/ana/a.txt"));
        CHECK(number(dir.path(), "SELECT count(*) FROM version") == 2);
        CHECK(number(dir.path(), "SELECT count(*) FROM gone") == 1);
        CHECK(home.store->check(false).empty());
        // What is old enough leaves rows and files.
        while (home.store->expire_history(keep_nothing(), base::system_clock().now_ms() + 1000, 100) > 0) {
        }
        CHECK(number(dir.path(), "SELECT count(*) FROM version") == 0);
        CHECK_FALSE(fs::exists(dir.path() + "/.hearth/versions/" + hex.substr(0, 2) + "/" + hex));
    }
}

TEST_CASE("cards live in the database") {
    TempDir dir;
    Home home(dir.path());
    const Node book = home.make(home.pim.root, "book", NodeKind::addressbook);
    const Node card = home.put(book.id, "a.vcf", "BEGIN:VCARD", NodeKind::card);
    const auto body = home.store->read([&](ReadTxn& txn) { return txn.body(*card.hash); });
    CHECK(body == "BEGIN:VCARD");
    CHECK_FALSE(fs::exists(dir.path() + "/book"));
    std::string octets(book.oid.view());
    CHECK(card.oid.view() == base::sha256(octets + "a.vcf").view().substr(0, 16));
    home.place(card.id, book.id, "b.vcf");
    const Node other = home.put(book.id, "a.vcf", "BEGIN:VCARD", NodeKind::card);
    CHECK(other.oid != card.oid);
    home.remove(card.id);
    CHECK(home.store->read([&](ReadTxn& txn) { return txn.body(*card.hash); }).has_value());
    home.remove(other.id);
    while (home.store->expire_history(keep_nothing(), base::system_clock().now_ms() + 1000, 100) > 0) {
    }
    CHECK_FALSE(home.store->read([&](ReadTxn& txn) { return txn.body(*card.hash); }).has_value());
    CHECK(home.store->check(false).empty());
}

TEST_CASE("a move keeps id and etag, whatever is below, with one record") {
    TempDir dir;
    Home home(dir.path());
    const Node from = home.make(home.files.root, "from");
    const Node to = home.make(home.files.root, "to");
    const Node deep = home.make(from.id, "deep");
    const Node file = home.put(deep.id, "x.txt", "x");
    const Lsn before = lsn_of(*home.store);
    const Node moved = home.place(deep.id, to.id, "shallow");
    CHECK(moved.oid == deep.oid);
    CHECK(log_after(dir.path(), before).size() == 1);
    CHECK(read_file(dir.path() + "/files/ana/to/shallow/x.txt") == "x");
    CHECK_FALSE(fs::exists(dir.path() + "/files/ana/from/deep"));
    CHECK(home.etag(file.id) == etag_of(file));
    CHECK(home.etag(from.id) == etag_of(from));
    home.store->read([&](ReadTxn& txn) {
        CHECK(base::join(txn.path_of(file.id)) == "to/shallow/x.txt");
        CHECK(txn.disk_path(*txn.node(file.id)) == "files/ana/to/shallow/x.txt");
    });
    CHECK_THROWS_AS(home.place(to.id, moved.id, "circle"), base::Failure);
    CHECK(home.store->check(false).empty());
}

TEST_CASE("names are found by exact octets, then by what they normalise to") {
    TempDir dir;
    Home home(dir.path());
    const std::string nfc = "caf\xc3\xa9";
    const std::string nfd = "cafe\xcc\x81";
    const auto find = [&](const std::string& name) {
        return home.store->read([&](ReadTxn& txn) { return txn.child(home.files.root, name); });
    };
    SECTION("stored NFC") {
        const Node node = home.put(home.files.root, nfc, "x");
        CHECK(find(nfd)->id == node.id);
        CHECK(home.put(home.files.root, nfd, "y").id == node.id);
    }
    SECTION("stored NFD") {
        const Node node = home.put(home.files.root, nfd, "x");
        CHECK(node.name == nfd);
        CHECK(find(nfc)->id == node.id);
        CHECK(find(nfd)->id == node.id);
        const Node exact = home.make(home.files.root, nfc);
        CHECK(find(nfc)->id == exact.id);
        CHECK(find(nfd)->id == node.id);
    }
    CHECK_FALSE(find("cafe"));
    CHECK_FALSE(find("caf\xff"));
    home.store->read([&](ReadTxn& txn) {
        const std::vector<std::string> names = {nfd, "cafe", nfc, "caf\xff"};
        CHECK(txn.children(home.files.root, names) == std::vector<NodeId>{find(nfd)->id, 0, find(nfc)->id, 0});
    });
}

TEST_CASE("each verb leaves its one record with its facets") {
    TempDir dir;
    Home home(dir.path());
    Node folder;
    Node file;
    struct Verb {
        const char* name;
        std::function<void(WriteTxn&)> run;
        RecordKind kind;
        const char* facets;  // c create, p place, o content, m meta, r removed, k kv
    };
    const std::vector<Verb> verbs = {
        {"make",
         [&](WriteTxn& t) {
             folder = t.make({home.files.root, "d", NodeKind::folder, {}}, {});
         },
         RecordKind::node, "cp"},
        {"put new",
         [&](WriteTxn& t) {
             file = t.put({folder.id, "f", NodeKind::file, {}, {}}, text_content("1"), no_index(), {}).node;
         },
         RecordKind::node, "cpo"},
        {"put again",
         [&](WriteTxn& t) {
             t.put({folder.id, "f", NodeKind::file, {}, {}}, text_content("22"), no_index(), {});
         },
         RecordKind::node, "o"},
        {"set_props",
         [&](WriteTxn& t) {
             t.set_props(file.id, {{{"urn:x", "colour", "red"}, {"", "shape", "round"}}, 5'000'000'000, true}, {});
         },
         RecordKind::node, "m"},
        {"drop props",
         [&](WriteTxn& t) {
             t.set_props(file.id, {{{"urn:x", "colour", {}}, {"", "shape", {}}, {"urn:x", "never", {}}}, {}, {}}, {});
         },
         RecordKind::node, "m"},
        {"place", [&](WriteTxn& t) { t.place(file.id, home.files.root, "g", {}); }, RecordKind::node, "p"},
        {"remove", [&](WriteTxn& t) { t.remove(folder.id, {}); }, RecordKind::remove, "r"},
        {"set_kv",
         [&](WriteTxn& t) {
             t.set_kv({"user", "ana", "name"}, "Ana", {});
         },
         RecordKind::kv, "k"},
        {"make_hidden", [&](WriteTxn& t) { folder = t.make_hidden(home.files.id, {}); }, RecordKind::node, "cp"},
        {"add_copied",
         [&](WriteTxn& t) {
             WriteTxn::Copied member;
             member.parent = folder.id;
             member.name = "inner";
             member.kind = NodeKind::folder;
             member.props.push_back({"urn:x", "y", "z"});
             t.add_copied(std::span(&member, 1), {});
         },
         RecordKind::node, "cpm"},
        {"place hidden", [&](WriteTxn& t) { t.place(folder.id, home.files.root, "copy", {}); }, RecordKind::node, "p"},
    };
    std::map<SpaceId, std::int64_t> seqs;
    for (const LogRow& row : log_after(dir.path(), 0)) seqs[row.space] = row.seq;
    for (const Verb& verb : verbs) {
        INFO(verb.name);
        const Lsn before = lsn_of(*home.store);
        home.store->write([&](WriteTxn& txn) { verb.run(txn); });
        const auto rows = log_after(dir.path(), before);
        REQUIRE(rows.size() == 1);
        CHECK(rows[0].kind == verb.kind);
        CHECK(rows[0].seq == ++seqs[rows[0].space]);
        std::string facets;
        if (rows[0].body.create) facets += 'c';
        if (rows[0].body.place) facets += 'p';
        if (rows[0].body.content) facets += 'o';
        if (rows[0].body.meta) facets += 'm';
        if (!rows[0].body.removed.empty()) facets += 'r';
        if (rows[0].body.kv) facets += 'k';
        CHECK(facets == verb.facets);
    }
    CHECK(fs::is_directory(dir.path() + "/files/ana/copy/inner"));
    home.store->read([&](ReadTxn& txn) {
        CHECK(txn.kv({"user", "ana", "name"}) == "Ana");
        CHECK(txn.vector(home.files.id).at(0).seq == seqs[home.files.id]);
        CHECK(txn.props(txn.walk(home.files.root, base::Segments{"copy", "inner"}).last().id).size() == 1);
        CHECK(txn.props(file.id).empty());
    });
    CHECK(home.store->check(false).empty());
}

TEST_CASE("what a function throws takes only its own changes with it") {
    TempDir dir;
    Home home(dir.path());
    CHECK_THROWS_AS(home.store->write([&](WriteTxn&) { throw std::logic_error("before"); }), std::logic_error);
    const Lsn before = lsn_of(*home.store);
    // Many at once, so that groups form; every third fails after its verb.
    std::vector<std::thread> threads;
    std::atomic<int> failed = 0;
    for (int t = 0; t < 8; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < 30; ++i) {
                const std::string name = std::to_string(t) + "-" + std::to_string(i);
                try {
                    home.store->write([&](WriteTxn& txn) {
                        txn.put({home.files.root, name, NodeKind::file, {}, {}}, text_content(name), no_index(), {});
                        if (i % 3 == 0) throw std::runtime_error("after");
                    });
                } catch (const std::runtime_error&) {
                    ++failed;
                }
            }
        });
    }
    for (auto& thread : threads) thread.join();
    CHECK(failed == 80);
    CHECK(home.store->read([&](ReadTxn& txn) { return txn.count_children(home.files.root); }) == 160);
    const auto rows = log_after(dir.path(), before);
    REQUIRE(rows.size() == 160);
    CHECK(rows.back().seq == rows.front().seq + 159);
    CHECK(home.store->check(false).empty());
}

TEST_CASE("many writers at once: all visible, no hole in the sequence") {
    TempDir dir;
    Home home(dir.path());
    constexpr int kThreads = 16;
    constexpr int kPuts = 200;
    std::vector<std::thread> threads;
    std::atomic<int> unseen = 0;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            const Node folder = home.make(home.files.root, "d" + std::to_string(t));
            for (int i = 0; i < kPuts; ++i) {
                const std::string name = std::to_string(i % 150);  // some replace
                const Node node = home.put(folder.id, name, name + std::to_string(i));
                if (!fs::exists(dir.path() + "/files/ana/d" + std::to_string(t) + "/" + name)) ++unseen;
                if (home.node(node.id).hash != node.hash) ++unseen;
            }
        });
    }
    for (auto& thread : threads) thread.join();
    CHECK(unseen == 0);
    std::map<SpaceId, std::int64_t> last;
    for (const LogRow& row : log_after(dir.path(), 0)) CHECK(row.seq == ++last[row.space]);
    CHECK(last[home.files.id] == 1 + kThreads + kThreads * kPuts);
    CHECK(home.store->check(false).empty());
}

TEST_CASE("a listing streams in name order with what it needs") {
    TempDir dir;
    Home home(dir.path());
    constexpr int kMembers = 10'000;
    const Node hidden = home.store->write([&](WriteTxn& txn) { return txn.make_hidden(home.pim.id, {}); });
    for (int at = 0; at < kMembers;) {
        std::vector<WriteTxn::Copied> group;
        for (; at < kMembers && group.size() < kCopyGroupMax; ++at) {
            WriteTxn::Copied member;
            member.parent = hidden.id;
            member.name = "n" + std::to_string(100'000 + at);
            member.kind = NodeKind::card;
            member.size = at;
            member.hash = base::sha256(member.name);
            if (at % 10 == 0) member.props.push_back({"urn:x", "n", std::to_string(at)});
            group.push_back(std::move(member));
        }
        home.store->write([&](WriteTxn& txn) { txn.add_copied(group, {}); });
    }
    home.place(hidden.id, home.pim.root, "many");
    home.store->read([&](ReadTxn& txn) {
        int at = 0;
        const std::size_t given = txn.list(hidden.id, Need::props | Need::disk, "", kListPageMax, [&](const Row& row) {
            CHECK(row.node.size == at);
            CHECK(row.props.size() == (at % 10 == 0 ? 1 : 0));
            ++at;
        });
        CHECK(given == kMembers);
        at = 0;
        CHECK(txn.list(hidden.id, Need::props, "n109998", 5,
                       [&](const Row& row) { CHECK(row.node.name == "n109999"); }) == 1);
        CHECK(txn.list(hidden.id, Need::none, "", 7, [&](const Row&) { ++at; }) == 7);
        CHECK(at == 7);
    });
    CHECK(home.store->check(false).empty());

    // More than one commit takes: gone at once, the rows in groups.
    home.remove(hidden.id);
    home.store->read([&](ReadTxn& txn) { CHECK_FALSE(txn.child(home.pim.root, "many")); });
    CHECK(home.store->read([&](ReadTxn& txn) { return txn.node(hidden.id)->parent; }) == 0);
    CHECK(home.store->check(false).empty());
    std::size_t drained = 0;
    while (const std::size_t some = home.store->drain_hidden(500)) drained += some;
    CHECK(drained == kMembers + 1);
    CHECK_FALSE(home.store->read([&](ReadTxn& txn) { return txn.node(hidden.id); }));
    CHECK(home.store->read([&](ReadTxn& txn) { return txn.space(home.pim.id)->used_bytes; }) == 0);
    CHECK(home.store->check(false).empty());
}

TEST_CASE("a removed folder is one rename into trash, and expires whole") {
    TempDir dir;
    Home home(dir.path());
    const Node folder = home.make(home.files.root, "d");
    home.put(home.make(folder.id, "e").id, "f.txt", "bytes");
    home.remove(folder.id);
    CHECK(fs::is_empty(dir.path() + "/files/ana"));
    const fs::path kept = fs::directory_iterator(dir.path() + "/.hearth/trash")->path();
    CHECK(read_file(kept / "e/f.txt") == "bytes");
    CHECK(number(dir.path(), "SELECT count(*) FROM gone") == 3);
    {
        sql::Connection db(dir.path() + "/.hearth/hearth.db", sql::Access::reader, nullptr);
        auto query = db.query("SELECT place FROM version");
        REQUIRE(query.next());
        CHECK(dir.path() + "/" + std::string(query.text(0)) == (kept / "e/f.txt").string());
    }
    const auto soon = [] { return base::system_clock().now_ms() + 1000; };
    CHECK(home.store->forget_removals({soon(), soon()}, 100) == 0);  // its bytes would have no name
    while (home.store->expire_history(keep_nothing(), soon(), 100) > 0) {
    }
    CHECK(fs::is_empty(dir.path() + "/.hearth/trash"));
    // That it was there is known for longer: clients that sync are told.
    CHECK(number(dir.path(), "SELECT count(*) FROM gone") == 3);
    CHECK(number(dir.path(), "SELECT max(floor_token) FROM vector") == 0);
    CHECK(home.store->forget_removals({soon(), soon()}, 2) == 2);
    CHECK(home.store->forget_removals({soon(), soon()}, 2) == 1);
    CHECK(home.store->forget_removals({soon(), soon()}, 2) == 0);
    CHECK(number(dir.path(), "SELECT count(*) FROM gone") == 0);
    CHECK(number(dir.path(), "SELECT max(floor_token) FROM vector") == 5);  // root, d, e, f.txt, the removal
    // A second removal of the same size goes the same way.
    const Node again = home.make(home.files.root, "d");
    home.put(again.id, "f.txt", "bytes");
    home.remove(again.id);
    while (home.store->expire_history(keep_nothing(), soon(), 100) > 0) {
    }
    CHECK(fs::is_empty(dir.path() + "/.hearth/trash"));
}

TEST_CASE("a removed space leaves its folder in trash") {
    TempDir dir;
    Home home(dir.path());
    home.put(home.files.root, "a.txt", "a");
    const std::string where = home.store->write([&](WriteTxn& txn) { return txn.remove_space(home.files.id, {}); });
    CHECK(read_file(dir.path() + "/" + where + "/a.txt") == "a");
    CHECK_FALSE(fs::exists(dir.path() + "/files/ana"));
    const Space again =
        home.store->write([&](WriteTxn& txn) { return txn.make_space(SpaceKind::files, home.owner, "files/ana", {}); });
    CHECK(again.id != home.files.id);
    CHECK(fs::is_empty(dir.path() + "/files/ana"));
    CHECK(home.store->check(false).empty());
}

TEST_CASE("check names what stood in the way and was kept aside") {
    TempDir dir;
    Home home(dir.path());
    std::ofstream(dir.path() + "/files/ana/a.txt") << "put there by hand";
    home.put(home.files.root, "a.txt", "put by a client");
    CHECK(read_file(dir.path() + "/files/ana/a.txt") == "put by a client");
    const auto findings = home.store->check(false);
    REQUIRE(findings.size() == 1);
    CHECK(findings[0].what == Store::Finding::kKeptAside);
    CHECK(read_file(dir.path() + "/" + findings[0].where) == "put there by hand");
}

TEST_CASE("generations grow with what is below") {
    TempDir dir;
    Home home(dir.path());
    const Node folder = home.make(home.files.root, "d");
    const Node other = home.make(home.files.root, "e");
    const Node file = home.put(folder.id, "f", "1");
    auto before = home.store->generation(folder.id);
    home.put(folder.id, "f", "2");
    CHECK(home.store->generation(folder.id) != before);
    before = home.store->generation(folder.id);
    home.store->write([&](WriteTxn& txn) { txn.set_props(file.id, {{{"urn:x", "y", "z"}}, {}, {}}, {}); });
    CHECK(home.store->generation(folder.id) != before);
    before = home.store->generation(folder.id);
    home.place(other.id, home.files.root, "g");
    CHECK(home.store->generation(folder.id) != before);
}

TEST_CASE("check finds and repairs what can be recomputed") {
    TempDir dir;
    Node file;
    {
        Home home(dir.path());
        file = home.put(home.make(home.files.root, "d").id, "f", "123");
    }
    {
        sql::Connection db(dir.path() + "/.hearth/hearth.db", sql::Access::writer, nullptr);
        db.script("UPDATE node SET tree = zeroblob(32) WHERE name = 'd'; UPDATE space SET used_bytes = 77;");
    }
    fs::remove(dir.path() + "/files/ana/d/f");
    std::ofstream(dir.path() + "/files/ana/stray") << "x";
    Home home(dir.path());
    std::map<std::string, int> kinds;
    for (const auto& finding : home.store->check(false)) ++kinds[finding.what];
    const std::map<std::string, int> all = {{"digest", 1}, {"used-bytes", 3}, {"missing-file", 1}, {"unknown-file", 1}};
    CHECK(kinds == all);
    home.store->check(true);
    kinds.clear();
    for (const auto& finding : home.store->check(false)) ++kinds[finding.what];
    const std::map<std::string, int> left = {{"missing-file", 1}, {"unknown-file", 1}};
    CHECK(kinds == left);
}

}  // namespace storage
