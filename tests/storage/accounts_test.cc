#include "storage/accounts.h"

#include <stdlib.h>

#include <catch2/catch.hpp>
#include <filesystem>

namespace {

namespace fs = std::filesystem;
using storage::AccountError;
using storage::Scope;

constexpr storage::Author kAdmin{storage::Cause::admin, {}, {}};

// A store in a folder of its own, with its accounts; `reopen` is a restart.
struct House {
    House() {
        REQUIRE(::mkdtemp(folder.data()) != nullptr);
        reopen();
    }
    ~House() {
        accounts.reset();
        store.reset();
        std::error_code ignored;
        fs::remove_all(folder, ignored);
    }
    void reopen() {
        accounts.reset();
        store.reset();
        storage::Store::Options options;
        options.root = root();
        store = storage::Store::open(
            options, {base::system_clock(), base::system_rng(), storage::system_fs(), base::system_exec()});
        accounts = std::make_unique<storage::Accounts>(*store);
    }
    std::string root() const { return folder + "/root"; }
    storage::Accounts& all() { return *accounts; }
    const storage::Principal& at(std::string_view name) {
        kept = accounts->book();
        const storage::Principal* found = kept->find(name);
        REQUIRE(found);
        return *found;
    }
    storage::AppPassword secret(std::string_view label, std::string_view text) const {
        storage::AppPassword made;
        made.label = label;
        made.secret = base::sha256(text);
        return made;
    }

    std::string folder = (fs::temp_directory_path() / "hearth-accounts-XXXXXX").string();
    std::unique_ptr<storage::Store> store;
    std::unique_ptr<storage::Accounts> accounts;
    std::shared_ptr<const storage::AccountBook> kept;
};

}  // namespace

TEST_CASE("a name of a principal is a small plain word") {
    for (const char* name : {"a", "ana", "a.b", "a-b_c.d", "0", "9lives", "a..b", "abcdefghijklmnopqrstuvwxyz012345"})
        CHECK(storage::is_principal_name(name));
}

// security.md 3.1 #8.
TEST_CASE("forty hostile names are refused alike everywhere") {
    const std::string hostile[] = {
        "",
        ".",
        "..",
        "...",
        ".*",
        "*",
        "%",
        "%2e",
        "%username%",
        "a/a",
        "/a",
        "a/",
        "../a",
        "a/../b",
        "A",
        "Ana",
        "ANA",
        "a b",
        " a",
        "a ",
        "a\\b",
        "a:b",
        "a@b",
        "a;b",
        "a'b",
        "a\"b",
        "a<b",
        "a|b",
        "a?b",
        "a#b",
        "a&b",
        "$a",
        "-a",
        "_a",
        ".hearth",
        std::string("a\0b", 3),
        "a\nb",
        "a\x7f",
        "\u00e4na",
        "a\u0308na",
        "\xff",
        "\u202ea",
        "abcdefghijklmnopqrstuvwxyz0123456",
    };
    CHECK(std::size(hostile) >= 40);
    House house;
    house.all().add_group("family", kAdmin);
    std::set<std::string> files;
    for (const std::string& name : hostile) {
        INFO(base::hex(name));
        CHECK_FALSE(storage::is_principal_name(name));
        std::set<std::string> words;
        const auto refused = [&](const auto& command) {
            try {
                command();
                FAIL("not refused");
            } catch (const AccountError& error) {
                words.insert(error.what());
            }
        };
        storage::Accounts& all = house.all();
        refused([&] { all.add_user(name, false, "phc", kAdmin); });
        refused([&] { all.add_group(name, kAdmin); });
        refused([&] { all.set_password(name, "phc", kAdmin); });
        refused([&] { all.set_disabled(name, true, kAdmin); });
        refused([&] { all.set_quota(name, 1, kAdmin); });
        refused([&] { all.set_member("family", name, true, kAdmin); });
        refused([&] { all.set_member(name, "ana", true, kAdmin); });
        refused([&] { all.add_app_password(name, house.secret("x", "y"), kAdmin); });
        refused([&] { all.revoke_app_password(name, "x", kAdmin); });
        refused([&] { all.app_passwords(name); });
        refused([&] { all.remove(name, kAdmin); });
        CHECK(words.size() == 1);
    }
    CHECK(house.all().book()->by_name.size() == 1);
    for (const auto& entry : fs::directory_iterator(house.root() + "/files")) files.insert(entry.path().filename());
    CHECK(files == std::set<std::string>{"family"});
}

TEST_CASE("a user comes with a folder and survives a restart") {
    House house;
    const auto made = house.all().add_user("ana", true, "phc-1", kAdmin);
    CHECK_FALSE(made.uid.is_zero());
    CHECK(fs::is_directory(house.root() + "/files/ana"));
    house.reopen();
    const auto& ana = house.at("ana");
    CHECK(ana.uid == made.uid);
    CHECK(ana.admin);
    CHECK_FALSE(ana.disabled);
    CHECK(ana.password == "phc-1");
    CHECK(ana.epoch == made.epoch);
    CHECK(ana.created_ms == made.created_ms);
    CHECK_FALSE(ana.quota_bytes);
    CHECK(ana.kind == storage::PrincipalKind::user);
    CHECK(house.kept->find(made.uid) == &ana);
    const auto space =
        house.store->read([&](storage::ReadTxn& txn) { return txn.space_of(storage::SpaceKind::files, made.uid); });
    REQUIRE(space);
    CHECK(space->dir == "files/ana");
}

TEST_CASE("users and groups share one name space") {
    House house;
    house.all().add_user("ana", false, "", kAdmin);
    house.all().add_group("family", kAdmin);
    CHECK(fs::is_directory(house.root() + "/files/family"));
    CHECK_THROWS_AS(house.all().add_user("ana", false, "", kAdmin), AccountError);
    CHECK_THROWS_AS(house.all().add_group("ana", kAdmin), AccountError);
    CHECK_THROWS_AS(house.all().add_user("family", false, "", kAdmin), AccountError);
    CHECK_THROWS_AS(house.all().set_password("family", "phc", kAdmin), AccountError);
    CHECK_THROWS_AS(house.all().set_password("nobody", "phc", kAdmin), AccountError);
    CHECK(house.all().book()->by_name.size() == 2);
}

TEST_CASE("every change of credentials is a new epoch") {
    House house;
    std::uint64_t epoch = house.all().add_user("ana", false, "one", kAdmin).epoch;
    const auto is_new = [&] {
        const std::uint64_t before = std::exchange(epoch, house.at("ana").epoch);
        return epoch != before;
    };
    house.all().set_password("ana", "two", kAdmin);
    CHECK(house.at("ana").password == "two");
    CHECK(is_new());
    house.all().set_disabled("ana", true, kAdmin);
    CHECK(house.at("ana").disabled);
    CHECK(is_new());
    house.all().set_disabled("ana", false, kAdmin);
    CHECK_FALSE(house.at("ana").disabled);
    CHECK(is_new());
    house.all().set_quota("ana", 5'000'000'000, kAdmin);
    CHECK(house.at("ana").quota_bytes == 5'000'000'000);
    CHECK_FALSE(is_new());
    house.reopen();
    CHECK(house.at("ana").epoch == epoch);
    CHECK(house.at("ana").quota_bytes == 5'000'000'000);
    house.all().set_quota("ana", std::nullopt, kAdmin);
    CHECK_FALSE(house.at("ana").quota_bytes);
}

TEST_CASE("members of a group") {
    House house;
    const auto ana = house.all().add_user("ana", false, "", kAdmin).uid;
    const auto ben = house.all().add_user("ben", false, "", kAdmin).uid;
    const auto family = house.all().add_group("family", kAdmin).uid;
    house.all().set_member("family", "ana", true, kAdmin);
    house.all().set_member("family", "ben", true, kAdmin);
    house.all().set_member("family", "ben", true, kAdmin);
    CHECK_THROWS_AS(house.all().set_member("family", "family", true, kAdmin), AccountError);
    CHECK_THROWS_AS(house.all().set_member("ana", "ben", true, kAdmin), AccountError);
    house.reopen();
    CHECK(house.all().book()->in_group(ana, family));
    CHECK(house.all().book()->members_of.at(family) == std::set{ana, ben});
    house.all().set_member("family", "ana", false, kAdmin);
    CHECK_FALSE(house.all().book()->in_group(ana, family));
    house.all().remove("ben", kAdmin);
    CHECK(house.all().book()->members_of.empty());
    CHECK(house.all().book()->groups_of.empty());
}

TEST_CASE("an app password is kept with its scope until it is revoked") {
    House house;
    house.all().add_user("ana", false, "", kAdmin);
    house.all().add_user("ben", false, "", kAdmin);
    auto wanted = house.secret("phone", "secret one");
    wanted.scope = Scope::files;
    wanted.read_only = true;
    wanted.subtree = {"photos", "2026 summer"};
    const auto made = house.all().add_app_password("ana", wanted, kAdmin);
    CHECK(made.id.size() == 8);
    // They are listed by the millisecond they were made in.
    while (base::system_clock().now_ms() <= made.created_ms) {
    }
    house.all().add_app_password("ana", house.secret("laptop", "secret two"), kAdmin);
    house.reopen();
    const auto theirs = house.all().app_passwords("ana");
    REQUIRE(theirs.size() == 2);
    CHECK(theirs[0].id == made.id);
    CHECK(theirs[0].label == "phone");
    CHECK(theirs[0].scope == Scope::files);
    CHECK(theirs[0].read_only);
    CHECK(theirs[0].subtree == base::Segments{"photos", "2026 summer"});
    CHECK_FALSE(theirs[0].last_used_ms);
    CHECK(theirs[1].scope == Scope::all);
    CHECK(theirs[1].subtree.empty());
    CHECK(house.all().book()->app_passwords.at(base::sha256("secret one")).user == house.at("ana").uid);
    CHECK_THROWS_AS(house.all().revoke_app_password("ben", made.id, kAdmin), AccountError);
    CHECK_THROWS_AS(house.all().revoke_app_password("ana", "nonesuch", kAdmin), AccountError);
    house.all().revoke_app_password("ana", made.id, kAdmin);
    CHECK(house.all().app_passwords("ana").size() == 1);
    CHECK_FALSE(house.all().book()->app_passwords.contains(base::sha256("secret one")));
}

TEST_CASE("a label is one line of text") {
    House house;
    house.all().add_user("ana", false, "", kAdmin);
    for (const std::string& label : {std::string(), std::string(101, 'x'), std::string("a\nb"), std::string("\xff")})
        CHECK_THROWS_AS(house.all().add_app_password("ana", house.secret(label, "s"), kAdmin), AccountError);
    house.all().add_app_password("ana", house.secret("Ana\u2019s phone", "s"), kAdmin);
}

TEST_CASE("the last use of an app password is noted once a minute and tells nobody") {
    House house;
    house.all().add_user("ana", false, "", kAdmin);
    const auto made = house.all().add_app_password("ana", house.secret("phone", "s"), kAdmin);
    const auto book = house.all().book();
    const auto lsn = house.store->read([](storage::ReadTxn& txn) { return txn.lsn(); });
    const auto last = [&] { return house.all().app_passwords("ana")[0].last_used_ms; };
    house.all().touch_app_password(made, 1'000'000);
    CHECK(last() == 1'000'000);
    house.all().touch_app_password(made, 1'059'999);
    CHECK(last() == 1'000'000);
    house.all().touch_app_password(made, 1'060'000);
    CHECK(last() == 1'060'000);
    CHECK(house.all().book() == book);
    CHECK(house.store->read([](storage::ReadTxn& txn) { return txn.lsn(); }) == lsn);
    house.reopen();
    CHECK(last() == 1'060'000);
}

TEST_CASE("a removed user is gone at once, the files are kept, and a new one of that name is somebody else") {
    House house;
    const auto before = house.all().add_user("ana", false, "phc", kAdmin);
    house.all().set_quota("ana", 7, kAdmin);
    house.all().add_app_password("ana", house.secret("phone", "s"), kAdmin);
    const std::string where = house.all().remove("ana", kAdmin);
    CHECK_FALSE(where.empty());
    CHECK(fs::is_directory(house.root() + "/" + where));
    CHECK_FALSE(fs::exists(house.root() + "/files/ana"));
    CHECK_FALSE(house.all().book()->find("ana"));
    CHECK(house.all().book()->app_passwords.empty());
    CHECK_THROWS_AS(house.all().remove("ana", kAdmin), AccountError);

    const auto after = house.all().add_user("ana", false, "", kAdmin);
    CHECK(after.uid != before.uid);
    CHECK(fs::is_directory(house.root() + "/files/ana"));
    house.reopen();
    CHECK(house.at("ana").uid == after.uid);
    CHECK(house.at("ana").password.empty());
    CHECK_FALSE(house.at("ana").quota_bytes);
    CHECK(house.all().app_passwords("ana").empty());
}

TEST_CASE("whoever wants to know hears of every change, after it holds") {
    House house;
    std::size_t changes = 0;
    std::size_t seen = 0;
    house.all().on_change([&] {
        ++changes;
        seen = house.all().book()->by_name.size();
    });
    house.all().add_user("ana", false, "", kAdmin);
    CHECK(seen == 1);
    house.all().set_password("ana", "phc", kAdmin);
    CHECK(changes == 2);
    CHECK_THROWS_AS(house.all().add_user("ana", false, "", kAdmin), AccountError);
    CHECK(changes == 2);
}

TEST_CASE("scopes have names") {
    for (const Scope scope : {Scope::all, Scope::files, Scope::calendars, Scope::contacts})
        CHECK(storage::scope_from(storage::scope_name(scope)) == scope);
    CHECK_FALSE(storage::scope_from("everything"));
    CHECK_FALSE(storage::scope_from(""));
}
