// Ours first: both they and Catch have a CHECK, and here it is the test's.
#include "storage/history.h"
#include "storage/writing.h"
#include "tests/storage/store_support.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>

namespace fs = std::filesystem;

namespace storage {

namespace {

constexpr std::int64_t kMinute = 60'000;
constexpr std::int64_t kHour = Retention::kHourMs;
constexpr std::int64_t kDay = Retention::kDayMs;
constexpr std::int64_t kStart = 20'523 * kDay + 12 * kHour + 30 * kMinute;
constexpr int kTurnsMax = 100'000;

std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

// A row of `version` as a test sees it.
struct Kept {
    std::string oid;
    std::string hash, place;
    Lsn to_lsn = 0;
    PastState state;
};

// A home whose clock is the test's, and what its jobs do when they are called.
struct OldHome {
    explicit OldHome(std::int64_t start_ms = kStart) : clock(start_ms), home(std::in_place, dir.path(), clock) {}

    void restart() {
        home.reset();
        home.emplace(dir.path(), clock);
    }
    Store& store() { return *home->store; }

    void expire(const Retention& policy = {}, std::size_t limit = 100) {
        int turns = 0;
        while (store().expire_history(policy, clock.now_ms(), limit) > 0) REQUIRE(++turns < kTurnsMax);
    }
    // With a disk of which history's share is so much.
    void expire_to(std::int64_t share_bytes, std::size_t limit = 100) {
        Retention policy;
        policy.all_ms = 100'000 * kDay;
        std::size_t looked = 1;
        for (int turns = 0; looked > 0; ++turns) {
            REQUIRE(turns < kTurnsMax);
            looked = store().write([&](WriteTxn& txn) {
                HistoryTurn turn{policy, clock.now_ms(), share_bytes, {}};
                return static_cast<Writing&>(txn).expire_history(turn, limit);
            });
        }
    }
    std::int64_t bytes() {
        return store().read([](ReadTxn& txn) { return history_bytes(static_cast<ReadView&>(txn).connection()); });
    }

    std::vector<Kept> kept() {
        return store().read([](ReadTxn& txn) {
            std::vector<Kept> rows;
            std::map<std::string, std::int64_t> contents;
            auto query = static_cast<ReadView&>(txn).connection().query(
                "SELECT v.oid, v.hash, v.place, v.to_lsn, v.size, v.pinned, f.at_ms, t.at_ms,"
                " EXISTS (SELECT 1 FROM node AS n WHERE n.space = v.space AND n.oid = v.oid)"
                " FROM version AS v JOIN log AS f ON f.lsn = v.from_lsn JOIN log AS t ON t.lsn = v.to_lsn"
                " ORDER BY v.rowid");
            std::map<std::string, std::size_t> last;
            while (query.next()) {
                Kept row{std::string(query.blob(0)),
                         std::string(query.blob(1)),
                         std::string(query.text(2)),
                         query.integer(3),
                         {}};
                row.state = {query.integer(6), query.integer(7), query.integer(4), 0, query.integer(5) != 0, {}, false};
                if (row.place.empty())
                    row.state.content = contents.emplace(row.hash, contents.size() + 1).first->second;
                if (query.integer(8) == 0) last[row.oid] = rows.size();
                rows.push_back(std::move(row));
            }
            for (Kept& row : rows) {
                if (const auto at = last.find(row.oid); at != last.end()) {
                    row.state.removed_ms = rows[at->second].state.to_ms;
                    row.state.last = rows[at->second].to_lsn == row.to_lsn;
                }
            }
            return rows;
        });
    }
    std::string path_of(const Kept& row) {
        const auto hash = base::hash_from(row.hash);
        return dir.path() + "/" + (row.place.empty() && hash ? version_path(*hash) : row.place);
    }
    std::set<std::string> files_in(const std::string& folder) {
        std::set<std::string> files;
        for (const auto& entry : fs::recursive_directory_iterator(dir.path() + "/.hearth/" + folder)) {
            if (entry.is_regular_file()) files.insert(entry.path().string());
        }
        return files;
    }
    // All that is kept has its octets, nothing else does, and they were counted right.
    void check_bytes() {
        std::set<std::string> versions, trash;
        std::int64_t sum = 0;
        for (const Kept& row : kept()) {
            const std::string path = path_of(row);
            const bool fresh = (row.place.empty() ? versions : trash).insert(path).second;
            if (fresh) sum += row.state.bytes;
            const std::string octets = read_file(path);
            CHECK(base::sha256(octets).view() == row.hash);
        }
        CHECK(files_in("versions") == versions);
        CHECK(files_in("trash") == trash);
        CHECK(bytes() == sum);
        CHECK(store().check(false).empty());
    }

    TempDir dir;
    SetClock clock;
    std::optional<Home> home;
};

std::vector<std::string> texts(OldHome& past) {
    std::vector<std::string> found;
    for (const Kept& row : past.kept()) {
        const bool has_octets = !row.place.empty() || !row.hash.empty();
        found.push_back(has_octets ? read_file(past.path_of(row)) : "");
    }
    return found;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("of a file that is replaced all is kept for a day, then what was shown at full hours") {
    OldHome past;
    const NodeId root = past.home->files.root;
    for (const char* text : {"12:30", "12:45", "13:00", "13:15", "14:30"}) {
        past.home->put(root, "a", text);
        past.clock.advance(text == std::string_view("13:15") ? 75 * kMinute : 15 * kMinute);
    }
    past.clock.advance(22 * kHour);
    past.expire();
    CHECK(texts(past) == Texts{"12:30", "12:45", "13:00", "13:15"});
    past.clock.advance(4 * kHour);
    past.expire();
    CHECK(texts(past) == Texts{"13:00", "13:15"});  // shown at 13:00 was what came then
    past.check_bytes();
    past.clock.advance(8 * kDay);
    past.expire();
    CHECK(texts(past).empty());
    past.check_bytes();
    CHECK(read_file(past.dir.path() + "/files/ana/a") == "14:30");
}

TEST_CASE("what was removed is kept for 30 days, with what it had been, and then goes whole") {
    OldHome past;
    const NodeId root = past.home->files.root;
    const Node folder = past.home->make(root, "d");
    const Node inner = past.home->make(folder.id, "e");
    const Node file = past.home->put(inner.id, "f", "one");
    past.clock.advance(2 * kHour);
    past.home->put(inner.id, "f", "two");
    past.home->put(root, "g", "of a moment");
    past.home->remove(past.home->put(root, "g", "of a moment").id);
    past.home->remove(folder.id);
    const auto trashed = fs::directory_iterator(past.dir.path() + "/.hearth/trash")->path();
    past.clock.advance(29 * kDay);
    past.expire();
    CHECK(texts(past) == Texts{"of a moment", "two"});
    CHECK(read_file(trashed / "e/f") == "two");
    CHECK(past.store().forget_removals({past.clock.now_ms(), past.clock.now_ms()}, 100) == 0);
    past.restart();
    past.clock.advance(kDay - 1);
    past.expire();
    CHECK(texts(past).size() == 2);
    past.clock.advance(2);
    past.expire();
    CHECK(texts(past).empty());
    CHECK_FALSE(fs::exists(trashed));
    past.check_bytes();
    CHECK(past.store().forget_removals({past.clock.now_ms(), past.clock.now_ms()}, 100) == 4);
}

TEST_CASE("one that was replaced often and removed goes in turns of any length") {
    OldHome past;
    const NodeId root = past.home->files.root;
    Node file;
    for (int i = 0; i < 20; ++i) {
        file = past.home->put(root, "a", std::to_string(i));
        past.clock.advance(kHour);
    }
    past.home->remove(file.id);
    past.home->remove(past.home->put(root, "b", "b").id);
    past.clock.advance(3 * kDay);
    past.expire({}, 1);
    CHECK(past.kept().size() == 21);
    past.clock.advance(28 * kDay);
    for (const std::size_t limit : {std::size_t{1}, std::size_t{2}, std::size_t{3}}) past.expire({}, limit);
    CHECK(past.kept().empty());
    past.check_bytes();
}

TEST_CASE("places of what is still there are known as long as its contents") {
    OldHome past;
    const NodeId root = past.home->files.root;
    const Node folder = past.home->make(root, "d");
    const Node file = past.home->put(root, "a", "a");
    past.home->place(file.id, folder.id, "b");
    past.home->remove(past.home->put(root, "c", "c").id);
    past.clock.advance(100 * kDay);
    past.expire();
    const std::int64_t now = past.clock.now_ms();
    const auto gone = [&] {
        return past.store().read([](ReadTxn& txn) {
            auto query = static_cast<ReadView&>(txn).connection().query("SELECT count(*) FROM gone");
            return query.next() ? query.integer(0) : -1;
        });
    };
    REQUIRE(gone() == 2);
    while (past.store().forget_removals({now - 90 * kDay, now - 365 * kDay}, 1) > 0) {
    }
    CHECK(gone() == 1);
    while (past.store().forget_removals({now - 90 * kDay, now - 99 * kDay}, 1) > 0) {
    }
    CHECK(gone() == 0);
}

TEST_CASE("what is pinned stays until it is let go") {
    OldHome past;
    const NodeId root = past.home->files.root;
    const Node file = past.home->put(root, "a", "one");
    past.home->put(root, "a", "two");
    past.home->put(root, "a", "three");
    const Lsn to = past.kept().front().to_lsn;
    const auto set = [&](WriteTxn::Pin pin) {
        past.store().write([&](WriteTxn& txn) { txn.pin_version(past.home->files.id, file.oid, to, pin); });
    };
    set(WriteTxn::Pin::on);
    past.clock.advance(800 * kDay);
    past.expire();
    past.expire_to(1);
    CHECK(texts(past) == Texts{"one"});
    past.check_bytes();
    set(WriteTxn::Pin::off);
    past.expire();
    CHECK(texts(past).empty());
    past.check_bytes();
}

TEST_CASE("above its share of the disk history loses the oldest, and what was removed last") {
    OldHome past;
    const NodeId root = past.home->files.root;
    past.home->remove(past.home->put(root, "gone", std::string(100, 'g')).id);
    for (char c = 'a'; c < 'f'; ++c) past.home->put(root, "a", std::string(100, c));
    past.expire_to(1000);
    CHECK(past.kept().size() == 5);
    CHECK(past.bytes() == 500);
    past.expire_to(499);
    CHECK(texts(past).front()[0] == 'g');
    CHECK(texts(past)[1][0] == 'b');
    past.expire_to(150, 1);
    CHECK(texts(past) == Texts{std::string(100, 'g')});
    past.check_bytes();
    // What comes later is found, although the pass was at its end.
    past.home->put(root, "a", "x");
    past.expire_to(150);
    CHECK(texts(past) == Texts{std::string(100, 'g')});
    past.expire_to(10);
    CHECK(past.kept().empty());
    CHECK(past.bytes() == 0);
    past.check_bytes();
}

TEST_CASE("a file's octets go although a card has the same") {
    OldHome past;
    const Node book = past.home->make(past.home->pim.root, "book", NodeKind::addressbook);
    const Node card = past.home->put(book.id, "a.vcf", "BEGIN:VCARD", NodeKind::card);
    past.home->put(past.home->files.root, "a", "BEGIN:VCARD");
    past.home->put(past.home->files.root, "a", "other");
    past.clock.advance(kDay);
    const auto body = [&] { return past.store().read([&](ReadTxn& txn) { return txn.body(*card.hash); }); };
    SECTION("the card is still there") {
        past.expire(keep_nothing());
        CHECK(body());
    }
    SECTION("and when it goes after the file") {
        past.home->remove(card.id);
        past.clock.advance(1);
        past.expire(keep_nothing());
        CHECK_FALSE(body());
    }
    CHECK(past.files_in("versions").empty());
    CHECK(past.store().check(false).empty());
}

namespace {

// Does whatever comes to a store's mind.
struct Busy {
    OldHome& past;
    std::mt19937& random;
    std::vector<Node> folders{past.home->node(past.home->files.root)};
    std::map<NodeId, Node> files{};

    std::size_t below(std::size_t n) { return random() % n; }
    NodeId some_folder() { return folders[below(folders.size())].id; }
    NodeId some_file() { return std::next(files.begin(), static_cast<std::ptrdiff_t>(below(files.size())))->first; }

    void step() {
        past.clock.advance(static_cast<std::int64_t>(1 + random() % (1u << (10 + random() % 18))));
        const std::size_t choice = below(20);
        if (choice < 9 || files.empty()) {
            const Node put = past.home->put(some_folder(), "f" + std::to_string(below(6)), text());
            files[put.id] = put;
        } else if (choice < 12) {
            const NodeId file = some_file();
            past.home->remove(file);
            files.erase(file);
        } else if (choice < 14) {
            const std::string name = "m" + std::to_string(random());
            past.home->place(some_file(), some_folder(), name);
        } else if (choice < 16 && folders.size() < 8) {
            folders.push_back(past.home->make(some_folder(), "d" + std::to_string(random())));
        } else if (choice < 17 && folders.size() > 1) {
            past.home->remove(folders[1 + below(folders.size() - 1)].id);
            const auto there = [&](NodeId id) {
                return past.store().read([&](ReadTxn& txn) { return txn.node(id).has_value(); });
            };
            std::erase_if(folders, [&](const Node& folder) { return !there(folder.id); });
            std::erase_if(files, [&](const auto& file) { return !there(file.first); });
        } else if (choice < 18) {
            const auto kept = past.kept();
            if (!kept.empty()) pin(kept[below(kept.size())]);
        }
    }
    std::string text() {
        const std::size_t which = below(12);
        return which < 4 ? std::string(which * 50, 's') : std::to_string(random()) + std::string(below(200), 'x');
    }
    void pin(const Kept& row) {
        past.store().write([&](WriteTxn& txn) {
            txn.pin_version(past.home->files.id, *base::id_from(row.oid), row.to_lsn,
                            row.state.pinned ? WriteTxn::Pin::off : WriteTxn::Pin::on);
        });
    }
};

std::set<std::pair<std::string, Lsn>> keys(const std::vector<Kept>& rows) {
    std::set<std::pair<std::string, Lsn>> keys;
    for (const Kept& row : rows) keys.emplace(row.oid, row.to_lsn);
    return keys;
}

std::vector<PastState> states(const std::vector<Kept>& rows) {
    std::vector<PastState> states;
    for (const Kept& row : rows) states.push_back(row.state);
    return states;
}

}  // namespace

TEST_CASE("whatever is done, what goes is what the rule says, and nothing that is needed") {
    const unsigned seed = GENERATE(range(1u, 9u));
    INFO("seed " << seed);
    std::mt19937 random(seed);
    OldHome past;
    Busy busy{past, random};
    const Retention policy;
    for (int round = 0; round < 6; ++round) {
        for (int i = 0; i < 40; ++i) busy.step();
        const std::vector<Kept> before = past.kept();
        const std::int64_t now = past.clock.now_ms();
        const std::size_t limit = 1 + random() % 40;
        if (random() % 3 == 0) {  // cut in the middle, and gone on with after a restart
            for (int turns = 0; turns < 5; ++turns) past.store().expire_history(policy, now, limit);
            past.restart();
        }
        past.expire(policy, limit);
        const auto after = keys(past.kept());
        for (const Kept& row : before) {
            const bool there = after.contains({row.oid, row.to_lsn});
            if (!there) CHECK(outlived(row.state, policy, now));
            // At most the longest step late; with the last state of a removed object all of it goes.
            if (there) CHECK_FALSE(outlived(row.state, policy, now - Retention::kWeekMs));
        }
        past.check_bytes();

        // Then a share that is too small for what is left.
        std::vector<Kept> rows = past.kept();
        Retention forever;
        forever.all_ms = 100'000 * kDay;
        const std::int64_t share = 1 + past.bytes() * static_cast<std::int64_t>(random() % 8) / 6;
        const auto going = what_goes(states(rows), forever, now, share);
        std::set<std::pair<std::string, Lsn>> expected = keys(rows);
        for (const std::size_t i : going) expected.erase({rows[i].oid, rows[i].to_lsn});
        past.expire_to(share, limit);
        CHECK(keys(past.kept()) == expected);
        past.check_bytes();
    }
    for (const auto& [id, file] : busy.files) {
        const std::string path =
            past.store().read([&, node = id](ReadTxn& txn) { return txn.disk_path(*txn.node(node)); });
        CHECK(base::sha256(read_file(past.dir.path() + "/" + path)) == past.home->node(id).hash);
    }
}

}  // namespace storage
