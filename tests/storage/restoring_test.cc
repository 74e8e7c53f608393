// Ours first: both they and Catch have a CHECK, and here it is the test's.
#include "storage/restoring.h"
#include "storage/retention.h"
#include "tests/storage/store_support.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>

namespace fs = std::filesystem;

namespace storage {

namespace {

constexpr std::int64_t kHour = Retention::kHourMs;
constexpr std::int64_t kDay = Retention::kDayMs;
constexpr std::int64_t kStart = 20'523 * kDay + 12 * kHour;

std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::string read_all(const File& file) {
    std::string bytes(static_cast<std::size_t>(file.facts().size), '\0');
    bytes.resize(file.read_at(bytes.data(), bytes.size(), 0));
    return bytes;
}

using Shown = std::map<std::string, std::string>;  // path to octets; "/" = a folder, "?" = not kept

struct Story {
    Story() : clock(kStart), home(std::in_place, dir.path(), clock) {}

    Store& store() { return *home->store; }
    NodeId root() { return home->files.root; }
    SpaceId space() { return home->files.id; }
    Lsn now() {
        clock.advance(kHour);
        return store().read([](ReadTxn& txn) { return txn.lsn(); });
    }
    void restart() {
        home.reset();
        home.emplace(dir.path(), clock);
    }
    void expire(const Retention& policy) {
        while (store().expire_history(policy, clock.now_ms(), 100) > 0) {
        }
    }

    std::vector<PastNode> list(NodeId folder, Lsn at) {
        std::vector<PastNode> found;
        store().read([&](ReadTxn& txn) {
            txn.past().list(folder, at, "", 1000, [&](const PastNode& node) { found.push_back(node); });
        });
        return found;
    }
    Shown tree_at(Lsn at) {
        Shown tree;
        add_tree(root(), "", at, tree);
        return tree;
    }
    void add_tree(NodeId folder, const std::string& path, Lsn at, Shown& into) {
        for (const PastNode& node : list(folder, at)) {
            const std::string name = path + node.name;
            if (is_collection(node.kind)) {
                into[name] = "/";
                add_tree(node.id, name + "/", at, into);
            } else {
                const PastOctets octets = open_past(store(), node);
                into[name] = octets.file ? read_all(*octets.file) : "?";
            }
        }
    }
    // What stands on the disk of the user.
    Shown on_disk() {
        Shown tree;
        const fs::path top = dir.path() + "/files/ana";
        for (const auto& entry : fs::recursive_directory_iterator(top)) {
            tree[fs::relative(entry.path(), top)] = entry.is_directory() ? "/" : read_file(entry.path());
        }
        return tree;
    }
    std::optional<PutBackDone> put_back(const Oid& oid, Lsn at) {
        auto done = storage::put_back(store(), {.space = space(), .oid = oid, .at = at}, author);
        CHECK(store().check(false).empty());
        return done;
    }
    void set_prop(NodeId id, const std::string& name, std::optional<std::string> value) {
        store().write([&](WriteTxn& txn) { txn.set_props(id, {{{"urn:x", name, value}}, {}, {}}, {}); });
    }
    std::map<std::string, std::string> props(NodeId id) {
        std::map<std::string, std::string> found;
        store().read([&](ReadTxn& txn) {
            for (const Prop& prop : txn.props(id)) found[prop.name] = prop.value;
        });
        return found;
    }
    std::optional<Node> by_oid(const Oid& oid) {
        return store().read([&](ReadTxn& txn) { return txn.by_oid(space(), oid); });
    }

    TempDir dir;
    SetClock clock;
    std::optional<Home> home;
    const Author author{Cause::dav, base::Id128{{7}}, {}};
};

using Props = std::map<std::string, std::string>;

}  // namespace

TEST_CASE("what a file was over time, with who and when") {
    Story story;
    const Node file = story.home->put(story.root(), "a", "one");
    const Lsn one = story.now();
    story.store().write([&](WriteTxn& txn) {
        txn.put({story.root(), "a", NodeKind::file, {}, {}}, text_content("two"), no_index(), story.author);
    });
    const Lsn two = story.now();
    const Node folder = story.home->make(story.root(), "d");
    story.home->place(file.id, folder.id, "b");
    story.now();
    story.home->remove(folder.id);
    const Lsn removed = story.now();

    story.store().read([&](ReadTxn& txn) {
        Past past = txn.past();
        const auto contents = past.contents(story.space(), file.oid, 0, 10);
        REQUIRE(contents.size() == 2);
        CHECK(contents[0].hash == base::sha256("two"));
        CHECK(contents[0].written.lsn == two);
        CHECK(contents[0].written.at_ms == kStart + kHour);
        CHECK(contents[0].written.actor == story.author.actor);
        REQUIRE(contents[0].ended);
        CHECK(contents[0].ended->lsn == removed);
        CHECK(contents[1].written.lsn == one);
        CHECK(contents[1].ended->lsn == two);
        CHECK(past.contents(story.space(), file.oid, removed, 10).size() == 1);

        const auto places = past.places(story.space(), file.oid, 0, 10);
        REQUIRE(places.size() == 2);
        CHECK(places[0].name == "b");
        CHECK(places[0].parent == folder.id);
        CHECK(places[0].removed);
        CHECK(places[1].name == "a");
        CHECK_FALSE(places[1].removed);

        CHECK(past.at(kStart - 1) == 0);
        CHECK(past.at(kStart) == one);
        CHECK(past.at(kStart + kHour - 1) == one);
        CHECK(past.at(kStart + kHour) == two);
        const std::vector<std::string> path{"d", "b"};
        CHECK_FALSE(past.walk(story.root(), path, two));
        CHECK(past.walk(story.root(), path, removed - 1)->oid == file.oid);
        CHECK_FALSE(past.walk(story.root(), path, removed));
    });
}

TEST_CASE("what folders held at any time, inside removed folders and before moves too") {
    Story story;
    std::map<Lsn, Shown> seen;
    const auto remember = [&] { seen[story.now()] = story.on_disk(); };
    const Node a = story.home->make(story.root(), "a");
    const Node file = story.home->put(a.id, "f", "1");
    remember();
    story.home->put(a.id, "f", "2");
    story.home->put(a.id, "g", "same");
    story.home->put(story.root(), "h", "same");
    remember();
    const Node b = story.home->make(a.id, "b");
    story.home->place(file.id, b.id, "f2");
    remember();
    story.home->place(a.id, story.root(), "moved");
    remember();
    story.home->put(b.id, "f2", "3");
    story.home->remove(a.id);
    remember();
    story.home->put(story.root(), "moved", "a file now");
    remember();
    story.restart();
    for (const auto& [at, tree] : seen) CHECK(story.tree_at(at) == tree);
    const auto page = [&](const std::string& after, std::size_t limit) {
        std::vector<std::string> names;
        story.store().read([&](ReadTxn& txn) {
            txn.past().list(a.id, std::next(seen.begin())->first, after, limit,
                            [&](const PastNode& node) { names.push_back(node.name); });
        });
        return names;
    };
    CHECK(page("", 1) == std::vector<std::string>{"f"});
    CHECK(page("f", 5) == std::vector<std::string>{"g"});
}

TEST_CASE("an old content comes back, with its properties, as an edit") {
    Story story;
    const Node file = story.home->put(story.root(), "a", "one");
    story.set_prop(file.id, "colour", "red");
    const Lsn then = story.now();
    story.home->put(story.root(), "a", "two");
    story.set_prop(file.id, "colour", "blue");
    story.set_prop(file.id, "size", "large");
    const Node folder = story.home->make(story.root(), "d");
    story.home->place(file.id, folder.id, "b");
    const Lsn later = story.now();
    const auto done = story.put_back(file.oid, then);
    REQUIRE(done);
    CHECK(done->node.id == file.id);
    CHECK(story.on_disk() == Shown{{"d", "/"}, {"d/b", "one"}});
    CHECK(story.props(file.id) == Props{{"colour", "red"}});
    CHECK(story.home->node(file.id).mtime_ns == file.mtime_ns);
    // Nothing was rewound: what was in between is history, and putting back can itself be undone.
    CHECK(story.tree_at(later) == Shown{{"d", "/"}, {"d/b", "two"}});
    REQUIRE(story.put_back(file.oid, later));
    CHECK(story.on_disk() == Shown{{"d", "/"}, {"d/b", "two"}});
    CHECK(story.props(file.id) == Props{{"colour", "blue"}, {"size", "large"}});
    story.store().read([&](ReadTxn& txn) {
        const auto contents = txn.past().contents(story.space(), file.oid, 0, 10);
        REQUIRE(contents.size() == 4);
        CHECK(contents[0].written.cause == Cause::restore);
        CHECK(contents[0].written.actor == story.author.actor);
    });
    SECTION("the same content again changes the properties alone") {
        const Lsn before = story.now();
        story.set_prop(file.id, "colour", "green");
        REQUIRE(story.put_back(file.oid, before));
        CHECK(story.props(file.id).at("colour") == "blue");
        CHECK(story.home->node(file.id).content_lsn <= before);
    }
}

TEST_CASE("a removed file comes back with its id, where it was or as near as can be") {
    Story story;
    const Node folder = story.home->make(story.root(), "d");
    const bool big = GENERATE(false, true);
    const std::string text = big ? std::string(kInlineBytesMax * 3, 'b') : "small";
    Node file;
    if (big) {
        Upload upload(story.store().tree(), base::system_rng(), {{}, 1 << 20, false, false, false});
        upload.write(text);
        upload.close();
        Content content = upload.finish({});
        file = story.store().write([&](WriteTxn& txn) {
            return txn.put({folder.id, "f.txt", NodeKind::file, {}, true}, std::move(content), no_index(), {}).node;
        });
    } else {
        file = story.home->put(folder.id, "f.txt", text);
    }
    story.set_prop(file.id, "colour", "red");
    const Lsn then = story.now();
    story.set_prop(file.id, "colour", "blue");
    story.home->remove(file.id);
    story.now();
    SECTION("where it was") {
        const auto done = story.put_back(file.oid, then);
        REQUIRE(done);
        CHECK(done->node.oid == file.oid);
        CHECK(done->node.created_ms == file.created_ms);
        CHECK(done->node.exec == file.exec);
        CHECK(done->node.mtime_ns == file.mtime_ns);
        CHECK(story.on_disk().at("d/f.txt") == text);
        CHECK(story.props(done->node.id) == Props{{"colour", "red"}});
        // A second time it is there, and only gets what it had.
        CHECK(story.put_back(file.oid, then)->node.id == done->node.id);
        // Removed again it is in trash again.
        story.home->remove(done->node.id);
        story.expire({});
        REQUIRE(story.put_back(file.oid, then));
        story.restart();
        CHECK(story.on_disk().at("d/f.txt") == text);
    }
    SECTION("beside what has its name now") {
        story.home->put(folder.id, "f.txt", "another");
        story.home->put(folder.id, "f (restored).txt", "another");
        CHECK(story.put_back(file.oid, then)->node.name == "f (restored 2).txt");
    }
    SECTION("where its folder is now") {
        story.home->place(folder.id, story.root(), "elsewhere");
        story.put_back(file.oid, then);
        CHECK(story.on_disk().contains("elsewhere/f.txt"));
    }
    SECTION("above, where its folder is gone") {
        story.home->remove(folder.id);
        story.put_back(file.oid, then);
        CHECK(story.on_disk().contains("f.txt"));
    }
    SECTION("where the caller says, if he may") {
        const Node other = story.home->make(story.root(), "other");
        struct Refused {};
        PutBack what{.space = story.space(), .oid = file.oid, .at = then, .into = other.id, .name = "g"};
        what.may = [](WriteTxn&, NodeId, const std::string&, std::int64_t) { throw Refused(); };
        CHECK_THROWS_AS(put_back(story.store(), what, {}), Refused);
        CHECK_FALSE(story.by_oid(file.oid));
        what.may = [&](WriteTxn&, NodeId where, const std::string& name, std::int64_t bytes) {
            CHECK(where == other.id);
            CHECK(name == "g");
            CHECK(bytes == static_cast<std::int64_t>(text.size()));
        };
        CHECK(put_back(story.store(), what, {}));
        CHECK(story.on_disk().contains("other/g"));
    }
    SECTION("not, when history does not have it any more, or not as it was") {
        CHECK_FALSE(story.put_back(file.oid, 1));
        std::string path;
        story.store().read([&](ReadTxn& txn) {
            const auto was = txn.past().find(story.space(), file.oid, then);
            path = story.dir.path() + "/.hearth/versions/" + base::hex(was->content->hash->view()).substr(0, 2) + "/" +
                   base::hex(was->content->hash->view());
        });
        std::ofstream(path, std::ios::binary | std::ios::trunc) << std::string(text.size(), 'X');
        CHECK_FALSE(story.put_back(file.oid, then));
        story.clock.advance(31 * kDay);
        story.expire({});
        CHECK_FALSE(story.put_back(file.oid, then));
    }
    CHECK(fs::is_empty(story.dir.path() + "/.hearth/staging"));
}

TEST_CASE("a removed folder comes back with all it held") {
    Story story;
    const Node top = story.home->make(story.root(), "top");
    const Node deep = story.home->make(top.id, "deep");
    story.home->make(top.id, "empty");
    const Node file = story.home->put(deep.id, "f", "1");
    const Node moved = story.home->put(top.id, "moved", "away");
    story.home->put(top.id, "early", "removed before");
    story.set_prop(deep.id, "colour", "red");
    story.home->put(deep.id, "f", "2");
    const Shown all = story.on_disk();
    const Lsn then = story.now();
    story.set_prop(deep.id, "colour", "blue");
    story.home->put(deep.id, "f", "3");
    story.home->place(moved.id, story.root(), "here");
    const Lsn later = story.now();
    story.home->remove(story.store().read([&](ReadTxn& txn) { return txn.child(top.id, "early")->id; }));
    story.home->remove(top.id);
    story.now();
    if (GENERATE(false, true)) story.restart();

    SECTION("as it was before, ids and all") {
        const auto done = story.put_back(top.oid, then);
        REQUIRE(done);
        CHECK(done->missing == 0);
        CHECK(done->files == 3);
        Shown expected = all;
        expected["here"] = "away";
        CHECK(story.on_disk() == expected);
        CHECK(done->node.oid == top.oid);
        CHECK(story.by_oid(deep.oid)->created_ms == deep.created_ms);
        CHECK(story.props(story.by_oid(deep.oid)->id) == Props{{"colour", "red"}});
        CHECK(story.by_oid(file.oid)->hash == base::sha256("2"));
        CHECK(story.by_oid(moved.oid)->name == "here");  // what is there stays; a copy came
        // The past is still what it was.
        CHECK(story.tree_at(then) == all);
        story.home->remove(done->node.id);
        CHECK(story.put_back(top.oid, later)->files == 2);
    }
    SECTION("as it was last") {
        story.put_back(top.oid, later);
        CHECK(story.on_disk().at("top/deep/f") == "3");
        CHECK_FALSE(story.on_disk().contains("top/moved"));
    }
    SECTION("without what history dropped") {
        story.clock.advance(2 * kDay);
        story.store().write([&](WriteTxn& txn) { txn.set_props(moved.id, {{}, 1, {}}, {}); });
        Retention policy;
        policy.hourly_ms = policy.daily_ms = policy.weekly_ms = 0;
        story.expire(policy);
        const auto done = story.put_back(top.oid, then);
        CHECK(done->missing == 1);  // deep/f had another content since
        CHECK(done->files == 2);
    }
    SECTION("while it is there, as a copy beside it") {
        const auto back = story.put_back(top.oid, later);
        const auto copy = story.put_back(top.oid, then);
        CHECK(copy->node.name == "top (restored)");
        CHECK(copy->node.oid != top.oid);
        CHECK(story.by_oid(top.oid)->id == back->node.id);
        CHECK(story.on_disk().at("top (restored)/deep/f") == "2");
        CHECK(story.on_disk().at("top/deep/f") == "3");
    }
    SECTION("not at all, when it may not") {
        struct Refused {};
        PutBack what{.space = story.space(), .oid = top.oid, .at = then};
        what.may = [](WriteTxn&, NodeId, const std::string&, std::int64_t) { throw Refused(); };
        CHECK_THROWS_AS(put_back(story.store(), what, {}), Refused);
        CHECK(story.on_disk() == Shown{{"here", "away"}});
        CHECK(fs::is_empty(story.dir.path() + "/.hearth/staging"));
        CHECK(story.put_back(top.oid, then)->files == 3);
    }
    CHECK(story.store().check(false).empty());
}

TEST_CASE("a folder too big to be removed at once comes back too") {
    Story story;
    const Node top = story.home->make(story.root(), "top");
    for (int i = 0; i < 40; ++i) {
        story.store().write([&](WriteTxn& txn) {
            for (int j = 0; j < 55; ++j)
                txn.put({top.id, std::to_string(i * 55 + j), NodeKind::file, {}, {}}, text_content(std::to_string(j)),
                        no_index(), {});
        });
    }
    const Lsn then = story.now();
    story.home->remove(top.id);
    const bool drained = GENERATE(true, false);
    while (drained && story.store().drain_hidden(500) > 0) {
    }
    const auto done = story.put_back(top.oid, then);
    REQUIRE(done);
    CHECK(done->files == 2200);
    CHECK((done->node.oid == top.oid) == drained);
    while (story.store().drain_hidden(500) > 0) {
    }
    CHECK(story.on_disk().size() == 2201);
    story.clock.advance(31 * kDay);
    story.expire({});
    CHECK(fs::is_empty(story.dir.path() + "/.hearth/trash"));
    CHECK(story.on_disk().size() == 2201);
    CHECK(story.store().check(false).empty());
}

TEST_CASE("whatever was done, every moment that is kept can be shown and its files put back") {
    const unsigned seed = GENERATE(range(1u, 5u));
    INFO("seed " << seed);
    std::mt19937 random(seed);
    Story story;
    std::vector<Node> folders{story.home->node(story.root())};
    std::map<NodeId, Node> files;
    std::map<Lsn, Shown> seen;
    const auto below = [&](std::size_t n) { return random() % n; };
    const auto some_file = [&] {
        return std::next(files.begin(), static_cast<std::ptrdiff_t>(below(files.size())))->first;
    };
    const auto tidy = [&] {
        const auto there = [&](NodeId id) {
            return story.store().read([&](ReadTxn& txn) { return txn.node(id).has_value(); });
        };
        std::erase_if(folders, [&](const Node& folder) { return !there(folder.id); });
        std::erase_if(files, [&](const auto& file) { return !there(file.first); });
    };
    for (int i = 0; i < 120; ++i) {
        const NodeId folder = folders[below(folders.size())].id;
        const std::size_t choice = below(12);
        if (choice < 5 || files.empty()) {
            const Node put = story.home->put(folder, "f" + std::to_string(below(5)), std::to_string(below(30)));
            files[put.id] = put;
        } else if (choice < 6) {
            story.home->remove(some_file());
        } else if (choice < 8) {
            story.home->place(some_file(), folder, "m" + std::to_string(i));
        } else if (choice < 10) {
            folders.push_back(story.home->make(folder, "d" + std::to_string(i)));
        } else if (choice < 11 && folders.size() > 1) {
            story.home->remove(folders[1 + below(folders.size() - 1)].id);
        } else if (!seen.empty()) {
            const Lsn at = std::next(seen.begin(), static_cast<std::ptrdiff_t>(below(seen.size())))->first;
            const auto then = story.list(story.root(), at);
            if (!then.empty()) REQUIRE(story.put_back(then[below(then.size())].oid, at));
            for (const PastNode& node : story.list(story.root(), story.now())) {
                const Node now = story.home->node(node.id);
                if (is_collection(now.kind) &&
                    std::none_of(folders.begin(), folders.end(), [&](const Node& one) { return one.id == now.id; }))
                    folders.push_back(now);
                if (!is_collection(now.kind)) files[now.id] = now;
            }
        }
        tidy();
        seen[story.now()] = story.on_disk();
    }
    story.restart();
    for (const auto& [at, tree] : seen) {
        INFO("at " << at);
        CHECK(story.tree_at(at) == tree);
    }
}

}  // namespace storage
