// What other programs put into a user's folder, as `hearth check` tells it.
#include "storage/base/path.h"
#include "storage/reading.h"
#include "tests/storage/denied_tree.h"
#include "tests/storage/store_support.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <fstream>
#include <set>
#include <thread>

namespace storage {
namespace {

namespace fs = std::filesystem;
using Told = std::multiset<std::pair<std::string, std::string>>;

Told told(Store& store) {
    Told all;
    for (const auto& finding : store.check(false)) all.emplace(finding.what, finding.where);
    return all;
}

std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
}

void make_socket(const std::string& path) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    ::close(fd);
}

// Folders below each other, each made from the one above: no path leads that deep.
void make_deep(const std::string& top, int levels, const std::string& name) {
    int at = ::open(top.c_str(), O_PATH | O_DIRECTORY);
    for (int i = 0; i < levels; ++i) {
        REQUIRE(::mkdirat(at, name.c_str(), 0755) == 0);
        const int next = ::openat(at, name.c_str(), O_PATH | O_DIRECTORY);
        REQUIRE(next >= 0);
        ::close(at);
        at = next;
    }
    ::close(at);
}

TEST_CASE("check says of each thing in a tree why no client reaches it") {
    TempDir outside;
    std::ofstream(outside.path() + "/canary") << "secret";
    TempDir dir;
    Home home(dir.path());
    const std::string ana = dir.path() + "/files/ana/";
    for (const char* target : {"/", "nowhere", "plain"}) {
        const std::string name = ana + "to-" + (*target == '/' ? "outside" : target);
        REQUIRE(::symlink(*target == '/' ? outside.path().c_str() : target, name.c_str()) == 0);
    }
    REQUIRE(::mkfifo((ana + "fifo").c_str(), 0600) == 0);
    make_socket(ana + "socket");
    const bool device = ::mknod((ana + "device").c_str(), S_IFCHR | 0600, 0x0103) == 0;  // only root may
    for (const char* name : {"plain", "\xff\xfe", ".hearth", "dot.", "back\\slash", "line\nend"})
        std::ofstream(ana + name) << "x";
    fs::create_directories(ana + "folder/.HEARTH-x");
    const std::string longest(base::kNameBytesMax, 'n');
    std::ofstream(ana + longest) << "x";

    Told want = {{"symlink", "files/ana/to-outside"},      {"symlink", "files/ana/to-nowhere"},
                 {"symlink", "files/ana/to-plain"},        {"fifo", "files/ana/fifo"},
                 {"socket", "files/ana/socket"},           {"unknown-file", "files/ana/plain"},
                 {"unknown-file", "files/ana/" + longest}, {"not-utf8", "files/ana/\xff\xfe"},
                 {"reserved-name", "files/ana/.hearth"},   {"trailing-dot-or-space", "files/ana/dot."},
                 {"backslash", "files/ana/back\\slash"},   {"control-character", "files/ana/line\nend"},
                 {"unknown-folder", "files/ana/folder"},   {"reserved-name", "files/ana/folder/.HEARTH-x"}};
    if (device) want.emplace("device", "files/ana/device");
    CHECK(told(*home.store) == want);
    home.store->check(true);  // repairs what is ours, and takes nothing away
    CHECK(told(*home.store) == want);
}

TEST_CASE("check says what stands where a file or a folder should be") {
    TempDir dir;
    Home home(dir.path());
    home.put(home.files.root, "a.txt", "1");
    home.make(home.files.root, "d");
    const std::string ana = dir.path() + "/files/ana/";
    fs::remove(ana + "a.txt");
    fs::remove(ana + "d");
    REQUIRE(::symlink("/etc/passwd", (ana + "a.txt").c_str()) == 0);
    REQUIRE(::symlink("/etc", (ana + "d").c_str()) == 0);
    CHECK(told(*home.store) == Told{{"missing-file", "files/ana/a.txt"},
                                    {"symlink", "files/ana/a.txt"},
                                    {"missing-folder", "files/ana/d"},
                                    {"symlink", "files/ana/d"}});
}

TEST_CASE("check says which kept content is not there, or not whole") {
    TempDir dir;
    Home home(dir.path());
    home.put(home.files.root, "a.txt", "one");
    home.put(home.files.root, "a.txt", "three");
    home.put(home.files.root, "a.txt", "five and six");
    home.put(home.make(home.files.root, "d").id, "in", "removed");
    home.remove(home.store->read([&](ReadTxn& txn) { return txn.child(home.files.root, "d"); })->id);
    REQUIRE(told(*home.store).empty());
    const std::string one = version_path(base::sha256("one")), three = version_path(base::sha256("three"));
    fs::remove(dir.path() + "/" + one);
    std::ofstream(dir.path() + "/" + three) << "thr";
    std::string in_trash;
    for (const auto& entry : fs::directory_iterator(dir.path() + "/.hearth/trash"))
        in_trash = ".hearth/trash/" + entry.path().filename().string() + "/in";
    REQUIRE(fs::remove(dir.path() + "/" + in_trash));
    CHECK(told(*home.store) == Told{{"missing-version", one}, {"missing-version", in_trash}, {"wrong-size", three}});
}

TEST_CASE("check says which octets no state of history leads to, and what no removal put into trash") {
    TempDir dir;
    Home home(dir.path());
    home.put(home.files.root, "a.txt", "one");
    home.put(home.files.root, "a.txt", "two");
    home.put(home.make(home.files.root, "d").id, "in", "removed");
    home.make(home.make(home.files.root, "empty").id, "too");
    for (const char* name : {"d", "empty"})
        home.remove(home.store->read([&](ReadTxn& txn) { return txn.child(home.files.root, name); })->id);
    const SpaceId other = home.store->write(
        [](WriteTxn& txn) { return txn.make_space(SpaceKind::files, base::Id128{{7}}, "files/ben", {}).id; });
    home.store->write([&](WriteTxn& txn) { txn.remove_space(other, {}); });
    REQUIRE(told(*home.store).empty());

    const std::string own = dir.path() + "/.hearth/";
    const std::string one = version_path(base::sha256("one")), nobody = version_path(base::sha256("nobody's"));
    const std::string far = "trash/" + std::string(15, '7') + "0";
    Told want;
    for (const std::string& stray : {nobody.substr(8), one.substr(8) + ".old", one.substr(8, 11) + "/short",
                                     std::string("versions/loose"), far, std::string("trash/somebody-elses")}) {
        std::ofstream(own + stray) << "nobody's";
        want.emplace(stray.starts_with("trash") ? "unknown-trash" : "unknown-version", ".hearth/" + stray);
    }
    fs::create_directories(own + "versions/folder/in");
    want.emplace("unknown-version", ".hearth/versions/folder");
    fs::create_directories(own + "versions/surprise/kept");
    want.emplace("kept-aside", ".hearth/versions/surprise/kept");
    CHECK(told(*home.store) == want);
    for (const auto& finding : home.store->check(true)) CHECK_FALSE(finding.repaired);
    CHECK(told(*home.store) == want);
}

TEST_CASE("check gives a state of history its octets back, where they are found") {
    TempDir dir;
    Home home(dir.path());
    for (const char* text : {"one", "two", "three", "four", "now"}) home.put(home.files.root, "a.txt", text);
    home.put(home.files.root, "b.txt", "two");
    const auto path = [&](const std::string& text) { return dir.path() + "/" + version_path(base::sha256(text)); };
    const std::string lost = dir.path() + "/.hearth/versions/00/lost";
    fs::rename(path("one"), lost);
    fs::remove(path("two"));
    fs::remove(path("three"));
    fs::remove(path("four"));
    std::ofstream(dir.path() + "/.hearth/versions/00/other") << "thrEe";  // as long, and not the same
    fs::create_hard_link(dir.path() + "/files/ana/b.txt", dir.path() + "/.hearth/versions/00/second");
    std::ofstream(dir.path() + "/outside") << "four";
    fs::create_hard_link(dir.path() + "/outside", dir.path() + "/.hearth/versions/00/changeable");
    REQUIRE(told(*home.store).count({"missing-version", version_path(base::sha256("one"))}) == 1);

    std::set<std::string> repaired;
    for (const auto& finding : home.store->check(true)) {
        if (finding.repaired) repaired.insert(finding.where);
    }
    CHECK(repaired == std::set<std::string>{".hearth/versions/00/lost", version_path(base::sha256("one")),
                                            version_path(base::sha256("two"))});
    CHECK(read_file(path("one")) == "one");
    CHECK(read_file(path("two")) == "two");
    CHECK(fs::hard_link_count(path("two")) == 1);
    CHECK_FALSE(fs::exists(lost));
    CHECK(told(*home.store) == Told{{"missing-version", version_path(base::sha256("three"))},
                                    {"missing-version", version_path(base::sha256("four"))},
                                    {"unknown-version", ".hearth/versions/00/changeable"},
                                    {"unknown-version", ".hearth/versions/00/other"},
                                    {"unknown-version", ".hearth/versions/00/second"},
                                    {"hard-link", "files/ana/b.txt"}});
}

TEST_CASE("check takes nothing for nobody's that is kept while it looks") {
    TempDir dir;
    Home home(dir.path());
    std::atomic<bool> done = false;
    std::thread writing([&] {
        for (int i = 0; !done; ++i) {
            home.put(home.files.root, "a.txt", std::to_string(i));
            home.put(home.make(home.files.root, "d" + std::to_string(i)).id, "in", "removed " + std::to_string(i));
            home.remove(
                home.store->read([&](ReadTxn& txn) { return txn.child(home.files.root, "d" + std::to_string(i)); })
                    ->id);
        }
    });
    std::set<std::string> strays;
    for (int i = 0; i < 20; ++i) {
        for (const auto& finding : home.store->check(false)) {
            if (finding.what.starts_with("unknown-")) strays.insert(finding.where);
        }
    }
    done = true;
    writing.join();
    for (const std::string& path : strays) CHECK_FALSE(path.starts_with(".hearth/"));
}

TEST_CASE("check goes on beside what can not be read, and says so") {
    TempDir dir;
    {
        Home home(dir.path());
        home.put(home.files.root, "a", "1");
        home.put(home.make(home.files.root, "d").id, "in", "2");
        home.put(home.files.root, "z", "3");
    }
    fs::remove(dir.path() + "/files/ana/z");
    test::DeniedFs denied({"files/ana/a", "files/ana/d"});
    Store::Options options;
    options.root = dir.path();
    const auto store =
        Store::open(std::move(options), {base::system_clock(), base::system_rng(), denied, base::system_exec()});
    CHECK(told(*store) ==
          Told{{"unreadable", "files/ana/a"}, {"unreadable", "files/ana/d"}, {"missing-file", "files/ana/z"}});
}

TEST_CASE("twins and hard links are told and are no faults") {
    TempDir dir;
    Home home(dir.path());
    for (const char* name : {"Report", "report", "caf\xc3\xa9", "other"}) home.put(home.files.root, name, "x");
    const std::string ana = dir.path() + "/files/ana/";
    std::ofstream(ana + "cafe\xcc\x81") << "x";
    fs::create_hard_link(ana + "other", dir.path() + "/second");
    const auto findings = home.store->check(false);
    Told all;
    for (const auto& finding : findings) {
        all.emplace(finding.what, finding.where);
        CHECK(finding.is_fault() == (finding.what == "unknown-file"));
    }
    CHECK(all == Told{{"case-twin", "files/ana/report"},
                      {"look-twin", "files/ana/caf\xc3\xa9"},
                      {"unknown-file", "files/ana/cafe\xcc\x81"},
                      {"hard-link", "files/ana/other"}});
}

TEST_CASE("check ends where no URL reaches, however deep another program went") {
    TempDir dir;
    Home home(dir.path());
    SECTION("more levels than a path has names") {
        make_deep(dir.path() + "/files/ana", 3000, "d");
        const auto all = told(*home.store);
        CHECK(std::ranges::count(all, "path-too-long", &Told::value_type::first) == 1);
        CHECK(all.size() == base::kSegmentsMax + 1);
    }
    SECTION("longer than a path is") {
        make_deep(dir.path() + "/files/ana", 40, std::string(200, 'd'));
        const auto all = told(*home.store);
        CHECK(std::ranges::count(all, "path-too-long", &Told::value_type::first) == 1);
    }
    remove_tree(home.store->tree(), "files/ana");  // by its own path the temporary folder could not go
}

TEST_CASE("what check tells of files is bounded and does not hide the rest") {
    TempDir dir;
    Home home(dir.path());
    for (int i = 0; i < 12'000; ++i) std::ofstream(dir.path() + "/files/ana/stray" + std::to_string(i));
    const auto findings = home.store->check(false);
    CHECK(findings.size() == 9'000);
    CHECK(findings.back().what == "more-findings");
}

}  // namespace
}  // namespace storage
