#include "tests/sim/world.h"

#include "storage/base/failure.h"
#include "storage/base/log.h"
#include "storage/replication/pull.h"
#include "tests/sim/home.h"

namespace sim {

namespace {

constexpr int kLives = 5;
constexpr int kOperationsPerLife = 60;       // of each user
constexpr std::uint64_t kCutStarting = 300;  // within so many changes of the disk
constexpr std::uint64_t kCutWorking = 4000;
constexpr std::uint64_t kCountedOperations = 200;
constexpr std::uint64_t kCountedCrashes = 2;
constexpr int kMeetings = 4;             // of two homes in a life
constexpr int kLastMeetingsMax = 8;      // until neither has anything new
constexpr std::uint64_t kBatchMax = 40;  // records pulled at once

const storage::SpaceName kSpace{storage::SpaceKind::files, base::Id128{{1, 2, 3}}};

class World {
  public:
    World(std::uint64_t seed, Names names, Durability durability) : machine_(seed, names) {
        machine_.durability = durability;
        machine_.count("durability " + std::string(storage::name_of(machine_.durability)));
        the_world = this;
        machine_.exec.know_power([this] { return machine_.disk.dead(); },
                                 [this](const std::string& what) { machine_.broken(what); });
        use_for_sqlite(&machine_.disk);
        base::replace_stop_at_once([] {
            the_world->machine_.count("stopped at once");
            the_world->machine_.disk.cut();
            throw base::Failure(base::Fault::io, "stopped at once");
        });
        homes_.push_back(std::make_unique<Home>(machine_, "root", std::vector<std::string>{"u0", "u1"}, true));
        // Every third seed has a second home, which mirrors the first.
        if (machine_.below(3) == 0)
            homes_.push_back(std::make_unique<Home>(machine_, "root2", std::vector<std::string>{"v0"}, false));
        // What another program took is not to be had, and then two homes can not be compared.
        if (homes_.size() == 2 && machine_.below(4) != 0) homes_.front()->spare();
        if (homes_.size() == 2) {
            const bool own_names = machine_.below(2) == 0;
            const bool deep = machine_.below(2) == 0;
            one_folder_ = machine_.below(4) != 0;
            homes_[0]->mirrors({"n", deep});
            homes_[1]->mirrors({own_names ? "m" : "n", deep});
        }
        if (machine_.below(2) == 0) faults_ = Faults::drawn(machine_.dice);
    }
    ~World() {
        base::replace_stop_at_once(nullptr);
        use_for_sqlite(nullptr);
        the_world = nullptr;
    }

    Report run() {
        for (int life = 0; life < kLives && machine_.report.broken.empty(); ++life) live(life);
        if (machine_.report.broken.empty()) end();
        for (auto& home : homes_) home->close();
        machine_.disk.note(std::to_string(machine_.exec.turns()));
        machine_.report.trace = machine_.disk.trace();
        for (const auto& [what, n] : machine_.disk.fired()) machine_.report.counts[what] += n;
        if (homes_.size() == 2) machine_.count("two homes");
        return std::move(machine_.report);
    }

  private:
    // The power is cut somewhere: while it starts, works, or stops. Or not at all.
    void live(int life) {
        const bool while_starting = machine_.below(4) == 0;
        const bool to_the_end = life + 1 == kLives;
        if (while_starting) machine_.disk.cut_power_after(1 + machine_.below(kCutStarting));
        attempt("a life ended by: ", [&] {
            open();
            for (auto& home : homes_) home->check();
            // A later conflict may lay everything out anew and heal what an earlier one left different.
            if (homes_.size() == 2 && !while_starting && machine_.below(3) == 0) compare();
            if (!while_starting && !to_the_end) machine_.disk.cut_power_after(1 + machine_.below(kCutWorking));
            if (!machine_.report.broken.empty()) return;
            machine_.disk.use(faults_);
            work();
            machine_.disk.heal();
            if (!machine_.disk.dead()) homes_.front()->check_outside();
        });
        attempt("stopping failed: ", [&] {
            for (auto& home : homes_) home->close();
        });
        for (auto& home : homes_) home->close();
        const bool killed = machine_.disk.dead() && machine_.below(3) == 0;
        machine_.count(!machine_.disk.dead() ? "clean stops" : killed ? "kills" : "crashes");
        if (!killed) homes_.front()->nobody_synced_outside();
        if (machine_.disk.dead() && !killed) {
            for (auto& home : homes_) home->power_was_cut();
        }
        machine_.disk.power_on(killed);
        use_for_sqlite(&machine_.disk);
    }

    template <typename Fn>
    void attempt(const char* what, Fn fn) {
        try {
            fn();
        } catch (const std::exception& error) {
            if (!machine_.disk.dead()) machine_.broken(std::string(what) + error.what());
        }
    }

    void open() {
        for (auto& home : homes_) home->open();
        homes_.front()->make_folders();
        if (homes_.size() == 1) return;
        // Made at both without knowledge of each other, the shared folder is two that show as one.
        storage::StoreSource source(homes_.front()->store());
        if (one_folder_) storage::pull(homes_.back()->store(), kSpace, source);
        homes_.back()->make_folders();
    }

    void work() {
        std::vector<std::unique_ptr<base::Thread>> threads;
        for (auto& home : homes_) home->work(threads, kOperationsPerLife);
        if (homes_.size() == 2) {
            threads.push_back(machine_.exec.spawn(
                "meeting",
                [this] {
                    for (int i = 0; i < kMeetings && !machine_.disk.dead(); ++i) meet();
                },
                0));
        }
        threads.clear();  // waits
    }

    // One hears some of what the other wrote.
    void meet() {
        for (std::uint64_t turns = machine_.below(400); turns > 0; --turns) machine_.exec.yield();
        const std::size_t to = machine_.below(2);
        try {
            storage::FeedLimits limits;
            limits.records = 1 + machine_.below(kBatchMax);
            storage::StoreSource source(homes_[1 - to]->store());
            machine_.report.counts["records pulled"] +=
                storage::pull(homes_[to]->store(), kSpace, source, 0, limits).records;
            // Soon: a later conflict lays everything out anew, and heals what was wrong.
            homes_[to]->check_layout();
        } catch (const base::Failure& failure) {
            if (machine_.disk.dead()) return;
            if (!machine_.disk.fails()) machine_.broken(std::string("a pull failed: ") + failure.what());
        }
    }

    // Nothing is cut and nothing fails: what is left must be whole, and homes that hear all of each other equal.
    void end() {
        machine_.disk.never_cut();
        attempt("the last start failed: ", [&] {
            open();
            for (auto& home : homes_) home->check();
            if (homes_.size() == 2 && machine_.report.broken.empty()) compare();
        });
    }

    void compare() {
        std::size_t news = 1;
        for (int i = 0; i < kLastMeetingsMax && news > 0; ++i) {
            news = 0;
            for (std::size_t to = 0; to < 2; ++to) {
                storage::StoreSource source(homes_[1 - to]->store());
                const storage::Pulled pulled = storage::pull(homes_[to]->store(), kSpace, source);
                news += pulled.records;
                // What another program took away is not to be had: its removal would be told by a look at the disk.
                if (!pulled.waiting.empty()) {
                    machine_.count("waiting for what another program took");
                    return;
                }
            }
        }
        if (news > 0) machine_.broken("I2: homes never end telling each other news");
        if (homes_[0]->digest() != homes_[1]->digest() || homes_[0]->shown() != homes_[1]->shown()) {
            std::string text;
            const auto a = homes_[0]->shown(), b = homes_[1]->shown();
            for (const auto& [path, what] : a) {
                const auto other = b.find(path);
                if (other == b.end() || other->second != what)
                    text += "\n    " + path + ": " + what + " | " + (other == b.end() ? "-" : other->second);
            }
            for (const auto& [path, what] : b) {
                if (!a.contains(path)) text += "\n    " + path + ": - | " + what;
            }
            machine_.broken("I2: homes that heard the same differ:" + text);
        }
        for (auto& home : homes_) home->check();
        // What somebody wrote is shown until somebody takes it away who knew of it.
        const std::set<base::Hash> shown = homes_[0]->shown_contents();
        for (const auto& writer : homes_) {
            for (const std::string& bytes : writer->shared_contents()) {
                const base::Hash hash = base::sha256(bytes);
                if (shown.contains(hash)) continue;
                if (homes_[0]->taken_away().contains(hash) || homes_[1]->taken_away().contains(hash)) continue;
                machine_.broken("I2: nobody took away what is not shown any more: " + short_text(bytes));
            }
        }
        machine_.count("homes compared");
    }

    static World* the_world;

    Machine machine_;
    Faults faults_;
    bool one_folder_ = false;  // of the two homes: the second has heard of the first's
    std::vector<std::unique_ptr<Home>> homes_;
};

World* World::the_world = nullptr;

}  // namespace

bool Report::counted() const {
    const auto at_least = [&](const char* what, std::uint64_t n) {
        const auto found = counts.find(what);
        return found != counts.end() && found->second >= n;
    };
    return at_least("operations", kCountedOperations) && at_least("crashes", kCountedCrashes) &&
           at_least("outside changes", 1);
}

Report run_seed(std::uint64_t seed, Names names, Durability durability) {
    return World(seed, names, durability).run();
}

}  // namespace sim
