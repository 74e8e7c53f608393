#include "storage/base/failure.h"  // before Catch: both have a CHECK, and here it is the test's
#include "storage/base/hash.h"
#include "storage/filer.h"
#include "tests/storage/temp_root.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <fstream>
#include <functional>
#include <random>

namespace storage {
namespace {

using test::TempRoot;
using test::Where;

// Counts calls, and fails those that change something as the lot falls.
class Unreliable final : public Tree {
  public:
    explicit Unreliable(Tree& tree) : tree_(tree) {}
    std::unique_ptr<File> open(std::string_view p) const override {
        ++calls;
        return tree_.open(p);
    }
    std::unique_ptr<File> create(std::string_view p) override {
        lot();
        return tree_.create(p);
    }
    std::optional<FileFacts> stat(std::string_view p) const override {
        ++calls;
        return tree_.stat(p);
    }
    bool make_folder(std::string_view p, unsigned mode) override {
        lot();
        return tree_.make_folder(p, mode);
    }
    void make_folders(std::string_view p, unsigned mode) override {
        lot();
        tree_.make_folders(p, mode);
    }
    Rename rename(std::string_view a, std::string_view b) override {
        lot();
        const Rename outcome = tree_.rename(a, b);
        if (outside) outside(std::string(b));
        return outcome;
    }
    Rename exchange(std::string_view a, std::string_view b) override {
        lot();
        return tree_.exchange(a, b);
    }
    Rename replace(std::string_view a, std::string_view b) override {
        lot();
        return tree_.replace(a, b);
    }
    bool link(std::string_view a, std::string_view b) override {
        lot();
        return tree_.link(a, b);
    }
    bool unlink(std::string_view p) override {
        lot();
        return tree_.unlink(p);
    }
    bool remove_folder(std::string_view p) override {
        lot();
        return tree_.remove_folder(p);
    }
    std::vector<DirEntry> list(std::string_view p) const override {
        ++calls;
        return tree_.list(p);
    }
    void sync_folder(std::string_view) override { sync(); }
    void sync_all() override { sync(); }
    std::optional<CopyFacts> copy_file(std::string_view a, std::string_view b) override {
        lot();
        return tree_.copy_file(a, b);
    }
    Space space() const override { return tree_.space(); }
    const Volume& volume() const override { return kind; }

    Volume kind;
    std::function<void(const std::string&)> outside;  // another program, right after a rename to that name
    mutable std::size_t calls = 0;
    unsigned fail_percent = 0;
    bool syncs_fail = false;
    std::mt19937 dice;

  private:
    void lot() {
        ++calls;
        if (dice() % 100 < fail_percent) throw base::Failure(base::Fault::io, "as the lot fell");
    }
    void sync() {
        ++calls;
        if (syncs_fail) throw base::Failure(base::Fault::io, "no sync");
    }

    Tree& tree_;
};

std::string version_path(const std::string& bytes) {
    const std::string hash = base::hex(base::sha256(bytes).view());
    return ".hearth/versions/" + hash.substr(0, 2) + "/" + hash;
}

// Steps that make sense in their order, over few names, so that they build upon each other.
class Life {
  public:
    explicit Life(unsigned seed) : dice_(seed) {}

    FileStep next() {
        while (true) {
            FileStep step;
            step.lsn = ++lsn_;
            step.mtime_ns = step.lsn * 1'000'000'000;
            if (choose(step)) return step;
        }
    }

  private:
    std::size_t below(std::size_t n) { return dice_() % n; }
    std::string any_name() {
        const std::string name(1, static_cast<char>('a' + below(4)));
        if (below(2) == 0) return "files/" + name;
        return "files/d" + std::to_string(below(3)) + "/" + name;
    }
    bool choose(FileStep& step) {
        const std::string one = any_name(), other = any_name();
        const std::string folder = "files/d" + std::to_string(below(3));
        const std::string target = "files/d" + std::to_string(below(3));
        const bool has_parent = parent_of(one) == "files" || folders_.contains(parent_of(one));
        switch (below(6)) {
            case 0:
            case 1:
                if (!has_parent) return false;
                step.dst = one;
                step.bytes = "content " + std::to_string(step.lsn);
                if (files_.contains(one)) step.keep = version_path(files_[one]);
                files_[one] = step.bytes;
                return true;
            case 2: {
                const bool fits = parent_of(other) == "files" || folders_.contains(parent_of(other));
                if (!files_.contains(one) || files_.contains(other) || !fits) return false;
                step.op = StepOp::move;
                step.src = one;
                step.dst = other;
                files_[other] = files_[one];
                files_.erase(one);
                return true;
            }
            case 3:
                if (!files_.contains(one)) return false;
                step.op = StepOp::keep_file;
                step.src = one;
                step.dst = version_path(files_[one]);
                files_.erase(one);
                return true;
            case 4:
                if (folders_.contains(folder)) return false;
                step.op = StepOp::make_folder;
                step.dst = folder;
                folders_.insert(folder);
                return true;
            default:
                if (!folders_.contains(folder) || folders_.contains(target)) return false;
                step.op = below(2) == 0 ? StepOp::move : StepOp::keep_folder;
                step.src = folder;
                step.dst = step.op == StepOp::move ? target : ".hearth/trash/" + std::to_string(step.lsn);
                folders_.erase(folder);
                std::map<std::string, std::string> files;
                for (const auto& [path, bytes] : files_) {
                    const bool inside = is_at_or_below(path, folder);
                    if (!inside) files[path] = bytes;
                    if (inside && step.op == StepOp::move) files[step.dst + path.substr(folder.size())] = bytes;
                }
                files_ = std::move(files);
                if (step.op == StepOp::move) folders_.insert(target);
                return true;
        }
    }

    std::mt19937 dice_;
    Lsn lsn_ = 99;
    std::map<std::string, std::string> files_;
    std::set<std::string> folders_;
};

std::string tree_of(TempRoot& root) {
    std::string text;
    for (const auto& [path, bytes] : root.dump())
        if (!is_at_or_below(path, ".hearth/staging")) text += path + " = " + bytes + "\n";
    return text;
}

}  // namespace

// As the store does: what failed is tried again before what builds upon it. Then the process is killed, some of the
// rows before the last flush have gone, and a replay has to bring the tree of a life without failures.
TEST_CASE("a replay knows which steps had failed among those performed", "[slow]") {
    for (unsigned seed = 1; seed <= 300; ++seed) {
        INFO("seed " << seed);
        TempRoot wanted({}, Where::memory), root({}, Where::memory);
        Filer calm(wanted.tree(), base::system_rng());
        Unreliable tree(root.tree());
        tree.dice.seed(seed);
        FailedSteps failed;
        Filer filer(tree, base::system_rng(), &failed);
        Life life(seed);
        std::map<Lsn, FileStep> rows;
        std::vector<Lsn> performed;
        const auto attempt = [&](const FileStep& step) {
            if (filer.perform(step).failure.empty()) performed.push_back(step.lsn);
        };
        for (int i = 0; i < 40; ++i) {
            tree.fail_percent = i % 10 < 5 ? 0 : seed % 60;
            const FileStep step = life.next();
            REQUIRE(calm.perform(step).failure.empty());
            rows[step.lsn] = step;
            if (failed.concern(step))
                for (const FileStep& one : failed.take()) attempt(one);
            attempt(step);
            if (i == static_cast<int>(seed % 20)) {
                for (const Lsn lsn : performed) rows.erase(lsn);
                performed.clear();
            }
        }
        tree.fail_percent = 0;
        std::vector<FileStep> left;
        for (const auto& [lsn, step] : rows) left.push_back(step);
        FailedSteps later;
        Filer again(tree, base::system_rng(), &later);
        for (const StepOutcome& outcome : again.replay(left)) {
            CHECK(outcome.failure.empty());
            CHECK_FALSE(outcome.surprise);
        }
        CHECK(later.empty());
        REQUIRE(tree_of(root) == tree_of(wanted));
        for (const DirEntry& entry : root.tree().list(".hearth/staging")) FAIL_CHECK("left: " << entry.name);
    }
}

TEST_CASE("a sync that failed is not tried again") {
    TempRoot root({}, Where::memory);
    Unreliable tree(root.tree());
    Filer filer(tree, base::system_rng());
    FileStep write;
    write.lsn = 1;
    write.dst = "files/a";
    write.bytes = "octets";
    REQUIRE(filer.perform(write).failure.empty());
    FileStep move;
    move.lsn = 2;
    move.op = StepOp::move;
    move.src = "files/a";
    move.dst = "files/b";
    tree.syncs_fail = true;
    CHECK_FALSE(filer.perform(move).failure.empty());
    CHECK(filer.sync_failed());
    tree.syncs_fail = false;
    CHECK_THROWS_AS(filer.flush(), base::Failure);
    CHECK(root.read("files/a") == "octets");
}

TEST_CASE("a name that could not be synced where it had to be ends the syncing") {
    TempRoot root({}, Where::memory);
    Unreliable tree(root.tree());
    tree.kind.order = Order::none;
    root.write("files/a", "octets");
    Filer filer(tree, base::system_rng());
    FileStep move;
    move.lsn = 1;
    move.op = StepOp::move;
    move.src = "files/a";
    move.dst = "files/b";
    tree.syncs_fail = true;
    CHECK_FALSE(filer.perform(move).failure.empty());
    CHECK(filer.sync_failed());
    tree.syncs_fail = false;
    CHECK_THROWS_AS(filer.flush(), base::Failure);
}

TEST_CASE("a file that another program writes into as soon as it shows is not taken for ours") {
    TempRoot root({}, Where::memory);
    Unreliable tree(root.tree());
    tree.outside = [&](const std::string& path) { std::ofstream(root.path() + "/" + path, std::ios::in) << "theirs"; };
    FileStep small;
    small.lsn = 1;
    small.dst = "files/a";
    small.bytes = "octets";
    FileStep staged;
    staged.lsn = 2;
    staged.op = StepOp::place_staged;
    staged.src = ".hearth/staging/s";
    staged.dst = "files/b";
    root.write(staged.src, "octets");
    staged.mtime_ns = root.tree().stat(staged.src)->mtime_ns;
    staged.src_ino = root.tree().stat(staged.src)->ino;
    for (const FileStep& step : {small, staged}) {
        const StepOutcome outcome = Filer(tree, base::system_rng()).perform(step);
        CHECK(outcome.failure.empty());
        CHECK_FALSE(outcome.facts);
        CHECK(root.read(step.dst) == "theirs");
    }
    tree.outside = nullptr;
    // Nor by a replay, which knows a staged file by its inode.
    const auto outcomes = Filer(tree, base::system_rng()).replay({staged});
    CHECK_FALSE(outcomes.at(0).facts);
}

TEST_CASE("a replay of 10,000 rows costs by the rows", "[slow]") {
    TempRoot root({}, Where::memory);
    std::vector<FileStep> steps;
    const auto add = [&](StepOp op, const std::string& src, const std::string& dst) -> FileStep& {
        FileStep& step = steps.emplace_back();
        step.lsn = static_cast<Lsn>(steps.size());
        step.op = op;
        step.src = src;
        step.dst = dst;
        step.mtime_ns = step.lsn * 1'000'000'000;
        return step;
    };
    for (int i = 0; i < 2000; ++i) {
        const std::string name = "files/" + std::to_string(i);
        add(StepOp::write_inline, "", name).bytes = name + " one";
        FileStep& over = add(StepOp::write_inline, "", name);
        over.bytes = name + " two";
        over.keep = version_path(name + " one");
        add(StepOp::move, name, name + ".moved");
        add(StepOp::make_folder, "", name);
        add(StepOp::move, name + ".moved", name + "/in");
    }
    Filer(root.tree(), base::system_rng()).perform(steps[0]);
    Unreliable tree(root.tree());
    const auto begin = std::chrono::steady_clock::now();
    for (const StepOutcome& outcome : Filer(tree, base::system_rng()).replay(steps)) REQUIRE(outcome.failure.empty());
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    WARN("10,000 rows in " << took.count() << " s, " << tree.calls << " calls");
    CHECK(tree.calls < 30 * steps.size());
    CHECK(took.count() < 20);  // two on an idle machine; sanitizers and neighbours cost
    CHECK(root.read("files/1999/in") == "files/1999 two");
}

}  // namespace storage
