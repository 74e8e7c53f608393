#include "storage/disk.h"

#include "storage/base/failure.h"  // before Catch: both have a CHECK, and here it is the test's

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>

#include "storage/base/exec.h"
#include "tests/storage/temp_root.h"

namespace storage {
namespace {

using test::TempRoot;

const std::vector<KernelFeatures> kKernels = {{true, true}, {false, true}, {true, false}, {false, false}};

unsigned mode_of(const std::string& path) {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
}

TEST_CASE("no path leads through a symlink") {
    for (const auto features : kKernels) {
        TempRoot root(features);
        TempRoot outside(features);
        outside.write("canary", "secret");
        root.tree().make_folder("files/real");
        root.write("files/real/x", "inside");
        const std::string base = root.path() + "/files/";
        const std::pair<std::string, std::string> links[] = {{outside.path(), "to_outside"},
                                                             {outside.path() + "/canary", "to_canary"},
                                                             {"real", "to_real"},
                                                             {"real/x", "to_x"},
                                                             {"nowhere", "dangling"},
                                                             {"../..", "up"},
                                                             {"/proc/self/root", "magic"},
                                                             {"loop", "loop"}};
        for (const auto& [target, name] : links) REQUIRE(::symlink(target.c_str(), (base + name).c_str()) == 0);
        const char* const followed[] = {"files/to_outside/canary",
                                        "files/to_canary",
                                        "files/to_real/x",
                                        "files/to_x",
                                        "files/dangling",
                                        "files/up/files/real/x",
                                        "files/magic/etc",
                                        "files/loop",
                                        "files/loop/x",
                                        "files/../files/real/x",
                                        "../canary",
                                        "/etc/passwd",
                                        "files//real/x",
                                        "files/./real/x",
                                        "files/real/x/",
                                        "files/real/x/y",
                                        "."};
        for (const std::string path : followed) {
            INFO(path);
            CHECK(!root.tree().open(path));
            CHECK(root.tree().list(path).empty());
            if (path.find("to_") == std::string::npos || path.find('/', 7) != std::string::npos)
                CHECK(!root.tree().create(path + "/new"));
        }
        for (const std::string path : {"files/to_outside/n", "files/dangling", "files/up/n", "files/to_x"}) {
            INFO(path);
            CHECK(!root.tree().create(path));
            CHECK(root.tree().rename("files/real/x", path) != Rename::done);
            CHECK(!root.tree().link("files/real/x", path));
        }
        CHECK(!root.tree().unlink("files/to_outside/canary"));
        CHECK(!root.tree().copy_file("files/to_canary", "files/copy"));
        for (const auto& [target, name] : links) {
            INFO(name);
            CHECK(root.tree().stat("files/" + name)->kind == DiskKind::other);
        }
        for (const auto& entry : root.tree().list("files"))
            CHECK(entry.kind == (entry.name == "real" ? DiskKind::folder : DiskKind::other));
        remove_tree(root.tree(), "files");
        CHECK(!root.tree().stat("files"));
        CHECK(outside.read("canary") == "secret");
    }
}

TEST_CASE("a FIFO is neither opened nor waited for") {
    for (const auto features : kKernels) {
        TempRoot root(features);
        REQUIRE(::mkfifo((root.path() + "/files/fifo").c_str(), 0666) == 0);
        CHECK(!root.tree().open("files/fifo"));
        CHECK(root.tree().stat("files/fifo")->kind == DiskKind::other);
        CHECK(!root.tree().create("files/fifo"));
        CHECK(!root.tree().copy_file("files/fifo", "files/copy"));
        CHECK(!root.tree().open("files"));
    }
}

TEST_CASE("names as the kernel takes them") {
    TempRoot root;
    for (const std::string& name : {std::string(255, 'n'), std::string("caf\xc3\xa9"), std::string("cafe\xcc\x81"),
                                    std::string("\xff\xfe"), std::string("..."), std::string(" ")}) {
        INFO(name);
        root.write("files/" + name, name);
        CHECK(root.read("files/" + name) == name);
    }
    CHECK(root.tree().list("files").size() == 6);  // the composed and the decomposed name are two
    CHECK(!root.tree().create("files/" + std::string(256, 'n')));
    CHECK(!root.tree().stat("files/" + std::string(256, 'n')));
    CHECK(!root.tree().create(std::string("files/a\0b", 9)));
    CHECK(!root.tree().open(std::string(5000, 'n')));
}

TEST_CASE("paths longer than the kernel takes at once") {
    TempRoot root;
    std::string path = "files";
    for (int i = 0; i < 20; ++i) {
        path += "/" + std::string(250, 'd');
        root.tree().make_folder(path);
    }
    REQUIRE(path.size() > 4096);
    root.write(path + "/f", "deep");
    CHECK(root.read(path + "/f") == "deep");
    remove_tree(root.tree(), "files");
    CHECK(!root.tree().stat("files"));
}

TEST_CASE("modes do not depend on the umask") {
    const mode_t before = ::umask(0077);
    {
        TempRoot root;
        root.write("files/f", "x");
        root.tree().make_folders("files/d/e");
        root.tree().make_folder("files/own", 0700);
        CHECK(mode_of(root.path() + "/files/f") == 0660);
        CHECK((mode_of(root.path() + "/files/d/e") & 0777) == 0770);
        CHECK((mode_of(root.path() + "/files/own") & 0777) == 0700);
        root.tree().open("files/f")->set_exec(true);
        CHECK(root.tree().stat("files/f")->exec);
        CHECK(mode_of(root.path() + "/files/f") == 0770);
    }
    ::umask(before);
}

TEST_CASE("renaming never overwrites unless asked") {
    for (const auto features : kKernels) {
        TempRoot root(features);
        Tree& tree = root.tree();
        root.write("files/a", "a");
        root.write("files/b", "b");
        tree.make_folder("files/d");
        root.write("files/d/x", "x");
        tree.make_folder("files/empty");
        CHECK(tree.rename("files/a", "files/b") == Rename::exists);
        CHECK(tree.rename("files/a", "files/d") == Rename::exists);
        CHECK(tree.rename("files/d", "files/empty") == Rename::exists);
        CHECK(tree.rename("files/none", "files/c") == Rename::missing);
        CHECK(tree.rename("files/a", "files/none/c") == Rename::missing);
        CHECK(tree.rename("files/a", "files/a/c") == Rename::missing);
        CHECK_THROWS_AS(tree.rename("files/d", "files/d/itself"), base::Failure);
        CHECK(tree.exchange("files/a", "files/b") == Rename::done);
        CHECK(root.read("files/a") == "b");
        CHECK(root.read("files/b") == "a");
        CHECK(tree.exchange("files/a", "files/none") == Rename::missing);
        CHECK(tree.rename("files/a", "files/d/a") == Rename::done);
        CHECK(tree.rename("files/d", "files/e") == Rename::done);
        CHECK(root.read("files/e/a") == "b");
        CHECK(tree.replace("files/e/a", "files/b") == Rename::done);
        CHECK(root.read("files/b") == "b");
        CHECK(tree.link("files/b", "files/l"));
        CHECK(!tree.link("files/b", "files/l"));
        CHECK(!tree.link("files/none", "files/m"));
        CHECK(tree.stat("files/b")->links == 2);
        CHECK(tree.unlink("files/l"));
        CHECK(!tree.unlink("files/l"));
        CHECK(!tree.remove_folder("files/e"));
        CHECK(!tree.remove_folder("files/none"));
        CHECK(tree.remove_folder("files/empty"));
        CHECK(!tree.make_folder("files/e", 0770));
        CHECK_THROWS_AS(tree.make_folder("files/no/parent", 0770), base::Failure);
        CHECK_THROWS_AS(tree.make_folders("files/b/below", 0770), base::Failure);
    }
}

TEST_CASE("a copy has the bytes, the time and the exec bit") {
    TempRoot root;
    std::string bytes(300'000, '\0');
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7 + i / 251);
    root.write("files/a", bytes, 42'000'000'001);
    root.tree().open("files/a")->set_exec(true);
    const auto facts = root.tree().copy_file("files/a", "files/b");
    REQUIRE(facts);
    CHECK(facts->copy.mtime_ns == 42'000'000'001);
    CHECK(facts->copy.exec);
    CHECK(facts->copy.same_version(*root.tree().stat("files/b")));
    CHECK(facts->source.same_version(*root.tree().stat("files/a")));
    CHECK((root.read("files/b") == bytes));
    root.write("files/small", "some octets", 43'000'000'001);
    CHECK(root.tree().copy_file("files/small", "files/small2")->copy.mtime_ns == 43'000'000'001);
    CHECK(root.read("files/small2") == "some octets");
    CHECK_THROWS_AS(root.tree().copy_file("files/a", "files/b"), base::Failure);
    CHECK(!root.tree().copy_file("files/none", "files/c"));
    CHECK(!root.tree().stat("files/c"));
    root.write("files/zero", "");
    CHECK(root.tree().copy_file("files/zero", "files/zero2")->copy.size == 0);
}

TEST_CASE("facts tell one version from another") {
    TempRoot root;
    root.write("files/a", "a", -1);
    const auto file = root.tree().open("files/a");
    CHECK(file->facts().same_version(*root.tree().stat("files/a")));
    CHECK(file->facts().mtime_ns == -1);
    file->set_mtime(5);
    CHECK(file->facts().mtime_ns == 5);
    CHECK(root.tree().stat("")->kind == DiskKind::folder);
    CHECK(root.tree().space().total_bytes >= root.tree().space().free_bytes);
    CHECK(root.tree().space().free_bytes > 0);
    root.tree().sync_folder("files");
    root.tree().sync_folder("none");
}

TEST_CASE("one holder of a lock at a time") {
    TempRoot root;
    const std::string path = root.path() + "/lock";
    std::string holder;
    auto held = root.fs().lock_file(path, holder);
    REQUIRE(held);
    CHECK(!root.fs().lock_file(path, holder));
    CHECK(holder == std::to_string(::getpid()));
    held.reset();
    CHECK(root.fs().lock_file(path, holder));
}

TEST_CASE("opening a root") {
    TempRoot root;
    CHECK(!root.fs().open_tree(root.path() + "/none", false));
    CHECK(!root.fs().open_tree(root.path() + "/none/below", true));
    REQUIRE(root.fs().open_tree(root.path() + "/made", true));
    CHECK(mode_of(root.path() + "/made") == 0750);
    CHECK(root.fs().open_tree(root.path() + "/made", true));
    root.write("file", "x");
    CHECK(!root.fs().open_tree(root.path() + "/file", false));
}

// Somebody swaps a folder for a symlink to the outside all the time: a look may fail, but never reaches the canary.
TEST_CASE("swapping a folder for a symlink gives nothing away") {
    constexpr int kSwaps = 2000;
    for (const auto features : {KernelFeatures{true, true}, KernelFeatures{false, false}}) {
        TempRoot root(features);
        TempRoot outside;
        outside.write("f", "canary");
        root.tree().make_folder("files/d");
        root.write("files/d/f", "inside");
        const std::string base = root.path() + "/files/";
        REQUIRE(::symlink(outside.path().c_str(), (base + "link").c_str()) == 0);
        std::atomic<bool> stop{false};
        auto swapper = base::system_exec().spawn("swapper", [&] {
            for (int i = 0; i < kSwaps && !stop; ++i)
                ::renameat2(AT_FDCWD, (base + "d").c_str(), AT_FDCWD, (base + "link").c_str(), RENAME_EXCHANGE);
            stop = true;
        });
        int leaks = 0;
        for (int i = 0; i < kSwaps; ++i) {
            if (root.read("files/d/f") == "canary") ++leaks;
            root.tree().create("files/d/n" + std::to_string(i % 3));
            root.tree().unlink("files/d/n" + std::to_string(i % 3));
            root.tree().rename("files/d/f", "files/d/g");
            root.tree().rename("files/d/g", "files/d/f");
        }
        stop = true;
        swapper.reset();
        CHECK(leaks == 0);
        CHECK(outside.read("f") == "canary");
        CHECK(outside.tree().list("").size() == 3);
    }
}

}  // namespace
}  // namespace storage
