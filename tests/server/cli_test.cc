// The command line on a stopped root.

// Ours first: both they and Catch have a CHECK, and here it is the test's.
#include "storage/accounts.h"
#include "storage/base/log.h"
#include "storage/principal_spaces.h"
#include "storage/replication/kv_state.h"
#include "tests/server/command_line.h"
#include "tests/server/scratch.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

namespace {

struct Root {
    Root() { base::set_log_level(base::Level::error); }

    Ran operator()(std::vector<std::string> words, const std::string& input = "") const {
        words.insert(words.end(), {"--root", scratch.root()});
        return hearth(std::move(words), input);
    }
    nlohmann::json json(std::vector<std::string> words, const std::string& input = "") const {
        words.emplace_back("--json");
        const Ran ran = (*this)(std::move(words), input);
        CAPTURE(ran.error);
        REQUIRE(ran.status == 0);
        return ran.json();
    }
    Scratch scratch;
};

}  // namespace

TEST_CASE("wrong usage is status 2 with one line, help is status 0") {
    struct Row {
        std::vector<std::string> words;
        int status;
    };
    const Row rows[] = {{{}, 2},
                        {{"frob"}, 2},
                        {{"user"}, 2},
                        {{"user", "add"}, 2},
                        {{"user", "list", "--frob"}, 2},
                        {{"app-password", "add", "ana"}, 2},
                        {{"serve", "extra"}, 2},
                        {{"--help"}, 0},
                        {{"serve", "--help"}, 0},
                        {{"user", "add", "--help"}, 0},
                        {{"config", "show", "--help"}, 0},
                        {{"check", "--help"}, 0},
                        {{"version"}, 0}};
    for (const auto& row : rows) {
        const Ran ran = hearth(row.words);
        CAPTURE(ran.error, ran.out);
        CHECK(ran.status == row.status);
        CHECK(std::ranges::count(ran.error, '\n') == (row.status == 0 ? 0 : 1));
        CHECK(ran.out.empty() == (row.status != 0));
    }
}

TEST_CASE("only user add and serve make a missing root") {
    const Root root;
    for (const auto& words : {std::vector<std::string>{"user", "list"}, {"check"}, {"group", "add", "kin"}}) {
        const Ran ran = root(words);
        CHECK(ran.status == 1);
        CHECK_THAT(ran.error, Catch::Contains("there is no storage root at " + root.scratch.root()));
        CHECK_FALSE(std::filesystem::exists(root.scratch.root()));
    }
    CHECK(root({"user", "add", "ana"}).status == 0);
    CHECK(std::filesystem::is_directory(root.scratch.root() + "/files/ana"));
}

TEST_CASE("status says when there is no root, and makes none") {
    const Root root;
    const Ran missing = root({"status"});
    CHECK(missing.status == 0);
    CHECK_THAT(missing.out, Catch::Contains("if its disk is not mounted"));
    CHECK_FALSE(std::filesystem::exists(root.scratch.root()));
    REQUIRE(root({"user", "add", "ana"}).status == 0);
    CHECK_THAT(root({"status"}).out, !Catch::Contains("if its disk is not mounted"));
}

TEST_CASE("who another home had first has the name, and the list says who wanted it") {
    const Root root;
    REQUIRE(root({"user", "add", "ana"}).status == 0);
    {
        storage::Store::Options options;
        options.root = root.scratch.root();
        const auto store = storage::Store::open(
            options, {base::system_clock(), base::system_rng(), storage::system_fs(), base::system_exec()});
        store->write([](storage::WriteTxn& txn) {
            std::vector<storage::KvKey> changed;
            for (const auto& [field, value] : {std::pair("created", "1000"), std::pair("name", "ana")}) {
                storage::KvFacet facet;
                facet.table = "user";
                facet.key = std::string(32, 'a');
                facet.field = field;
                facet.value = value;
                const auto seq = static_cast<std::int64_t>(changed.size() + 1);
                txn.take_kv(facet, {seq, {77, seq}});
                changed.push_back({facet.table, facet.key, facet.field});
            }
            storage::follow_accounts(txn, changed, {});
        });
    }
    const auto list = root.json({"user", "list"});
    REQUIRE(list.size() == 2);
    CHECK(list[0]["name"] == "ana");
    CHECK_FALSE(list[0].contains("given_name"));
    const std::string other = list[1]["name"];
    CHECK(list[1]["given_name"] == "ana");
    CHECK_THAT(root({"user", "list"}).out, Catch::Contains(other + " (added as ana)"));
    CHECK(std::filesystem::is_directory(root.scratch.root() + "/files/" + other));
    CHECK(std::filesystem::is_directory(root.scratch.root() + "/files/ana"));
    CHECK(root({"user", "remove", "ana"}).status == 0);
    CHECK(root.json({"user", "list"})[0]["id"] == list[1]["id"]);
    CHECK(root.json({"user", "list"})[0]["name"] == "ana");
    CHECK(root({"check"}).status == 0);
}

TEST_CASE("locks are listed and broken") {
    const Root root;
    REQUIRE(root({"user", "add", "ana"}).status == 0);
    CHECK(root({"lock", "list"}).out == "none\n");
    CHECK(root.json({"lock", "list"}) == nlohmann::json::array());
    {
        storage::Store::Options options;
        options.root = root.scratch.root();
        const auto store = storage::Store::open(
            options, {base::system_clock(), base::system_rng(), storage::system_fs(), base::system_exec()});
        const storage::Accounts accounts(*store);
        const auto ana = accounts.book()->find("ana")->uid;
        store->write([&](storage::WriteTxn& txn) {
            const auto home = txn.space_of(storage::SpaceKind::files, ana)->root;
            for (const char* token : {"urn:uuid:one", "urn:uuid:two"}) {
                storage::Lock lock;
                lock.token = token;
                lock.node = home;
                lock.scope = storage::LockScope::shared;
                lock.principal = ana;
                lock.href = "/dav/files/ana/";
                lock.expires_ms = base::system_clock().now_ms() + 3'600'000;
                txn.add_lock(lock);
            }
        });
    }
    const auto locks = root.json({"lock", "list"});
    REQUIRE(locks.size() == 2);
    CHECK(locks[0]["id"] == "urn:uuid:one");
    CHECK(locks[0]["user"] == "ana");
    CHECK(locks[0]["scope"] == "shared");
    CHECK(locks[0]["depth"] == "infinity");
    CHECK(locks[0]["path"] == "/dav/files/ana/");
    CHECK_THAT(root({"lock", "list"}).out, Catch::Contains("urn:uuid:two"));
    const Ran unknown = root({"lock", "break", "urn:uuid:three"});
    CHECK(unknown.status == 1);
    CHECK_THAT(unknown.error, Catch::Contains("there is no lock urn:uuid:three"));
    CHECK(root.json({"lock", "break", "urn:uuid:one"})["id"] == "urn:uuid:one");
    CHECK(root.json({"lock", "list"}).size() == 1);
    CHECK(root({"lock", "break"}).status == 2);
}

TEST_CASE("a folder with other things in it is not made into a root") {
    const Root root;
    std::filesystem::create_directory(root.scratch.root());
    std::ofstream(root.scratch.root() + "/letter.txt") << "mine";
    const Ran ran = root({"user", "add", "ana"});
    CHECK(ran.status == 1);
    CHECK(std::ranges::count(ran.error, '\n') == 1);
    CHECK_FALSE(std::filesystem::exists(root.scratch.root() + "/.hearth"));
}

TEST_CASE("users are added, listed, limited, disabled and removed") {
    const Root root;
    const auto ana = root.json({"user", "add", "ana", "--admin"});
    CHECK(ana["name"] == "ana");
    CHECK(ana["admin"] == true);
    CHECK(ana["id"].get<std::string>().size() == 36);
    CHECK(ana["password"].get<std::string>().size() >= 20);

    // A chosen password is not shown again.
    const auto ben = root.json({"user", "add", "ben", "--password-stdin"}, "a long enough one\n");
    CHECK_FALSE(ben.contains("password"));

    auto list = root.json({"user", "list"});
    REQUIRE(list.size() == 2);
    CHECK(list[0]["id"] == ana["id"]);
    CHECK(list[1]["disabled"] == false);

    CHECK(root.json({"user", "quota", "ben", "10 GiB"})["quota_bytes"] == std::uint64_t{10} << 30);
    CHECK(root.json({"user", "quota", "ben", "none"})["quota_bytes"].is_null());
    CHECK(root.json({"user", "disable", "ben"})["disabled"] == true);
    CHECK(root.json({"user", "enable", "ben"})["disabled"] == false);
    CHECK(root.json({"user", "passwd", "ben"})["password"] != root.json({"user", "passwd", "ben"})["password"]);

    const auto removed = root.json({"user", "remove", "ben"});
    CHECK(std::filesystem::exists(removed["files"].get<std::string>()));
    CHECK_FALSE(std::filesystem::exists(root.scratch.root() + "/files/ben"));
    CHECK(root.json({"user", "list"}).size() == 1);
}

TEST_CASE("what can not be done is status 1 with one clear line") {
    const Root root;
    REQUIRE(root({"user", "add", "ana"}).status == 0);
    REQUIRE(root({"group", "add", "kin"}).status == 0);
    struct Row {
        std::vector<std::string> words;
        const char* says;
    };
    const Row rows[] = {
        {{"user", "add", "ana"}, "taken"},
        {{"user", "add", "kin"}, "taken"},
        {{"user", "add", "../etc"}, "can not be a user"},
        {{"user", "add", "Ana"}, "can not be a user"},
        {{"user", "add", "a b"}, "can not be a user"},
        {{"user", "add", ""}, "can not be a user"},
        {{"user", "passwd", "ben"}, "there is no user ben"},
        {{"user", "remove", "kin"}, "there is no user kin"},
        {{"user", "disable", "kin"}, "there is no user kin"},
        {{"group", "remove", "ana"}, "there is no group ana"},
        {{"group", "members", "kin", "--add", "ben"}, "there is no user ben"},
        {{"user", "quota", "ana", "lots"}, "is not a size"},
        {{"app-password", "add", "ben", "phone"}, "there is no user ben"},
        {{"app-password", "add", "ana", ""}, "a label has"},
        {{"app-password", "add", "ana", "phone", "--scope", "mail"}, "is not one of files, calendars, contacts, all"},
        {{"app-password", "add", "ana", "phone", "--path", "a/../b"}, "is not a path"},
        {{"app-password", "revoke", "ana", "zzzzzzzz"}, "zzzzzzzz"},
    };
    for (const auto& row : rows) {
        const Ran ran = root(row.words);
        CAPTURE(row.words, ran.error);
        CHECK(ran.status == 1);
        CHECK_THAT(ran.error, Catch::Contains(row.says));
        CHECK(std::ranges::count(ran.error, '\n') == 1);
        CHECK(ran.out.empty());
    }
    CHECK(root({"user", "add", "ben", "--password-stdin"}, "short\n").status == 1);
    CHECK(root({"user", "add", "ben", "--password-stdin"}, "").status == 1);
    for (const auto& words : {std::vector<std::string>{"user", "add", "ben", "--password-stdin"},
                              {"user", "passwd", "ana", "--password-stdin"}}) {
        const Ran ran = root(words, "Password-2024!\n");
        CHECK(ran.status == 1);
        CHECK_THAT(ran.error, Catch::Contains("one of the first that are tried"));
        CHECK(std::ranges::count(ran.error, '\n') == 1);
    }
    CHECK_THAT(root({"user", "passwd", "ana", "--password-stdin"}, "hearth-ana-1\n").error,
               Catch::Contains("first that are tried"));
    CHECK(root.json({"user", "list"}).size() == 1);
}

TEST_CASE("groups have members, app passwords are shown once and revoked") {
    const Root root;
    root.json({"user", "add", "ana"});
    root.json({"user", "add", "ben"});
    CHECK(root.json({"group", "add", "kin"})["kind"] == "group");
    CHECK(root.json({"group", "members", "kin", "--add", "ana", "--add", "ben"}).size() == 2);
    const auto left = root.json({"group", "members", "kin", "--remove", "ana"});
    REQUIRE(left.size() == 1);
    CHECK(left[0]["name"] == "ben");
    CHECK(root.json({"group", "list"}).size() == 1);
    root.json({"group", "remove", "kin"});
    CHECK(root.json({"group", "list"}).empty());

    const auto made = root.json(
        {"app-password", "add", "ana", "phone", "--scope", "files", "--read-only", "--path", "/photos/2024/"});
    CHECK(made["path"] == "photos/2024");
    CHECK(made["read_only"] == true);
    const Ran list = root({"app-password", "list", "ana", "--json"});
    CHECK(list.json()[0]["id"] == made["id"]);
    CHECK(list.out.find(made["password"].get<std::string>()) == std::string::npos);
    CHECK(root.json({"app-password", "revoke", "ana", made["id"]})["id"] == made["id"]);
    CHECK(root.json({"app-password", "list", "ana"}).empty());
}

TEST_CASE("check finds nothing in a fresh root") {
    const Root root;
    root.json({"user", "add", "ana"});
    CHECK(root.json({"check"}).empty());
    CHECK(root({"check", "--repair"}).out == "no findings\n");
}

TEST_CASE("check counts what was kept aside, names it in JSON, and finds no fault in it") {
    const Root root;
    root.json({"user", "add", "ana"});
    const std::string folder = root.scratch.root() + "/.hearth/versions/surprise";
    std::filesystem::create_directories(folder);
    std::ofstream(folder + "/7.1") << "theirs";
    std::ofstream(folder + "/9.1") << "theirs too";
    const Ran ran = root({"check"});
    CHECK(ran.status == 0);
    CHECK(ran.out == "no findings\nkept aside, because they stood in the way of a change: 2 (--json says where)\n");
    const auto json = root.json({"check"});
    REQUIRE(json.size() == 2);
    CHECK(json[0]["what"] == "kept-aside");
    CHECK(json[0]["where"] == ".hearth/versions/surprise/7.1");
}

TEST_CASE("check says once what to do about octets that no state of history leads to, and leaves them") {
    const Root root;
    root.json({"user", "add", "ana"});
    const std::string shelf = root.scratch.root() + "/.hearth/versions/ab/";
    for (const char* name : {"one", "two"}) std::ofstream(shelf + name) << "somebody's only copy";
    const Ran ran = root({"check", "--repair"});
    CHECK(ran.status == 1);
    CHECK_THAT(ran.out, Catch::StartsWith("unknown-version: .hearth/versions/ab/one\n"
                                          "unknown-version: .hearth/versions/ab/two\n"
                                          "unknown-version is what"));
    CHECK(std::ranges::count(ran.out, '\n') == 3);
    CHECK(std::filesystem::exists(shelf + "one"));
}

TEST_CASE("a configuration that is wrong stops every command with its place") {
    const Root root;
    const std::string file = root.scratch.root() + ".toml";
    std::ofstream(file) << "[limits]\nworkers = \"x\"\n";
    for (const auto& words : {std::vector<std::string>{"serve"}, {"user", "list"}, {"config", "show"}, {"check"}}) {
        auto with = words;
        with.insert(with.end(), {"--config", file});
        const Ran ran = root(with);
        CHECK(ran.status == 1);
        CHECK(ran.error == "hearth: " + file + ":2: limits.workers: \"x\" is not a whole number from 1 to 256\n");
    }
}
