#include "storage/replication/apply.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "storage/replication/pull.h"
#include "tests/storage/store_support.h"

// Last: Catch and ours both define CHECK.
#include <catch2/catch.hpp>

namespace storage {

namespace {

const base::Id128 kOwner{{1, 2, 3}};
const SpaceName kFiles{SpaceKind::files, kOwner};

// One home with a space of files that others have too.
class Mirror {
  public:
    Mirror() { open(); }
    void open() {
        store_ = open_store(dir_.path());
        space_ = store_->write([&](WriteTxn& txn) {
            const auto have = txn.space_of(SpaceKind::files, kOwner);
            return have ? *have : txn.make_space(SpaceKind::files, kOwner, "files/ana", {});
        });
    }
    void reopen() {
        store_.reset();
        open();
    }
    Store& store() { return *store_; }
    NodeId root() const { return space_.root; }
    SpaceId space() const { return space_.id; }

    std::optional<Node> find(const std::string& path) {
        return store_->read([&](ReadTxn& txn) -> std::optional<Node> {
            const Walk walk = txn.walk(root(), split(path));
            return walk.found() ? std::optional(walk.last()) : std::nullopt;
        });
    }
    Node at(const std::string& path) {
        const auto node = find(path);
        if (!node) throw std::runtime_error(path + " is not there");
        return *node;
    }
    Node put(const std::string& path, const std::string& text) {
        return store_->write([&](WriteTxn& txn) {
            return txn
                .put({folder_of(txn, path), name_of(path), NodeKind::file, {}, {}}, text_content(text), no_index(), {})
                .node;
        });
    }
    Node make(const std::string& path) {
        return store_->write([&](WriteTxn& txn) {
            return txn.make({folder_of(txn, path), name_of(path), NodeKind::folder, {}, {}}, {});
        });
    }
    void remove(const std::string& path) {
        const NodeId id = at(path).id;
        store_->write([&](WriteTxn& txn) { txn.remove(id, {}); });
    }
    void move(const std::string& from, const std::string& to) {
        const NodeId id = at(from).id;
        store_->write([&](WriteTxn& txn) { txn.place(id, folder_of(txn, to), name_of(to), {}); });
    }
    void prop(const std::string& path, const std::string& value) {
        PropChanges changes;
        changes.props.push_back({"urn:x", "p", value});
        const NodeId id = at(path).id;
        store_->write([&](WriteTxn& txn) { txn.set_props(id, changes, {}); });
    }
    void touch(const std::string& path, std::int64_t mtime_ns) {
        PropChanges changes;
        changes.mtime_ns = mtime_ns;
        const NodeId id = at(path).id;
        store_->write([&](WriteTxn& txn) { txn.set_props(id, changes, {}); });
    }
    Pulled pull_from(Mirror& other, const FeedLimits& limits = {}) {
        StoreSource source(other.store());
        return pull(store(), kFiles, source, 0, limits);
    }

    // What clients see: path -> text, "/" for a folder, with properties and times.
    std::map<std::string, std::string> tree() {
        std::map<std::string, std::string> all;
        store_->read([&](ReadTxn& txn) { list(txn, root(), "", all); });
        return all;
    }
    // What stands on the disk: path -> text.
    std::map<std::string, std::string> disk() {
        std::map<std::string, std::string> all;
        store_->read([&](ReadTxn& txn) { store_->settle(txn.lsn()); });
        scan("files/ana", "", all);
        return all;
    }
    std::string digest() {
        return base::hex(store_->read([&](ReadTxn& txn) { return txn.node(root())->tree; }).view());
    }

  private:
    static std::vector<std::string> split(const std::string& path) {
        std::vector<std::string> names;
        for (std::size_t at = 0; at < path.size();) {
            const std::size_t slash = std::min(path.find('/', at), path.size());
            names.push_back(path.substr(at, slash - at));
            at = slash + 1;
        }
        return names;
    }
    static std::string name_of(const std::string& path) {
        const auto slash = path.rfind('/');
        return slash == std::string::npos ? path : path.substr(slash + 1);
    }
    NodeId folder_of(ReadTxn& txn, const std::string& path) {
        const auto slash = path.rfind('/');
        return txn.walk(root(), split(slash == std::string::npos ? "" : path.substr(0, slash))).last().id;
    }
    void list(ReadTxn& txn, NodeId folder, const std::string& above, std::map<std::string, std::string>& all) {
        std::vector<std::pair<NodeId, std::string>> below;
        txn.list(folder, Need::props, "", kListPageMax, [&](const Row& row) {
            const std::string path = above + row.node.name;
            std::string text = is_collection(row.node.kind) ? "/" : base::hex(row.node.hash->view()).substr(0, 8);
            text += " " + base::hex(row.node.oid.view());
            if (!is_collection(row.node.kind)) text += " " + std::to_string(row.node.mtime_ns);
            for (const Prop& one : row.props) text += " " + one.name + "=" + one.value;
            all[path] = text;
            if (is_collection(row.node.kind)) below.emplace_back(row.node.id, path + "/");
        });
        for (const auto& [id, path] : below) list(txn, id, path, all);
    }
    void scan(const std::string& folder, const std::string& above, std::map<std::string, std::string>& all) {
        for (const DirEntry& entry : store_->tree().list(folder)) {
            const std::string path = folder + "/" + entry.name;
            if (entry.kind == DiskKind::folder) {
                all[above + entry.name] = "/";
                scan(path, above + entry.name + "/", all);
                continue;
            }
            const auto file = store_->tree().open(path);
            std::string text(static_cast<std::size_t>(file->facts().size), '\0');
            text.resize(file->read_at(text.data(), text.size(), 0));
            all[above + entry.name] = text;
        }
    }

    TempDir dir_{"/dev/shm/hearth-store-XXXXXX"};
    std::unique_ptr<Store> store_;
    Space space_;
};

void exchange(Mirror& a, Mirror& b) {
    // Three times: what one makes of it is never a record, so twice is enough; the third shows that.
    for (int i = 0; i < 2; ++i) {
        a.pull_from(b);
        b.pull_from(a);
    }
    CHECK(a.pull_from(b).records == 0);
    CHECK(b.pull_from(a).records == 0);
}

void check_equal(Mirror& a, Mirror& b) {
    CHECK(a.tree() == b.tree());
    CHECK(a.digest() == b.digest());
    CHECK(a.disk() == b.disk());
    for (Mirror* one : {&a, &b}) {
        for (const auto& finding : one->store().check(false)) {
            if (finding.what != Store::Finding::kKeptAside) FAIL_CHECK(finding.what + " " + finding.where);
        }
    }
}

}  // namespace

TEST_CASE("what one home writes, the other shows") {
    Mirror a, b;
    a.make("d");
    a.put("d/one", "1");
    a.put("two", std::string(50'000, 'x'));
    a.prop("two", "green");
    a.touch("d/one", 1'000'000'000);
    exchange(a, b);
    check_equal(a, b);
    CHECK(b.disk().at("d/one") == "1");
    a.put("d/one", "one");
    a.move("d", "e");
    b.pull_from(a);
    CHECK(b.disk().at("e/one") == "one");
    b.put("e/one", "eins");
    b.remove("two");
    exchange(a, b);
    check_equal(a, b);
    CHECK(a.disk() == std::map<std::string, std::string>{{"e", "/"}, {"e/one", "eins"}});
}

TEST_CASE("edits beside each other are both kept, and the copy is a file of its own once somebody touches it") {
    Mirror a, b;
    a.put("f.txt", "base");
    exchange(a, b);
    a.put("f.txt", "from a");
    b.put("f.txt", "from b");
    exchange(a, b);
    check_equal(a, b);
    auto disk = a.disk();
    REQUIRE(disk.size() == 2);
    std::set<std::string> texts;
    std::string copy;
    for (const auto& [path, text] : disk) {
        texts.insert(text);
        if (path != "f.txt") copy = path;
    }
    CHECK(texts == std::set<std::string>{"from a", "from b"});
    CHECK(copy.starts_with("f (conflict "));

    SECTION("the copy is edited") {
        b.put(copy, "edited");
    }
    SECTION("the copy is renamed") {
        b.move(copy, "mine.txt");
    }
    SECTION("the copy is removed") {
        b.remove(copy);
    }
    SECTION("the winner is removed") {
        b.remove("f.txt");
        CHECK(b.disk().size() == 1);
    }
    SECTION("the winner is edited") {
        b.put("f.txt", "again");
    }
    SECTION("the winner is moved") {
        b.move("f.txt", "g.txt");
    }
    SECTION("both are edited in both homes") {
        a.put(copy, "copy a");
        b.put(copy, "copy b");
        a.put("f.txt", "again a");
        b.put("f.txt", "again b");
    }
    exchange(a, b);
    check_equal(a, b);
}

// What any home writes after it ranks higher: within one millisecond the ids of the homes decide.
void let_time_pass() {
    const std::int64_t now = base::system_clock().now_ms();
    while (base::system_clock().now_ms() <= now) {
    }
}

// Each home shows the older edit under another id: as the file itself, and as a copy beside the newer edit.
TEST_CASE("a copy that is removed where it is one goes where it shows as the file") {
    Mirror a, b;
    a.put("f", "first");
    b.pull_from(a);
    b.put("f", "of b");
    let_time_pass();
    a.put("f", "of a");
    b.pull_from(a);
    REQUIRE(b.tree().size() == 2);
    a.remove("f");
    a.pull_from(b);
    REQUIRE(a.tree().size() == 1);
    for (const auto& [path, text] : b.tree()) {
        if (path != "f") b.remove(path);
    }
    a.pull_from(b);
    CHECK(a.tree().empty());
    b.pull_from(a);
    CHECK(b.tree().empty());
    CHECK(a.digest() == b.digest());
    CHECK(a.disk().empty());
    CHECK(b.disk().empty());
}

TEST_CASE("an edit and a move bring back what was removed beside them") {
    Mirror a, b;
    a.make("d");
    a.put("d/f", "base");
    a.put("d/g", "other");
    exchange(a, b);
    SECTION("edit of a file in a removed folder") {
        a.remove("d");
        b.put("d/f", "edited");
        exchange(a, b);
        check_equal(a, b);
        CHECK(a.disk() == std::map<std::string, std::string>{{"d", "/"}, {"d/f", "edited"}});
        // The folder lives by its file only.
        a.remove("d/f");
        exchange(a, b);
        check_equal(a, b);
        CHECK(a.disk().empty());
    }
    SECTION("a file moved out of a removed folder") {
        a.remove("d");
        b.move("d/f", "f");
        exchange(a, b);
        check_equal(a, b);
        CHECK(a.disk() == std::map<std::string, std::string>{{"f", "base"}});
    }
    SECTION("a new file in a removed folder") {
        a.remove("d");
        b.put("d/new", "new");
        exchange(a, b);
        check_equal(a, b);
        CHECK(a.disk() == std::map<std::string, std::string>{{"d", "/"}, {"d/new", "new"}});
    }
    SECTION("removed in both") {
        a.remove("d");
        b.remove("d");
        exchange(a, b);
        check_equal(a, b);
        CHECK(a.disk().empty());
    }
}

TEST_CASE("names that two homes give at once") {
    Mirror a, b;
    SECTION("two files") {
        a.put("n", "a");
        b.put("n", "b");
        exchange(a, b);
        check_equal(a, b);
        CHECK(a.disk().size() == 2);
        a.remove("n");
        exchange(a, b);
        check_equal(a, b);
        CHECK(a.disk().size() == 1);
        CHECK(a.disk().contains("n"));  // the other has its name again
    }
    SECTION("equal files are one") {
        a.put("n", "same");
        b.put("n", "same");
        exchange(a, b);
        check_equal(a, b);
        CHECK(a.disk() == std::map<std::string, std::string>{{"n", "same"}});
        SECTION("removed once") {
            a.remove("n");
            exchange(a, b);
            check_equal(a, b);
            CHECK(b.disk().empty());
        }
        SECTION("written over once") {
            b.put("n", "other");
            exchange(a, b);
            check_equal(a, b);
            CHECK(a.disk() == std::map<std::string, std::string>{{"n", "other"}});
        }
        SECTION("moved once") {
            b.move("n", "m");
            exchange(a, b);
            check_equal(a, b);
            CHECK(a.disk() == std::map<std::string, std::string>{{"m", "same"}});
        }
    }
    SECTION("two folders are one") {
        a.make("n");
        a.put("n/a", "a");
        b.make("n");
        b.put("n/b", "b");
        exchange(a, b);
        check_equal(a, b);
        CHECK(a.disk() == std::map<std::string, std::string>{{"n", "/"}, {"n/a", "a"}, {"n/b", "b"}});
        SECTION("moved together") {
            a.move("n", "m");
            exchange(a, b);
            check_equal(a, b);
            CHECK(b.disk() == std::map<std::string, std::string>{{"m", "/"}, {"m/a", "a"}, {"m/b", "b"}});
        }
        SECTION("removed together") {
            a.remove("n");
            exchange(a, b);
            check_equal(a, b);
            CHECK(b.disk().empty());
        }
    }
    SECTION("a folder and a file") {
        a.make("n");
        a.put("n/x", "x");
        b.put("n", "b");
        exchange(a, b);
        check_equal(a, b);
        CHECK(a.disk().size() == 3);
        CHECK(a.disk().at("n") == "/");
    }
}

TEST_CASE("folders that two homes move into each other stay a tree") {
    Mirror a, b;
    a.make("x");
    a.make("y");
    a.put("x/1", "1");
    a.put("y/2", "2");
    exchange(a, b);
    a.move("x", "y/x");
    b.move("y", "x/y");
    exchange(a, b);
    check_equal(a, b);
    CHECK(a.disk().size() == 4);
    a.put("new", "n");
    exchange(a, b);
    check_equal(a, b);
}

TEST_CASE("names exchanged in the other home") {
    Mirror a, b;
    a.put("p", "1");
    a.put("q", "2");
    a.make("r");
    a.put("r/s", "3");
    exchange(a, b);
    // Something that makes b lay out anew while names are swapped.
    b.put("p", "1b");
    a.put("p", "1a");
    a.move("p", "t");
    a.move("q", "p");
    a.move("t", "q");
    a.move("r/s", "s");
    a.remove("r");
    a.move("s", "r");
    exchange(a, b);
    check_equal(a, b);
    CHECK(b.disk().at("p") == "2");
    CHECK(b.disk().at("r") == "3");
}

TEST_CASE("a copied tree shows at once in the other home") {
    Mirror a, b;
    const Node hidden = a.store().write([&](WriteTxn& txn) { return txn.make_hidden(a.space(), {}); });
    a.store().write([&](WriteTxn& txn) {
        WriteTxn::Copied folder;
        folder.parent = hidden.id;
        folder.name = "in";
        folder.kind = NodeKind::folder;
        txn.add_copied(std::span(&folder, 1), {});
    });
    b.pull_from(a);
    CHECK(b.disk().empty());
    a.store().write([&](WriteTxn& txn) { txn.place(hidden.id, a.root(), "tree", {}); });
    exchange(a, b);
    check_equal(a, b);
    CHECK(b.disk() == std::map<std::string, std::string>{{"tree", "/"}, {"tree/in", "/"}});
    b.put("tree/in/f", "f");
    exchange(a, b);
    check_equal(a, b);
}

TEST_CASE("content that was replaced before it was fetched is not waited for") {
    Mirror a, b;
    a.put("f", "first");
    a.put("f", "second");
    // As if history had expired.
    const std::string hash = base::hex(base::sha256("first").view());
    a.store().read([&](ReadTxn& txn) { a.store().settle(txn.lsn()); });
    REQUIRE(a.store().tree().unlink(".hearth/versions/" + hash.substr(0, 2) + "/" + hash));
    b.pull_from(a, FeedLimits{1, 1000});
    CHECK(b.disk() == std::map<std::string, std::string>{{"f", "second"}});
}

TEST_CASE("content that is not to be had holds up what comes after it, and nothing else") {
    Mirror a, b;
    a.put("e", "before");
    a.put("f", "lost");
    a.store().read([&](ReadTxn& txn) { a.store().settle(txn.lsn()); });
    REQUIRE(a.store().tree().unlink("files/ana/f"));
    const Pulled pulled = b.pull_from(a, FeedLimits{2, 1000});
    CHECK(pulled.waiting.size() == 1);
    CHECK(b.disk() == std::map<std::string, std::string>{{"e", "before"}});
    a.remove("f");
    CHECK(b.pull_from(a).waiting.empty());
    CHECK(b.disk() == std::map<std::string, std::string>{{"e", "before"}});
}

TEST_CASE("homes that write at random and hear of each other in any pieces converge, and lose nothing") {
    const int runs = 80;
    for (int run = 0; run < runs; ++run) {
        std::mt19937_64 dice(static_cast<std::uint64_t>(run) + 1);
        const auto below = [&](std::uint64_t n) { return dice() % n; };
        const std::size_t homes = 2 + below(2);
        std::vector<std::unique_ptr<Mirror>> all;
        for (std::size_t i = 0; i < homes; ++i) all.push_back(std::make_unique<Mirror>());
        int content = 0;
        const int steps = 60;
        for (int i = 0; i < steps; ++i) {
            Mirror& home = *all[below(homes)];
            const auto tree = home.tree();
            std::vector<std::string> files, folders{""};
            for (const auto& [path, text] : tree) (text.starts_with("/") ? folders : files).push_back(path);
            const auto any = [&](const std::vector<std::string>& of) { return of[below(of.size())]; };
            const auto fresh = [&] {
                const std::string folder = any(folders);
                return (folder.empty() ? "" : folder + "/") + "n" + std::to_string(below(6));
            };
            const std::string name = fresh();
            INFO("run " << run << " step " << i);
            switch (below(10)) {
                case 0:
                case 1:
                    if (!tree.contains(name)) home.put(name, "c" + std::to_string(below(4) == 0 ? 0 : ++content));
                    break;
                case 2:
                    if (!files.empty()) home.put(any(files), "c" + std::to_string(below(4) == 0 ? 0 : ++content));
                    break;
                case 3:
                    if (!tree.contains(name) && name.size() < 12) home.make(name);
                    break;
                case 4: {
                    std::vector<std::string> things = files;
                    things.insert(things.end(), folders.begin() + 1, folders.end());
                    if (things.empty() || tree.contains(name)) break;
                    const std::string from = any(things);
                    if (name == from || name.starts_with(from + "/")) break;
                    home.move(from, name);
                    break;
                }
                case 5: {
                    std::vector<std::string> things = files;
                    things.insert(things.end(), folders.begin() + 1, folders.end());
                    if (!things.empty()) home.remove(any(things));
                    break;
                }
                case 6:
                    if (!files.empty()) home.prop(any(files), "p" + std::to_string(i));
                    break;
                case 7:
                    if (!files.empty()) home.touch(any(files), 1'000'000'000LL * (i + 1));
                    break;
                case 8:
                    if (below(4) == 0) home.reopen();
                    break;
                default: {
                    Mirror& other = *all[below(homes)];
                    if (&other != &home) home.pull_from(other, FeedLimits{1 + below(10), 100'000});
                }
            }
        }
        for (std::size_t round = 0; round < homes; ++round) {
            for (const auto& to : all) {
                for (const auto& from : all) {
                    if (to != from) to->pull_from(*from);
                }
            }
        }
        INFO("run " << run);
        for (std::size_t i = 1; i < homes; ++i) check_equal(*all[0], *all[i]);
        for (const auto& home : all) {
            home->reopen();
            CHECK(home->digest() == all[0]->digest());
            CHECK(home->disk() == all[0]->disk());
        }
    }
}

}  // namespace storage
