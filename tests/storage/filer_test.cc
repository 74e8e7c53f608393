#include "storage/filer.h"

#include "storage/base/failure.h"  // before Catch: both have a CHECK, and here it is the test's

#include <catch2/catch.hpp>

#include "storage/staging.h"
#include "tests/storage/step_script.h"
#include "tests/storage/temp_root.h"

namespace storage {
namespace {

using test::Script;
using test::TempRoot;
using test::version_path;

TEST_CASE("what was not expected is kept as a surprise") {
    TempRoot root;
    Filer filer(root.tree(), base::system_rng());
    Script script(root);
    root.write("files/a", "expected");
    const auto expect = root.tree().stat("files/a");

    SECTION("replaced by somebody between the look and the exchange") {
        root.tree().unlink("files/a");
        root.write("files/a", "raced", 5);
        auto& step = script.write("files/a", "ours", "expected");
        step.expect = expect;
        const auto outcome = filer.perform(step);
        CHECK(root.read("files/a") == "ours");
        REQUIRE(outcome.surprise);
        CHECK(root.read(*outcome.surprise) == "raced");
    }
    SECTION("made by somebody where nothing was") {
        const auto outcome = filer.perform(script.write("files/a", "ours"));
        CHECK(root.read("files/a") == "ours");
        REQUIRE(outcome.surprise);
        CHECK(root.read(*outcome.surprise) == "expected");
    }
    SECTION("only touched: the bytes are the version") {
        root.tree().open("files/a")->set_mtime(123456);
        auto& step = script.write("files/a", "ours", "expected");
        step.expect = expect;
        CHECK(!filer.perform(step).surprise);
        CHECK(root.read(version_path("expected")) == "expected");
    }
    SECTION("removed by somebody: just placed") {
        root.tree().unlink("files/a");
        auto& step = script.write("files/a", "ours", "expected");
        step.expect = expect;
        const auto outcome = filer.perform(step);
        CHECK(!outcome.surprise);
        CHECK(root.read("files/a") == "ours");
    }
    SECTION("edited by somebody before it is removed") {
        root.tree().unlink("files/a");
        root.write("files/a", "edited", 9);
        auto& step = script.two(StepOp::keep_file, "files/a", version_path("expected"));
        step.expect = expect;
        const auto outcome = filer.perform(step);
        CHECK(root.read("files/a") == "(missing)");
        REQUIRE(outcome.surprise);
        CHECK(root.read(*outcome.surprise) == "edited");
        CHECK(root.read(version_path("expected")) == "(missing)");
    }
    SECTION("made by somebody where a move goes") {
        root.write("files/b", "theirs");
        const auto outcome = filer.perform(script.two(StepOp::move, "files/a", "files/b"));
        CHECK(root.read("files/b") == "expected");
        REQUIRE(outcome.surprise);
        CHECK(root.read(*outcome.surprise) == "theirs");
    }
    SECTION("edited by somebody before it is moved: the old row must stay") {
        root.tree().unlink("files/a");
        root.write("files/a", "edited", 9);
        auto& step = script.two(StepOp::move, "files/a", "files/b");
        step.expect = expect;
        const auto outcome = filer.perform(step);
        CHECK(root.read("files/b") == "edited");
        CHECK(!outcome.facts);
    }
    SECTION("a folder where a file goes") {
        root.tree().make_folder("files/f");
        root.write("files/f/x", "inside");
        const auto outcome = filer.perform(script.write("files/f", "ours"));
        CHECK(root.read("files/f") == "ours");
        REQUIRE(outcome.surprise);
        CHECK(root.read(*outcome.surprise + "/x") == "inside");
    }
    SECTION("two surprises of one step have two names") {
        auto& step = script.write("files/a", "ours");
        const auto first = filer.perform(step).surprise;
        root.tree().unlink("files/a");
        root.write("files/a", "other");
        const auto second = filer.perform(step).surprise;
        REQUIRE((first && second));
        CHECK(*first != *second);
        CHECK(root.read(*first) == "expected");
        CHECK(root.read(*second) == "other");
    }
}

TEST_CASE("the version that is kept already is not kept twice") {
    TempRoot root;
    Filer filer(root.tree(), base::system_rng());
    Script script(root);
    root.tree().make_folders(parent_of(version_path("v")));
    root.write(version_path("v"), "v");
    root.write("files/a", "v");
    const auto first = root.tree().stat(version_path("v"));
    CHECK(filer.perform(script.write("files/a", "w", "v")).failure == "");
    CHECK(root.tree().stat(version_path("v"))->ino == first->ino);
    CHECK(root.tree().list(".hearth/staging").empty());
}

TEST_CASE("a placed file has its time, its mode and its facts") {
    TempRoot root;
    Filer filer(root.tree(), base::system_rng());
    Script script(root);
    for (const bool staged : {false, true}) {
        for (const bool exec : {false, true}) {
            const std::string dst = "files/" + std::to_string(staged) + std::to_string(exec);
            auto& step = staged ? script.stage(dst, "#!/bin/sh\n") : script.write(dst, "#!/bin/sh\n");
            step.exec = exec;
            step.mtime_ns = 1'700'000'000'123'456'789;
            const auto outcome = filer.perform(step);
            REQUIRE(outcome.facts);
            CHECK(outcome.facts->mtime_ns == 1'700'000'000'123'456'789);
            CHECK(outcome.facts->exec == exec);
            CHECK(outcome.facts->same_version(*root.tree().stat(dst)));
            CHECK(outcome.node == step.node);
        }
    }
}

TEST_CASE("a step that can not be done reports it and harms nothing") {
    TempRoot root;
    Filer filer(root.tree(), base::system_rng());
    Script script(root);
    root.write("files/a", "mine");
    auto& discard = script.add(StepOp::discard);
    discard.src = "files/a";
    CHECK(filer.perform(discard).failure != "");
    CHECK(root.read("files/a") == "mine");
    auto& staged = script.add(StepOp::place_staged);
    staged.src = ".hearth/staging/none";
    staged.dst = "files/b";
    CHECK(filer.perform(staged).failure != "");
    REQUIRE(root.tree().remove_folder(".hearth/staging"));
    CHECK(filer.perform(script.write("files/c", "c")).failure != "");
}

TEST_CASE("many steps between two flushes") {
    TempRoot root;
    Filer filer(root.tree(), base::system_rng());
    Script script(root);
    for (int i = 0; i < 200; ++i) script.write("files/" + std::to_string(i), "x");
    for (const auto& step : script.steps) CHECK(filer.perform(step).failure == "");
    filer.flush();
    filer.flush();
    CHECK(root.tree().list("files").size() == 200);
}

TEST_CASE("the octets of a row give the step back") {
    FileStep step;
    step.keep = ".hearth/versions/ab/abcd";
    step.node = 1234567;
    step.mtime_ns = -5;
    step.exec = true;
    step.src_ino = ~std::uint64_t{0};
    FileFacts facts;
    facts.kind = DiskKind::folder;
    facts.dev = 66;
    facts.ino = 1ull << 63;
    facts.size = 1 << 20;
    facts.mtime_ns = INT64_MIN;
    facts.ctime_ns = INT64_MAX;
    facts.links = 7;
    facts.exec = true;
    for (const bool with_expect : {false, true}) {
        if (with_expect) step.expect = facts;
        if (with_expect) step.src_mtime_ns = INT64_MIN;
        const std::string octets = encode_expect(step);
        FileStep back;
        decode_expect(octets, back);
        CHECK(back.keep == step.keep);
        CHECK(back.node == step.node);
        CHECK(back.mtime_ns == step.mtime_ns);
        CHECK(back.exec);
        CHECK(back.src_ino == step.src_ino);
        CHECK(back.src_mtime_ns == step.src_mtime_ns);
        REQUIRE(back.expect.has_value() == with_expect);
        if (with_expect) {
            CHECK(back.expect->same_version(facts));
            CHECK(back.expect->kind == DiskKind::folder);
            CHECK(back.expect->links == 7);
            CHECK(back.expect->exec);
        }
        for (std::size_t length = 0; length < octets.size(); ++length)
            CHECK_THROWS_AS(decode_expect(std::string_view(octets).substr(0, length), back), base::Failure);
        CHECK_THROWS_AS(decode_expect(octets + "x", back), base::Failure);
        CHECK_THROWS_AS(decode_expect("\x02" + octets.substr(1), back), base::Failure);
    }
}

// A crash came between the taking out and the look.
TEST_CASE("what a removal took out of its place is kept by a start unless history has it") {
    TempRoot root;
    root.tree().make_folders(parent_of(version_path("known")));
    root.write(version_path("known"), "known");
    root.write(".hearth/staging/64-0-out", "known");
    root.write(".hearth/staging/65-0-out", "written in between");
    root.write(".hearth/staging/66-0", "not taken out");
    settle_taken_out(root.tree(), base::system_rng());
    CHECK(root.read(".hearth/staging/64-0-out") == "known");
    CHECK(root.read(".hearth/staging/65-0-out") == "(missing)");
    CHECK(root.read(".hearth/staging/66-0") == "not taken out");
    const auto kept = root.tree().list(std::string(kSurprises));
    REQUIRE(kept.size() == 1);
    CHECK(root.read(std::string(kSurprises) + "/" + kept[0].name) == "written in between");
}

TEST_CASE("what can not be kept aside at a start stays where it is, and the start goes on") {
    TempRoot root;
    root.write(".hearth/staging/65-0-out", "written in between");
    root.tree().make_folders(".hearth/versions");
    root.write(std::string(kSurprises), "a file in the place of the folder");
    CHECK(settle_taken_out(root.tree(), base::system_rng()) == std::set<std::string>{"65-0-out"});
    CHECK(root.read(".hearth/staging/65-0-out") == "written in between");
}

}  // namespace
}  // namespace storage
