#include "storage/filer.h"

#include "storage/base/failure.h"  // before Catch: both have a CHECK, and here it is the test's

#include <functional>
#include <map>

#include <catch2/catch.hpp>

#include "storage/staging.h"
#include "tests/storage/denied_tree.h"
#include "tests/storage/step_script.h"
#include "tests/storage/temp_root.h"

namespace storage {
namespace {

using test::Script;
using test::TempRoot;
using test::version_path;
using test::Where;

struct Case {
    const char* name;
    std::function<void(TempRoot&, Script&)> make;
};

const std::vector<Case> kScripts = {
    {"new, replace, replace again",
     [](TempRoot&, Script& s) {
         s.write("files/a", "one");
         s.write("files/a", "two", "one");
         s.write("files/a", "three", "two");
     }},
    {"folder, content, move, remove, new at the same name",
     [](TempRoot&, Script& s) {
         s.folder("files/d");
         s.write("files/d/a", "one");
         s.write("files/d/a", "two", "one");
         s.folder("files/d/sub");
         s.write("files/d/sub/b", "deep");
         s.two(StepOp::move, "files/d", "files/e");
         s.write("files/e/a", "three", "two");
         s.folder("files/d");
         s.write("files/d/a", "again");
         s.two(StepOp::keep_file, "files/e/a", version_path("three"));
         s.write("files/e/a", "fourth");
         s.two(StepOp::keep_folder, "files/e", ".hearth/trash/t1");
         s.folder("files/e");
         s.write("files/e/a", "fifth");
     }},
    {"what was there before",
     [](TempRoot& root, Script& s) {
         root.tree().make_folder("files/old");
         root.write("files/old/x", "ancient");
         root.write("files/y", "other");
         s.write("files/old/x", "new", "ancient").expect = root.tree().stat("files/old/x");
         s.two(StepOp::move, "files/old", "files/moved");
         s.write("files/moved/z", "beside");
         s.two(StepOp::move, "files/y", "files/moved/y").expect = root.tree().stat("files/y");
         s.two(StepOp::keep_file, "files/moved/x", version_path("new"));
         s.write("files/y", "y again");
     }},
    {"staged bodies",
     [](TempRoot& root, Script& s) {
         root.write("files/big", "big zero");
         s.stage("files/big", "big one", "big zero").expect = root.tree().stat("files/big");
         s.stage("files/big", "big two", "big one");
         s.stage("files/new", "fresh");
         s.two(StepOp::move, "files/new", "files/newer");
         s.write("files/big", "small", "big two");
         s.stage("files/new", "fresher");
         s.two(StepOp::keep_file, "files/newer", version_path("fresh"));
     }},
    {"staged bodies whose inode the row does not tell",
     [](TempRoot& root, Script& s) {
         root.write("files/big", "big zero");
         s.stage("files/big", "big one", "big zero").expect = root.tree().stat("files/big");
         s.steps.back().src_ino = 0;
         s.stage("files/other", "else");
         s.steps.back().src_ino = 0;
         s.two(StepOp::keep_file, "files/big", version_path("big one"));
     }},
    {"back and forth",
     [](TempRoot& root, Script& s) {
         root.write("files/a", "alpha");
         root.write("files/b", "beta");
         s.two(StepOp::move, "files/a", "files/t").expect = root.tree().stat("files/a");
         s.two(StepOp::move, "files/b", "files/a").expect = root.tree().stat("files/b");
         s.two(StepOp::move, "files/t", "files/b");
         s.write("files/a", "gamma", "beta");
     }},
    {"the same bytes again",
     [](TempRoot&, Script& s) {
         s.write("files/a", "same");
         s.write("files/a", "same", "same");
         s.two(StepOp::keep_file, "files/a", version_path("same"));
         s.write("files/a", "same");
     }},
    {"empty files",
     [](TempRoot& root, Script& s) {
         root.write("files/e", "");
         s.write("files/e", "filled", "").expect = root.tree().stat("files/e");
         s.write("files/e", "", "filled");
         s.write("files/n", "");
         s.write("files/n", "n", "");
     }},
    {"a copied tree over another, and a move over a member inside",
     [](TempRoot& root, Script& s) {
         root.tree().make_folders("files/d");
         root.write("files/d/f3", "old d");
         root.tree().make_folders(".hearth/staging/copy");
         root.write(".hearth/staging/copy/f0", "zero", 5'000'000'000);
         root.write(".hearth/staging/copy/f3", "three", 6'000'000'000);
         root.write("files/e", "three", 6'000'000'000);
         const auto zero = root.tree().stat(".hearth/staging/copy/f0");
         const auto three = root.tree().stat(".hearth/staging/copy/f3");
         s.folder(".hearth/staging/copy");
         s.two(StepOp::keep_folder, "files/d", ".hearth/trash/d");
         s.two(StepOp::move, ".hearth/staging/copy", "files/d");
         s.two(StepOp::keep_file, "files/e", version_path("three"));
         s.two(StepOp::keep_file, "files/d/f3", version_path("three")).expect = three;
         s.two(StepOp::move, "files/d/f0", "files/d/f3").expect = zero;
         s.write("files/d/f0", "zero again");
         s.two(StepOp::move, "files/d/f0", "files/g");
     }},
    {"a copied tree, and members of it moved over files outside it",
     [](TempRoot& root, Script& s) {
         root.tree().make_folders(".hearth/staging/copy");
         root.write(".hearth/staging/copy/f2", "two", 5'000'000'000);
         root.write(".hearth/staging/copy/f3", "two", 5'000'000'000);
         root.write("files/f0", "nought", 6'000'000'000);
         root.write("files/f3", "three", 7'000'000'000);
         root.tree().make_folders("files/d1");
         root.write("files/d1/f3", "two", 5'000'000'000);
         const auto copied_two = root.tree().stat(".hearth/staging/copy/f2");
         const auto copied_three = root.tree().stat(".hearth/staging/copy/f3");
         const auto nought = root.tree().stat("files/f0");
         const auto three = root.tree().stat("files/f3");
         const auto inner = root.tree().stat("files/d1/f3");
         s.folder(".hearth/staging/copy");  // its members come without rows
         s.two(StepOp::move, ".hearth/staging/copy", "files/d0");
         s.stage("files/d0/f3", "more", "two").expect = copied_three;
         s.two(StepOp::keep_file, "files/f3", version_path("three")).expect = three;
         s.two(StepOp::move, "files/d1/f3", "files/f3").expect = inner;
         s.two(StepOp::keep_file, "files/f0", version_path("nought")).expect = nought;
         s.two(StepOp::move, "files/d0/f2", "files/f0").expect = copied_two;
         s.write("files/z", "last");
     }},
    {"a user's folder gives its name up to the folder of another, and gets it back",
     [](TempRoot& root, Script& s) {
         root.tree().make_folders("files/ana");
         root.write("files/ana/old", "of the younger");
         s.write("files/ana/new", "of the younger too");
         s.two(StepOp::move, "files/ana", "files/ana-k3x9");
         s.folder("files/ana");
         s.write("files/ana/new", "of the older");
         s.write("files/ana-k3x9/new", "changed", "of the younger too");
         s.two(StepOp::keep_folder, "files/ana", ".hearth/trash/1");
         s.two(StepOp::move, "files/ana-k3x9", "files/ana");
     }},
    {"removed and expired",
     [](TempRoot& root, Script& s) {
         root.tree().make_folders("files/gone/in");
         root.write("files/gone/in/f", "lost?");
         s.two(StepOp::keep_folder, "files/gone", ".hearth/trash/g");
         s.discard(".hearth/trash/g");
         s.folder("files/gone");
         s.write("files/gone/f", "back");
         s.discard(".hearth/staging/nothing");
     }},
};

std::map<std::string, std::string> run_all(const Case& one, KernelFeatures features) {
    TempRoot root(features, Where::memory);
    Script script(root);
    one.make(root, script);
    Filer filer(root.tree(), base::system_rng());
    for (const auto& step : script.steps) {
        const auto outcome = filer.perform(step);
        INFO(one.name << " lsn " << step.lsn);
        CHECK(outcome.failure == "");
        CHECK(!outcome.surprise);
    }
    return root.dump();
}

TEST_CASE("a replay after any cut gives the tree of an uninterrupted run") {
    for (const auto features : {KernelFeatures{}, KernelFeatures{false, false}, KernelFeatures{true, true, false}}) {
        for (const auto& one : kScripts) {
            const auto wanted = run_all(one, features);
            for (std::size_t cut = 0;; ++cut) {
                TempRoot root(features, Where::memory);
                Script script(root);
                one.make(root, script);
                if (cut > script.steps.size()) break;
                INFO(one.name << ", cut after " << cut << ", flags " << features.rename_flags);
                {
                    Filer before(root.tree(), base::system_rng());
                    for (std::size_t i = 0; i < cut; ++i) REQUIRE(before.perform(script.steps[i]).failure == "");
                }
                Filer filer(root.tree(), base::system_rng());
                const auto outcomes = filer.replay(script.steps);
                CHECK(root.dump() == wanted);
                REQUIRE(outcomes.size() == script.steps.size());
                for (const auto& outcome : outcomes) {
                    CHECK(outcome.failure == "");
                    CHECK(outcome.surprise.value_or("none") == "none");
                }
                // And again: a crash during the replay.
                Filer again(root.tree(), base::system_rng());
                for (const auto& outcome : again.replay(script.steps)) CHECK(outcome.failure == "");
                CHECK(root.dump() == wanted);
            }
        }
    }
}

TEST_CASE("a row of rows can be drained from the front before the crash") {
    for (const auto& one : kScripts) {
        const auto wanted = run_all(one, {});
        TempRoot probe({}, Where::memory);
        Script probe_script(probe);
        one.make(probe, probe_script);
        const std::size_t count = probe_script.steps.size();
        for (std::size_t drained = 0; drained <= count; ++drained) {
            for (std::size_t cut = drained; cut <= count; ++cut) {
                TempRoot root({}, Where::memory);
                Script script(root);
                one.make(root, script);
                Filer filer(root.tree(), base::system_rng());
                for (std::size_t i = 0; i < cut; ++i) filer.perform(script.steps[i]);
                INFO(one.name << ", drained " << drained << ", cut after " << cut);
                const auto rest = script.steps.begin() + static_cast<std::ptrdiff_t>(drained);
                Filer(root.tree(), base::system_rng()).replay({rest, script.steps.end()});
                CHECK(root.dump() == wanted);
            }
        }
    }
}

// The inside of one step, cut by hand: our own name in staging is half written, written, or holds what came out.
TEST_CASE("a replay finishes a step that was half done") {
    enum class Half { torn, written, exchanged };
    for (const auto half : {Half::torn, Half::written, Half::exchanged}) {
        TempRoot root;
        root.write("files/a", "old");
        Script script(root);
        auto& step = script.write("files/a", "new bytes", "old");
        step.expect = root.tree().stat("files/a");
        INFO("half " << static_cast<int>(half));
        root.write(own_path(step), half == Half::torn ? "new" : "new bytes", step.mtime_ns);
        if (half == Half::exchanged) REQUIRE(root.tree().exchange(own_path(step), "files/a") == Rename::done);
        const auto outcomes = Filer(root.tree(), base::system_rng()).replay(script.steps);
        CHECK(root.read("files/a") == "new bytes");
        CHECK(root.read(version_path("old")) == "old");
        CHECK(root.tree().list(".hearth/staging").empty());
        CHECK(outcomes[0].facts->same_version(*root.tree().stat("files/a")));
        CHECK(!outcomes[0].surprise);
    }
}

// A volume that loses names in any order: what may be left of "second name, commit, exchange" after a power cut.
TEST_CASE("where names keep no order, the second name of a staged file leads back to it") {
    enum class Left { nothing_done, no_first_name, both_old, exchanged };
    for (const auto left : {Left::nothing_done, Left::no_first_name, Left::both_old, Left::exchanged}) {
        TempRoot root({true, true, false});
        Tree& tree = root.tree();
        root.write("files/a", "old");
        Script script(root);
        auto& step = script.stage("files/a", "new bytes", "old");
        step.expect = tree.stat("files/a");
        INFO("left " << static_cast<int>(left));
        REQUIRE(tree.link(step.src, second_name(step.src)));
        if (left == Left::no_first_name) REQUIRE(tree.unlink(step.src));
        if (left == Left::both_old) {
            REQUIRE(tree.unlink(step.src));
            REQUIRE(tree.link("files/a", step.src));
        }
        if (left == Left::exchanged) REQUIRE(tree.exchange(step.src, "files/a") == Rename::done);
        const auto outcomes = Filer(tree, base::system_rng()).replay(script.steps);
        CHECK(root.read("files/a") == "new bytes");
        CHECK(root.read(version_path("old")) == "old");
        CHECK(tree.list(".hearth/staging").empty());
        REQUIRE(outcomes[0].facts);
        CHECK(outcomes[0].facts->same_version(*tree.stat("files/a")));
        CHECK(outcomes[0].facts->links == 1);
        CHECK(!outcomes[0].surprise);
    }
}

TEST_CASE("a staged body exchanged but not yet kept is kept by the replay") {
    for (const bool known : {true, false}) {
        TempRoot root;
        root.write("files/a", "old");
        Script script(root);
        auto& step = script.stage("files/a", "new bytes", "old");
        step.expect = root.tree().stat("files/a");
        if (!known) step.src_ino = 0;
        REQUIRE(root.tree().exchange(step.src, "files/a") == Rename::done);
        const auto outcomes = Filer(root.tree(), base::system_rng()).replay(script.steps);
        CHECK(root.read("files/a") == "new bytes");
        CHECK(root.read(version_path("old")) == "old");
        CHECK(outcomes[0].facts);
        CHECK(root.tree().list(".hearth/staging").empty());
    }
}

// Seen from the end, the step is half done and the ones before it left nothing that tells them from not performed.
TEST_CASE("a new file replaced twice, the second time half, is finished by the replay") {
    for (const bool staged : {false, true}) {
        TempRoot root;
        Script script(root);
        script.write("files/a", "one");
        script.write("files/a", "two", "one");
        if (staged)
            script.stage("files/a", "three", "two");
        else
            script.write("files/a", "three", "two");
        Filer filer(root.tree(), base::system_rng());
        filer.perform(script.steps[0]);
        filer.perform(script.steps[1]);
        const auto& last = script.steps[2];
        const std::string from = staged ? last.src : own_path(last);
        if (!staged) root.write(from, "three", last.mtime_ns);
        REQUIRE(root.tree().exchange(from, "files/a") == Rename::done);
        for (const auto& outcome : Filer(root.tree(), base::system_rng()).replay(script.steps)) {
            CHECK(outcome.failure == "");
            CHECK(!outcome.surprise);
        }
        CHECK(root.read("files/a") == "three");
        CHECK(root.read(version_path("one")) == "one");
        CHECK(root.read(version_path("two")) == "two");
        CHECK(!root.tree().stat(from));
    }
}

TEST_CASE("octets that a power cut lost come back from the row") {
    for (const std::string& lost : {std::string(), std::string("thr"), std::string("th\0\0\0", 5),
                                    std::string("\0\0ree", 5), std::string("t\0r", 3)}) {
        TempRoot root;
        Script script(root);
        script.write("files/a", "one");
        script.write("files/a", "two", "one");
        script.write("files/b", "three");
        Filer filer(root.tree(), base::system_rng());
        for (const auto& step : script.steps) filer.perform(step);
        root.tree().unlink("files/b");
        root.write("files/b", lost, script.steps[2].mtime_ns);
        root.tree().unlink(version_path("one"));
        root.write(version_path("one"), "", script.steps[0].mtime_ns);
        for (const auto& outcome : Filer(root.tree(), base::system_rng()).replay(script.steps)) {
            CHECK(outcome.failure == "");
            CHECK(!outcome.surprise);
        }
        CHECK(root.read("files/b") == "three");
        CHECK(root.read("files/a") == "two");
        CHECK(root.read(version_path("one")) == "one");
    }
}

// The file that is kept under the name of a hash was not synced yet when an equal one, long durable, was dropped for
// it.
TEST_CASE("a version that a later removal shares comes back from the row that holds its octets") {
    TempRoot root;
    root.write("files/b", "one", 5'000'000'000);
    Script script(root);
    script.write("files/a", "one");
    script.write("files/a", "two", "one");
    script.two(StepOp::keep_file, "files/b", version_path("one"));
    Filer filer(root.tree(), base::system_rng());
    for (const auto& step : script.steps) filer.perform(step);
    root.tree().unlink(version_path("one"));
    root.write(version_path("one"), "", script.steps[0].mtime_ns);
    for (const auto& outcome : Filer(root.tree(), base::system_rng()).replay(script.steps)) {
        CHECK(outcome.failure == "");
        CHECK(!outcome.surprise);
    }
    CHECK(root.read(version_path("one")) == "one");
    CHECK(root.read("files/a") == "two");
}

// Cut between the exchange and the keeping, and neither file was synced: the octets of what came out are in the row of
// the step before.
TEST_CASE("history has what was replaced, although it came out of its place torn") {
    for (const bool staged : {false, true}) {
        TempRoot root;
        Script script(root);
        script.write("files/a", "one");
        if (staged)
            script.stage("files/a", "two", "one");
        else
            script.write("files/a", "two", "one");
        const auto& last = script.steps[1];
        const std::string from = staged ? last.src : own_path(last);
        root.write("files/a", "", script.steps[0].mtime_ns);
        if (!staged) root.write(from, "", last.mtime_ns);
        REQUIRE(root.tree().exchange(from, "files/a") == Rename::done);
        for (const auto& outcome : Filer(root.tree(), base::system_rng()).replay(script.steps)) {
            CHECK(outcome.failure == "");
            CHECK(!outcome.surprise);
        }
        CHECK(root.read("files/a") == "two");
        CHECK(root.read(version_path("one")) == "one");
        CHECK(!root.tree().stat(from));
    }
}

TEST_CASE("an outside edit after the last step survives the replay and is not reported as ours") {
    TempRoot root;
    Script script(root);
    script.write("files/a", "one");
    script.write("files/b", "bee");
    script.write("files/c", "sea");
    Filer filer(root.tree(), base::system_rng());
    for (const auto& step : script.steps) filer.perform(step);
    root.tree().unlink("files/a");
    root.write("files/a", "edited outside", 77);
    const auto outcomes = Filer(root.tree(), base::system_rng()).replay(script.steps);
    CHECK(root.read("files/a") == "edited outside");
    CHECK(!outcomes[0].facts);
    CHECK(outcomes[1].facts);
}

TEST_CASE("a step that failed before the crash is done by the replay, without undoing later ones") {
    TempRoot root;
    Script script(root);
    script.write("files/a", "one");
    script.write("files/b", "never written");
    script.folder("files/d");
    script.write("files/d/c", "three");
    script.two(StepOp::move, "files/d", "files/e");
    Filer filer(root.tree(), base::system_rng());
    for (const std::size_t i : {0u, 2u, 3u, 4u}) filer.perform(script.steps[i]);
    Filer(root.tree(), base::system_rng()).replay(script.steps);
    CHECK(root.read("files/b") == "never written");
    CHECK(root.read("files/e/c") == "three");
    CHECK(!root.tree().stat("files/d"));
}

// What builds upon a step that failed fails too, other steps go on, and the replay does in order what was left.
TEST_CASE("a chain of steps behind one that failed waits for the replay") {
    TempRoot root;
    FailedSteps failed;
    Script script(root);
    root.tree().make_folder("files/d");
    script.write("files/x", "ex");
    script.write("files/y", "why");
    script.write("files/other", "one");
    Filer first(root.tree(), base::system_rng(), &failed);
    for (const auto& step : script.steps) REQUIRE(first.perform(step).failure == "");
    first.flush();  // and their rows went
    script.steps.clear();

    REQUIRE(root.tree().rename(".hearth/staging", ".hearth/away") == Rename::done);
    script.write("files/y", "why not", "why");
    REQUIRE(first.perform(script.steps[0]).failure != "");
    REQUIRE(root.tree().rename(".hearth/away", ".hearth/staging") == Rename::done);
    const auto perform = [&](const FileStep& step) {
        return Filer(root.tree(), base::system_rng(), &failed).perform(step).failure;
    };
    CHECK(perform(script.two(StepOp::move, "files/y", "files/d/y")) != "");
    CHECK(perform(script.two(StepOp::move, "files/x", "files/y")) != "");
    CHECK(perform(script.two(StepOp::move, "files/d", "files/e")) != "");
    CHECK(perform(script.write("files/x", "new ex")) != "");
    CHECK(perform(script.two(StepOp::move, "files/other", "files/others")) == "");
    CHECK(perform(script.write("files/other", "two")) == "");
    CHECK(root.read("files/y") == "why");

    script.steps.resize(script.steps.size() - 2);  // flushed, and their rows went
    FailedSteps none;
    for (const auto& outcome : Filer(root.tree(), base::system_rng(), &none).replay(script.steps)) {
        CHECK(outcome.failure == "");
        CHECK(!outcome.surprise);
    }
    CHECK(none.empty());
    CHECK(root.read("files/e/y") == "why not");
    CHECK(root.read(version_path("why")) == "why");
    CHECK(root.read("files/y") == "ex");
    CHECK(root.read("files/x") == "new ex");
    CHECK(root.read("files/others") == "one");
    CHECK(root.read("files/other") == "two");
    CHECK(!root.tree().stat("files/d"));
}

TEST_CASE("a staged file that is gone after a crash stops nothing") {
    for (const auto features : {KernelFeatures{}, KernelFeatures{true, true, false}}) {
        TempRoot root(features);
        Script script(root);
        script.stage("files/a", "taken away by another program since");
        script.write("files/b", "bee");
        root.tree().unlink(script.steps[0].src);
        FailedSteps failed;
        Filer filer(root.tree(), base::system_rng(), &failed);
        for (const auto& outcome : filer.replay(script.steps)) CHECK(outcome.failure == "");
        CHECK(failed.empty());
        CHECK(root.read("files/a") == "(missing)");
        CHECK(root.read("files/b") == "bee");
    }
}

// It may look whole in the kernel's memory alone, where a sync that failed has left it for good.
TEST_CASE("what a row holds is put in its place anew, with the mode a later step gave it") {
    TempRoot root;
    Script script(root);
    script.write("files/a", "one");
    script.write("files/a", "two", "one");
    script.write("files/b", "three");
    script.add(StepOp::set_exec).dst = "files/b";
    script.steps.back().exec = true;
    Filer filer(root.tree(), base::system_rng());
    for (const auto& step : script.steps) REQUIRE(filer.perform(step).failure == "");
    const auto wanted = root.dump();
    const std::vector<std::string> paths{"files/a", "files/b", version_path("one")};
    // Kept open: else its number is free for the next file.
    std::vector<std::unique_ptr<File>> before;
    for (const auto& path : paths) before.push_back(root.tree().open(path));
    for (const auto& outcome : Filer(root.tree(), base::system_rng()).replay(script.steps)) {
        CHECK(outcome.failure == "");
        CHECK(!outcome.surprise);
    }
    CHECK(root.dump() == wanted);
    CHECK(root.tree().stat("files/b")->exec);
    for (std::size_t i = 0; i < paths.size(); ++i) {
        INFO(paths[i]);
        CHECK(root.tree().stat(paths[i])->ino != before[i]->facts().ino);
    }
}

TEST_CASE("an earlier content that a replay brings back gives no facts of its file") {
    TempRoot root;
    Script script(root);
    script.write("files/a", "one").node = 7;
    script.two(StepOp::move, "files/a", "files/kept").node = 7;
    script.stage("files/a", "two").node = 7;
    Filer filer(root.tree(), base::system_rng());
    for (const auto& step : script.steps) REQUIRE(filer.perform(step).failure == "");
    root.tree().unlink("files/kept");
    const auto outcomes = Filer(root.tree(), base::system_rng()).replay(script.steps);
    CHECK(root.read("files/kept") == "one");
    CHECK(!outcomes[0].facts);
    CHECK(!outcomes[1].facts);
    REQUIRE(outcomes[2].facts);
    CHECK(outcomes[2].facts->same_version(*root.tree().stat("files/a")));
}

// The power cut took the placing back, not what another program wrote into the placed file.
TEST_CASE("a staged file that another program wrote into is placed, and not taken for ours") {
    for (const bool touched : {false, true}) {
        TempRoot root;
        Script script(root);
        auto& step = script.stage("files/a", "staged");
        step.mtime_ns += 7'000'000'000;  // it gets another time than it was staged with
        if (touched) root.tree().open(step.src)->set_mtime(step.mtime_ns + 5'000'000'000);
        const auto outcomes = Filer(root.tree(), base::system_rng()).replay(script.steps);
        CHECK(outcomes[0].failure == "");
        CHECK(root.read("files/a") == "staged");
        CHECK(outcomes[0].facts.has_value() != touched);
        CHECK((root.tree().stat("files/a")->mtime_ns == step.mtime_ns) != touched);
    }
}

// Where another program contradicts one prediction too, equal octets do not speak for a step that was not performed.
TEST_CASE("a replay knows a moved file from an equal one that was removed before it came") {
    TempRoot root;
    Script script(root);
    root.write("files/a", "equal", 5'000'000'000);
    root.write("files/b", "equal", 5'000'000'000);
    script.write("files/elsewhere", "moved away by another program since");
    script.two(StepOp::keep_file, "files/a", version_path("equal")).expect = root.tree().stat("files/a");
    script.two(StepOp::move, "files/b", "files/a").expect = root.tree().stat("files/b");
    Filer filer(root.tree(), base::system_rng());
    for (const auto& step : script.steps) REQUIRE(filer.perform(step).failure == "");
    root.tree().unlink("files/elsewhere");
    Filer(root.tree(), base::system_rng()).replay(script.steps);
    CHECK(root.read("files/a") == "equal");
    CHECK(root.read("files/b") == "(missing)");
}

// The same, and a folder that was made and removed is in trash.
TEST_CASE("a replay knows by the trash that a folder was removed") {
    TempRoot root;
    Script script(root);
    root.write("files/a", "old");
    script.folder("files/d");
    script.write("files/a", "new", "old").expect = root.tree().stat("files/a");
    script.two(StepOp::keep_folder, "files/d", ".hearth/trash/1");
    Filer filer(root.tree(), base::system_rng());
    for (const auto& step : script.steps) REQUIRE(filer.perform(step).failure == "");
    root.tree().unlink("files/a");
    root.tree().unlink(version_path("old"));
    Filer(root.tree(), base::system_rng()).replay(script.steps);
    CHECK(!root.tree().stat("files/d"));
    CHECK(root.tree().stat(".hearth/trash/1"));
}

// Its owner took the right to search it away: that is his, and stops nobody else.
TEST_CASE("a folder that can not be looked into holds up its own steps alone") {
    TempRoot root;
    root.tree().make_folder("files/priv");
    root.write("files/priv/x", "theirs");
    Script script(root);
    script.write("files/a", "one");
    script.two(StepOp::keep_file, "files/priv/x", version_path("theirs")).expect = root.tree().stat("files/priv/x");
    script.stage("files/priv/y", "staged");
    script.two(StepOp::move, "files/priv/z", "files/z");
    script.write("files/b", "two");
    test::DeniedTree tree(root.tree(), {});
    tree.close("files/priv");
    FailedSteps failed;
    const auto outcomes = Filer(tree, base::system_rng(), &failed).replay(script.steps);
    CHECK(root.read("files/a") == "one");
    CHECK(root.read("files/b") == "two");
    for (std::size_t i = 0; i < outcomes.size(); ++i) CHECK((outcomes[i].failure != "") == (i > 0 && i < 4));
    // Opened again, they are done by the next start.
    FailedSteps none;
    script.steps.erase(script.steps.begin() + 3);  // there is no such file
    for (const auto& outcome : Filer(root.tree(), base::system_rng(), &none).replay(script.steps))
        CHECK(outcome.failure == "");
    CHECK(root.read("files/priv/x") == "(missing)");
    CHECK(root.read(version_path("theirs")) == "theirs");
    CHECK(root.read("files/priv/y") == "staged");
}

// Where the kernel exchanges nothing in one step, the inside of the exchange is cut as well.
TEST_CASE("an exchange in three steps that was cut is finished by the replay") {
    enum class Cut { linked, placed };
    for (const auto cut : {Cut::linked, Cut::placed}) {
        for (const bool staged : {false, true}) {
            for (const bool unseen : {false, true}) {  // what came out is another program's
                TempRoot root({false, false});
                root.write("files/a", "old");
                Script script(root);
                auto& step =
                    staged ? script.stage("files/a", "new bytes", "old") : script.write("files/a", "new bytes", "old");
                step.expect = root.tree().stat("files/a");
                if (unseen) {
                    root.tree().unlink("files/a");
                    root.write("files/a", "raced");
                }
                const std::string own = staged ? step.src : own_path(step);
                if (!staged) root.write(own, "new bytes", step.mtime_ns);
                INFO(static_cast<int>(cut) << " staged " << staged << " unseen " << unseen);
                REQUIRE(root.tree().link("files/a", own + std::string(kExchangeAside)));
                if (cut == Cut::placed) REQUIRE(root.tree().replace(own, "files/a") == Rename::done);
                const auto outcomes = Filer(root.tree(), base::system_rng()).replay(script.steps);
                CHECK(outcomes[0].failure == "");
                CHECK(root.read("files/a") == "new bytes");
                REQUIRE(outcomes[0].surprise.has_value() == unseen);
                CHECK(root.read(unseen ? *outcomes[0].surprise : version_path("old")) == (unseen ? "raced" : "old"));
                CHECK(root.tree().list(".hearth/staging").empty());
            }
        }
    }
}

}  // namespace
}  // namespace storage
