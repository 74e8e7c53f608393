#include "storage/root_state.h"

#include "storage/base/failure.h"  // before Catch: both have a CHECK, and here it is the test's

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "storage/filer.h"
#include "storage/sql.h"
#include "tests/storage/mounted.h"
#include "tests/storage/store_support.h"
#include "tests/storage/temp_root.h"

namespace storage {
namespace {

namespace fs = std::filesystem;
using test::Mounted;

// A root with one file, as the last server left it.
void fill(const std::string& root) {
    Home home(root);
    home.put(home.files.root, "a.txt", "alpha");
}

bool takes_writes(Store& store) {
    try {
        store.write([&](WriteTxn& txn) { txn.set_local("test", "key", "value"); });
        return true;
    } catch (const base::Failure& failure) {
        CHECK(failure.fault() == base::Fault::unavailable);
        return false;
    }
}

// What the index lists, and that it counts nothing as removed.
std::vector<std::string> listed(Store& store) {
    std::vector<std::string> names;
    store.read([&](ReadTxn& txn) {
        const auto space = txn.space_of(SpaceKind::files, base::Id128{{1, 2, 3}});
        REQUIRE(space);
        txn.list(space->root, Need::none, "", kListPageMax, [&](const Row& row) { names.push_back(row.node.name); });
    });
    return names;
}

const std::vector<std::string> kListed = {"a.txt"};

std::vector<std::string> tree_of(const std::string& root) {
    std::vector<std::string> paths;
    for (const auto& entry : fs::recursive_directory_iterator(root)) paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    return paths;
}

bool mentions(Store& store, const char* what) {
    return store.state().trouble().find(what) != std::string::npos;
}

TEST_CASE("a root without its marker is served read-only, until it is put back") {
    TempDir dir;
    fill(dir.path());
    const std::string marker = dir.path() + "/.hearth/root.json";
    fs::rename(marker, dir.path() + "/saved");
    {
        const auto store = open_store(dir.path());
        CHECK_FALSE(takes_writes(*store));
        CHECK(mentions(*store, "root.json is missing"));
        CHECK(listed(*store) == kListed);
        CHECK(store->state().readable());
        CHECK_FALSE(fs::exists(marker));
        // What it says it wants is what was there.
        std::ifstream saved(dir.path() + "/saved");
        std::string text;
        std::getline(saved, text);
        CHECK(mentions(*store, text.c_str()));
    }
    fs::rename(dir.path() + "/saved", marker);
    CHECK(takes_writes(*open_store(dir.path())));
}

TEST_CASE("a root whose marker names another database is served read-only") {
    TempDir dir, other;
    fill(dir.path());
    fill(other.path());
    const std::string marker = "/.hearth/root.json";
    fs::copy_file(other.path() + marker, dir.path() + marker, fs::copy_options::overwrite_existing);
    const auto store = open_store(dir.path());
    CHECK_FALSE(takes_writes(*store));
    CHECK(mentions(*store, "another database"));
    CHECK(listed(*store) == kListed);
}

TEST_CASE("a root whose files are not there is served read-only, its index only") {
    for (const bool empty : {true, false}) {
        TempDir dir;
        fill(dir.path());
        fs::rename(dir.path() + "/files", dir.path() + "/elsewhere");
        if (empty) fs::create_directory(dir.path() + "/files");
        {
            const auto store = open_store(dir.path());
            CHECK_FALSE(takes_writes(*store));
            CHECK(mentions(*store, "/files is missing or empty"));
            CHECK(listed(*store) == kListed);
            CHECK_FALSE(store->state().readable());
        }
        // Nothing was made in what may be the folder on which a disk is to be mounted.
        CHECK(fs::exists(dir.path() + "/files") == empty);
        if (empty) CHECK(fs::is_empty(dir.path() + "/files"));
        fs::remove(dir.path() + "/files");
        fs::rename(dir.path() + "/elsewhere", dir.path() + "/files");
        CHECK(takes_writes(*open_store(dir.path())));
    }
}

// The redo rows of a crash wait for the files: replayed into an empty mount point, they would be gone for good.
TEST_CASE("steps that wait for a disk that is not mounted are not performed elsewhere") {
    TempDir dir;
    const std::string& root = dir.path();
    fill(root);
    {
        FileStep step;
        step.dst = "files/ana/b.txt";
        const std::string expect = encode_expect(step);
        sql::Connection db(root + "/.hearth/hearth.db", sql::Access::writer, "unix");
        db.query(
              "INSERT INTO fs_todo (key, op, space, src, dst, expect, inline) VALUES (16000, 1, 2, '', ?1, ?2, "
              "x'62657461')")
            .bind_text(step.dst)
            .bind_blob(expect)
            .run();
    }
    fs::rename(root + "/files", root + "/elsewhere");
    { CHECK_FALSE(open_store(root)->state().writable()); }
    CHECK_FALSE(fs::exists(root + "/files"));
    fs::rename(root + "/elsewhere", root + "/files");
    const auto store = open_store(root);
    CHECK(takes_writes(*store));
    CHECK(fs::exists(root + "/files/ana/b.txt"));
}

TEST_CASE("a marker that is taken away under the running server stops writes, and put back lets them go on") {
    TempDir dir;
    Home home(dir.path());
    home.put(home.files.root, "a.txt", "alpha");
    Store& store = *home.store;
    const std::string marker = dir.path() + "/.hearth/root.json";
    fs::rename(marker, dir.path() + "/saved");
    CHECK_FALSE(takes_writes(store));
    CHECK(mentions(store, "was removed"));
    CHECK(store.state().readable());
    fs::copy_file(dir.path() + "/saved", marker);  // another inode, the same words
    store.state().look();
    CHECK(takes_writes(store));
    CHECK(store.state().trouble().empty());
}

TEST_CASE("a marker that is written over under the running server stops writes, until the right one is there") {
    TempDir dir;
    Home home(dir.path());
    home.put(home.files.root, "a.txt", "alpha");
    Store& store = *home.store;
    const std::string marker = dir.path() + "/.hearth/root.json";
    const auto write_over = [&](const std::string& text) { std::ofstream(marker) << text; };  // the same inode
    const auto right = read_marker(store.tree());
    REQUIRE(right);
    write_over(marker_text({right->root, right->root}));
    CHECK_FALSE(takes_writes(store));
    CHECK(mentions(store, "another database"));
    CHECK(store.state().readable());
    write_over(marker_text(*right));
    store.state().look();
    CHECK(takes_writes(store));
}

TEST_CASE("files that are taken away under the running server stop reads and writes") {
    TempDir dir;
    Home home(dir.path());
    home.put(home.files.root, "a.txt", "alpha");
    Store& store = *home.store;
    fs::rename(dir.path() + "/files", dir.path() + "/elsewhere");
    fs::create_directory(dir.path() + "/files");
    CHECK_FALSE(takes_writes(store));
    CHECK_FALSE(store.state().readable());
    CHECK(fs::is_empty(dir.path() + "/files"));
    CHECK(listed(store) == kListed);
    fs::remove(dir.path() + "/files");
    fs::rename(dir.path() + "/elsewhere", dir.path() + "/files");
    store.state().look();
    CHECK(takes_writes(store));
}

TEST_CASE("a root that is unmounted under the running server gets no writes, and nothing is written below it") {
    Mounted disk("ext4", "-I 256");
    if (!disk) return;
    {
        Home home(disk.path());
        home.put(home.files.root, "a.txt", "alpha");
        Store& store = *home.store;
        disk.unmount();
        REQUIRE(tree_of(disk.path()).empty());
        CHECK_FALSE(takes_writes(store));
        CHECK_FALSE(store.state().readable());
        CHECK(mentions(store, "unmounted"));
        CHECK(listed(store) == kListed);
        CHECK(tree_of(disk.path()).empty());
        REQUIRE(disk.mount_again());
        store.state().look();
        CHECK(takes_writes(store));
        disk.unmount();
    }
    CHECK(tree_of(disk.path()).empty());
}

// The database has no room to grow, and a file is not written anew. What a killed process left is there all the same.
TEST_CASE("a root opens on a full disk, with a log that does not fit into the database and files that are whole") {
    const Mounted disk("tmpfs", "size=32m");
    if (!disk) return;
    const std::string root = disk.path() + "/root";
    {
        TempDir dir;
        Home home(dir.path());
        for (int i = 0; i < 200; ++i) {
            home.store->write([&](WriteTxn& txn) { txn.set_local("test", std::to_string(i), std::string(3000, 'x')); });
        }
        home.put(home.files.root, "a.txt", "alpha");
        REQUIRE(std::system(("cp -a " + dir.path() + " " + root).c_str()) == 0);  // with the times of the files
    }
    REQUIRE(fs::file_size(root + "/.hearth/hearth.db-wal") > fs::file_size(root + "/.hearth/hearth.db"));
    {
        std::ofstream filler(disk.path() + "/filler");
        const std::string piece(1000, 'x');
        while (filler << piece << std::flush) {
        }
    }
    const auto store = open_store(root);
    CHECK(store->state().trouble().empty());
    store->read([](ReadTxn& txn) { CHECK(txn.local("test", "199")); });
    CHECK_FALSE(store->behind("files/ana/a.txt"));
}

TEST_CASE("a disk that becomes read-only under the running server stops writes, and reads go on") {
    const Mounted disk("ext4", "-I 256 -O has_journal -e remount-ro");
    if (!disk) return;
    Home home(disk.path());
    home.put(home.files.root, "a.txt", "alpha");
    Store& store = *home.store;
    if (!disk.fail()) return;
    CHECK_FALSE(takes_writes(store));
    CHECK(mentions(store, "read-only"));
    CHECK(store.state().readable());
    CHECK(listed(store) == kListed);
    REQUIRE(store.tree().open("files/ana/a.txt"));
    home.store.reset();
    try {
        open_store(disk.path());
        FAIL("it opened");
    } catch (const Store::NotARoot& refused) {
        CHECK(std::string(refused.what()).find("read-only") != std::string::npos);
    }
}

}  // namespace
}  // namespace storage
