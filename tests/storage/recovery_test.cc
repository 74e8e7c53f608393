// Ours first: both they and Catch have a CHECK, and here it is the test's.
#include "storage/sql.h"
#include "tests/storage/store_support.h"

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

// A file system that performs no step: what a cut right after COMMIT leaves. Everything else passes through.
class HeldTree final : public Tree {
  public:
    HeldTree(std::unique_ptr<Tree> tree, std::atomic<bool>& held, const std::string& only)
        : tree_(std::move(tree)), held_(held), only_(only) {}
    std::unique_ptr<File> open(std::string_view p) const override {
        if (p.ends_with(".mode")) hold(p);  // whose bits are about to change
        return tree_->open(p);
    }
    std::unique_ptr<File> create(std::string_view p) override {
        hold(p);
        return tree_->create(p);
    }
    std::optional<FileFacts> stat(std::string_view p) const override { return tree_->stat(p); }
    bool make_folder(std::string_view p, unsigned mode) override {
        hold(p);
        return tree_->make_folder(p, mode);
    }
    void make_folders(std::string_view p, unsigned mode) override {
        hold(p);
        tree_->make_folders(p, mode);
    }
    Rename rename(std::string_view a, std::string_view b) override {
        hold(b);
        return tree_->rename(a, b);
    }
    Rename exchange(std::string_view a, std::string_view b) override {
        hold(b);
        return tree_->exchange(a, b);
    }
    Rename replace(std::string_view a, std::string_view b) override {
        hold(b);
        return tree_->replace(a, b);
    }
    bool link(std::string_view a, std::string_view b) override {
        hold(b);
        return tree_->link(a, b);
    }
    bool unlink(std::string_view p) override {
        hold(p);
        return tree_->unlink(p);
    }
    bool remove_folder(std::string_view p) override {
        hold(p);
        return tree_->remove_folder(p);
    }
    std::vector<DirEntry> list(std::string_view p) const override { return tree_->list(p); }
    void sync_folder(std::string_view p) override { tree_->sync_folder(p); }
    void sync_all() override { tree_->sync_all(); }
    std::optional<CopyFacts> copy_file(std::string_view a, std::string_view b) override {
        hold(b);
        return tree_->copy_file(a, b);
    }
    Space space() const override { return tree_->space(); }

  private:
    void hold(std::string_view path) const {
        if (held_ && path.ends_with(only_)) throw base::Failure(base::Fault::io, "the disk is held");
    }

    std::unique_ptr<Tree> tree_;
    std::atomic<bool>& held_;
    const std::string& only_;
};

class HeldFs final : public Fs {
  public:
    std::unique_ptr<Tree> open_tree(const std::string& path, bool create) override {
        auto tree = system_fs().open_tree(path, create);
        if (!tree) return nullptr;
        return std::make_unique<HeldTree>(std::move(tree), held, only);
    }
    const char* sqlite_vfs() const override { return system_fs().sqlite_vfs(); }
    std::unique_ptr<File> lock_file(const std::string& path, std::string& holder) override {
        return system_fs().lock_file(path, holder);
    }
    std::atomic<bool> held = false;
    std::string only;  // names that end so; empty = every name
};

std::unique_ptr<Store> open_held(const std::string& root, HeldFs& held) {
    Store::Options options;
    options.root = root;
    return Store::open(std::move(options), {base::system_clock(), base::system_rng(), held, base::system_exec()});
}

}  // namespace

TEST_CASE("steps that a commit promised are done at the next start") {
    TempDir dir;
    NodeId file = 0;
    NodeId script = 0;
    std::string tag;
    {
        Home home(dir.path());
        file = home.put(home.files.root, "old.txt", "old").id;
        script = home.put(home.files.root, "run.mode", "run").id;
        home.put(home.files.root, "gone.txt", "gone");
        home.make(home.files.root, "folder");
    }
    HeldFs held;
    {
        const auto store = open_held(dir.path(), held);
        held.held = true;
        // Committed, but not to be seen on disk: whoever asked is told.
        const auto change = [&](WriteTxn& txn) {
            const NodeId root = txn.space_of(SpaceKind::files, base::Id128{{1, 2, 3}})->root;
            txn.put({root, "old.txt", NodeKind::file, {}, {}}, text_content("new"), no_index(), {});
            const Node deep = txn.make({root, "deep", NodeKind::folder, {}}, {});
            txn.put({deep.id, "in.txt", NodeKind::file, {}, {}}, text_content("in"), no_index(), {});
            txn.place(txn.child(root, "folder")->id, deep.id, "moved", {});
            txn.remove(txn.child(root, "gone.txt")->id, {});
            txn.set_props(script, {{}, {}, true}, {});
            tag = etag_of(*txn.node(root));
        };
        REQUIRE_THROWS_AS(store->write(change), base::Failure);
        CHECK(read_file(dir.path() + "/files/ana/old.txt") == "old");
        CHECK_FALSE(store->tree().stat("files/ana/run.mode")->exec);
    }
    Home home(dir.path());
    CHECK(home.store->tree().stat("files/ana/run.mode")->exec);
    CHECK(home.store->read([&](ReadTxn& txn) { return txn.disk(script); })
              ->same_version(home.store->tree().stat("files/ana/run.mode").value()));
    CHECK(read_file(dir.path() + "/files/ana/old.txt") == "new");
    CHECK(read_file(dir.path() + "/files/ana/deep/in.txt") == "in");
    CHECK(fs::is_directory(dir.path() + "/files/ana/deep/moved"));
    CHECK_FALSE(fs::exists(dir.path() + "/files/ana/gone.txt"));
    const std::string hex = base::hex(base::sha256("old").view());
    CHECK(read_file(dir.path() + "/.hearth/versions/" + hex.substr(0, 2) + "/" + hex) == "old");
    CHECK(home.etag(home.files.root) == tag);
    const auto facts = home.store->read([&](ReadTxn& txn) { return txn.disk(file); });
    REQUIRE(facts);
    CHECK(facts->same_version(home.store->tree().stat("files/ana/old.txt").value()));
    CHECK(home.store->check(false).empty());
}

TEST_CASE("a step that could not be redone for a whole life takes nothing back later") {
    TempDir dir;
    {
        Home home(dir.path());
        home.put(home.files.root, "held.txt", "1");
        home.put(home.files.root, "other.txt", "1");
    }
    HeldFs held;
    held.only = "/held.txt";
    const auto put = [](Store& store, const char* name, const char* text) {
        store.write([&](WriteTxn& txn) {
            const NodeId root = txn.space_of(SpaceKind::files, base::Id128{{1, 2, 3}})->root;
            txn.put({root, name, NodeKind::file, {}, {}}, text_content(text), no_index(), {});
        });
    };
    {
        const auto store = open_held(dir.path(), held);
        held.held = true;
        REQUIRE_THROWS_AS(put(*store, "held.txt", "2"), base::Failure);
        put(*store, "other.txt", "2");
    }
    {
        const auto store = open_held(dir.path(), held);
        held.held = false;
        put(*store, "held.txt", "3");
        put(*store, "other.txt", "3");
    }
    Home home(dir.path());
    for (const char* name : {"held.txt", "other.txt"}) {
        INFO(name);
        CHECK(read_file(dir.path() + "/files/ana/" + name) == "3");
        const auto node = home.store->read([&](ReadTxn& txn) { return txn.child(home.files.root, name); });
        REQUIRE(node);
        CHECK(node->hash == base::sha256("3"));
    }
    CHECK(home.store->check(false).empty());
}

TEST_CASE("what was being built is gone after a restart") {
    TempDir dir;
    {
        Home home(dir.path());
        home.store->write([&](WriteTxn& txn) {
            const Node top = txn.make_hidden(home.files.id, {});
            WriteTxn::Copied member;
            member.parent = top.id;
            member.name = "d";
            member.kind = NodeKind::folder;
            txn.add_copied(std::span(&member, 1), {});
        });
        std::ofstream(dir.path() + "/.hearth/staging/upload") << "half of a body";
        CHECK_FALSE(fs::is_empty(dir.path() + "/.hearth/staging"));
    }
    Home home(dir.path());
    CHECK(fs::is_empty(dir.path() + "/.hearth/staging"));
    CHECK(home.store->check(false).empty());
    sql::Connection db(dir.path() + "/.hearth/hearth.db", sql::Access::reader, nullptr);
    auto query = db.query("SELECT count(*) FROM node");
    REQUIRE(query.next());
    CHECK(query.integer(0) == 2);  // the roots of the two spaces
}

// The copy is taken while writers run: first the database with its log, then the tree, so that the files are never
// older than the rows promise. Steps newer than the copied rows show as unknown files only.
TEST_CASE("a copy of a root at any moment opens, with all that was answered before it") {
    TempDir dir;
    const int round = GENERATE(range(0, 4));
    CAPTURE(round);
    std::map<std::string, std::string> answered;
    TempDir copy;
    {
        Home home(dir.path());
        std::atomic<bool> stop = false;
        std::vector<std::thread> writers;
        std::unique_ptr<base::Monitor> monitor = base::system_exec().monitor();
        for (int t = 0; t < 4; ++t) {
            writers.emplace_back([&, t] {
                for (int i = 0; i < 400 && !stop; ++i) {
                    const std::string name = std::to_string(t) + "-" + std::to_string(i);
                    home.put(home.files.root, name, name);
                    base::Locked hold(*monitor);
                    answered[name] = name;
                }
            });
        }
        std::map<std::string, std::string> at_copy;
        for (std::size_t seen = 0; seen < static_cast<std::size_t>(20 + 40 * round);) {
            std::this_thread::yield();
            base::Locked hold(*monitor);
            seen = answered.size();
            at_copy = answered;
        }
        // A cut of the log at any octet is what a crash leaves; SQLite takes the commits that are whole. A checkpoint
        // between the two copies would make them no moment at all: then again.
        fs::create_directories(copy.path() + "/.hearth");
        do {
            for (const char* name : {"hearth.db", "hearth.db-wal", "root.json"}) {
                fs::copy_file(dir.path() + "/.hearth/" + name, copy.path() + "/.hearth/" + name,
                              fs::copy_options::overwrite_existing);
            }
        } while (read_file(dir.path() + "/.hearth/hearth.db") != read_file(copy.path() + "/.hearth/hearth.db"));
        stop = true;
        for (auto& writer : writers) writer.join();
        answered = at_copy;
        fs::copy(dir.path() + "/files", copy.path() + "/files", fs::copy_options::recursive);
        for (const auto& entry : fs::recursive_directory_iterator(dir.path() + "/files")) {
            const fs::path same = fs::path(copy.path()) / fs::relative(entry.path(), dir.path());
            fs::last_write_time(same, entry.last_write_time());
        }
    }
    Home home(copy.path());
    for (const auto& entry : answered) {
        const std::string& name = entry.first;  // clang 14 takes no structured bindings into lambdas
        const std::string& text = entry.second;
        const auto node = home.store->read([&](ReadTxn& txn) { return txn.child(home.files.root, name); });
        REQUIRE(node);
        CHECK(node->hash == base::sha256(text));
        CHECK(read_file(copy.path() + "/files/ana/" + name) == text);
    }
    for (const auto& finding : home.store->check(false)) CHECK(finding.what == "unknown-file");
    CHECK_FALSE(fs::exists(copy.path() + "/.hearth/versions/surprise"));
    home.put(home.files.root, "after", "after");
}

}  // namespace storage
