// Ours first: both they and Catch have a CHECK, and here it is the test's.
#include "storage/digest.h"
#include "tests/storage/store_support.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace storage {

namespace {

std::string tag(Home& home, NodeId id) {
    return home.etag(id);
}

}  // namespace

TEST_CASE("sums add and subtract mod 2^256 in any order") {
    const Sum a = Sum::from(base::sha256("a"));
    const Sum b = Sum::from(base::sha256("b"));
    Sum all = Sum::from(std::string(32, '\xff'));
    Sum one = Sum::from(std::string("\x01", 1) + std::string(31, '\0'));
    Sum wrapped = all;
    wrapped += one;
    CHECK(wrapped == Sum());
    wrapped -= one;
    CHECK(wrapped == all);
    Sum x = a;
    x += b;
    Sum y = b;
    y += a;
    CHECK(x == y);
    x -= b;
    CHECK(x == a);
    CHECK(Sum::from(a.hash()) == a);
    CHECK_FALSE(share_of("n", NodeKind::file, "h") == share_of("n", NodeKind::card, "h"));
}

TEST_CASE("the same tree has the same digest however it came to be") {
    const auto seed = static_cast<unsigned>(GENERATE(1, 2, 3));
    CAPTURE(seed);
    std::mt19937 random(seed);
    TempDir one_dir;
    TempDir two_dir;
    Home one(one_dir.path());
    Home two(two_dir.path());
    struct Item {
        std::string folder, name, text;
    };
    std::vector<Item> items;
    for (int i = 0; i < 40; ++i) {
        items.push_back({"d" + std::to_string(random() % 5), "f" + std::to_string(i), std::to_string(random())});
    }
    const auto build = [&](Home& home, bool detours) {
        std::shuffle(items.begin(), items.end(), random);
        std::map<std::string, NodeId> folders;
        for (const Item& item : items) {
            if (!folders.contains(item.folder)) {
                folders[item.folder] = home.make(home.files.root, item.folder).id;
            }
            const NodeId folder = folders[item.folder];
            if (!detours) {
                home.put(folder, item.name, item.text);
                continue;
            }
            home.put(home.files.root, "other", "to be removed");
            const Node node = home.put(home.files.root, "elsewhere", "old");
            home.put(home.files.root, "elsewhere", item.text);
            home.place(node.id, folder, item.name);
            const auto extra = home.store->read([&](ReadTxn& t) { return t.child(home.files.root, "other"); });
            home.remove(extra->id);
        }
    };
    build(one, false);
    build(two, true);
    CHECK(tag(one, one.files.root) == tag(two, two.files.root));
    CHECK(one.store->check(false).empty());
    CHECK(two.store->check(false).empty());
}

TEST_CASE("every change below changes every collection above, and undoing it restores them") {
    TempDir dir;
    Home home(dir.path());
    std::vector<NodeId> chain{home.files.root};
    for (const char* name : {"a", "b", "c"}) chain.push_back(home.make(chain.back(), name).id);
    const NodeId beside = home.make(home.files.root, "beside").id;
    const Node file = home.put(chain.back(), "f", "1");
    const auto tags = [&] {
        std::vector<std::string> all;
        for (const NodeId id : chain) all.push_back(tag(home, id));
        return all;
    };
    const auto all_differ = [](const std::vector<std::string>& a, const std::vector<std::string>& b) {
        for (std::size_t i = 0; i < a.size(); ++i) {
            if (a[i] == b[i]) return false;
        }
        return true;
    };
    const auto before = tags();
    const std::string calm = tag(home, beside);

    home.put(chain.back(), "f", "2");
    CHECK(all_differ(before, tags()));
    home.put(chain.back(), "f", "1");
    CHECK(tags() == before);

    home.place(file.id, chain.back(), "g");
    CHECK(all_differ(before, tags()));
    home.place(file.id, chain.back(), "f");
    CHECK(tags() == before);

    const Node extra = home.make(chain.back(), "x");
    CHECK(all_differ(before, tags()));
    home.remove(extra.id);
    CHECK(tags() == before);
    CHECK(tag(home, beside) == calm);

    // Inside one function digests are exact too.
    home.store->write([&](WriteTxn& txn) {
        txn.put({chain.back(), "h", NodeKind::file, {}, {}}, text_content("h"), no_index(), {});
        CHECK(etag_of(*txn.node(home.files.root)) != before[0]);
        txn.remove(txn.child(chain.back(), "h")->id, {});
        CHECK(etag_of(*txn.node(home.files.root)) == before[0]);
    });
    CHECK(tags() == before);
}

TEST_CASE("a collection that moves or goes after a restart is taken out of the digest of where it was") {
    TempDir dir;
    NodeId one = 0;
    {
        Home home(dir.path());
        one = home.make(home.pim.root, "one", NodeKind::addressbook).id;
        home.make(home.pim.root, "two", NodeKind::addressbook);
        home.store->write([&](WriteTxn& txn) {
            for (std::size_t i = 0; i <= kRemoveAtOnceMax; ++i)
                txn.put({one, std::to_string(i), NodeKind::card, {}, {}}, text_content("card"), no_index(), {});
        });
    }
    const auto findings = [](Home& home) {
        std::vector<std::string> found;
        for (const auto& finding : home.store->check(false)) found.push_back(finding.what + " " + finding.where);
        return found;
    };
    {
        Home home(dir.path());
        home.place(one, home.pim.root, "other");
        CHECK(findings(home) == std::vector<std::string>{});
    }
    Home home(dir.path());
    home.remove(one);
    CHECK(findings(home) == std::vector<std::string>{});
}

}  // namespace storage
