#include "storage/durability.h"

#include "storage/base/failure.h"  // before Catch: both have a CHECK, and here it is the test's

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <thread>

#include "storage/company.h"
#include "storage/replication/pull.h"
#include "tests/storage/store_support.h"

namespace storage {
namespace {

namespace fs = std::filesystem;

constexpr int kLooksMax = 600;  // a minute

void sleep_ms(std::int64_t ms) {
    std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

// Counts the syncs of SQLite's log that are asked for beside SQLite, and lets them wait.
class Gate {
  public:
    void shut() {
        base::Locked hold(*monitor_);
        open_ = false;
    }
    void open() {
        base::Locked hold(*monitor_);
        open_ = true;
        monitor_->notify_all();
    }
    void pass() {
        base::Locked hold(*monitor_);
        while (!open_) monitor_->wait();
        ++passed;
    }
    std::atomic<int> passed = 0;

  private:
    std::unique_ptr<base::Monitor> monitor_ = base::system_exec().monitor();
    bool open_ = true;
};

class GatedFile final : public File {
  public:
    GatedFile(std::unique_ptr<File> file, Gate& gate) : file_(std::move(file)), gate_(gate) {}
    void sync() override {
        gate_.pass();
        file_->sync();
    }
    std::size_t read_at(char* into, std::size_t n, std::uint64_t at) const override {
        return file_->read_at(into, n, at);
    }
    void append(std::string_view bytes) override { file_->append(bytes); }
    void preallocate(std::uint64_t bytes) override { file_->preallocate(bytes); }
    void flush_hint() override { file_->flush_hint(); }
    void set_mtime(std::int64_t ns) override { file_->set_mtime(ns); }
    void set_exec(bool exec) override { file_->set_exec(exec); }
    void set_private() override { file_->set_private(); }
    FileFacts facts() const override { return file_->facts(); }
    int descriptor() const override { return file_->descriptor(); }

  private:
    std::unique_ptr<File> file_;
    Gate& gate_;
};

class GatedTree final : public Tree {
  public:
    GatedTree(std::unique_ptr<Tree> tree, Gate& gate) : tree_(std::move(tree)), gate_(gate) {}
    std::unique_ptr<File> open(std::string_view path) const override {
        auto file = tree_->open(path);
        if (!file || !path.ends_with("-wal")) return file;
        return std::make_unique<GatedFile>(std::move(file), gate_);
    }
    std::unique_ptr<File> create(std::string_view path) override { return tree_->create(path); }
    std::optional<FileFacts> stat(std::string_view path) const override { return tree_->stat(path); }
    bool make_folder(std::string_view path, unsigned mode) override { return tree_->make_folder(path, mode); }
    void make_folders(std::string_view path, unsigned mode) override { tree_->make_folders(path, mode); }
    Rename rename(std::string_view a, std::string_view b) override { return tree_->rename(a, b); }
    Rename exchange(std::string_view a, std::string_view b) override { return tree_->exchange(a, b); }
    Rename replace(std::string_view a, std::string_view b) override { return tree_->replace(a, b); }
    bool link(std::string_view a, std::string_view b) override { return tree_->link(a, b); }
    bool unlink(std::string_view path) override { return tree_->unlink(path); }
    bool remove_folder(std::string_view path) override { return tree_->remove_folder(path); }
    std::vector<DirEntry> list(std::string_view path) const override { return tree_->list(path); }
    void sync_folder(std::string_view path) override { tree_->sync_folder(path); }
    void sync_all() override { tree_->sync_all(); }
    std::optional<CopyFacts> copy_file(std::string_view a, std::string_view b) override {
        return tree_->copy_file(a, b);
    }
    Space space() const override { return tree_->space(); }

  private:
    std::unique_ptr<Tree> tree_;
    Gate& gate_;
};

class GatedFs final : public Fs {
  public:
    explicit GatedFs(Gate& gate) : gate_(gate) {}
    std::unique_ptr<Tree> open_tree(const std::string& path, bool create) override {
        auto tree = system_fs().open_tree(path, create);
        if (!tree) return nullptr;
        return std::make_unique<GatedTree>(std::move(tree), gate_);
    }
    const char* sqlite_vfs() const override { return system_fs().sqlite_vfs(); }
    std::unique_ptr<File> lock_file(const std::string& path, std::string& holder) override {
        return system_fs().lock_file(path, holder);
    }

  private:
    Gate& gate_;
};

// A store of one level with one files space and one space of contacts.
struct Place {
    explicit Place(Durability durability) : level(durability) {
        open();
        store->write([&](WriteTxn& txn) {
            files = txn.make_space(SpaceKind::files, owner, "files/ana", {});
            pim = txn.make_space(SpaceKind::contacts, owner, "", {});
            txn.require_durable();
        });
    }
    void open() {
        Store::Options options;
        options.root = dir.path();
        options.durability = level;
        store = Store::open(std::move(options), {base::system_clock(), base::system_rng(), fs, base::system_exec()});
    }
    Node put(const std::string& name, const std::string& text) {
        return store->write([&](WriteTxn& txn) {
            return txn.put({files.root, name, NodeKind::file, {}, {}}, text_content(text), no_index(), {}).node;
        });
    }
    bool has_file(const std::string& name) const { return fs::exists(dir.path() + "/files/ana/" + name); }
    std::size_t told() {
        return store->read([&](ReadTxn& txn) { return txn.records(files.id, {}, 0, {}).records.size(); });
    }

    const Durability level;
    const base::Id128 owner{{1, 2, 3}};
    TempDir dir;
    Gate gate;
    GatedFs fs{gate};
    std::unique_ptr<Store> store;
    Space files, pim;
};

TEST_CASE("relaxed: a write is acknowledged before it is synced, and its file waits for that") {
    Place place(Durability::relaxed);
    const std::size_t told = place.told();
    place.gate.shut();
    const Node node = place.put("a.txt", "alpha");
    CHECK(place.store->read([&](ReadTxn& txn) { return txn.node(node.id).has_value(); }));
    CHECK_FALSE(place.has_file("a.txt"));
    // Nor is another home told: the number of a record that is lost is given to another.
    CHECK(place.told() == told);
    place.gate.open();
    REQUIRE(place.store->settle(node.content_lsn));
    CHECK(place.has_file("a.txt"));
    CHECK(place.told() == told + 1);
}

TEST_CASE("relaxed: who wants to see a file, or its folder's token, has it synced at once") {
    Place place(Durability::relaxed);
    place.store->settle(place.put("0.txt", "zero").content_lsn);
    const int before = place.gate.passed;
    CHECK(place.store->settle(place.put("a.txt", "alpha").content_lsn));
    CHECK(place.gate.passed > before);
    const Node node = place.put("b.txt", "beta");
    const auto state = place.store->read([&](ReadTxn& txn) { return txn.sync_state(place.files.id); });
    CHECK(state.lsn == node.content_lsn);
    CHECK(place.gate.passed > before + 1);
}

TEST_CASE("relaxed: what nobody asks for is synced when its time has come") {
    Place place(Durability::relaxed);
    const int before = place.gate.passed;
    place.put("a.txt", "alpha");
    // A commit without a record or a step counts as well.
    place.store->write([&](WriteTxn& txn) { txn.set_local("t", "k", "v"); });
    for (int i = 0; i < kLooksMax && !place.has_file("a.txt"); ++i) sleep_ms(kRelaxedWindowMs / 10);
    CHECK(place.has_file("a.txt"));
    const int so_far = place.gate.passed;
    CHECK(so_far > before);
    place.store->write([&](WriteTxn& txn) { txn.set_local("t", "k", "w"); });
    for (int i = 0; i < kLooksMax && place.gate.passed == so_far; ++i) sleep_ms(kRelaxedWindowMs / 10);
    CHECK(place.gate.passed > so_far);
}

TEST_CASE("relaxed: what must not be lost is synced before it is acknowledged") {
    Place place(Durability::relaxed);
    Place peer(Durability::strict);
    const Node file = place.put("a.txt", "alpha");
    peer.put("b.txt", "beta");
    struct Case {
        const char* what;
        std::function<void()> write;
        bool synced;
    };
    const auto writing = [&](std::function<void(WriteTxn&)> fn) {
        return [&place, fn = std::move(fn)] { place.store->write(fn); };
    };
    Lock lock;
    lock.token = "urn:uuid:1";
    lock.node = file.id;
    lock.expires_ms = base::system_clock().now_ms() + 60'000;
    StoreSource source(*peer.store);
    const std::vector<Case> cases = {
        {"a file", [&] { place.put("c.txt", "gamma"); }, false},
        {"who asks for it", writing([](WriteTxn& txn) { txn.require_durable(); }), true},
        {"an account", writing([](WriteTxn& txn) {
             txn.set_kv({"user", "ana", "name"}, "Ana", {});
         }),
         true},
        {"a card", writing([&](WriteTxn& txn) {
             txn.make({place.pim.root, "cards", NodeKind::addressbook, {}}, {});
         }),
         true},
        {"a lock", writing([&](WriteTxn& txn) { txn.add_lock(lock); }), true},
        {"its refresh", writing([&](WriteTxn& txn) { txn.refresh_lock(lock.token, lock.expires_ms + 1); }), true},
        {"its end", writing([&](WriteTxn& txn) { txn.remove_lock(lock.token); }), false},
        {"what another home sent",
         [&] {
             CHECK(pull(*place.store, {SpaceKind::files, place.owner}, source).records > 0);
         },
         true},
    };
    for (const Case& one : cases) {
        INFO(one.what);
        const int before = place.gate.passed;
        one.write();
        CHECK((place.gate.passed > before) == one.synced);
    }
}

TEST_CASE("relaxed: the end of the store syncs all, and its files are there") {
    Place place(Durability::relaxed);
    const int before = place.gate.passed;
    place.put("a.txt", "alpha");
    CHECK(place.gate.passed == before);
    place.store.reset();
    CHECK(place.gate.passed == before + 1);
    CHECK(place.has_file("a.txt"));
    place.open();
    CHECK(place.told() > 0);
}

TEST_CASE("relaxed: how much waits for a sync is bounded") {
    Place place(Durability::relaxed);
    place.gate.shut();
    const std::string text(kInlineBytesMax, 'x');  // 1,024 of these are the bound
    std::atomic<int> acknowledged = 0;
    std::atomic<bool> over = false;
    std::thread writer([&] {
        for (int i = 0; i < 1100; ++i) {
            place.put("f" + std::to_string(i), text);
            ++acknowledged;
        }
        over = true;
    });
    int last = -1;
    while (last != acknowledged || last == 0) {
        last = acknowledged;
        sleep_ms(300);
    }
    CHECK_FALSE(over);
    CHECK(acknowledged <= 1025);
    place.gate.open();
    writer.join();
    CHECK(over);
}

TEST_CASE("strict and group: what is acknowledged is on the disk") {
    for (const Durability level : {Durability::strict, Durability::group}) {
        Place place(level);
        const std::size_t told = place.told();
        place.put("a.txt", "alpha");
        CHECK(place.has_file("a.txt"));
        CHECK(place.told() == told + 1);
        CHECK(place.gate.passed == 0);  // SQLite does it
    }
}

TEST_CASE("how long a group waits") {
    Company company;
    CHECK(company.patience_ms() == 0);
    for (int i = 0; i < 100; ++i) company.committed(1, 0, 15);
    CHECK(company.patience_ms() == 0);  // alone
    company.committed(1, 1, 15);        // two who take turns
    CHECK(company.expected() == 2);
    CHECK(company.patience_ms() >= 14);
    CHECK(company.patience_ms() <= 15);
    company.waited(true);
    company.committed(2, 0, 15);
    CHECK(company.patience_ms() > 0);
    company.waited(false);  // nobody came: not again at once
    for (int i = 0; i < Company::kPause; ++i) {
        CHECK(company.patience_ms() == 0);
        company.committed(2, 0, 15);
    }
    CHECK(company.patience_ms() > 0);
    company.committed(0, 5, 15);  // chores say nothing
    CHECK(company.expected() == 2);
    for (int i = 0; i < 100; ++i) company.committed(2, 0, 400);
    CHECK(company.patience_ms() == kGroupWaitMaxMs);
    for (int i = 0; i < 100; ++i) company.committed(2, 0, 0);
    CHECK(company.patience_ms() == 0);  // flushes cost nothing here
}

TEST_CASE("levels have names, and words for what may be lost") {
    for (const char* name : kDurabilityNames) CHECK(name_of(durability_named(name).value()) == name);
    CHECK_FALSE(durability_named("lax"));
    CHECK(loss_window(Durability::strict).find("nothing") != std::string::npos);
    CHECK(loss_window(Durability::group).find("nothing") != std::string::npos);
    CHECK(loss_window(Durability::relaxed).find("1000 ms") != std::string::npos);
}

}  // namespace
}  // namespace storage
