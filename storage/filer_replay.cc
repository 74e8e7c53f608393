#include <algorithm>
#include <map>
#include <utility>

#include "storage/base/failure.h"
#include "storage/base/hash.h"
#include "storage/base/log.h"
#include "storage/base/planted.h"
#include "storage/filer.h"
#include "storage/staging.h"

// Replay after a crash.
//
// The rows say what was to be done; nobody wrote down how far it got. Looking at one step alone can not tell: a file
// that is missing at its dst was never written, or was written and then moved away by a later row. Performing it
// "again" would bring back what was renamed or removed.
//
// But steps are performed by one thread in lsn order, and a rename is there after a crash only together with those
// before it (the journal of the file system keeps order; where it does not, nothing below destroys bytes). So the disk
// is the outcome of steps 0..k-1 for one k, perhaps with step k half done, and the rows predict what the tree looks
// like for each k. The cut that fits the disk best is taken; of equals the smallest, because performing a step whose
// effect can not be seen again changes nothing.
//
// Steps that failed have marks (FailedSteps) and are left out of that order: they were not performed, those that build
// upon them neither, and all rows before the last of them were.
//
// Then, goal-directed:
//  - steps before the cut are not performed again: what they made may long be somewhere else. Only what the model says
//    must stand somewhere now is put there, from the bytes the row still holds: it may be missing or torn (inline bytes
//    are not synced before the answer), and what looks whole may be so in the kernel's memory alone, where a sync that
//    failed has left it for good;
//  - a name with other content than the model's is an outside edit since: it stays, and no facts are reported, so that
//    the next look takes it in;
//  - steps with a mark, and those from the cut on, are performed in order. perform() looks before it acts and never
//    overwrites unseen bytes, so a wrong guess can cost a conflict copy, never a version.

namespace storage {
namespace {

constexpr std::size_t kNone = static_cast<std::size_t>(-1);
constexpr std::string_view kTrash = ".hearth/trash/";
constexpr std::string_view kCopies = ".hearth/staging/";  // where trees are copied to before they are shown

// What the model believes stands at a name.
struct Thing {
    enum class What { absent, found, inlined, staged, folder };
    What what = What::absent;
    std::size_t maker = kNone;       // the step whose bytes or folder this is
    std::size_t by = kNone;          // the step that put it at this name
    std::optional<FileFacts> facts;  // found: what the step believed of it
    bool any_copy = false;           // kept by hash: an equal file may have been there before
    std::string keep;                // found: the name by hash under which a step wants to keep it
};

// The name from which a placing step brings its file.
std::string comes_from(const FileStep& step) {
    return step.op == StepOp::place_staged ? step.src : own_path(step);
}

class Model {
  public:
    explicit Model(const std::vector<FileStep>& steps) : steps_(steps) {}
    Model(const std::vector<FileStep>& steps, std::map<std::string, Thing> start)
        : steps_(steps), at_(std::move(start)) {}

    // Empty: the rows say nothing about this name.
    std::optional<Thing> at(const std::string& path) const {
        if (const auto exact = at_.find(path); exact != at_.end()) return exact->second;
        for (std::string above = parent_of(path); !above.empty(); above = parent_of(above)) {
            const auto found = at_.find(above);
            if (found == at_.end()) continue;
            if (found->second.what == Thing::What::found) return std::nullopt;
            return Thing{};  // below a new folder, a file or nothing there is nothing
        }
        return std::nullopt;
    }

    const std::map<std::string, Thing>& all() const { return at_; }

    // What step `i` takes for granted, as (name, thing) pairs.
    static std::vector<std::pair<std::string, Thing>> premises(const FileStep& step, std::size_t i) {
        const Thing absent;
        const std::string& keep = step.op == StepOp::keep_file ? step.dst : step.keep;
        const Thing found{Thing::What::found, kNone, kNone, step.expect, false, keep};
        switch (step.op) {
            case StepOp::write_inline: return {{step.dst, step.keep.empty() ? absent : found}};
            case StepOp::place_staged:
                return {{step.dst, step.keep.empty() ? absent : found},
                        {step.src, Thing{Thing::What::staged, i, kNone, std::nullopt, false, {}}}};
            case StepOp::make_folder: return {{step.dst, absent}};
            case StepOp::move:
            case StepOp::keep_folder: return {{step.src, found}, {step.dst, absent}};
            case StepOp::keep_file: return {{step.src, found}};
            case StepOp::discard:
            case StepOp::set_exec: return {};
        }
        return {};
    }

    void assume(const std::string& path, Thing thing) { at_.emplace(path, std::move(thing)); }

    void apply(std::size_t i) {
        if (exchanges(steps_[i])) exchange(i);
        finish(i);
    }

    // Between the exchange of a file with its successor and the keeping of what came out, a step is half done.
    static bool exchanges(const FileStep& step) {
        const bool places = step.op == StepOp::write_inline || step.op == StepOp::place_staged;
        return places && !step.keep.empty();
    }

    void exchange(std::size_t i) {
        const FileStep& step = steps_[i];
        auto out = at(step.dst).value_or(Thing{});
        put_new(step, i);
        put(comes_from(step), std::move(out));
    }

    // All of step `i`, but what exchange() did where it exchanges.
    void finish(std::size_t i) {
        const FileStep& step = steps_[i];
        switch (step.op) {
            case StepOp::write_inline:
            case StepOp::place_staged: {
                const Thing absent{Thing::What::absent, kNone, i, std::nullopt, false, {}};
                if (exchanges(step)) {
                    keep_copy(comes_from(step), step.keep, i);
                    return put(comes_from(step), absent);
                }
                put_new(step, i);
                if (step.op == StepOp::place_staged) put(step.src, absent);
                return;
            }
            case StepOp::make_folder: {
                // A copy is built there without rows: what will stand below it is not nothing.
                if (step.dst.starts_with(kCopies)) {
                    at_[step.dst] = {Thing::What::found, kNone, i, std::nullopt, false, {}};
                    return;
                }
                const auto there = at(step.dst);
                const bool is_folder =
                    there && (there->what == Thing::What::folder || there->what == Thing::What::found);
                if (!is_folder) put(step.dst, {Thing::What::folder, i, i, std::nullopt, false, {}});
                return;
            }
            case StepOp::move:
            case StepOp::keep_folder: return move(step.src, step.dst, i);
            case StepOp::keep_file:
                keep_copy(step.src, step.dst, i);
                return put(step.src, {Thing::What::absent, kNone, i, std::nullopt, false, {}});
            case StepOp::discard: return put(step.src, {Thing::What::absent, kNone, i, std::nullopt, false, {}});
            case StepOp::set_exec: return;  // a mode is nothing the rows are told apart by
        }
    }

  private:
    void put_new(const FileStep& step, std::size_t i) {
        const bool staged = step.op == StepOp::place_staged;
        put(step.dst, {staged ? Thing::What::staged : Thing::What::inlined, i, i, std::nullopt, false, {}});
    }

    void put(const std::string& path, Thing thing) {
        erase_below(path);
        at_[path] = std::move(thing);
    }

    void keep_copy(const std::string& from, const std::string& keep, std::size_t i) {
        auto thing = at(from);
        if (!thing || thing->what == Thing::What::absent) return;
        thing->by = i;
        thing->any_copy = true;
        at_[keep] = std::move(*thing);
    }

    void move(const std::string& from, const std::string& to, std::size_t i) {
        auto top = at(from);
        std::map<std::string, Thing> moved;
        for (auto it = at_.lower_bound(from + "/"); it != at_.end() && is_at_or_below(it->first, from); ++it)
            moved.emplace(to + it->first.substr(from.size()), it->second);
        put(from, {Thing::What::absent, kNone, i, std::nullopt, false, {}});
        if (!top || top->what == Thing::What::absent) return;
        top->by = i;
        put(to, std::move(*top));
        at_.merge(moved);
    }

    void erase_below(const std::string& path) {
        auto it = at_.lower_bound(path + "/");
        while (it != at_.end() && is_at_or_below(it->first, path)) it = at_.erase(it);
    }

    const std::vector<FileStep>& steps_;
    std::map<std::string, Thing> at_;
};

// Steps of a replay by their place among the rows.
using Chosen = std::vector<bool>;

// Where what stands at a name stood before the first step: followed back through the renames.
class Origins {
  public:
    std::string of(const std::string& path) const {
        for (std::string above = path; !above.empty(); above = parent_of(above)) {
            if (const auto found = at_.find(above); found != at_.end())
                return found->second + path.substr(above.size());
        }
        return path;
    }

    void rename(const std::string& from, const std::string& to) {
        const std::string origin = of(from);
        std::map<std::string, std::string> moved;
        for (auto it = at_.lower_bound(from + "/"); it != at_.end() && is_at_or_below(it->first, from);) {
            moved.emplace(to + it->first.substr(from.size()), it->second);
            it = at_.erase(it);
        }
        at_.erase(from);
        for (auto it = at_.lower_bound(to + "/"); it != at_.end() && is_at_or_below(it->first, to);) it = at_.erase(it);
        at_[to] = origin;
        at_.merge(moved);
    }

  private:
    std::map<std::string, std::string> at_;
};

// What must have stood where before the first step: each premise, followed back through the renames before it.
std::map<std::string, Thing> start_of(const std::vector<FileStep>& steps, const Chosen& left_out) {
    Model model(steps);
    Origins origins;
    std::map<std::string, Thing> start;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        if (left_out[i]) continue;
        for (const auto& [path, thing] : Model::premises(steps[i], i)) {
            if (model.at(path)) continue;
            start.emplace(origins.of(path), thing);
            model.assume(path, thing);
        }
        model.apply(i);
        const bool renames = steps[i].op == StepOp::move || steps[i].op == StepOp::keep_folder;
        if (renames) origins.rename(steps[i].src, steps[i].dst);
    }
    return start;
}

// How what was predicted fits the disk: names at which the very file stands that should (by its inode, or the octets
// and time of a row; anything in trash), and names that contradict. The former count first: other programs contradict a
// prediction easily, and hardly ever put a file where a step would have put it.
struct Fit {
    std::size_t identified = 0;
    std::size_t contradictions = 0;
    bool better_than(const Fit& other) const {
        if (identified != other.identified) return identified > other.identified;
        return contradictions < other.contradictions;
    }
    Fit& operator+=(const Fit& other) {
        identified += other.identified;
        contradictions += other.contradictions;
        return *this;
    }
    Fit& operator-=(const Fit& other) {
        identified -= other.identified;
        contradictions -= other.contradictions;
        return *this;
    }
};

// The disk as the replay finds it; a name is asked of the kernel once, octets are read at each look.
class Look {
  public:
    Look(const Tree& root, const std::vector<FileStep>& steps) : root_(root), steps_(steps) {}

    const std::optional<FileFacts>& at(const std::string& path) {
        const auto found = seen_.find(path);
        if (found != seen_.end()) return found->second;
        return seen_.emplace(path, root_.stat(path)).first->second;
    }

    // What can not be looked at, for the mode of a folder above it or an error of the disk, says nothing: its step is
    // tried by itself, and fails by itself.
    Fit fit(const std::string& path, const std::optional<Thing>& thing) {
        try {
            return compared(path, thing);
        } catch (const base::Failure& failure) {
            base::log_warn("filer", "not_seen=" + path + " " + failure.what());
            return {};
        }
    }

    static bool is_staged(const FileFacts& there, const FileStep& step) {
        if (there.kind != DiskKind::file) return false;
        return step.src_ino != 0 ? there.ino == step.src_ino : there.mtime_ns == step.mtime_ns;
    }

  private:
    Fit compared(const std::string& path, const std::optional<Thing>& thing) {
        constexpr Fit kIdentified{1, 0}, kWrong{0, 1};
        const auto unless = [&](bool agrees) { return agrees ? Fit{} : kWrong; };
        const auto identified = [&](bool is) { return is ? kIdentified : kWrong; };
        if (!thing) return {};
        const auto& there = at(path);
        if (thing->what == Thing::What::absent) return unless(!there);
        if (!there) return kWrong;
        // A name in trash is that of one step.
        if (path.starts_with(kTrash)) return kIdentified;
        if (thing->what == Thing::What::folder) return unless(there->kind == DiskKind::folder);
        if (thing->any_copy) return unless(there->kind == DiskKind::file);
        switch (thing->what) {
            case Thing::What::inlined:
                return identified(likeness(root_, path, steps_[thing->maker]) != Likeness::other);
            case Thing::What::staged: return identified(is_staged(*there, steps_[thing->maker]));
            default: break;
        }
        if (thing->facts && is_same_file(*there, *thing->facts)) return kIdentified;
        if (thing->keep.empty()) return unless(!thing->facts);
        return unless(is_version(root_, path, *there, std::nullopt, thing->keep));
    }

    const Tree& root_;
    const std::vector<FileStep>& steps_;
    std::map<std::string, std::optional<FileFacts>> seen_;
};

std::vector<std::string> names_of(const FileStep& step) {
    std::vector<std::string> names;
    for (const auto* name : {&step.src, &step.dst, &step.keep})
        if (!name->empty()) names.push_back(*name);
    if (Model::exchanges(step) && step.op == StepOp::write_inline) names.push_back(own_path(step));
    return names;
}

// How many steps were performed, as far as the disk tells.
struct Cut {
    std::size_t at = 0;
    Fit fit;
};

// The rows between which the cut must be, by the marks.
struct Bounds {
    std::size_t lowest = 0;
    std::size_t highest = 0;
};

Bounds bounds_of(const std::vector<FileStep>& steps, const Chosen& marked) {
    Bounds bounds{0, steps.size()};
    FailedSteps before;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        if (marked[i]) {
            before.set_mark(steps[i], true);
            before.add(steps[i]);
            bounds.lowest = i + 1;
        } else if (before.concern(steps[i])) {
            bounds.highest = std::min(bounds.highest, i);
        }
    }
    bounds.highest = std::max(bounds.lowest, bounds.highest);
    return bounds;
}

// The cut whose predictions fit the disk best. After each step only the names that it touches are compared again.
Cut find_cut(const std::vector<FileStep>& steps, const Chosen& left_out, const Bounds& bounds, Look& look) {
    const auto start = start_of(steps, left_out);
    std::map<std::string, Fit> fits;  // every name the rows speak of, at any time
    {
        Model all(steps, start);
        for (const auto& [path, thing] : all.all()) fits[path];
        for (std::size_t i = 0; i < steps.size(); ++i) {
            if (left_out[i]) continue;
            all.apply(i);
            for (const auto& path : names_of(steps[i])) {
                fits[path];
                for (auto it = all.all().lower_bound(path); it != all.all().end() && is_at_or_below(it->first, path);
                     ++it)
                    fits[it->first];
            }
        }
    }
    Model model(steps, start);
    Fit all;
    const auto compare = [&](std::map<std::string, Fit>::iterator at) {
        all -= at->second;
        at->second = look.fit(at->first, model.at(at->first));
        all += at->second;
    };
    for (auto it = fits.begin(); it != fits.end(); ++it) compare(it);
    Cut best{0, all};
    const auto consider = [&](std::size_t i, std::size_t cut) {
        for (const auto& path : names_of(steps[i])) {
            compare(fits.find(path));
            for (auto it = fits.lower_bound(path + "/"); it != fits.end() && is_at_or_below(it->first, path); ++it)
                compare(it);
        }
        if (i < bounds.lowest || (all.better_than(best.fit) && cut <= bounds.highest)) best = {cut, all};
    };
    for (std::size_t i = 0; i < steps.size(); ++i) {
        if (left_out[i]) {
            best = {i + 1, all};
            continue;
        }
        if (Model::exchanges(steps[i])) {
            model.exchange(i);
            consider(i, i);  // half done: to be finished
        }
        model.finish(i);
        consider(i, i + 1);
    }
    return best;
}

// Where what step `i` made or moved stands after the steps before the cut; empty: a later one of them replaced it.
std::string home_of(const FileStep& step, std::size_t i, const Model& model, const std::vector<std::string>& homes) {
    if (!homes[i].empty()) return homes[i];
    const auto there = model.all().find(step.dst);
    const bool stands =
        there != model.all().end() && there->second.what != Thing::What::absent && there->second.by == i;
    return stands ? step.dst : std::string();
}

}  // namespace

std::vector<StepOutcome> Filer::replay(std::vector<FileStep> steps) {
    if (steps.empty()) return {};
    // A killed process may have left a name that it changed and did not sync any more. What builds upon it must not be
    // on the disk without it.
    if (ordered_) root_.sync_all();
    finish_exchanges();
    for (const FileStep& step : steps) {
        if (step.op != StepOp::place_staged) continue;
        try {
            take_second_name(step);
        } catch (const base::Failure& failure) {  // its step fails by itself
            base::log_warn("filer", "not_seen=" + step.dst + " " + failure.what());
        }
    }
    const Chosen marked = read_marks(steps);
    Chosen left_out = marked;
    // Nothing that builds upon a marked step was performed after it, so its own names tell how far it got.
    for (std::size_t i = 0; i < steps.size(); ++i)
        if (marked[i] && is_moved(steps[i])) left_out[i] = false;
    Look look(root_, steps);
    const Cut cut =
        base::planted(base::Plant::redo_all) ? Cut{} : find_cut(steps, left_out, bounds_of(steps, marked), look);
    base::log_info("filer", "replay steps=" + std::to_string(steps.size()) + " done=" + std::to_string(cut.at));
    Model model(steps, start_of(steps, left_out));
    for (std::size_t i = 0; i < cut.at; ++i)
        if (!left_out[i]) model.apply(i);
    std::vector<std::string> homes(steps.size());
    for (const auto& [path, thing] : model.all())
        if (thing.maker != kNone) homes[thing.maker] = path;

    std::vector<StepOutcome> outcomes;
    outcomes.reserve(steps.size());
    later_.assign(steps.rbegin(), steps.rend());
    rows_ = steps;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        later_.pop_back();
        const FileStep& step = steps[i];
        const auto again = [&](StepOutcome& outcome) { redo(step, outcome); };
        if (marked[i] || i >= cut.at) {
            outcomes.push_back(guarded(step, Role::work, again));
            continue;
        }
        const auto at_src = step.src.empty() ? std::nullopt : model.at(step.src);
        const bool src_free = at_src && at_src->what == Thing::What::absent;
        outcomes.push_back(recheck(step, home_of(step, i, model, homes), src_free));
    }
    restore_replaced(steps, outcomes);
    forget_earlier_contents(steps, outcomes);
    rows_ = {};
    note_all();  // what was done before the crash may not be durable either
    return outcomes;
}

// Where two files can not change places in one step, a crash may have left the one that came out, or another name of
// the one that was to come out, beside the name it was to get.
void Filer::finish_exchanges() {
    const std::string staging(kCopies.substr(0, kCopies.size() - 1));
    for (const DirEntry& entry : root_.list(staging)) {
        if (!entry.name.ends_with(kExchangeAside)) continue;
        const std::string aside = std::string(kCopies) + entry.name;
        const std::string own = aside.substr(0, aside.size() - kExchangeAside.size());
        const auto facts = root_.stat(aside);
        if (!root_.stat(own))
            root_.rename(aside, own);
        else if (facts && facts->links > 1)
            root_.unlink(aside);
    }
}

// Which rows have marks.
std::vector<bool> Filer::read_marks(const std::vector<FileStep>& steps) const {
    std::set<std::string> there;
    for (const DirEntry& entry : root_.list(kCopies.substr(0, kCopies.size() - 1)))
        there.insert(std::string(kCopies) + entry.name);
    std::vector<bool> marked(steps.size());
    for (std::size_t i = 0; i < steps.size(); ++i) {
        marked[i] = there.contains(mark_path(steps[i])) && !base::planted(base::Plant::marks_ignored);
        if (failed_ && marked[i]) failed_->set_mark(steps[i], true);
    }
    return marked;
}

// It failed after its rename, or its mark could not be taken away.
bool Filer::is_moved(const FileStep& step) const {
    const bool renames = step.op == StepOp::move || step.op == StepOp::keep_folder || step.op == StepOp::keep_file;
    try {
        return renames && !root_.stat(step.src) && root_.stat(step.dst);
    } catch (const base::Failure&) {  // its step fails by itself
        return false;
    }
}

// In the end history has what each step replaced: a file that came out of its place torn was dropped, and one that is
// kept under the name of its hash may be torn, for the bytes that a row holds.
void Filer::restore_replaced(const std::vector<FileStep>& steps, std::vector<StepOutcome>& outcomes) {
    Model model(steps, start_of(steps, Chosen(steps.size())));
    for (std::size_t i = 0; i < steps.size(); ++i) model.apply(i);
    std::map<std::string, std::size_t> held;  // by the name of their hash
    for (std::size_t i = 0; i < steps.size(); ++i) {
        if (steps[i].op == StepOp::write_inline) held[base::hex(base::sha256(steps[i].bytes).view())] = i;
    }
    for (const auto& entry : model.all()) {
        const std::string& path = entry.first;
        const Thing& thing = entry.second;
        if (thing.what == Thing::What::absent || !path.starts_with(".hearth/")) continue;
        const auto by_hash = thing.any_copy ? held.find(path.substr(path.rfind('/') + 1)) : held.end();
        const std::size_t row = by_hash != held.end()                ? by_hash->second
                                : thing.what == Thing::What::inlined ? thing.maker
                                                                     : kNone;
        if (row == kNone || !outcomes[row].failure.empty()) continue;
        StepOutcome& outcome = outcomes[row];
        const StepOutcome done = guarded(steps[row], Role::look, [&](StepOutcome& again) {
            restore_history(steps[row], path, by_hash != held.end(), again);
        });
        if (!done.failure.empty()) outcome.failure = done.failure;
        if (done.surprise) outcome.surprise = done.surprise;
    }
}

// A file that stands where a later step put another content says nothing of that one: its facts would go under the
// entity tag of the later.
void Filer::forget_earlier_contents(const std::vector<FileStep>& steps, std::vector<StepOutcome>& outcomes) {
    std::set<NodeId> written;
    for (std::size_t i = steps.size(); i-- > 0;) {
        if (written.contains(steps[i].node)) outcomes[i].facts.reset();
        if (steps[i].op == StepOp::write_inline || steps[i].op == StepOp::place_staged) written.insert(steps[i].node);
    }
}

// A step from the cut on: most likely not performed, and if it was, what it placed keeps its place.
void Filer::redo(const FileStep& step, StepOutcome& outcome) {
    if (step.op == StepOp::write_inline) {
        settle_leftover(step, outcome);
        if (is_placed(step)) {
            restore(step.dst, step, outcome);
            outcome.facts = facts_of_copy(step.dst, step);
            return;
        }
    }
    // It was placed, and another program took it away since. Tried again for ever, it would stop what comes after it.
    if (step.op == StepOp::place_staged && is_gone(step)) return base::log_error("filer", "gone=" + step.src);
    dispatch(step, outcome);
}

bool Filer::is_gone(const FileStep& step) const {
    if (root_.stat(step.src) || root_.stat(step.dst)) return false;
    return !ordered_ || !root_.stat(second_name(step.src));
}

StepOutcome Filer::recheck(const FileStep& step, const std::string& home, bool src_free) {
    return guarded(step, Role::look, [&](StepOutcome& outcome) {
        const auto there = home.empty() ? std::nullopt : root_.stat(home);
        const bool undone = src_free && !there && root_.stat(step.src);
        switch (step.op) {
            case StepOp::write_inline: return recheck_inline(step, home, outcome);
            case StepOp::place_staged: return recheck_staged(step, home, outcome);
            case StepOp::make_folder:
                if (!home.empty() && !there) root_.make_folders(home);
                if (home == step.dst) outcome.facts = root_.stat(home);
                return;
            case StepOp::move:
                if (!home.empty() && undone) return dispatch(step, outcome);
                if (there && (!step.expect || is_same_file(*there, *step.expect))) outcome.facts = there;
                return;
            case StepOp::keep_file:
            case StepOp::keep_folder:
                if (!home.empty() && undone) dispatch(step, outcome);
                return;
            case StepOp::discard:
                if (undone) dispatch(step, outcome);
                return;
            case StepOp::set_exec: {
                // Another file may have been put there by a later step: it keeps the mode that came with it.
                const auto file = root_.stat(step.dst);
                if (file && step.expect && is_same_file(*file, *step.expect)) dispatch(step, outcome);
                return;
            }
        }
    });
}

void Filer::recheck_inline(const FileStep& step, const std::string& home, StepOutcome& outcome) {
    settle_leftover(step, outcome);
    if (home.empty()) return;
    const auto there = root_.stat(home);
    const bool still_old = there && step.expect && home == step.dst && is_same_file(*there, *step.expect);
    if (still_old) return dispatch(step, outcome);
    const Likeness like = there ? likeness(root_, home, step) : Likeness::other;
    const bool left = like == Likeness::torn && base::planted(base::Plant::torn_left);
    if (!there || (like != Likeness::other && !left)) restore(home, step, outcome);
    if (!home.starts_with(".hearth/")) outcome.facts = facts_of_copy(home, step);
}

void Filer::recheck_staged(const FileStep& step, const std::string& home, StepOutcome& outcome) {
    const auto staged = root_.stat(step.src);
    if (staged && is_exchanged(step, *staged)) {
        settle(step.src, step, outcome);
    } else if (staged && home == step.dst) {
        return dispatch(step, outcome);
    } else if (staged && !home.empty() && rename_making_parents(step.src, home) == Rename::exists) {
        throw base::Failure(base::Fault::busy, "something stands at " + home);
    }
    drop_second_name(step);
    if (home.empty() || home.starts_with(".hearth/")) return;
    const auto there = root_.stat(home);
    if (there && Look::is_staged(*there, step) && has_time_of(step, *there)) outcome.facts = there;
}

// Before the look at its octets: what somebody writes after that has other facts.
std::optional<FileFacts> Filer::facts_of_copy(const std::string& path, const FileStep& step) const {
    const auto facts = root_.stat(path);
    return likeness(root_, path, step) == Likeness::same ? facts : std::nullopt;
}

// `by_hash`: whatever other octets stand there are torn ones.
void Filer::restore_history(const FileStep& step, const std::string& kept, bool by_hash, StepOutcome& outcome) {
    const auto there = root_.stat(kept);
    const bool ours =
        there && there->kind == DiskKind::file && (by_hash || likeness(root_, kept, step) != Likeness::other);
    if (!there || ours) restore(kept, step, outcome);
}

// Puts the bytes of the row where the model says they stand: nothing is there, or a copy of them that may be torn. The
// mode of a copy is what a later step may have given it.
void Filer::restore(const std::string& path, const FileStep& step, StepOutcome& outcome) {
    const std::string own = own_path(step);
    const auto there = root_.stat(path);
    // Under another name until it is whole: a part of it under `own`, left by a crash, could not be told from what
    // somebody else left at dst.
    const std::string again = own + "-again";
    root_.unlink(again);
    try {
        write_own(root_.create(again).get(), step, there ? there->exec : step.exec);
    } catch (const base::Failure& failure) {
        // A full disk must not hold up what comes after it, a removal for one. What is whole is synced as it stands.
        if (failure.fault() != base::Fault::disk_full || likeness(root_, path, step) != Likeness::same) throw;
        base::log_warn("filer", "no_room_to_write_anew=" + path);
        root_.unlink(again);
        note_file(path, there->ino);
        return note_folder_of(path);
    }
    if (root_.rename(again, own) != Rename::done) throw base::Failure(base::Fault::io, "no free name for " + own);
    const bool whole = there && there->size == static_cast<std::int64_t>(step.bytes.size());
    if (!whole) base::log_warn("filer", "restored=" + path);
    if (rename_making_parents(own, path) == Rename::exists) {
        if (root_.exchange(own, path) != Rename::done) throw base::Failure(base::Fault::busy, "restoring " + path);
        const auto out = root_.stat(own);
        const bool history = out && path.starts_with(".hearth/") && is_version(root_, own, *out, std::nullopt, path);
        if (history || likeness(root_, own, step) != Likeness::other)
            root_.unlink(own);
        else
            settle(own, step, outcome);
    }
    if (const auto placed = root_.stat(path)) note_file(path, placed->ino);
    note_folder_of(own);
    note_folder_of(path);
}

}  // namespace storage
