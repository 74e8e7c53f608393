#include "storage/filer.h"
#include "tests/storage/store_support.h"
#include "tests/storage/temp_root.h"

#include <catch2/catch.hpp>

namespace storage {

namespace {

std::vector<std::string> names_of(Home& home, NodeId id) {
    std::vector<std::string> names;
    home.store->read([&](ReadTxn& txn) {
        for (const Prop& prop : txn.props(id)) names.push_back(prop.ns + "|" + prop.name + "=" + prop.value);
    });
    return names;
}

// The last record's.
Lsn lsn_of(Home& home) {
    return home.store->read([&](ReadTxn& txn) { return txn.sync_state(home.files.id).lsn; });
}

Lsn newest(Home& home) {
    return home.store->read([](ReadTxn& txn) { return txn.lsn(); });
}

void set(Home& home, NodeId id, const PropChanges& changes) {
    home.store->write([&](WriteTxn& txn) { txn.set_props(id, changes, {}); });
}

}  // namespace

TEST_CASE("properties are set and removed in one record, or in none when nothing changes") {
    TempDir dir;
    Home home(dir.path());
    const Node file = home.put(home.files.root, "f", "1");
    Lsn lsn = lsn_of(home);
    set(home, file.id, {{{"urn:x", "a", "1"}, {"", "b", "2"}}, {}, {}});
    CHECK(lsn_of(home) == lsn + 1);
    CHECK(names_of(home, file.id) == std::vector<std::string>{"|b=2", "urn:x|a=1"});
    CHECK(home.node(file.id).changed_lsn == lsn + 1);
    CHECK(home.node(file.id).content_lsn == file.content_lsn);
    CHECK(home.etag(file.id) == etag_of(file));

    set(home, file.id, {{{"urn:x", "a", {}}, {"", "b", "3"}, {"urn:x", "never", {}}}, {}, {}});
    CHECK(lsn_of(home) == lsn + 2);
    CHECK(names_of(home, file.id) == std::vector<std::string>{"|b=3"});

    lsn = lsn_of(home);
    set(home, file.id, {{{"urn:x", "a", {}}, {"urn:x", "never", {}}}, file.mtime_ns, false});
    set(home, file.id, {});
    CHECK(lsn_of(home) == lsn);
}

TEST_CASE("a file and a folder may be made with properties, in their one record") {
    TempDir dir;
    Home home(dir.path());
    const std::vector<PropChange> props = {{"urn:x", "a", "1"}};
    const Lsn lsn = newest(home);
    Node folder, file;
    home.store->write([&](WriteTxn& txn) {
        folder = txn.make({home.files.root, "d", NodeKind::folder, {}, props}, {});
        file = txn.put({folder.id, "f", NodeKind::file, {}, {}, props}, text_content("1"), no_index(), {}).node;
    });
    CHECK(newest(home) == lsn + 2);
    CHECK(names_of(home, folder.id) == std::vector<std::string>{"urn:x|a=1"});
    CHECK(names_of(home, file.id) == std::vector<std::string>{"urn:x|a=1"});
    const std::vector<PropChange> other = {{"urn:x", "a", {}}, {"urn:x", "b", "2"}};
    home.store->write([&](WriteTxn& txn) {
        txn.put({folder.id, "f", NodeKind::file, {}, {}, other}, text_content("2"), no_index(), {});
    });
    CHECK(names_of(home, file.id) == std::vector<std::string>{"urn:x|b=2"});
    CHECK(home.store->check(false).empty());
}

TEST_CASE("properties count in the space as long as they are stored, those of copies too") {
    TempDir dir;
    Home home(dir.path());
    const auto used = [&] {
        CHECK(home.store->check(false).empty());
        return home.store->read([&](ReadTxn& txn) { return txn.space(home.files.id)->used_bytes; });
    };
    const Node file = home.put(home.files.root, "f", "1234");
    const Node folder = home.make(home.files.root, "d");
    CHECK(used() == 4);
    set(home, file.id, {{{"urn:x", "a", "12345"}}, {}, {}});
    set(home, folder.id, {{{"urn:x", "a", "größe"}, {"", "b", "1"}}, {}, {}});
    CHECK(used() == 4 + 11 + 13 + 2);
    set(home, file.id, {{{"urn:x", "a", "1"}}, {}, {}});
    CHECK(used() == 4 + 7 + 13 + 2);
    set(home, file.id, {{{"urn:x", "a", {}}, {"urn:x", "never", {}}}, {}, {}});
    CHECK(used() == 4 + 6 + 13 + 2);  // its name is kept
    const std::vector<PropChange> props = {{"", "c", "12"}};
    Node hidden;
    home.store->write([&](WriteTxn& txn) {
        txn.make({home.files.root, "e", NodeKind::folder, {}, props}, {});
        txn.put({home.files.root, "f", NodeKind::file, {}, {}, props}, text_content("1"), no_index(), {});
        hidden = txn.make_hidden(home.files.id, {});
        const WriteTxn::Copied copied{hidden.id, "g", NodeKind::folder, 0, false, 0, {}, {}, props};
        txn.add_copied(std::span(&copied, 1), {});
    });
    CHECK(used() == 1 + 6 + 13 + 2 + 3 * 3);
    home.store->write([&](WriteTxn& txn) {
        txn.remove(hidden.id, {});
        txn.remove(folder.id, {});
        txn.remove(file.id, {});
    });
    CHECK(used() == 3);
}

TEST_CASE("time and x bit: the index takes both, the disk the bit alone, and knows its file afterwards") {
    TempDir dir;
    Node file;
    {
        Home home(dir.path());
        file = home.put(home.files.root, "f", "1");
        const auto before = home.store->tree().stat("files/ana/f");
        set(home, file.id, {{}, 5'000'000'000, true});
        const Node now = home.node(file.id);
        CHECK(now.mtime_ns == 5'000'000'000);
        CHECK(now.exec);
        const auto after = home.store->tree().stat("files/ana/f");
        REQUIRE(after);
        CHECK(after->exec);
        CHECK(after->mtime_ns == before->mtime_ns);
        home.store->read([&](ReadTxn& txn) { CHECK(txn.disk(file.id)->same_version(*after)); });
    }
    Home home(dir.path());
    CHECK(home.node(file.id).exec);
    home.store->read(
        [&](ReadTxn& txn) { CHECK(txn.disk(file.id)->same_version(*home.store->tree().stat("files/ana/f"))); });
    CHECK(home.store->check(false).empty());
}

TEST_CASE("a set_exec step finds its file or leaves another one alone, also in a replay") {
    test::TempRoot root;
    root.write("files/a", "one", 1000);
    Filer filer(root.tree(), base::system_rng());
    FileStep step;
    step.lsn = 10;
    step.op = StepOp::set_exec;
    step.node = 7;
    step.dst = "files/a";
    step.expect = root.tree().stat("files/a");
    step.exec = true;
    for (int again = 0; again < 2; ++again) {
        const StepOutcome outcome = filer.perform(step);
        REQUIRE(outcome.facts);
        CHECK(outcome.facts->exec);
        CHECK(outcome.failure.empty());
    }
    step.exec = false;
    FileStep put;
    put.lsn = 11;
    put.op = StepOp::write_inline;
    put.dst = "files/a";
    put.expect = root.tree().stat("files/a");
    put.keep = ".hearth/versions/76/7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed";
    put.bytes = "two";
    put.mtime_ns = 2000;
    put.exec = true;
    REQUIRE(filer.perform(put).failure.empty());
    // The mode of the first file is not the second's.
    for (const StepOutcome& outcome : filer.replay({step, put})) CHECK(outcome.failure.empty());
    CHECK(root.tree().stat("files/a")->exec);
    CHECK(root.tree().stat("files/a")->mtime_ns == 2000);
    FileStep read;
    decode_expect(encode_expect(step), read);
    CHECK(read.expect);
    CHECK_FALSE(read.exec);
}

}  // namespace storage
