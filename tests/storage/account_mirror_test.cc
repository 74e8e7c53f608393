// Accounts of two homes that hear of each other's records.
#include <filesystem>
#include <random>
#include <set>

#include "storage/accounts.h"
#include "storage/base/failure.h"
#include "storage/kv_rows.h"
#include "storage/principal_spaces.h"
#include "storage/sql.h"
#include "tests/storage/store_support.h"

// Last: Catch and ours both define CHECK.
#include <catch2/catch.hpp>

namespace {

namespace fs = std::filesystem;
using storage::Accounts;
using storage::AppPassword;
using storage::KvFacet;
using storage::Principal;
using storage::Rank;

constexpr storage::Author kAdmin{storage::Cause::admin, {}, {}};

// The time stands unless a test moves it on, so that both homes write at the same moment.
constexpr std::int64_t kStart = 1'790'000'000'000;

struct Sent {
    Rank rank;
    KvFacet facet;
};

// One home. What it wrote about accounts can be read from its log, and it takes what another wrote.
struct Mirror {
    explicit Mirror(storage::SetClock& watch) : clock(watch) { reopen(); }
    void reopen() {
        accounts.reset();
        store.reset();
        storage::Store::Options options;
        options.root = dir.path() + "/root";
        store = storage::Store::open(std::move(options),
                                     {clock, base::system_rng(), storage::system_fs(), base::system_exec()});
        accounts = std::make_unique<Accounts>(*store);
    }
    std::string root() const { return store->root(); }
    Accounts& all() { return *accounts; }

    std::vector<Sent> written_after(std::int64_t lsn, std::int64_t& last) const {
        sql::Connection db(root() + "/.hearth/hearth.db", sql::Access::reader, nullptr);
        auto query = db.query(
            "SELECT l.lsn, l.hlc, l.origin, l.seq, l.body FROM log AS l JOIN meta AS m ON m.key = 'origin'"
            " WHERE l.kind = 3 AND l.origin = m.value AND l.lsn > ?1 ORDER BY l.lsn");
        query.bind(lsn);
        std::vector<Sent> sent;
        while (query.next()) {
            last = query.integer(0);
            auto body = storage::decode(query.blob(4));
            REQUIRE(body);
            REQUIRE(body->kv);
            sent.push_back({{query.integer(1), {query.integer(2), query.integer(3)}}, *body->kv});
        }
        return sent;
    }
    // In groups of `at_once`, as they may come over a slow line.
    void take(std::span<const Sent> records, std::size_t at_once) {
        while (!records.empty()) {
            const auto group = records.first(std::min(at_once, records.size()));
            records = records.subspan(group.size());
            store->write([&](storage::WriteTxn& txn) {
                std::vector<storage::KvKey> changed;
                for (const Sent& one : group) {
                    txn.take_kv(one.facet, one.rank);
                    changed.push_back({one.facet.table, one.facet.key, one.facet.field});
                }
                storage::follow_accounts(txn, changed, {storage::Cause::merge, {}, {}});
            });
            all().reload();
            heard();
        }
    }

    std::optional<Principal> find(std::string_view name) {
        const auto book = all().book();
        const Principal* found = book->find(name);
        return found ? std::optional(*found) : std::nullopt;
    }
    Principal at(std::string_view name) {
        INFO(name);
        const auto found = find(name);
        REQUIRE(found);
        return *found;
    }
    Principal by_uid(const base::Id128& uid) {
        const auto book = all().book();
        REQUIRE(book->find(uid));
        return *book->find(uid);
    }
    std::optional<storage::Space> space(const base::Id128& owner) {
        return store->read([&](storage::ReadTxn& txn) { return txn.space_of(storage::SpaceKind::files, owner); });
    }
    storage::Oid root_oid(const base::Id128& owner) {
        return store->read(
            [&](storage::ReadTxn& txn) { return txn.node(txn.space_of(storage::SpaceKind::files, owner)->root)->oid; });
    }
    void put(const base::Id128& owner, const std::string& name, const std::string& text) {
        store->write([&](storage::WriteTxn& txn) {
            const auto root = txn.space_of(storage::SpaceKind::files, owner)->root;
            txn.put({root, name, storage::NodeKind::file, {}, {}}, storage::text_content(text), storage::no_index(),
                    {});
        });
    }
    std::set<std::string> folders() const {
        std::set<std::string> names;
        for (const auto& entry : fs::directory_iterator(root() + "/files")) names.insert(entry.path().filename());
        return names;
    }
    AppPassword add_secret(const std::string& user, const std::string& secret) {
        AppPassword made;
        made.label = "phone";
        made.secret = base::sha256(secret);
        return all().add_app_password(user, made, kAdmin);
    }
    bool opens(const std::string& user, const std::string& secret) {
        const auto book = all().book();
        const Principal* who = book->find(user);
        const auto found = book->app_passwords.find(base::sha256(secret));
        return who && !who->disabled && found != book->app_passwords.end() && found->second.user == who->uid;
    }
    bool sound() {
        const auto findings = store->check(false);
        for (const auto& finding : findings) UNSCOPED_INFO(finding.what << " " << finding.where);
        return findings.empty();
    }

    // In memory: what is shown here is not what a power cut leaves.
    storage::TempDir dir{fs::is_directory("/dev/shm") ? "/dev/shm/hearth-mirror-XXXXXX" : "/tmp/hearth-mirror-XXXXXX"};
    storage::SetClock& clock;
    std::unique_ptr<storage::Store> store;
    std::unique_ptr<Accounts> accounts;
    std::function<void()> heard = [] {};  // after each group of records
};

struct TwoHomes {
    void carry(Mirror& from, Mirror& to, std::int64_t& cursor, std::size_t at_once) {
        const auto sent = from.written_after(cursor, cursor);
        to.take(sent, at_once);
    }
    void meet(std::size_t at_once = 1000) {
        carry(a, b, from_a, at_once);
        carry(b, a, from_b, at_once);
    }
    void later() { clock.advance(1000); }
    // Everything people can see of the accounts is the same on both.
    void require_same() {
        const auto left = a.all().book();
        const auto right = b.all().book();
        REQUIRE(left->name_of == right->name_of);
        for (const auto& [name, one] : left->by_name) {
            INFO(name);
            const Principal& other = *right->find(name);
            REQUIRE(one.uid == other.uid);
            REQUIRE(one.kind == other.kind);
            REQUIRE(one.admin == other.admin);
            REQUIRE(one.disabled == other.disabled);
            REQUIRE(one.password == other.password);
            REQUIRE(one.epoch == other.epoch);
            REQUIRE(one.quota_bytes == other.quota_bytes);
            REQUIRE(a.space(one.uid)->dir == "files/" + name);
            REQUIRE(b.space(one.uid)->dir == "files/" + name);
            REQUIRE(a.space(one.uid)->uid == b.space(one.uid)->uid);
            REQUIRE(a.root_oid(one.uid) == b.root_oid(one.uid));
        }
        REQUIRE(left->groups_of == right->groups_of);
        REQUIRE(left->members_of == right->members_of);
        REQUIRE(a.folders() == b.folders());
        std::set<std::string> secrets;
        for (const auto* book : {left.get(), right.get()}) {
            REQUIRE(book->app_passwords.size() == left->app_passwords.size());
            for (const auto& [secret, password] : book->app_passwords)
                secrets.insert(base::hex(secret.view()) + password.id + password.label);
        }
        REQUIRE(secrets.size() == left->app_passwords.size());
    }

    storage::SetClock clock{kStart};
    Mirror a{clock};
    Mirror b{clock};
    std::int64_t from_a = 0;
    std::int64_t from_b = 0;
};

storage::NameClaim claim(std::uint8_t first, std::string name, std::int64_t created_ms, std::uint8_t fourth = 0) {
    storage::NameClaim made;
    made.uid.bytes[0] = first;
    made.uid.bytes[3] = fourth;
    made.name = std::move(name);
    made.created_ms = created_ms;
    return made;
}

}  // namespace

TEST_CASE("who was added first has the name, and everybody has one") {
    const std::string longest(32, 'x');
    const struct {
        std::vector<storage::NameClaim> claims;
        std::vector<std::string> names;  // of these, in this order
    } table[] = {
        {{}, {}},
        {{claim(1, "ana", 5), claim(2, "ben", 4)}, {"ana", "ben"}},
        {{claim(1, "ana", 5), claim(2, "ana", 4)}, {"ana-0400", "ana"}},
        {{claim(1, "ana", 5), claim(2, "ana", 5)}, {"ana", "ana-0800"}},
        {{claim(0xff, "ana", 6), claim(1, "ana", 5), claim(2, "ana", 7)}, {"ana-zw00", "ana", "ana-0800"}},
        // Somebody is called so already: one more letter.
        {{claim(1, "ana", 5), claim(2, "ana", 6), claim(3, "ana-0800", 9)}, {"ana", "ana-08000", "ana-0800"}},
        {{claim(1, longest, 5), claim(2, longest, 6)}, {longest, std::string(27, 'x') + "-0800"}},
        // Two that are cut to the same.
        {{claim(1, longest, 5), claim(2, longest, 6), claim(2, longest, 7, 0x80)},
         {longest, std::string(27, 'x') + "-0800", std::string(26, 'x') + "-08001"}},
    };
    for (auto row : table) {
        const auto names = storage::names_of(row.claims);
        std::reverse(row.claims.begin(), row.claims.end());
        CHECK(storage::names_of(row.claims) == names);
        std::reverse(row.claims.begin(), row.claims.end());
        REQUIRE(names.size() == row.names.size());
        for (std::size_t i = 0; i < row.names.size(); ++i) {
            CHECK(names.at(row.claims[i].uid) == row.names[i]);
            CHECK(storage::is_principal_name(row.names[i]));
        }
    }
}

TEST_CASE("a user added at one home is at the other, with the same credentials and folder") {
    TwoHomes homes;
    const auto made = homes.a.all().add_user("ana", true, "phc", kAdmin);
    const auto secret = homes.a.add_secret("ana", "s");
    homes.a.all().set_quota("ana", 5000, kAdmin);
    homes.meet();
    homes.require_same();
    const Principal there = homes.b.at("ana");
    CHECK(there.uid == made.uid);
    CHECK(there.admin);
    CHECK(there.password == "phc");
    CHECK(there.quota_bytes == 5000);
    CHECK(there.created_ms == made.created_ms);
    CHECK(homes.b.opens("ana", "s"));
    CHECK(homes.b.all().app_passwords("ana")[0].id == secret.id);
    homes.b.put(made.uid, "a.txt", "hello");
    CHECK(fs::is_regular_file(homes.b.root() + "/files/ana/a.txt"));
    homes.b.reopen();
    homes.require_same();
    CHECK(homes.a.sound());
    CHECK(homes.b.sound());
}

TEST_CASE("who is disabled at one home stays so, whatever the other changed without knowing") {
    TwoHomes homes;
    homes.a.all().add_user("ana", false, "old", kAdmin);
    homes.meet();
    homes.b.all().set_disabled("ana", true, kAdmin);
    homes.later();
    homes.a.all().set_password("ana", "new", kAdmin);
    homes.a.all().set_disabled("ana", false, kAdmin);
    const std::uint64_t at_a = homes.a.at("ana").epoch;
    const std::uint64_t at_b = homes.b.at("ana").epoch;
    homes.meet();
    homes.require_same();
    CHECK(homes.a.at("ana").disabled);
    CHECK(homes.a.at("ana").password == "new");
    CHECK(homes.a.at("ana").epoch != at_a);
    CHECK(homes.b.at("ana").epoch != at_b);
    // Who saw it may undo it.
    homes.a.all().set_disabled("ana", false, kAdmin);
    homes.meet();
    homes.require_same();
    CHECK_FALSE(homes.b.at("ana").disabled);
}

TEST_CASE("a password changed at both homes ends what either remembers") {
    for (const bool a_is_later : {false, true}) {
        TwoHomes homes;
        homes.a.all().add_user("ana", false, "old", kAdmin);
        homes.meet();
        const std::uint64_t before = homes.a.at("ana").epoch;
        CHECK(homes.b.at("ana").epoch == before);
        Mirror& early = a_is_later ? homes.b : homes.a;
        Mirror& late = a_is_later ? homes.a : homes.b;
        early.all().set_password("ana", "early", kAdmin);
        homes.later();
        late.all().set_password("ana", "late", kAdmin);
        const std::set<std::uint64_t> apart = {before, homes.a.at("ana").epoch, homes.b.at("ana").epoch};
        CHECK(apart.size() == 3);
        homes.meet();
        homes.require_same();
        CHECK(homes.a.at("ana").password == "late");
        CHECK_FALSE(apart.contains(homes.a.at("ana").epoch));
        CHECK_FALSE(apart.contains(homes.b.at("ana").epoch));
    }
}

TEST_CASE("a renewed hash of the old password does not win over a new password") {
    TwoHomes homes;
    homes.a.all().add_user("ana", false, "old", kAdmin);
    homes.meet();
    const std::uint64_t before = homes.a.at("ana").epoch;
    homes.b.all().renew_password_hash(homes.b.at("ana"), "old, renewed");
    homes.b.all().renew_password_hash(homes.b.at("ana"), "old, renewed again");
    CHECK(homes.b.at("ana").password == "old, renewed again");
    CHECK(homes.b.at("ana").epoch == before);
    SECTION("renewed alone, it is at both") {
        homes.meet();
        homes.require_same();
        CHECK(homes.a.at("ana").password == "old, renewed again");
        CHECK(homes.a.at("ana").epoch == before);
    }
    SECTION("renewed later than it was changed") {
        homes.a.all().set_password("ana", "new", kAdmin);
        homes.later();
        homes.b.all().renew_password_hash(homes.b.at("ana"), "old, renewed late");
        homes.meet();
        homes.require_same();
        CHECK(homes.b.at("ana").password == "new");
    }
}

TEST_CASE("a removed user leaves no credential, whatever another home adds meanwhile") {
    TwoHomes homes;
    const auto ana = homes.a.all().add_user("ana", false, "phc", kAdmin);
    homes.a.all().add_group("family", kAdmin);
    homes.a.add_secret("ana", "first");
    homes.meet();
    homes.b.put(ana.uid, "kept.txt", "kept");
    homes.a.all().remove("ana", kAdmin);
    homes.later();
    homes.b.add_secret("ana", "second");
    homes.b.all().set_member("family", "ana", true, kAdmin);
    homes.b.all().set_password("ana", "other", kAdmin);
    homes.b.all().set_disabled("ana", false, kAdmin);
    homes.b.all().set_quota("ana", 7, kAdmin);
    homes.b.store->write([&](storage::WriteTxn& txn) {
        const auto space = txn.space_of(storage::SpaceKind::files, ana.uid);
        txn.add_lock({"opaquelocktoken:1", space->root, storage::LockDepth::zero, storage::LockScope::exclusive,
                      ana.uid, "", "/dav/files/ana/", homes.clock.now_ms() + 60'000});
    });
    homes.meet();
    homes.require_same();
    for (Mirror* home : {&homes.a, &homes.b}) {
        CHECK_FALSE(home->find("ana"));
        CHECK(home->all().book()->app_passwords.empty());
        CHECK(home->all().book()->groups_of.empty());
        CHECK_FALSE(home->space(ana.uid));
        CHECK(home->folders() == std::set<std::string>{"family"});
        CHECK(home->sound());
    }
    CHECK(homes.b.store->read([](storage::ReadTxn& txn) { return txn.locks(); }).empty());
    // What stood in the folder is kept.
    std::size_t kept = 0;
    for (const auto& entry : fs::recursive_directory_iterator(homes.b.root() + "/.hearth/trash"))
        kept += entry.path().filename() == "kept.txt";
    CHECK(kept == 1);
    // Somebody of that name is somebody else.
    homes.a.all().add_user("ana", false, "x", kAdmin);
    homes.meet();
    homes.require_same();
    CHECK_FALSE(homes.b.opens("ana", "first"));
    CHECK_FALSE(homes.b.opens("ana", "second"));
}

TEST_CASE("memberships from both homes, and who left has no lock in the group's files") {
    TwoHomes homes;
    const auto ana = homes.a.all().add_user("ana", false, "", kAdmin);
    homes.a.all().add_user("ben", false, "", kAdmin);
    const auto family = homes.a.all().add_group("family", kAdmin);
    homes.meet();
    homes.a.all().set_member("family", "ana", true, kAdmin);
    homes.b.all().set_member("family", "ben", true, kAdmin);
    homes.meet();
    homes.require_same();
    CHECK(homes.a.all().book()->members_of.at(family.uid).size() == 2);
    homes.b.store->write([&](storage::WriteTxn& txn) {
        for (const auto& owner : {ana.uid, family.uid}) {
            const auto space = txn.space_of(storage::SpaceKind::files, owner);
            txn.add_lock({"opaquelocktoken:" + space->dir, space->root, storage::LockDepth::zero,
                          storage::LockScope::exclusive, ana.uid, "", "/dav/" + space->dir + "/",
                          homes.clock.now_ms() + 60'000});
        }
    });
    homes.a.all().set_member("family", "ana", false, kAdmin);
    homes.later();
    homes.b.all().set_member("family", "ana", true, kAdmin);  // without knowing
    homes.meet();
    homes.require_same();
    CHECK_FALSE(homes.b.all().book()->in_group(ana.uid, family.uid));
    const auto locks = homes.b.store->read([](storage::ReadTxn& txn) { return txn.locks(); });
    REQUIRE(locks.size() == 1);
    CHECK(locks[0].href == "/dav/files/ana/");
}

TEST_CASE("quotas: the last word holds, and no limit is a word too") {
    TwoHomes homes;
    homes.a.all().add_user("ana", false, "", kAdmin);
    homes.a.all().set_quota("ana", 10, kAdmin);
    homes.meet();
    homes.a.all().set_quota("ana", std::nullopt, kAdmin);
    homes.later();
    homes.b.all().set_quota("ana", 20, kAdmin);
    homes.meet();
    homes.require_same();
    CHECK(homes.a.at("ana").quota_bytes == 20);
}

TEST_CASE("one name at two homes: the older keeps it, the folder of the other follows its name") {
    TwoHomes homes;
    const auto older = homes.a.all().add_user("ana", false, "a", kAdmin);
    homes.a.put(older.uid, "a.txt", "of a");
    homes.later();
    const auto younger = homes.b.all().add_user("ana", false, "b", kAdmin);
    homes.b.put(younger.uid, "b.txt", "of b");
    homes.b.add_secret("ana", "s");
    homes.meet();
    homes.require_same();
    CHECK(homes.a.at("ana").uid == older.uid);
    const std::string other = homes.a.by_uid(younger.uid).name;
    CHECK(other.size() == 8);
    CHECK(other.starts_with("ana-"));
    CHECK(homes.b.by_uid(younger.uid).given_name == "ana");
    CHECK(homes.b.opens(other, "s"));
    CHECK_FALSE(homes.b.opens("ana", "s"));
    CHECK(fs::is_regular_file(homes.b.root() + "/files/" + other + "/b.txt"));
    CHECK(fs::is_empty(homes.b.root() + "/files/ana"));
    CHECK(fs::is_regular_file(homes.a.root() + "/files/ana/a.txt"));
    CHECK(homes.a.sound());
    CHECK(homes.b.sound());
    CHECK_THROWS_AS(homes.a.all().add_user(other, false, "", kAdmin), storage::AccountError);
    homes.b.reopen();
    homes.require_same();

    SECTION("the name is free again when the older goes") {
        homes.a.all().remove("ana", kAdmin);
        CHECK(homes.a.at("ana").uid == younger.uid);
        homes.meet();
        homes.require_same();
        CHECK(fs::is_regular_file(homes.b.root() + "/files/ana/b.txt"));
        CHECK(homes.b.sound());
    }
    SECTION("the other is removed under its other name") {
        homes.a.all().remove(other, kAdmin);
        homes.meet();
        homes.require_same();
        CHECK(homes.b.folders() == std::set<std::string>{"ana"});
        CHECK(homes.b.sound());
    }
}

TEST_CASE("records that come one by one never open more than they should") {
    TwoHomes homes;
    homes.b.all().add_user("ana", false, "b", kAdmin);
    homes.later();
    const auto made = homes.a.all().add_user("ana", true, "phc", kAdmin);
    AppPassword narrow;
    narrow.label = "camera";
    narrow.scope = storage::Scope::files;
    narrow.read_only = true;
    narrow.subtree = {"photos"};
    narrow.secret = base::sha256("s");
    homes.a.all().add_app_password("ana", narrow, kAdmin);
    homes.a.all().set_quota("ana", 5, kAdmin);
    homes.a.all().add_group("family", kAdmin);
    homes.a.all().set_member("family", "ana", true, kAdmin);
    homes.b.heard = [&] {
        const auto book = homes.b.all().book();
        // The older of the two is never pushed aside by a half known one.
        REQUIRE(book->find("ana"));
        REQUIRE(book->find("ana")->uid != made.uid);
        if (const Principal* who = book->find(made.uid)) REQUIRE(who->password == "phc");
        if (const auto found = book->app_passwords.find(base::sha256("s")); found != book->app_passwords.end()) {
            REQUIRE(found->second.read_only);
            REQUIRE(found->second.subtree == base::Segments{"photos"});
        }
    };
    homes.meet(1);
    homes.require_same();
    homes.b.heard = [] {};
    homes.a.all().remove(homes.a.by_uid(made.uid).name, kAdmin);
    homes.b.heard = [&] { REQUIRE_FALSE(homes.b.all().book()->find(made.uid)); };
    homes.meet(1);
    homes.require_same();
    CHECK(homes.b.all().book()->app_passwords.empty());
    CHECK(homes.b.sound());
}

TEST_CASE("two homes that change accounts at random, meet now and then and restart are the same in the end") {
    for (std::uint32_t seed = 1; seed <= 6; ++seed) {
        INFO("seed " << seed);
        std::mt19937 rng(seed);
        TwoHomes homes;
        const char* const names[] = {"ana", "ben", "family"};
        for (int step = 0; step < 40; ++step) {
            Mirror& home = rng() % 2 ? homes.a : homes.b;
            const std::string name = names[rng() % 3];
            const std::string other = names[rng() % 3];
            const std::string word = std::to_string(seed) + "/" + std::to_string(step);
            if (rng() % 3 == 0) homes.later();
            try {
                switch (rng() % 11) {
                    case 0: home.all().add_user(name, false, word, kAdmin); break;
                    case 1: home.all().add_group(name, kAdmin); break;
                    case 2: home.all().set_password(name, word, kAdmin); break;
                    case 3: home.all().set_disabled(name, rng() % 2 == 0, kAdmin); break;
                    case 4: home.all().set_quota(name, rng() % 1000, kAdmin); break;
                    case 5: home.add_secret(name, word); break;
                    case 6: home.all().set_member(name, other, rng() % 2 == 0, kAdmin); break;
                    case 7: home.all().remove(name, kAdmin); break;
                    case 8:
                        if (const auto who = home.find(name)) home.put(who->uid, "f" + std::to_string(step), word);
                        break;
                    case 9: homes.meet(1 + rng() % 20); break;
                    default: home.reopen();
                }
            } catch (const storage::AccountError&) {
                // Not possible now: another draw.
            }
        }
        homes.meet();
        homes.require_same();
        CHECK(homes.a.sound());
        CHECK(homes.b.sound());
    }
}
