#include "storage/replication/state.h"

#include <algorithm>
#include <random>
#include <set>

#include "storage/base/path.h"
#include "storage/replication/layout.h"

// Last: Catch and ours both define CHECK.
#include <catch2/catch.hpp>

namespace {

using storage::ContentHead;
using storage::Dot;
using storage::Layout;
using storage::NodeKind;
using storage::NodeRecord;
using storage::ObjectState;
using storage::Oid;
using storage::SpaceState;

Oid oid_of(int number) {
    Oid oid;
    oid.bytes[14] = static_cast<std::uint8_t>(number >> 8);
    oid.bytes[15] = static_cast<std::uint8_t>(number & 0xff);
    return oid;
}
const Oid kRoot = oid_of(1);

base::Hash hash_of(int content) {
    return base::sha256("content " + std::to_string(content));
}

std::string origin_name(std::int64_t origin) {
    return "home" + std::to_string(origin);
}

Layout layout_of(const SpaceState& state) {
    return storage::lay_out(state, kRoot, origin_name);
}

// One home that writes as the verbs do: every record names what its writer saw.
class Home {
  public:
    explicit Home(std::int64_t origin) : origin_(origin) {}

    const NodeRecord& make(const Oid& oid, const Oid& parent, std::string name, NodeKind kind) {
        NodeRecord& record = begin(oid);
        record.body.create.emplace().kind = kind;
        place_facet(record, parent, std::move(name));
        return finish();
    }
    const NodeRecord& put_new(const Oid& oid, const Oid& parent, std::string name, int content) {
        NodeRecord& record = begin(oid);
        record.body.create.emplace();
        place_facet(record, parent, std::move(name));
        record.body.content.emplace().hash = hash_of(content);
        return finish();
    }
    // What is shown is what the writer saw and replaces; the losers are copies and stay.
    const NodeRecord& put(const Oid& oid, int content) {
        NodeRecord& record = begin(oid);
        auto& facet = record.body.content.emplace();
        facet.hash = hash_of(content);
        facet.parents = state_.find(oid)->shown_contents();
        return finish();
    }
    const NodeRecord& place(const Oid& oid, const Oid& parent, std::string name) {
        NodeRecord& record = begin(oid);
        place_facet(record, parent, std::move(name));
        return finish();
    }
    // With what shows below it. Conflict copies of a file that goes become files.
    void remove(const Oid& top) {
        const Layout before = layout();
        const auto is_below = [&](Oid oid) {
            while (oid != top && oid != kRoot) oid = before.shown.at(oid).parent;
            return oid == top;
        };
        std::vector<Oid> going;
        for (const auto& [oid, one] : before.shown) {
            if (is_below(oid)) going.push_back(oid);
        }
        for (const auto& [alias, shown] : before.aliases) {
            if (is_below(shown)) going.push_back(alias);
        }
        for (const auto& [oid, one] : before.shown) {
            if (one.copy_of == top) adopt(oid, one.parent, one.name, one.content.hash);
        }
        NodeRecord& record = begin(top);
        for (const Oid& oid : going) {
            auto& removed = record.body.removed.emplace_back();
            removed.oid = oid;
            const auto shown = before.shown.find(oid);
            if (shown != before.shown.end() && shown->second.copy_of) {
                removed.seen = {shown->second.content.rank.dot};
                continue;
            }
            const ObjectState& object = *state_.find(oid);
            removed.seen = object.shown_contents();
            for (const Dot& dot : object.live_places()) {
                if (std::find(removed.seen.begin(), removed.seen.end(), dot) == removed.seen.end()) {
                    removed.seen.push_back(dot);
                }
            }
        }
        finish();
    }
    // The first record about a copy makes it an object of its own.
    const NodeRecord& adopt(const Oid& copy, const Oid& parent, std::string name, std::optional<base::Hash> hash) {
        const auto shown = layout().shown.at(copy);
        NodeRecord& record = begin(copy);
        record.body.create.emplace();
        place_facet(record, parent, std::move(name));
        auto& facet = record.body.content.emplace();
        facet.hash = hash;
        facet.parents = {shown.content.rank.dot};
        return finish();
    }
    const NodeRecord& set(const Oid& oid, std::string name, std::optional<std::string> value) {
        NodeRecord& record = begin(oid);
        record.body.meta.emplace().entries.push_back({"urn:x", std::move(name), std::move(value)});
        return finish();
    }

    bool take(const NodeRecord& record) {
        hlc_ = std::max(hlc_, record.rank.hlc);
        return state_.apply(record);
    }
    // The clocks of homes do not agree: this one runs ahead by so much.
    void jump(std::int64_t ticks) { hlc_ += ticks; }

    const SpaceState& state() const { return state_; }
    Layout layout() const { return layout_of(state_); }
    const std::vector<NodeRecord>& log() const { return log_; }

  private:
    NodeRecord& begin(const Oid& oid) {
        NodeRecord& record = log_.emplace_back();
        record.rank = {++hlc_, {origin_, static_cast<std::int64_t>(log_.size())}};
        record.oid = oid;
        return record;
    }
    void place_facet(NodeRecord& record, const Oid& parent, std::string name) {
        auto& facet = record.body.place.emplace();
        facet.parent = parent;
        facet.name = std::move(name);
        if (const ObjectState* object = state_.find(record.oid)) {
            facet.parents.assign(object->live_places().begin(), object->live_places().end());
        }
    }
    const NodeRecord& finish() {
        REQUIRE(state_.apply(log_.back()));
        return log_.back();
    }

    const std::int64_t origin_;
    std::int64_t hlc_ = 0;
    SpaceState state_;
    std::vector<NodeRecord> log_;
};

// All that both have written, each way.
void meet(Home& a, Home& b) {
    for (const NodeRecord& record : a.log()) REQUIRE(b.take(record));
    for (const NodeRecord& record : b.log()) REQUIRE(a.take(record));
    CHECK(a.state() == b.state());
    CHECK(a.layout() == b.layout());
}

// "folder/name=content" of all that is shown.
std::vector<std::string> listing(const Home& home) {
    const Layout layout = home.layout();
    std::vector<std::string> lines;
    for (const auto& [oid, one] : layout.shown) {
        std::string path = one.name;
        for (Oid above = one.parent; above != kRoot; above = layout.shown.at(above).parent) {
            path = layout.shown.at(above).name + "/" + path;
        }
        if (storage::is_collection(one.kind)) path += "/";
        for (int content = 0; one.content.hash && content < 10; ++content) {
            if (one.content.hash == hash_of(content)) path += "=" + std::to_string(content);
        }
        lines.push_back(path);
    }
    std::sort(lines.begin(), lines.end());
    return lines;
}

// Two homes that both have the file "a.txt" (content 1) and the folders "d" and "e".
struct Pair {
    Home a{1};
    Home b{2};
    const Oid file = oid_of(10), d = oid_of(11), e = oid_of(12);
    Pair() {
        a.make(kRoot, Oid{}, "", NodeKind::folder);
        a.put_new(file, kRoot, "a.txt", 1);
        a.make(d, kRoot, "d", NodeKind::folder);
        a.make(e, kRoot, "e", NodeKind::folder);
        meet(a, b);
    }
};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("edit beside edit: the later one is shown, the other is a conflict copy of the same name everywhere") {
    Pair homes;
    homes.a.put(homes.file, 2);
    homes.b.jump(1);
    homes.b.put(homes.file, 3);
    meet(homes.a, homes.b);
    CHECK(listing(homes.a) == Lines{"a (conflict 1970-01-01 0000 home1).txt=2", "a.txt=3", "d/", "e/"});

    SECTION("a removal of what is shown leaves the copy") {
        homes.a.remove(homes.file);
        meet(homes.a, homes.b);
        CHECK(listing(homes.b) == Lines{"a (conflict 1970-01-01 0000 home1).txt=2", "d/", "e/"});
    }
    SECTION("a removal of the copy leaves what is shown") {
        homes.a.remove(storage::copy_oid(homes.a.log().back().rank.dot));
        meet(homes.a, homes.b);
        CHECK(listing(homes.b) == Lines{"a.txt=3", "d/", "e/"});
    }
    SECTION("an edit of what is shown leaves the copy") {
        homes.a.put(homes.file, 4);
        meet(homes.a, homes.b);
        CHECK(listing(homes.b) == Lines{"a (conflict 1970-01-01 0000 home1).txt=2", "a.txt=4", "d/", "e/"});
    }
    SECTION("an edit of the copy makes it an object, beside an edit of the original") {
        const Oid copy = storage::copy_oid(homes.a.log().back().rank.dot);
        homes.a.adopt(copy, kRoot, "a copy.txt", hash_of(5));
        homes.b.put(homes.file, 6);
        meet(homes.a, homes.b);
        CHECK(listing(homes.a) == Lines{"a copy.txt=5", "a.txt=6", "d/", "e/"});
    }
    SECTION("both make the copy an object: the later place holds, equal contents are one") {
        const Oid copy = storage::copy_oid(homes.a.log().back().rank.dot);
        homes.a.adopt(copy, kRoot, "one.txt", hash_of(2));
        homes.b.jump(5);
        homes.b.adopt(copy, kRoot, "two.txt", hash_of(2));
        meet(homes.a, homes.b);
        CHECK(listing(homes.a) == Lines{"a.txt=3", "d/", "e/", "two.txt=2"});
    }
}

TEST_CASE("equal edits are no conflict, and the next edit replaces both") {
    Pair homes;
    homes.a.put(homes.file, 2);
    homes.b.put(homes.file, 2);
    meet(homes.a, homes.b);
    CHECK(listing(homes.a) == Lines{"a.txt=2", "d/", "e/"});
    homes.a.put(homes.file, 3);
    meet(homes.a, homes.b);
    CHECK(listing(homes.b) == Lines{"a.txt=3", "d/", "e/"});
}

TEST_CASE("edit and move beat a removal that had not seen them, properties do not") {
    Pair homes;
    homes.a.remove(homes.file);
    SECTION("an edit") {
        homes.b.put(homes.file, 2);
        meet(homes.a, homes.b);
        CHECK(listing(homes.a) == Lines{"a.txt=2", "d/", "e/"});
    }
    SECTION("a move") {
        homes.b.place(homes.file, homes.d, "b.txt");
        meet(homes.a, homes.b);
        CHECK(listing(homes.a) == Lines{"d/", "d/b.txt=1", "e/"});
    }
    SECTION("a property") {
        homes.b.set(homes.file, "p", "v");
        meet(homes.a, homes.b);
        CHECK(listing(homes.a) == Lines{"d/", "e/"});
    }
    SECTION("a removal after the edit was seen ends it") {
        homes.b.put(homes.file, 2);
        meet(homes.a, homes.b);
        homes.a.remove(homes.file);
        meet(homes.a, homes.b);
        CHECK(listing(homes.b) == Lines{"d/", "e/"});
    }
}

TEST_CASE("move beside edit: both hold; move beside move: the later place holds and a removal ends both") {
    Pair homes;
    homes.a.place(homes.file, homes.d, "m.txt");
    SECTION("edit") {
        homes.b.put(homes.file, 2);
        meet(homes.a, homes.b);
        CHECK(listing(homes.a) == Lines{"d/", "d/m.txt=2", "e/"});
    }
    SECTION("move") {
        homes.b.jump(1);
        homes.b.place(homes.file, homes.e, "n.txt");
        meet(homes.a, homes.b);
        CHECK(listing(homes.a) == Lines{"d/", "e/", "e/n.txt=1"});
        homes.a.remove(homes.file);
        meet(homes.a, homes.b);
        CHECK(listing(homes.b) == Lines{"d/", "e/"});
    }
}

TEST_CASE("a removed folder comes back with its last place for what was put into it meanwhile") {
    Pair homes;
    homes.a.place(homes.d, homes.e, "inner");
    meet(homes.a, homes.b);
    homes.a.remove(homes.e);
    homes.b.put_new(oid_of(20), homes.d, "new.txt", 2);
    meet(homes.a, homes.b);
    CHECK(listing(homes.a) == Lines{"a.txt=1", "e/", "e/inner/", "e/inner/new.txt=2"});
}

TEST_CASE("of two moves that close a circle the later one is passed over") {
    Pair homes;
    homes.a.place(homes.d, homes.e, "d");
    homes.b.jump(1);
    homes.b.place(homes.e, homes.d, "e");
    meet(homes.a, homes.b);
    CHECK(listing(homes.a) == Lines{"a.txt=1", "e/", "e/d/"});
}

TEST_CASE("one name made twice: folders become one, the older file keeps it, equal files are one") {
    Pair homes;
    homes.a.make(oid_of(20), kRoot, "n", NodeKind::folder);
    homes.a.put_new(oid_of(21), oid_of(20), "x", 2);
    SECTION("folder and folder") {
        homes.b.make(oid_of(30), kRoot, "n", NodeKind::folder);
        homes.b.put_new(oid_of(31), oid_of(30), "y", 3);
        meet(homes.a, homes.b);
        CHECK(listing(homes.a) == Lines{"a.txt=1", "d/", "e/", "n/", "n/x=2", "n/y=3"});
        CHECK(homes.a.layout().aliases == std::map<Oid, Oid>{{oid_of(30), oid_of(20)}});
    }
    SECTION("folder and folder, with one name inside both") {
        homes.b.make(oid_of(30), kRoot, "n", NodeKind::folder);
        homes.b.jump(10);
        homes.b.put_new(oid_of(31), oid_of(30), "x", 3);
        meet(homes.a, homes.b);
        CHECK(listing(homes.a) ==
              Lines{"a.txt=1", "d/", "e/", "n/", "n/x (conflict 1970-01-01 0000 home2)=3", "n/x=2"});
    }
    SECTION("folder and file") {
        homes.b.put_new(oid_of(30), kRoot, "n", 3);
        meet(homes.a, homes.b);
        CHECK(listing(homes.a) == Lines{"a.txt=1", "d/", "e/", "n (conflict 1970-01-01 0000 home2)=3", "n/", "n/x=2"});
    }
    SECTION("file and file") {
        homes.a.put_new(oid_of(22), kRoot, "f.txt", 4);
        homes.b.jump(10);
        homes.b.put_new(oid_of(32), kRoot, "f.txt", 5);
        meet(homes.a, homes.b);
        CHECK(listing(homes.a) ==
              Lines{"a.txt=1", "d/", "e/", "f (conflict 1970-01-01 0000 home2).txt=5", "f.txt=4", "n/", "n/x=2"});
    }
    SECTION("equal file and file; names equal but for their normal form") {
        homes.a.put_new(oid_of(22), kRoot, "caf\u00e9", 4);
        homes.b.jump(10);
        homes.b.put_new(oid_of(32), kRoot, "cafe\u0301", 4);
        meet(homes.a, homes.b);
        CHECK(listing(homes.a) == Lines{"a.txt=1", "caf\u00e9=4", "d/", "e/", "n/", "n/x=2"});
    }
}

TEST_CASE("a property is the last one written, a removal of it too") {
    Pair homes;
    homes.a.set(homes.file, "p", "a");
    homes.b.jump(1);
    homes.b.set(homes.file, "p", std::nullopt);
    homes.b.set(homes.file, "q", "b");
    meet(homes.a, homes.b);
    const auto& meta = homes.a.state().find(homes.file)->meta();
    CHECK_FALSE(meta.at({"urn:x", "p"}).value);
    CHECK(meta.at({"urn:x", "q"}).value == "b");
}

TEST_CASE("a record whose causes are missing waits, one that was applied changes nothing") {
    Pair homes;
    const NodeRecord first = homes.a.put(homes.file, 2);
    const NodeRecord second = homes.a.put(homes.file, 3);
    const SpaceState before = homes.b.state();
    CHECK_FALSE(homes.b.take(second));
    CHECK(homes.b.state() == before);
    CHECK(homes.b.take(first));
    CHECK(homes.b.take(second));
    const SpaceState after = homes.b.state();
    CHECK(homes.b.take(first));
    CHECK(homes.b.state() == after);
}

TEST_CASE("conflict names") {
    const std::int64_t hlc = std::int64_t{1'795'186'500'000} << 16;  // 2026-11-20 14:55 UTC
    CHECK(storage::conflict_name("plan.odt", hlc, "attic", 1) == "plan (conflict 2026-11-20 1455 attic).odt");
    CHECK(storage::conflict_name("plan.odt", hlc, "attic", 2) == "plan (conflict 2026-11-20 1455 attic 2).odt");
    CHECK(storage::conflict_name("plan", hlc, "attic", 1) == "plan (conflict 2026-11-20 1455 attic)");
    CHECK(storage::conflict_name(".profile", hlc, "attic", 1) == ".profile (conflict 2026-11-20 1455 attic)");
    CHECK(storage::conflict_name("a.tar.gz", hlc, "attic", 1) == "a.tar (conflict 2026-11-20 1455 attic).gz");
    // 127 letters of two octets and an odd one: cut between letters, the end stays.
    std::string longest = "x";
    for (int i = 0; i < 125; ++i) longest += "\u00e9";
    const std::string cut = storage::conflict_name(longest + ".md", hlc, "attic", 12);
    CHECK(cut.size() <= base::kNameBytesMax);
    CHECK(base::is_utf8(cut));
    CHECK(cut.ends_with(" (conflict 2026-11-20 1455 attic 12).md"));
    CHECK(storage::conflict_name("x." + std::string(253, 'e'), hlc, "attic", 1).size() == base::kNameBytesMax);
}

// Homes write at random, hear of each other at random and late, and their clocks are off. In the end all have the same
// state and the same tree, the state is the one of the bare set, and no content is missing that nobody replaced or
// removed.
TEST_CASE("homes that heard the same are the same, and nothing is lost") {
    for (unsigned seed = 1; seed <= 300; ++seed) {
        INFO("seed " << seed);
        std::mt19937 random(seed);
        const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
        const std::size_t count = 2 + below(3);
        std::vector<Home> homes;
        for (std::size_t i = 0; i < count; ++i) homes.emplace_back(static_cast<std::int64_t>(i + 1));
        homes[0].make(kRoot, Oid{}, "", NodeKind::folder);
        for (std::size_t i = 1; i < count; ++i) homes[i].take(homes[0].log()[0]);
        std::vector<std::vector<std::size_t>> heard(count, std::vector<std::size_t>(count, 0));

        // Records of one origin come in their order; what is not ready yet is asked for again.
        const auto hear = [&](std::size_t to, std::size_t from) {
            std::size_t& next = heard[to][from];
            if (next >= homes[from].log().size()) return false;
            if (!homes[to].take(homes[from].log()[next])) return false;
            ++next;
            return true;
        };
        int next_oid = 100;
        int next_content = 0;
        const char* const names[] = {"a.txt", "b", "c.md"};
        for (int step = 0; step < 60; ++step) {
            Home& home = homes[below(count)];
            const Layout layout = home.layout();
            std::vector<Oid> files, folders{kRoot}, copies;
            for (const auto& [oid, one] : layout.shown) {
                (one.copy_of ? copies : storage::is_collection(one.kind) ? folders : files).push_back(oid);
            }
            const Oid folder = folders[below(folders.size())];
            const std::string name = names[below(3)];
            switch (below(11)) {
                case 0: home.make(oid_of(next_oid++), folder, name, NodeKind::folder); break;
                case 1:
                case 2: home.put_new(oid_of(next_oid++), folder, name, next_content++); break;
                case 3:
                    if (!files.empty()) home.put(files[below(files.size())], next_content++);
                    break;
                case 4:
                    if (!files.empty()) home.place(files[below(files.size())], folder, name);
                    break;
                case 5:
                    if (folders.size() > 1) home.place(folders[1 + below(folders.size() - 1)], folder, name);
                    break;
                case 6:
                    if (!files.empty()) home.remove(files[below(files.size())]);
                    break;
                case 9:
                    if (folders.size() > 1) home.remove(folders[1 + below(folders.size() - 1)]);
                    break;
                case 7:
                    if (!copies.empty())
                        home.adopt(copies[below(copies.size())], folder, name, hash_of(next_content++));
                    break;
                case 8: home.jump(static_cast<std::int64_t>(below(20))); break;
                default: {
                    const std::size_t to = below(count), from = below(count);
                    for (std::size_t n = below(8); to != from && n > 0 && hear(to, from); --n) {
                    }
                }
            }
        }
        for (bool more = true; more;) {
            more = false;
            for (std::size_t to = 0; to < count; ++to) {
                for (std::size_t from = 0; from < count; ++from) {
                    if (to != from && hear(to, from)) more = true;
                }
            }
        }

        std::vector<NodeRecord> all;
        for (const Home& home : homes) all.insert(all.end(), home.log().begin(), home.log().end());
        std::shuffle(all.begin(), all.end(), random);
        const SpaceState bare = storage::state_of(all);
        const Layout layout = layout_of(bare);
        for (const Home& home : homes) {
            REQUIRE(home.state() == bare);
            REQUIRE(home.layout() == layout);
        }
        std::set<std::pair<Oid, std::string>> at;
        std::set<base::Hash> there;
        for (const auto& [oid, one] : layout.shown) {
            CHECK(at.emplace(one.parent, one.name).second);
            CHECK((one.parent == kRoot || storage::is_collection(layout.shown.at(one.parent).kind)));
            if (one.content.hash) there.insert(*one.content.hash);
        }
        std::set<Dot> ended;
        for (const NodeRecord& record : all) {
            if (record.body.content) {
                ended.insert(record.body.content->parents.begin(), record.body.content->parents.end());
            }
            for (const auto& one : record.body.removed) ended.insert(one.seen.begin(), one.seen.end());
        }
        for (const NodeRecord& record : all) {
            if (!record.body.content || ended.contains(record.rank.dot)) continue;
            CHECK(there.contains(*record.body.content->hash));
        }
    }
}
