// Ours first: both they and Catch have a CHECK, and here it is the test's.
#include "storage/sync.h"
#include "storage/base/failure.h"
#include "storage/sql.h"
#include "tests/storage/store_support.h"

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>

namespace storage {

namespace {

PropChanges property(const std::string& value) {
    PropChanges changes;
    changes.props.push_back({"urn:x", "p", value});
    return changes;
}

using Members = std::map<std::string, std::string>;  // path below the collection -> entity tag

// What a walk finds now.
Members walk(ReadTxn& txn, const Node& collection, SyncLevel level) {
    Members members;
    struct Level {
        NodeId folder;
        std::string path;
    };
    std::vector<Level> levels{{collection.id, ""}};
    while (!levels.empty()) {
        const Level at = levels.back();
        levels.pop_back();
        txn.list(at.folder, Need::none, "", kListPageMax, [&](const Row& row) {
            members[at.path + row.node.name] = etag_of(row.node);
            if (is_collection(row.node.kind) && level == SyncLevel::infinite)
                levels.push_back({row.node.id, at.path + row.node.name + "/"});
        });
    }
    return members;
}

// A client as RFC 6578 has it: a map of URLs and a token.
class Client {
  public:
    Client(Node collection, SyncLevel level) : collection_(std::move(collection)), level_(level) {}

    // One request. True: complete. Checks on the way what every answer must hold.
    bool page(Store& store, std::size_t limit) {
        return store.read([&](ReadTxn& txn) {
            const SyncState state = txn.sync_state(collection_.space);
            const bool first = token_.empty();
            SyncPlace since = first_place(state);
            std::vector<Dot> seen;
            if (first) {
                members.clear();
                listing_ = true;
                quiet_ = state.lsn;
            } else {
                const auto token = decode_sync_token(token_);
                REQUIRE(token);
                const auto place = place_of(txn, collection_, *token);
                REQUIRE(place);
                since = *place;
                seen = token->vector;
            }
            const SyncPage page = txn.sync_changes({collection_.space, collection_.id, level_, since, limit});
            CHECK(page.changes.size() <= limit);
            if (page.next) CHECK(page.changes.size() >= (full_pages ? limit : 1));
            std::set<std::string> urls;
            for (const SyncChange& change : page.changes) CHECK(urls.insert(change.path).second);
            for (const SyncChange& change : page.changes) apply(txn, change, urls);
            told += page.changes.size();
            token_ = encode(page.next ? sync_token(collection_.oid, state.epoch, seen, page.next)
                                      : token_of(state, collection_.oid));
            if (!page.next) listing_ = false;
            if (!page.next && pretend_elsewhere) token_ = token_.substr(0, token_.rfind(':'));
            return !page.next;
        });
    }

    void check(Store& store) {
        store.read([&](ReadTxn& txn) {
            const Members now = walk(txn, collection_, level_);
            if (members != now) {
                for (const auto& [path, tag] : members) {
                    if (!now.contains(path))
                        UNSCOPED_INFO("kept, but gone: " << path);
                    else if (now.at(path) != tag)
                        UNSCOPED_INFO("stale: " << path);
                }
                for (const auto& [path, tag] : now) {
                    if (!members.contains(path)) UNSCOPED_INFO("not told: " << path);
                }
            }
            REQUIRE(members == now);
            CHECK(is_current_sync_token(txn, collection_, token_) == true);
        });
    }

    const Node& collection() const { return collection_; }
    SyncLevel level() const { return level_; }
    void begin_again() { token_.clear(); }
    std::string token() const { return token_; }

    Members members;
    std::size_t told = 0;
    bool pretend_elsewhere = false;
    bool full_pages = true;  // as long as no record loses more than is kept at a time

  private:
    void apply(ReadTxn& txn, const SyncChange& change, const std::set<std::string>& urls) {
        if (!change.removed) {
            const auto node = txn.node(change.node);
            REQUIRE(node);
            CHECK(is_collection(node->kind) == change.collection);
            members[change.path] = etag_of(*node);
            return;
        }
        // Removed: with all below it, which is not named again (RFC 6578 §3.5.2); never in a first listing (§3.4).
        const std::string below = change.path + "/";
        for (const std::string& url : urls) CHECK_FALSE(url.starts_with(below));
        if (listing_) CHECK(txn.sync_state(collection_.space).lsn > quiet_);
        members.erase(change.path);
        members.erase(members.lower_bound(below), members.lower_bound(change.path + "0"));
    }

    Node collection_;
    SyncLevel level_;
    std::string token_;
    bool listing_ = false;
    Lsn quiet_ = 0;
};

// Everything that can happen to a small tree.
class World {
  public:
    World(Home& home, std::uint64_t seed) : home_(home), random_(seed) {}

    std::size_t pick(std::size_t below) { return random_() % below; }

    void step() {
        home_.store->write([&](WriteTxn& txn) {
            for (std::size_t several = 1 + pick(3); several > 0; --several) one(txn);
        });
        if (pick(20) == 0) home_.store->drain_hidden(3);
    }

    std::vector<Node> folders(ReadTxn& txn) {
        std::vector<Node> found;
        txn.subtree(home_.pim.root, 10'000, [&](const Node& node) {
            if (is_collection(node.kind)) found.push_back(node);
        });
        return found;
    }

  private:
    Node any(ReadTxn& txn, bool root) {
        std::vector<Node> found;
        txn.subtree(home_.pim.root, 10'000, [&](const Node& node) { found.push_back(node); });
        if (root || found.size() == 1) return found[pick(found.size())];
        return found[1 + pick(found.size() - 1)];
    }
    std::string name() { return std::string(1, static_cast<char>('a' + pick(4))); }

    bool inside(ReadTxn& txn, NodeId what, NodeId top) {
        for (NodeId at = what; at != 0; at = txn.node(at)->parent) {
            if (at == top) return true;
        }
        return false;
    }

    void one(WriteTxn& txn) {
        const auto all = folders(txn);
        const Node folder = all[pick(all.size())];
        const std::string leaf = name();
        const auto there = txn.child(folder.id, leaf);
        switch (pick(12)) {
            case 0:
            case 1:
            case 2:
                if (there && is_collection(there->kind)) return;
                txn.put({folder.id, leaf, NodeKind::card, {}, {}}, text_content(std::to_string(pick(50))), no_index(),
                        {});
                return;
            case 3:
            case 4:
                if (!there && txn.path_of(folder.id).size() < 4) txn.make({folder.id, leaf, NodeKind::folder, {}}, {});
                return;
            case 5:
            case 6:
            case 7: {  // MOVE, over what is there
                const Node what = any(txn, false);
                if (what.id == home_.pim.root || inside(txn, folder.id, what.id)) return;
                if (there && inside(txn, what.id, there->id)) return;
                if (there) txn.remove(there->id, {});
                txn.place(what.id, folder.id, leaf, {});
                return;
            }
            case 8: {  // COPY of a tree
                const Node what = any(txn, false);
                if (!is_collection(what.kind) || what.id == home_.pim.root) return;
                if (there && inside(txn, what.id, there->id)) return;
                std::vector<Node> nodes;
                txn.subtree(what.id, 100, [&](const Node& node) { nodes.push_back(node); });
                if (nodes.size() > 12 || inside(txn, folder.id, what.id)) return;
                const Node hidden = txn.make_hidden(home_.pim.id, {});
                std::map<NodeId, NodeId> copies{{what.id, hidden.id}};
                for (std::size_t i = 1; i < nodes.size(); ++i) {
                    const WriteTxn::Copied copied{copies.at(nodes[i].parent),
                                                  nodes[i].name,
                                                  nodes[i].kind,
                                                  0,
                                                  false,
                                                  nodes[i].size,
                                                  nodes[i].hash,
                                                  {},
                                                  {}};
                    copies[nodes[i].id] = txn.add_copied(std::span(&copied, 1), {}).front();
                }
                if (there) txn.remove(there->id, {});
                if (pick(5) == 0) {
                    txn.remove(hidden.id, {});
                } else {
                    txn.place(hidden.id, folder.id, leaf, {});
                }
                return;
            }
            case 9:
            case 10: {
                const Node what = any(txn, false);
                if (what.id != home_.pim.root) txn.remove(what.id, {});
                return;
            }
            default: txn.set_props(any(txn, true).id, property(std::to_string(pick(9))), {});
        }
    }

    Home& home_;
    std::mt19937_64 random_;
};

// By hand: HEARTH_SYNC_STEPS=50000 and another HEARTH_SYNC_SEED.
std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
    const char* text = std::getenv(variable);
    return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

void wander(std::uint64_t seed, std::size_t steps) {
    INFO("seed " << seed);
    TempDir dir;
    Home home(dir.path());
    World world(home, seed);
    std::vector<Client> clients;
    for (std::size_t step = 0; step < steps; ++step) {
        INFO("step " << step);
        if (clients.size() < 6 || world.pick(40) == 0) {
            const Node on = home.store->read([&](ReadTxn& txn) {
                const auto all = world.folders(txn);
                return all[world.pick(2) == 0 ? 0 : world.pick(all.size())];
            });
            if (clients.size() >= 12) clients.erase(clients.begin());
            clients.emplace_back(on, world.pick(3) == 0 ? SyncLevel::one : SyncLevel::infinite);
            clients.back().pretend_elsewhere = world.pick(4) == 0;
        }
        world.step();
        if (world.pick(3) != 0) continue;
        std::erase_if(clients, [&](const Client& client) {
            return home.store->read([&](ReadTxn& txn) { return !txn.node(client.collection().id); });
        });
        if (clients.empty()) continue;
        Client& client = clients[world.pick(clients.size())];
        INFO("collection " << client.collection().id << (client.level() == SyncLevel::one ? " level 1" : " infinite"));
        if (world.pick(30) == 0) client.begin_again();
        const std::size_t limit = world.pick(3) == 0 ? 1000 : 1 + world.pick(4);
        const bool busy = world.pick(2) == 0;
        bool complete = false;
        for (std::size_t pages = 0; !complete; ++pages) {
            REQUIRE(pages < 2000);
            complete = client.page(*home.store, limit);
            if (complete) break;
            if (world.pick(50) == 0) break;  // it goes on some other day
            if (busy && pages < 20 && world.pick(3) == 0) world.step();
            if (!home.store->read([&](ReadTxn& txn) { return txn.node(client.collection().id); })) break;
        }
        if (complete) client.check(*home.store);
    }
}

}  // namespace

TEST_CASE("whatever happens and however it pages, a client that synced has what is there") {
    const std::uint64_t steps = number_from("HEARTH_SYNC_STEPS", 300);
    if (const std::uint64_t seed = number_from("HEARTH_SYNC_SEED", 0); seed != 0) {
        wander(seed, steps);
        return;
    }
    for (const std::uint64_t seed : {1U, 2U, 3U, 4U}) wander(seed, steps);
}

namespace {

Client synced(Home& home, const Node& collection, SyncLevel level, std::size_t limit = 1000) {
    Client client(collection, level);
    while (!client.page(*home.store, limit)) {
    }
    client.check(*home.store);
    return client;
}

SyncPage since(Home& home, const Client& client, std::size_t limit = 1000) {
    return home.store->read([&](ReadTxn& txn) {
        const auto place = place_of(txn, client.collection(), decode_sync_token(client.token()).value());
        return txn.sync_changes(
            {client.collection().space, client.collection().id, client.level(), place.value(), limit});
    });
}

std::set<std::string> said(const SyncPage& page) {
    std::set<std::string> lines;
    for (const SyncChange& change : page.changes)
        lines.insert((change.removed ? "-" : "+") + change.path + (change.collection ? "/" : ""));
    return lines;
}
using Lines = std::set<std::string>;

Node root_of(Home& home, const Space& space) {
    return home.node(space.root);
}

}  // namespace

TEST_CASE("what is told of each change") {
    TempDir dir;
    Home home(dir.path());
    const Node root = root_of(home, home.files);
    const Node a = home.make(root.id, "a");
    const Node b = home.make(a.id, "b");
    const Node x = home.put(b.id, "x", "1");
    home.put(a.id, "y", "1");
    const Client deep = synced(home, root, SyncLevel::infinite);
    const Client flat = synced(home, root, SyncLevel::one);
    CHECK(said(since(home, deep)).empty());
    SECTION("content: it, and the collections above it") {
        home.put(b.id, "x", "2");
        CHECK(said(since(home, deep)) == Lines{"+a/", "+a/b/", "+a/b/x"});
        CHECK(said(since(home, flat)) == Lines{"+a/"});
    }
    SECTION("a property is a change of its resource") {
        home.store->write([&](WriteTxn& txn) { txn.set_props(x.id, property("v"), {}); });
        CHECK(said(since(home, deep)) == Lines{"+a/", "+a/b/", "+a/b/x"});
    }
    SECTION("a property of a collection tells nothing of its members") {
        home.store->write([&](WriteTxn& txn) { txn.set_props(a.id, property("v"), {}); });
        CHECK(said(since(home, deep)) == Lines{"+a/"});
    }
    SECTION("of the collection itself nothing is told") {
        home.store->write([&](WriteTxn& txn) { txn.set_props(root.id, property("v"), {}); });
        CHECK(said(since(home, deep)).empty());
    }
    SECTION("a moved folder is told whole, its old URL once") {
        home.place(b.id, root.id, "c");
        CHECK(said(since(home, deep)) == Lines{"+a/", "-a/b/", "+c/", "+c/x"});
        CHECK(said(since(home, flat)) == Lines{"+a/", "+c/"});
    }
    SECTION("a removed folder is told once, with nothing below it") {
        home.remove(a.id);
        CHECK(said(since(home, deep)) == Lines{"-a/"});
        CHECK(said(since(home, flat)) == Lines{"-a/"});
    }
    SECTION("removed and made again is changed, and what it lacks is removed") {
        home.remove(a.id);
        const Node again = home.make(root.id, "a");
        home.make(again.id, "b");
        CHECK(said(since(home, deep)) == Lines{"+a/", "+a/b/", "-a/b/x", "-a/y"});
        CHECK(said(since(home, flat)) == Lines{"+a/"});
    }
    SECTION("moved away and another in its place") {
        home.place(a.id, root.id, "c");
        home.put(root.id, "a", "a file now");
        CHECK(said(since(home, deep)) == Lines{"+a", "-a/b/", "-a/y", "+c/", "+c/b/", "+c/b/x", "+c/y"});
    }
    SECTION("what came and went between is removed") {
        home.remove(home.put(a.id, "z", "1").id);
        CHECK(said(since(home, deep)) == Lines{"+a/", "-a/z"});
    }
    SECTION("a folder moved there and back") {
        home.place(b.id, root.id, "c");
        home.place(b.id, a.id, "b");
        CHECK(said(since(home, deep)) == Lines{"+a/", "+a/b/", "+a/b/x", "-c/"});
    }
    SECTION("below another collection only what is there") {
        const Client inner = synced(home, b, SyncLevel::infinite);
        home.put(a.id, "y", "2");
        home.place(a.id, root.id, "c");
        CHECK(said(since(home, inner)).empty());
        home.remove(x.id);
        CHECK(said(since(home, inner)) == Lines{"-x"});
    }
    SECTION("a copy is told when it appears") {
        const Node hidden = home.store->write([&](WriteTxn& txn) { return txn.make_hidden(home.files.id, {}); });
        home.store->write([&](WriteTxn& txn) {
            const WriteTxn::Copied copied{hidden.id, "e", NodeKind::folder, 0, false, 0, {}, {}, {}};
            txn.add_copied(std::span(&copied, 1), {});
        });
        CHECK(said(since(home, deep)).empty());
        const Client between = synced(home, root, SyncLevel::infinite);
        home.place(hidden.id, a.id, "d");
        CHECK(said(since(home, between)) == Lines{"+a/", "+a/d/", "+a/d/e/"});
    }
}

TEST_CASE("a removal too big for one commit is one line, before and after it is drained") {
    TempDir dir;
    Home home(dir.path());
    const Node root = root_of(home, home.pim);
    const Node many = home.make(root.id, "many");
    home.store->write([&](WriteTxn& txn) {
        for (std::size_t i = 0; i <= kRemoveAtOnceMax; ++i)
            txn.put({many.id, std::to_string(i), NodeKind::card, {}, {}}, text_content("x"), no_index(), {});
    });
    Client client = synced(home, root, SyncLevel::infinite, 700);
    CHECK(client.told == kRemoveAtOnceMax + 2);
    home.remove(many.id);
    CHECK(said(since(home, client)) == Lines{"-many/"});
    home.store->drain_hidden(500);
    CHECK(said(since(home, client)) == Lines{"-many/"});
    home.make(root.id, "many");
    CHECK(since(home, client, 10'000).changes.size() == kRemoveAtOnceMax + 2);
    while (home.store->drain_hidden(500) != 0) {
    }
    CHECK(since(home, client, 10'000).changes.size() == kRemoveAtOnceMax + 2);
    while (!client.page(*home.store, 600)) {
    }
    client.check(*home.store);
}

TEST_CASE("a moved folder that is more than a page goes on where it was") {
    TempDir dir;
    Home home(dir.path());
    const Node root = root_of(home, home.pim);
    const Node folder = home.make(root.id, "f");
    home.store->write([&](WriteTxn& txn) {
        for (int i = 0; i < 3000; ++i)
            txn.put({folder.id, std::to_string(i), NodeKind::card, {}, {}}, text_content("x"), no_index(), {});
    });
    Client client = synced(home, root, SyncLevel::infinite);
    client.told = 0;
    home.place(folder.id, root.id, "g");
    for (std::size_t pages = 1; !client.page(*home.store, 100); ++pages) REQUIRE(pages < 32);
    client.check(*home.store);
    CHECK(client.told == 3002);  // the old URL, the folder, its members: nothing twice
}

TEST_CASE("what moved after it changed is told once, however small the pages") {
    TempDir dir;
    Home home(dir.path());
    const Node root = root_of(home, home.pim);
    const Node f = home.make(root.id, "f");
    const Node d = home.make(root.id, "d");
    home.put(d.id, "y", "1", NodeKind::card);
    Client client = synced(home, root, SyncLevel::infinite);
    client.told = 0;
    SECTION("changed, then moved with its folder") {
        home.put(f.id, "x", "1", NodeKind::card);
        home.place(f.id, root.id, "g");
        while (!client.page(*home.store, 1)) {
        }
        CHECK(client.told == 3);  // f is gone, g, g/x
    }
    SECTION("its folder moved, then it came into that") {
        home.place(f.id, root.id, "g");
        home.place(d.id, f.id, "d");
        while (!client.page(*home.store, 1)) {
        }
        CHECK(client.told == 6);  // f is gone, g, d is gone, g again, g/d, g/d/y
    }
    client.check(*home.store);
}

TEST_CASE("a record that loses more than is kept at a time is told to its end") {
    TempDir dir;
    Home home(dir.path());
    const Node root = root_of(home, home.pim);
    const Node d = home.make(root.id, "d");
    const Node sub = home.make(d.id, "sub");
    home.store->write([&](WriteTxn& txn) {
        for (int i = 0; i < 3000; ++i)
            txn.put({sub.id, std::to_string(i), NodeKind::card, {}, {}}, text_content("x"), no_index(), {});
    });
    home.put(d.id, "last", "1", NodeKind::card);
    Client client = synced(home, root, SyncLevel::infinite);
    client.full_pages = false;
    home.place(d.id, root.id, "e");
    home.make(root.id, "d");
    client.told = 0;
    for (std::size_t pages = 0; !client.page(*home.store, 40); ++pages) REQUIRE(pages < 200);
    client.check(*home.store);
    for (const std::size_t limit : {1U, 2U}) {
        home.place(d.id, root.id, limit == 1 ? "f" : "h");
        home.make(root.id, limit == 1 ? "e" : "f");
        bool told_last = false;
        for (int pages = 0; pages < 12 && !told_last; ++pages) {
            client.page(*home.store, limit);
            told_last = !client.members.contains(limit == 1 ? "e/last" : "f/last");
        }
        CHECK(told_last);
        while (!client.page(*home.store, 1000)) {
        }
        client.check(*home.store);
    }
}

TEST_CASE("a page of long paths ends before it is long in octets") {
    TempDir dir;
    Home home(dir.path());
    const Node root = root_of(home, home.pim);
    const Node top = home.make(root.id, "f");
    Node folder = top;
    for (int depth = 0; depth < 40; ++depth) folder = home.make(folder.id, std::string(250, 'x'));
    home.store->write([&](WriteTxn& txn) {
        for (int i = 0; i < 2000; ++i)
            txn.put({folder.id, std::to_string(i), NodeKind::card, {}, {}}, text_content("x"), no_index(), {});
    });
    const auto octets = [](const SyncPage& page) {
        std::size_t sum = 0;
        for (const SyncChange& change : page.changes) sum += change.path.size();
        return sum;
    };
    Client client(root, SyncLevel::infinite);
    client.full_pages = false;
    const auto all = [&] {
        client.told = 0;
        std::size_t pages = 1;
        while (!client.page(*home.store, 20'000)) ++pages;
        client.check(*home.store);
        return pages;
    };
    CHECK(all() == 3);  // 20 MB, 8 MiB each
    CHECK(client.told == 2041);
    home.place(top.id, root.id, "g");
    const SyncPage page = since(home, client, 20'000);
    CHECK(page.next);
    CHECK(octets(page) > 7'000'000);
    CHECK(octets(page) < 9'000'000);
    CHECK(all() == 3);
    CHECK(client.told == 2042);
}

TEST_CASE("which tokens are refused") {
    TempDir dir;
    std::string kept;
    Oid oid;
    {
        Home home(dir.path());
        const Node root = root_of(home, home.files);
        const Node a = home.make(root.id, "a");
        const auto place = [&](const Node& collection, const SyncToken& token) {
            return home.store->read([&](ReadTxn& txn) { return place_of(txn, collection, token); });
        };
        const SyncState state = home.store->read([&](ReadTxn& txn) { return txn.sync_state(home.files.id); });
        const SyncToken good = token_of(state, a.oid);
        CHECK(place(a, good));
        CHECK_FALSE(place(root, good));
        SyncToken other = good;
        other.epoch = 1;
        CHECK_FALSE(place(a, other));
        // Of a server that has another database: its vector counts, and here that knows nothing.
        other = good;
        other.place->origin ^= 1;
        CHECK(place(a, other)->from == state.lsn + 1);
        other.vector.clear();
        CHECK(place(a, other)->from == home.node(root.id).changed_lsn);
        // Of another counting of this database.
        other = good;
        other.place->from += 100;
        CHECK(place(a, other)->from == state.lsn + 1);
        // From a later life of this database, which was lost: other records have those numbers by now.
        other = good;
        ++other.vector.front().seq;
        CHECK_FALSE(place(a, other));
        other.place.reset();
        CHECK_FALSE(place(a, other));
        home.store->read([&](ReadTxn& txn) {
            CHECK(is_current_sync_token(txn, a, encode(good)));
            CHECK_FALSE(is_current_sync_token(txn, a, encode(other)));
        });
        kept = encode(good);
        oid = a.oid;

        // What was removed at least that long ago is forgotten, and who may have known it begins again.
        const Node b = home.make(root.id, "b");
        const Client before = synced(home, root, SyncLevel::infinite);
        Client paging(root, SyncLevel::infinite);
        CHECK_FALSE(paging.page(*home.store, 1));
        home.remove(b.id);
        const Client after = synced(home, root, SyncLevel::infinite);
        Client fresh(root, SyncLevel::infinite);
        home.make(root.id, "c");
        CHECK_FALSE(fresh.page(*home.store, 1));
        const auto soon = base::system_clock().now_ms() + 1000;
        while (home.store->expire_history(keep_nothing(), soon, 100) != 0) {
        }
        CHECK(place(root, *decode_sync_token(before.token())));
        CHECK(home.store->forget_removals({soon, soon}, 100) == 1);
        CHECK_FALSE(place(root, *decode_sync_token(before.token())));
        CHECK_FALSE(place(root, *decode_sync_token(before.token().substr(0, before.token().rfind(':')))));
        CHECK_FALSE(place(root, *decode_sync_token(paging.token())));
        CHECK(place(root, *decode_sync_token(after.token())));
        CHECK(place(root, *decode_sync_token(after.token().substr(0, after.token().rfind(':')))));
        // A first listing that began later needs nothing of it, however old what it lists.
        CHECK(place(root, *decode_sync_token(fresh.token())));
    }
    Home home(dir.path());
    const Node a = home.store->read([&](ReadTxn& txn) { return txn.by_oid(home.files.id, oid).value(); });
    home.put(a.id, "x", "1");
    home.store->read([&](ReadTxn& txn) {
        const auto place = place_of(txn, a, decode_sync_token(kept).value());
        CHECK_FALSE(place);  // the removal of b came after it
    });
}

TEST_CASE("a token in an If header holds until something happens below its collection") {
    TempDir dir;
    Home home(dir.path());
    const Node root = root_of(home, home.files);
    const Node a = home.make(root.id, "a");
    const Node b = home.make(a.id, "b");
    const std::string token = synced(home, a, SyncLevel::one).token();
    const auto current = [&] {
        return home.store->write([&](WriteTxn& txn) { return is_current_sync_token(txn, home.node(a.id), token); });
    };
    CHECK(current());
    home.put(root.id, "x", "1");
    CHECK(current());
    // Not without end: the writer waits.
    home.put(root.id, "x", "2");
    home.store->read([&](ReadTxn& txn) {
        CHECK(is_current_sync_token(txn, home.node(a.id), token, 2));
        CHECK_FALSE(is_current_sync_token(txn, home.node(a.id), token, 1));
    });
    home.store->write([&](WriteTxn& txn) {
        txn.put({b.id, "x", NodeKind::file, {}, {}}, text_content("1"), no_index(), {});
        CHECK_FALSE(is_current_sync_token(txn, *txn.node(a.id), token));  // of the same group, too
    });
    CHECK_FALSE(current());
    CHECK_FALSE(home.store->read([&](ReadTxn& txn) { return is_current_sync_token(txn, a, "urn:x"); }));
}

}  // namespace storage
