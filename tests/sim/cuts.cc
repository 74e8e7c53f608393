#include "tests/sim/cuts.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "storage/base/failure.h"
#include "tests/sim/cut_operations.h"
#include "tests/sim/cut_points.h"
#include "tests/sim/stage.h"

namespace sim {

namespace {

constexpr std::uint64_t kOutcomes = 2;  // of each power cut: what is left of what was not synced is drawn
constexpr std::size_t kBrokenMax = 6;   // told of one sequence; more is counted
constexpr std::size_t kChosen = 3;      // of so many one is tried further
// SQLite writes many pages in a row, each as a header and a page where it is the log: of so many writes one is cut at.
constexpr std::size_t kPagesStep = 3;
bool is_page(const std::string& point) {
    return point == "6 checkpoint: write the database" || point == "6 commit: write the log";
}
constexpr std::int64_t kBetweenMs = 5;  // a preparation and the operation; less than a flush waits
constexpr std::size_t kLinesMax = 4;    // of how two states differ

// Lives have numbers.
enum Life : std::uint64_t { kPreparing, kActing, kRecovering, kRecovered, kAgain, kElsewhere };

// Before the answer; after it, until the end of the life; in the start that follows.
enum When : std::size_t { kUnanswered, kAnswered, kStarting, kWhens };
using Times = std::array<std::uint64_t, kWhens>;

// What an operation does when nothing is cut.
struct Uncut {
    Disk start;      // where its life begins
    bool same_life;  // what is there before it is made in that life as well: its redo rows are there still
    const Heard* heard;
    storage::Lsn lsn = 0;  // before it
    State past = {};       // before it, as history has it later
    State before = {}, after = {};
};

// The power at one of its changes.
struct Cut {
    std::uint64_t change = 0;
    std::string point;
    bool answered = false;  // before it
    Disk disk;
};

struct Acted {
    Disk left;
    std::vector<Cut> cuts = {};
    std::uint64_t changes = 0;
    std::vector<std::string> broken = {};
};

// Everything is on the platter.
Disk at_rest(Disk disk) {
    disk.never_cut();
    disk.sync_all("root");
    disk.power_on(false);
    return disk;
}

std::string difference(const State& found, const State& wanted) {
    std::string text;
    std::size_t lines = 0;
    const auto tell = [&](const std::string& line) {
        if (++lines <= kLinesMax) text += "\n      " + line;
    };
    for (const auto& [what, value] : wanted) {
        const auto there = found.find(what);
        if (there == found.end())
            tell("not there: " + what + " " + value);
        else if (there->second != value)
            tell(what + ": " + there->second + ", not " + value);
    }
    for (const auto& [what, value] : found)
        if (!wanted.contains(what)) tell("there: " + what + " " + value);
    return text;
}

// Steps of a first start, of other programs and of calls that fail: cut by the seeds, not here.
bool is_elsewhere(const std::string& point) {
    return point.starts_with("0 ") || point.starts_with("outside: ") || point.starts_with("7 mark: ") ||
           point.starts_with("8 restore: ") || point == "10 second name: rename back";
}

bool is_history(const std::string& line) {
    return line.starts_with("history ");
}

// Between two states of which the second remembers less.
bool remembers_between(const State& found, const State& before, const State& after) {
    const auto part_of = [](const State& small, const State& all) {
        return std::all_of(small.begin(), small.end(), [&](const auto& one) {
            const auto there = all.find(one.first);
            return there != all.end() && there->second == one.second;
        });
    };
    return part_of(found, before) && part_of(after, found);
}

class Cuts {
  public:
    explicit Cuts(std::string only) : only_(std::move(only)) {}

    std::size_t run() {
        for (const Names names : {Names::ordered, Names::loose}) {
            names_ = names;
            Disk root = fresh_root();
            for (const Operation& operation : operations()) {
                if (operation.name.find(only_) == std::string::npos) continue;
                operation_ = &operation;
                cut_everywhere(root);
            }
        }
        report();
        return broken_;
    }

  private:
    Disk fresh_root() const;
    Disk prepared(const Disk& root, Life life) const;
    Heard hear(const Disk& disk) const;
    void cut_everywhere(const Disk& root);
    void cut_all(Uncut uncut);
    Acted act(const Uncut& uncut) const;
    void try_cut(const Uncut& uncut, const Cut& cut);
    std::optional<Disk> cut_start(const Disk& left, std::uint64_t change);
    std::uint64_t recover(const Uncut& uncut, const Cut& cut, Disk left, bool twice);
    State judge(const Uncut& uncut, const Cut& cut, Stage& stage);
    void broken(const std::string& what);
    void report();

    const std::string only_;
    Names names_ = Names::ordered;
    const Operation* operation_ = nullptr;
    std::string where_;                                   // of what is tried, in words
    std::map<std::string, Times> times_;                  // by cut point
    std::map<std::string, std::set<std::string>> steps_;  // that were cut, by operation
    std::map<std::string, std::uint64_t> cuts_;           // by operation
    // What cuts of one sequence left, whether it was answered, and whether it is tried further: each once.
    std::set<std::tuple<std::uint64_t, bool, bool>> seen_;
    std::uint64_t starts_cut_ = 0;
    std::size_t broken_ = 0, broken_here_ = 0;
};

Disk Cuts::fresh_root() const {
    Stage stage(kPreparing, Disk(1, names_));
    stage.open();
    stage.client().space();
    stage.settle();
    stage.close();
    return at_rest(stage.disk());
}

Disk Cuts::prepared(const Disk& root, Life life) const {
    Stage stage(life, root);
    stage.open();
    Client client = stage.client();
    if (operation_->prepare) operation_->prepare(client);
    stage.settle();
    stage.close();
    return at_rest(stage.disk());
}

// A second home hears of the first, does something, and is asked for all it has.
Heard Cuts::hear(const Disk& disk) const {
    Stage stage(kElsewhere, disk);
    stage.open();
    const auto other = stage.open_other();
    Client there(stage.machine(), *other);
    const storage::SpaceId space = there.space().id;
    storage::StoreSource here(stage.client().store());
    storage::pull(*other, kClientSpace, here);
    operation_->elsewhere(there);
    Heard heard;
    const auto all = [&](storage::ReadTxn& txn) { return txn.records(space, {}, 0, {100'000, 1 << 30}); };
    heard.records = other->read(all).records;
    for (const std::string& bytes : octets_below(stage.disk(), "root2/files"))
        heard.octets[base::sha256(bytes)] = bytes;
    return heard;
}

void Cuts::cut_everywhere(const Disk& root) {
    const Disk before = prepared(root, kPreparing);
    std::optional<Heard> heard;
    if (operation_->elsewhere) heard = hear(before);
    cut_all({before, false, heard ? &*heard : nullptr});
    // What another home heard was of a life of its own; and nothing expires that is younger than a flush.
    if (operation_->prepare && !heard && !operation_->forgets) cut_all({root, true, nullptr});
}

void Cuts::cut_all(Uncut uncut) {
    const auto look = [](const Disk& left) {
        Stage stage(kRecovering, left);
        stage.open();
        return stage.shown();
    };
    uncut.before = look(uncut.same_life ? prepared(uncut.start, kActing) : uncut.start);
    {
        Stage stage(kActing, uncut.start, uncut.heard);
        stage.open();
        Client client = stage.client();
        if (uncut.same_life) operation_->prepare(client);
        uncut.lsn = client.now();
        uncut.past = stage.past(uncut.lsn);
    }
    const Acted whole = act(uncut);
    where_ = operation_->name;
    seen_.clear();
    broken_here_ = 0;
    for (const std::string& what : whole.broken) broken(what);
    {
        Stage stage(kRecovering, at_rest(whole.left));
        stage.open();
        uncut.after = stage.shown();
        for (const std::string& what : stage.findings()) broken(what);
        for (const std::string& file : stage.not_known()) broken("uncut, and the index does not know " + file);
    }
    if (uncut.before == uncut.after) broken("it changes nothing");
    for (const Cut& cut : whole.cuts) {
        where_ = operation_->name + (uncut.same_life ? ", just prepared" : "") +
                 (names_ == Names::loose ? ", names loose" : "") + ", at change " + std::to_string(cut.change) +
                 " of " + std::to_string(whole.changes) + " (" + cut.point + ")";
        try_cut(uncut, cut);
    }
}

// What it does, with what a cut at each change would leave.
Acted Cuts::act(const Uncut& uncut) const {
    Stage stage(kActing, uncut.start, uncut.heard);
    Acted acted{stage.disk()};
    bool answered = false;
    std::size_t alike = 0;
    const auto watch = [&](const std::string& point) {
        ++acted.changes;
        alike = !acted.cuts.empty() && acted.cuts.back().point == point ? alike + 1 : 0;
        if (is_page(point) && alike % kPagesStep != 0) return;
        acted.cuts.push_back({acted.changes, point, answered, stage.disk()});
        acted.cuts.back().disk.watch({});
    };
    try {
        stage.open();
        Client client = stage.client();
        if (uncut.same_life) operation_->prepare(client);
        stage.machine().exec.advance_ms(kBetweenMs);
        stage.disk().watch(watch);
        operation_->act(client);
        answered = true;
        stage.settle();
        stage.close();
    } catch (const std::exception& error) {
        acted.broken.push_back(std::string("uncut, it ended by: ") + error.what());
    }
    stage.disk().watch({});
    acted.left = stage.disk();
    const auto& wrong = stage.broken();
    acted.broken.insert(acted.broken.end(), wrong.begin(), wrong.end());
    return acted;
}

void Cuts::try_cut(const Uncut& uncut, const Cut& cut) {
    const std::string where = where_;
    steps_[operation_->name].insert(cut.point);
    for (std::uint64_t outcome = 0; outcome <= kOutcomes; ++outcome) {  // the last one is a kill
        const bool killed = outcome == kOutcomes;
        const std::string kind = killed ? ", killed" : ", outcome " + std::to_string(outcome);
        ++times_[cut.point][cut.answered ? kAnswered : kUnanswered];
        ++cuts_[operation_->name];
        Disk left = cut.disk;
        left.dice().seed(outcome + 1);
        left.power_on(killed);
        const bool chosen = (cut.change + outcome) % kChosen == 0;
        if (!seen_.insert({left.digest(), cut.answered, chosen}).second) continue;
        where_ = where + kind;
        const std::uint64_t starting = recover(uncut, cut, left, chosen);
        if (starting == 0 || !chosen) continue;
        const auto again = cut_start(left, 1 + left.dice()() % starting);
        if (!again) continue;
        where_ = where + kind + ", the start cut at " + again->cut_at();
        left = *again;
        left.power_on(false);
        recover(uncut, cut, left, true);
    }
}

// Empty: the start was over before.
std::optional<Disk> Cuts::cut_start(const Disk& left, std::uint64_t change) {
    Stage stage(kRecovering, left);
    stage.disk().cut_power_after(change);
    try {
        stage.open();
        stage.settle();
        stage.close();
    } catch (const base::Failure&) {  // of the power; others are seen where it is not cut
    }
    stage.close();
    if (!stage.disk().dead()) return std::nullopt;
    ++times_[stage.disk().cut_at()][kStarting];
    ++starts_cut_;
    return stage.disk();
}

// Starts on what is left, and looks; twice: again after an orderly end and a power cut. Gives how many changes the
// first of these lives made; 0 = it did not start.
std::uint64_t Cuts::recover(const Uncut& uncut, const Cut& cut, Disk left, bool twice) {
    std::uint64_t changes = 0;
    State first;
    for (const Life life : {kRecovered, kAgain}) {
        Stage stage(life, left);
        const std::uint64_t begin = stage.disk().changes();
        try {
            stage.open();
            if (life == kAgain) {
                const State now = stage.shown();
                if (now != first) broken("another start changes" + difference(now, first));
                continue;
            }
            first = judge(uncut, cut, stage);
            stage.settle();
            stage.close();
        } catch (const std::exception& error) {
            broken(std::string(life == kAgain ? "it does not start again: " : "it does not start: ") + error.what());
            return 0;
        }
        for (const std::string& what : stage.broken()) broken(what);
        changes = stage.disk().changes() - begin;
        if (!twice) break;
        left = stage.disk();
        left.power_on(false);
    }
    return changes;
}

// The state before or the one after, and after it where it was answered; nothing is lost to history or left over.
State Cuts::judge(const Uncut& uncut, const Cut& cut, Stage& stage) {
    const State found = stage.shown();
    State now = found, before = uncut.before, after = uncut.after;
    if (operation_->forgets) {
        if (!remembers_between(found, before, after)) broken("history is neither" + difference(found, after));
        for (State* one : {&now, &before, &after})
            std::erase_if(*one, [](const auto& line) { return is_history(line.first); });
    }
    if (now != after) {
        if (now != before)
            broken("neither before" + difference(now, before) + "\n    nor after" + difference(now, after));
        else if (cut.answered)
            broken("answered, and not there");
    }
    if (!operation_->forgets) {
        const State past = stage.past(uncut.lsn);
        if (past != uncut.past) broken("history has not what was" + difference(past, uncut.past));
    }
    for (const std::string& what : stage.findings()) broken(what);
    return found;
}

void Cuts::broken(const std::string& what) {
    ++broken_;
    if (++broken_here_ <= kBrokenMax) std::printf("FAIL %s: %s\n", where_.c_str(), what.c_str());
}

void Cuts::report() {
    for (const Operation& operation : operations()) {
        if (!cuts_.contains(operation.name)) continue;
        where_ = operation.name;
        std::printf("  %s: %llu cuts\n", operation.name.c_str(),
                    static_cast<unsigned long long>(cuts_[operation.name]));
        for (const std::string& step : operation.steps)
            if (!steps_[operation.name].contains(step)) broken("its path has no step " + step + " any more");
    }
    std::printf("  starts cut %llu\n", static_cast<unsigned long long>(starts_cut_));
    std::printf("  cut at: before the answer, after it, in the start that follows\n");
    for (const auto& [point, times] : times_) {
        std::printf("  cut at %s: %llu %llu %llu\n", point.c_str(), static_cast<unsigned long long>(times[kUnanswered]),
                    static_cast<unsigned long long>(times[kAnswered]),
                    static_cast<unsigned long long>(times[kStarting]));
        where_ = point;
        if (point.starts_with("unnamed")) broken("a step without a name");
    }
    if (!only_.empty()) return;
    for (const std::string& point : cut_points()) {
        where_ = point;
        if (!times_.contains(point) && !is_elsewhere(point)) broken("never cut");
    }
}

}  // namespace

std::size_t run_cuts(const std::string& only) {
    Cuts cuts(only);
    return cuts.run();
}

}  // namespace sim
