// What other programs do to a tree while Hearth works on it.
#include "storage/base/failure.h"  // before Catch: both have a CHECK, and here it is the test's
#include "storage/base/hash.h"
#include "storage/filer.h"
#include "tests/storage/denied_tree.h"
#include "tests/storage/temp_root.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <fstream>
#include <thread>

namespace storage {
namespace {

using test::DeniedTree;
using test::TempRoot;

std::string version_path(const std::string& bytes) {
    const std::string hash = base::hex(base::sha256(bytes).view());
    return ".hearth/versions/" + hash.substr(0, 2) + "/" + hash;
}

FileStep step_of(StepOp op, Lsn lsn, const std::string& dst, const std::string& bytes = "") {
    FileStep step;
    step.lsn = lsn;
    step.op = op;
    step.dst = dst;
    step.bytes = bytes;
    step.mtime_ns = lsn * 1'000'000'000;
    return step;
}

}  // namespace

TEST_CASE("a file that can not be read any more is kept when it is replaced, and nothing fails") {
    TempRoot root;
    root.write("files/a", "theirs");
    DeniedTree tree(root.tree(), {".hearth/staging/64-0"});  // the name under which it comes out
    Filer filer(tree, base::system_rng());
    FileStep step = step_of(StepOp::write_inline, 100, "files/a", "ours");
    step.keep = version_path("before");
    const auto outcome = filer.perform(step);
    CHECK(outcome.failure.empty());
    CHECK(root.read("files/a") == "ours");
    REQUIRE(outcome.surprise);
    CHECK(root.read(*outcome.surprise) == "theirs");
}

TEST_CASE("modes that another program takes away before a flush do not end the writing") {
    for (const std::string denied : {"files/a", "files"}) {
        INFO(denied);
        TempRoot root;
        DeniedTree tree(root.tree(), {denied});
        Filer filer(tree, base::system_rng());
        REQUIRE(filer.perform(step_of(StepOp::write_inline, 100, "files/a", "ours")).failure.empty());
        const int before = tree.whole_syncs;
        CHECK_NOTHROW(filer.flush());
        CHECK(tree.whole_syncs > before);  // the octets are on the disk all the same
    }
}

TEST_CASE("history shares no inode with a hard link") {
    for (const StepOp op : {StepOp::write_inline, StepOp::keep_file}) {
        TempRoot root;
        Filer filer(root.tree(), base::system_rng());
        root.write("files/a", "before");
        REQUIRE(root.tree().link("files/a", "files/second"));
        FileStep step = step_of(op, 100, "files/a", "ours");
        step.expect = root.tree().stat("files/a");
        if (op == StepOp::keep_file) {
            step.src = "files/a";
            step.dst = version_path("before");
        } else {
            step.keep = version_path("before");
        }
        root.write(".hearth/staging/64-0-version", "bef");  // of a copy that was cut
        const auto outcome = filer.perform(step);
        CHECK(outcome.failure.empty());
        CHECK_FALSE(outcome.surprise);
        std::ofstream(root.path() + "/files/second") << "AFTER!";  // in place
        CHECK(root.read(version_path("before")) == "before");
        CHECK(root.tree().stat(version_path("before"))->links == 1);
        CHECK(root.tree().stat("files/second")->links == 1);
        CHECK(root.read("files/a") == (op == StepOp::keep_file ? "(missing)" : "ours"));
        CHECK(root.tree().list(".hearth/staging").empty());
    }
}

TEST_CASE("a folder that is swapped for a symlink all the time never leads out", "[slow]") {
    for (const bool openat2 : {true, false}) {
        TempRoot root({openat2, true});
        TempRoot outside;
        for (const char* name : {"a", "b", "secret"}) outside.write(name, "secret");
        const auto before = outside.dump();
        root.tree().make_folder("files/d");
        root.write("files/elsewhere", "ours");
        const std::string d = root.path() + "/files/d";
        const std::string link = root.path() + "/files/link";
        REQUIRE(::symlink(outside.path().c_str(), link.c_str()) == 0);
        std::atomic<bool> over = false;
        std::atomic<int> swaps = 0;
        std::thread swapper([&] {
            while (!over) {
                if (::renameat2(AT_FDCWD, d.c_str(), AT_FDCWD, link.c_str(), RENAME_EXCHANGE) == 0) ++swaps;
            }
        });
        int read = 0;
        bool leaked = false;
        const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(900);
        while (std::chrono::steady_clock::now() < until) {
            Tree& tree = root.tree();
            try {
                if (const auto file = tree.create("files/d/a")) file->append("ours");
                for (const char* name : {"files/d/a", "files/d/secret"}) {
                    const auto file = tree.open(name);
                    std::string bytes(16, '\0');
                    if (file) bytes.resize(file->read_at(bytes.data(), bytes.size(), 0));
                    if (file) ++read;
                    leaked = leaked || bytes == "secret";
                }
                leaked = leaked || tree.stat("files/d/secret");
                for (const auto& entry : tree.list("files/d")) leaked = leaked || entry.name == "secret";
                tree.rename("files/d/a", "files/d/b");
                tree.exchange("files/elsewhere", "files/d/b");
                tree.replace("files/d/b", "files/d/c");
                tree.copy_file("files/elsewhere", "files/d/a");
                tree.link("files/elsewhere", "files/d/b");
                tree.unlink("files/d/b");
                tree.unlink("files/d/a");
                tree.unlink("files/d/c");
                tree.unlink("files/d/secret");
                tree.remove_folder("files/d/x");
                if (tree.stat("files/d")) tree.make_folder("files/d/x", 0700);
            } catch (const base::Failure&) {  // the folder was no folder at that moment, and is said to be none
            }
        }
        over = true;
        swapper.join();
        INFO((openat2 ? "openat2" : "walk") << " swaps=" << swaps << " read=" << read);
        CHECK(swaps > 100);
        CHECK(read > 0);
        CHECK_FALSE(leaked);
        CHECK(outside.dump() == before);
    }
}

}  // namespace storage
