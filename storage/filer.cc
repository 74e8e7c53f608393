#include "storage/filer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "storage/base/failure.h"
#include "storage/base/hash.h"
#include "storage/base/log.h"
#include "storage/base/planted.h"
#include "storage/ordered_tree.h"
#include "storage/staging.h"

namespace storage {
namespace {

constexpr std::string_view kStaging = ".hearth/staging/";
constexpr std::string_view kTakenOut = "-out";  // a name other programs knew, looked at where they do not
constexpr unsigned kOwnFolderMode = 0700;       // below .hearth
constexpr int kSpaceDepth = 2;                  // "files/<name>"
constexpr int kRaceMax = 5;                     // tries against somebody who makes and removes the target all the time
constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr std::size_t kHashPieceBytes = 64 * 1024;

std::string step_name(const FileStep& step) {
    std::array<char, 20> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), step.lsn, 16).ptr;
    return std::string(digits.data(), end) + "-" + std::to_string(step.step);
}

bool is_own_area(std::string_view path) {
    return path.starts_with(".hearth/");
}

std::string read_all(const File& file, std::size_t limit) {
    std::string bytes(limit, '\0');
    std::size_t length = 0;
    while (length < limit) {
        const auto got = file.read_at(bytes.data() + length, limit - length, length);
        if (got == 0) break;
        length += got;
    }
    bytes.resize(length);
    return bytes;
}

// Null also where the modes that another program gave the file keep us out: it is somebody's then, and no failure.
std::unique_ptr<File> open_readable(const Tree& root, const std::string& path) {
    try {
        return root.open(path);
    } catch (const base::Failure& failure) {
        if (failure.fault() != base::Fault::denied) throw;
        return nullptr;
    }
}

// False: another program took the right to read the folder away, and only a sync of the whole file system is left.
bool sync_readable(Tree& root, const std::string& folder) {
    try {
        root.sync_folder(folder);
        return true;
    } catch (const base::Failure& failure) {
        if (failure.fault() != base::Fault::denied) throw;
        return false;
    }
}

std::string version_path(const std::string& hash) {
    const std::string name = base::hex(hash);
    return ".hearth/versions/" + name.substr(0, 2) + "/" + name;
}

bool is_in_history(const Tree& root, const std::string& path) {
    const auto there = root.stat(path);
    const auto hash = there && there->kind == DiskKind::file ? hash_of_file(root, path) : std::nullopt;
    const auto kept = hash ? root.stat(version_path(*hash)) : std::nullopt;
    return kept && kept->kind == DiskKind::file && kept->size == there->size;
}

// A version under an inode of its own: the one at `from` has another name, through which somebody may change the octets
// of history later. False: it changed while it was copied, so that it is no version.
bool copy_version(Tree& root, const std::string& from, const std::string& copy, const FileFacts& facts) {
    root.unlink(copy);  // of a copy that a crash cut
    const auto copied = root.copy_file(from, copy);
    if (!copied || !copied->source.same_version(facts)) {
        root.unlink(copy);
        return false;
    }
    if (const auto file = root.open(copy)) file->sync();
    return true;
}

// Blocks reach the disk in any order: where one is missing there are zeros, at the end or before others.
bool is_torn_copy(std::string_view there, std::string_view whole) {
    if (there.size() > whole.size()) return false;
    return std::equal(there.begin(), there.end(), whole.begin(), [](char a, char b) { return a == b || a == '\0'; });
}

}  // namespace

std::optional<std::string> hash_of_file(const Tree& root, const std::string& path) {
    const auto file = open_readable(root, path);
    if (!file) return std::nullopt;
    base::Hasher hasher;
    std::string piece(kHashPieceBytes, '\0');
    for (std::uint64_t offset = 0;;) {
        const auto got = file->read_at(piece.data(), piece.size(), offset);
        if (got == 0) return hasher.finish();
        hasher.update(std::string_view(piece).substr(0, got));
        offset += got;
    }
}

std::string own_path(const FileStep& step) {
    return std::string(kStaging) + step_name(step);
}
std::string mark_path(const FileStep& step) {
    return own_path(step) + ".failed";
}
std::string surprise_path(const FileStep& step) {
    return std::string(kSurprises) + "/" + step_name(step);
}

bool is_at_or_below(std::string_view path, std::string_view folder) {
    return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

std::string parent_of(std::string_view path) {
    const auto slash = path.rfind('/');
    return std::string(path.substr(0, slash == std::string_view::npos ? 0 : slash));
}

bool is_same_file(const FileFacts& a, const FileFacts& b) {
    if (a.kind != b.kind || a.ino != b.ino || a.dev != b.dev) return false;
    return a.kind != DiskKind::file || (a.size == b.size && a.mtime_ns == b.mtime_ns);
}

bool is_unsure(const FileStep& step) {
    return step.node != 0 && !step.expect && (step.op == StepOp::move || step.op == StepOp::set_exec);
}

void distrust(StepOutcome& outcome, const std::optional<FileFacts>& known) {
    const bool is_folder = outcome.facts && outcome.facts->kind == DiskKind::folder;
    if (outcome.facts && !is_folder && !(known && is_same_file(*outcome.facts, *known))) outcome.facts.reset();
}

bool has_time_of(const FileStep& step, const FileFacts& facts) {
    const std::int64_t beyond = step.mtime_ns % kNanosecondsPerSecond;
    return facts.mtime_ns == step.mtime_ns || facts.mtime_ns == step.mtime_ns - beyond;
}

Likeness likeness(const Tree& root, const std::string& path, const FileStep& step) {
    const auto file = open_readable(root, path);
    if (!file) return Likeness::other;
    const auto facts = file->facts();
    if (facts.mtime_ns != step.mtime_ns || facts.size > static_cast<std::int64_t>(step.bytes.size()))
        return Likeness::other;
    const std::string there = read_all(*file, step.bytes.size());
    if (there == step.bytes) return Likeness::same;
    return is_torn_copy(there, step.bytes) ? Likeness::torn : Likeness::other;
}

Filer::Filer(Tree& root, base::Rng& rng, FailedSteps* failed)
    : plain_(root),
      ordered_(root.volume().keeps_order() ? nullptr : std::make_unique<OrderedTree>(root)),
      root_(ordered_ ? static_cast<Tree&>(*ordered_) : root),
      sync_all_(root.volume().order == Order::checkpoint),
      rng_(rng),
      failed_(failed),
      many_(sync_all_) {}

Filer::~Filer() = default;

StepOutcome Filer::perform(const FileStep& step) {
    return guarded(step, Role::work, [&](StepOutcome& outcome) {
        if (failed_ && failed_->has_mark(step)) return redo(step, outcome);
        dispatch(step, outcome);
    });
}

StepOutcome Filer::guarded(const FileStep& step, Role role, const std::function<void(StepOutcome&)>& work) {
    StepOutcome outcome;
    outcome.lsn = step.lsn;
    outcome.step = step.step;
    outcome.node = step.node;
    make_marks();
    try {
        // What it left undone may only be found at a start, and not behind later steps.
        if (ordered_ && ordered_->sync_failed()) throw base::Failure(base::Fault::io, "an earlier sync failed");
        if (failed_ && failed_->concern(step))
            throw base::Failure(base::Fault::unavailable, "it builds upon a step that failed");
        work(outcome);
        if (failed_ && failed_->has_mark(step)) {
            root_.unlink(mark_path(step));
            note_folder_of(mark_path(step));
            failed_->set_mark(step, false);
        }
    } catch (const base::Failure& failure) {  // one step that can not be done must not stop those of others
        outcome.failure = failure.what();
        outcome.facts.reset();
        if (failed_ && role == Role::work) failed_->add(step);
        if (failed_ && role == Role::look) failed_->add_performed(step);
        make_marks();
        base::log_error("filer", "step=" + step_name(step) + " dst=" + step.dst + " " + outcome.failure);
    }
    return outcome;
}

// Where even that fails, no step is performed until it can be done.
void Filer::make_marks() {
    if (!failed_) return;
    failed_->mark_all([&](const FileStep& step) {
        const std::string path = mark_path(step);
        try {
            if (!root_.create(path) && !root_.stat(path)) return false;
            if (ordered_) root_.sync_folder(parent_of(path));
        } catch (const base::Failure& failure) {
            base::log_error("filer", std::string("no step goes on: ") + failure.what());
            return false;
        }
        note_folder_of(path);
        return true;
    });
}

void Filer::dispatch(const FileStep& step, StepOutcome& outcome) {
    switch (step.op) {
        case StepOp::write_inline: return write_inline(step, outcome);
        case StepOp::place_staged: return place_staged(step, outcome);
        case StepOp::make_folder: return make_folder(step, outcome);
        case StepOp::move: return move(step, outcome);
        case StepOp::keep_file: return keep_file(step, outcome);
        case StepOp::keep_folder: return keep_folder(step, outcome);
        case StepOp::discard:
            if (!is_own_area(step.src)) throw base::Failure(base::Fault::corrupt, "discarding user files: " + step.src);
            remove_tree(plain_, step.src);
            return note_folder_of(step.src);
        case StepOp::set_exec: return set_exec(step, outcome);
    }
    throw base::Failure(base::Fault::corrupt, "unknown file step");
}

// ---- writing ----

void Filer::write_inline(const FileStep& step, StepOutcome& outcome) {
    const std::string own = own_path(step);
    auto file = root_.create(own);
    if (!file) {  // a crash left something there
        settle_leftover(step, outcome);
        file = root_.create(own);
    }
    write_own(file.get(), step, step.exec);
    place(own, step, outcome);
    // Of what was written here: what stands at dst by now may already be somebody else's. And somebody may already have
    // written into it.
    const FileFacts facts = file->facts();
    const bool untouched = has_time_of(step, facts) && facts.size == static_cast<std::int64_t>(step.bytes.size());
    if (untouched) outcome.facts = base::planted(base::Plant::facts_by_name) ? root_.stat(step.dst) : facts;
    note_file(step.dst, facts.ino);
    note_folder_of(step.dst);
}

void Filer::write_own(File* file, const FileStep& step, bool exec) {
    if (!file) throw base::Failure(base::Fault::unavailable, "no staging folder for " + own_path(step));
    file->append(step.bytes);
    if (exec) file->set_exec(true);
    file->set_mtime(step.mtime_ns);
    // Where nothing keeps order, the time by which a replay knows a torn file may be lost with the octets.
    if (ordered_) file->sync();
}

// The file to be replaced may hold the very same bytes and time: it is told apart by its inode.
bool Filer::is_placed(const FileStep& step) const {
    const auto there = root_.stat(step.dst);
    if (!there || there->kind != DiskKind::file || there->mtime_ns != step.mtime_ns) return false;
    if (step.expect && there->ino == step.expect->ino) return false;
    return likeness(root_, step.dst, step) == Likeness::same;
}

// A crash between the exchange and what follows it leaves the replaced file under our staging name; a crash before it,
// a part of our own bytes.
void Filer::settle_leftover(const FileStep& step, StepOutcome& outcome) {
    const std::string own = own_path(step);
    const auto there = root_.stat(own);
    if (!there) return;
    const bool replaced = is_version(root_, own, *there, step.expect, step.keep);
    const auto file = replaced ? nullptr : open_readable(root_, own);
    if (file && there->size <= static_cast<std::int64_t>(step.bytes.size())) {
        // The row still holds these bytes. An empty or partial file that somebody else left at dst looks the same only
        // when dst holds ours already, and then it must be kept.
        if (is_torn_copy(read_all(*file, step.bytes.size()), step.bytes) && !is_placed(step)) {
            root_.unlink(own);
            return;
        }
    }
    settle(own, step, outcome);
}

bool Filer::is_exchanged(const FileStep& step, const FileFacts& at_src) const {
    if (step.src_ino != 0) return at_src.ino != step.src_ino;
    return step.expect && at_src.ino == step.expect->ino;
}

void Filer::place_staged(const FileStep& step, StepOutcome& outcome) {
    take_second_name(step);
    const auto staged = root_.stat(step.src);
    if (staged && is_exchanged(step, *staged)) {
        settle(step.src, step, outcome);
    } else if (staged) {
        // Neither the time it was staged with nor the one it is to get: somebody wrote into it, and it stays his.
        const bool written = step.src_mtime_ns && staged->mtime_ns != *step.src_mtime_ns && !has_time_of(step, *staged);
        if (const auto file = root_.open(step.src)) {
            if (staged->exec != step.exec) file->set_exec(step.exec);
            if (staged->mtime_ns != step.mtime_ns && !written) file->set_mtime(step.mtime_ns);
        }
        place(step.src, step, outcome);
    }
    note_folder_of(step.src);
    note_folder_of(step.dst);
    drop_second_name(step);
    const auto there = root_.stat(step.dst);
    if (!there && !staged) throw base::Failure(base::Fault::io, "the staged file is gone: " + step.src);
    // Not ours (replaced from outside since, or written into): the old row stays, so that the next look finds the
    // difference.
    const bool ours = there && (step.src_ino == 0 || there->ino == step.src_ino) && has_time_of(step, *there);
    if (ours) outcome.facts = there;
}

// The name of the staged file did not outlive a power cut, or the exchange that took it away was left half done: then
// its second name leads to it.
void Filer::take_second_name(const FileStep& step) {
    if (!ordered_ || step.src_ino == 0) return;
    const auto second = root_.stat(second_name(step.src));
    if (!second || second->ino != step.src_ino) return;
    for (const std::string& place : {step.src, step.dst}) {
        const auto there = root_.stat(place);
        if (there && there->ino == step.src_ino) return;
    }
    // What stands at src came out of dst: it keeps its place when that is still its own.
    if (const auto out = root_.stat(step.src)) {
        const auto there = root_.stat(step.dst);
        if (!there || there->ino != out->ino) return;
        root_.unlink(step.src);
    }
    root_.rename(second_name(step.src), step.src);
}

// Its place is on the disk by now. Before anybody looks at the file: the change time is that of the last unlink.
void Filer::drop_second_name(const FileStep& step) {
    if (ordered_) root_.unlink(second_name(step.src));
}

// Puts the finished file `own` at dst. What stood there comes out under the name `own` and is looked at only then:
// there is no moment between the look and the swap in which an outside write could be lost.
void Filer::place(const std::string& own, const FileStep& step, StepOutcome& outcome) {
    for (int tries = 0; tries < kRaceMax; ++tries) {
        if (!step.keep.empty() || tries > 0) {
            if (root_.exchange(own, step.dst) == Rename::done) return settle(own, step, outcome);
        }
        const bool over = base::planted(base::Plant::no_replace_missing);
        switch (over ? root_.replace(own, step.dst) : root_.rename(own, step.dst)) {
            case Rename::done: return;
            case Rename::missing: make_way(step, parent_of(step.dst), outcome); break;
            case Rename::exists: break;  // made from outside after the index looked: exchange, and keep theirs
        }
    }
    throw base::Failure(base::Fault::busy, "somebody keeps changing " + step.dst);
}

// `out` came out of dst. As expected it is the version to keep; if not, an outside write raced and its bytes stay.
void Filer::settle(const std::string& out, const FileStep& step, StepOutcome& outcome) {
    const auto facts = root_.stat(out);
    if (!facts) return;
    const bool unseen = base::planted(base::Plant::surprise_unseen) && !step.keep.empty();
    if (unseen || is_version(root_, out, *facts, step.expect, step.keep)) return keep_as(out, step.keep, step, outcome);
    const auto is_like = [&](const FileStep& one, Likeness wanted) {
        // The time first: it costs no look at the file, and rows may be many.
        return one.op == StepOp::write_inline && one.mtime_ns == facts->mtime_ns && likeness(root_, out, one) == wanted;
    };
    // Bytes that a row still holds: this step performed twice, or in a replay one that comes again.
    const auto is_ours = [&](const FileStep& one) { return is_like(one, Likeness::same); };
    // And a torn copy of bytes that a row before it holds: the replay puts them into history from there.
    const auto is_torn = [&](const FileStep& one) { return is_like(one, Likeness::torn); };
    if (is_ours(step) || std::any_of(later_.begin(), later_.end(), is_ours) ||
        std::any_of(rows_.begin(), rows_.end(), is_torn)) {
        root_.unlink(out);
        return note_folder_of(out);
    }
    keep_surprise(out, step, outcome);
}

bool is_version(const Tree& root, const std::string& path, const FileFacts& facts,
                const std::optional<FileFacts>& expect, std::string_view keep) {
    if (keep.empty() || facts.kind != DiskKind::file) return false;
    if (expect && is_same_file(facts, *expect)) return true;
    const auto wanted = base::unhex(keep.substr(keep.rfind('/') + 1));
    if (!wanted || wanted->size() != base::Hash{}.bytes.size()) return false;
    const auto hash = hash_of_file(root, path);
    return hash && *hash == *wanted;
}

std::set<std::string> settle_taken_out(Tree& root, base::Rng& rng) {
    const std::string staging(kStaging.substr(0, kStaging.size() - 1));
    std::set<std::string> stay;
    bool kept = false;
    for (const DirEntry& entry : root.list(staging)) {
        if (!entry.name.ends_with(kTakenOut) && !entry.name.ends_with(kExchangeAside)) continue;
        const std::string out = std::string(kStaging) + entry.name;
        const std::string to =
            std::string(kSurprises) + "/" + entry.name + "-" + base::hex(base::new_random_id(rng).view());
        try {
            if (is_in_history(root, out)) continue;
            root.make_folders(std::string(kSurprises), kOwnFolderMode);
            if (root.rename(out, to) != Rename::done) throw base::Failure(base::Fault::io, "no free name to keep it");
        } catch (const base::Failure& failure) {  // a full disk, say: it is looked at again by the next start
            base::log_error("filer", "not_settled=" + out + " " + failure.what());
            stay.insert(entry.name);
            continue;
        }
        base::log_warn("filer", "outside_write_kept=" + to);
        kept = true;
    }
    if (kept) {
        root.sync_folder(std::string(kSurprises));
        root.sync_folder(staging);
    }
    return stay;
}

// History has the octets of that file, as it was `seen`. A name that other programs know is not unlinked at once: one
// of them may have written since. It is taken out first, and looked at again where nobody else looks.
void Filer::drop(const std::string& path, const FileFacts& seen, const FileStep& step, StepOutcome& outcome) {
    std::string out = path;
    if (!is_own_area(path)) {
        out = own_path(step) + std::string(kTakenOut);
        // What a crash left there, if it did.
        if (is_in_history(root_, out))
            root_.unlink(out);
        else
            keep_surprise(out, step, outcome);
        if (root_.rename(path, out) != Rename::done) return;  // gone meanwhile
    }
    const auto there = root_.stat(out);
    if (!there) return;
    if (is_same_file(*there, seen))
        root_.unlink(out);
    else
        keep_surprise(out, step, outcome);
}

void Filer::keep_as(const std::string& from, const std::string& keep, const FileStep& step, StepOutcome& outcome) {
    const auto facts = root_.stat(from);
    if (!facts) return;
    const bool unsynced = many_ || written_.contains(step.op == StepOp::keep_file ? step.src : step.dst);
    const bool shared = facts->links > 1;
    const std::string version = shared ? own_path(step) + "-version" : from;
    if (shared && !copy_version(root_, from, version, *facts)) return keep_surprise(from, step, outcome);
    Rename renamed = rename_making_parents(version, keep);
    const auto kept = renamed == Rename::exists ? root_.stat(keep) : std::nullopt;
    if (kept && kept->kind == DiskKind::file && kept->size < facts->size) {
        // A power cut left a part of these octets there: nothing else has their name.
        root_.unlink(keep);
        renamed = root_.rename(version, keep);
    }
    if (renamed == Rename::exists) {
        if (!kept || kept->kind != DiskKind::file || kept->size != facts->size)
            return keep_surprise(from, step, outcome);
        if (shared) root_.unlink(version);
        drop(from, *facts, step, outcome);
    } else if (shared) {
        drop(from, *facts, step, outcome);
    }
    if (!shared && unsynced) note_file(keep, facts->ino);
    note_folder_of(from);
    note_folder_of(keep);
}

// Makes `folder` and those above it. What another program put in the way, a file or a symlink in the place of a folder,
// is kept aside. The folder of a space itself is never taken for that: it may be what an admin mounts or links.
void Filer::make_way(const FileStep& step, const std::string& folder, StepOutcome& outcome) {
    int depth = 0;
    for (std::size_t end = folder.find('/'); !is_own_area(folder); end = folder.find('/', end + 1)) {
        const std::string part = folder.substr(0, end);
        const auto there = ++depth > kSpaceDepth ? root_.stat(part) : std::nullopt;
        if (there && there->kind != DiskKind::folder) keep_surprise(part, step, outcome);
        if (end == std::string::npos) break;
    }
    root_.make_folders(folder);
}

void Filer::keep_surprise(const std::string& from, const FileStep& step, StepOutcome& outcome) {
    std::string to = surprise_path(step);
    for (int tries = 0; tries < kRaceMax; ++tries) {
        const auto renamed = rename_making_parents(from, to);
        if (renamed == Rename::missing) return;  // gone meanwhile: nothing to keep
        if (renamed == Rename::done) {
            base::log_warn("filer", "outside_write_kept=" + to + " path=" + step.dst);
            outcome.surprise = to;
            note_folder_of(from);
            return note_folder_of(to);
        }
        to = surprise_path(step) + "-" + base::hex(base::new_random_id(rng_).view());
    }
    throw base::Failure(base::Fault::io, "no free name to keep " + from);
}

Rename Filer::rename_making_parents(const std::string& from, const std::string& to) {
    const auto renamed = root_.rename(from, to);
    if (renamed != Rename::missing || !root_.stat(from)) return renamed;
    if (is_own_area(to))
        root_.make_folders(parent_of(to), kOwnFolderMode);
    else
        root_.make_folders(parent_of(to));
    note_folder_of(parent_of(to));
    return root_.rename(from, to);
}

// ---- folders, moving and removing ----

void Filer::make_folder(const FileStep& step, StepOutcome& outcome) {
    const auto there = root_.stat(step.dst);
    if (there && there->kind != DiskKind::folder) keep_surprise(step.dst, step, outcome);
    make_way(step, step.dst, outcome);
    note_folder_of(step.dst);
    outcome.facts = root_.stat(step.dst);
}

void Filer::move(const FileStep& step, StepOutcome& outcome) {
    flush_below(step.src);
    const auto above = root_.stat(parent_of(step.dst));
    const bool obstructed = !above || above->kind != DiskKind::folder;
    if (obstructed && !is_own_area(step.dst) && root_.stat(step.src)) make_way(step, parent_of(step.dst), outcome);
    auto renamed = rename_making_parents(step.src, step.dst);
    if (renamed == Rename::exists) {
        keep_surprise(step.dst, step, outcome);  // made from outside since: dst was free when this was decided
        renamed = root_.rename(step.src, step.dst);
    }
    if (renamed == Rename::exists) throw base::Failure(base::Fault::busy, "somebody keeps making " + step.dst);
    note_folder_of(step.src);
    note_folder_of(step.dst);
    const auto there = root_.stat(step.dst);
    if (!there) base::log_warn("filer", "nothing to move at " + step.src);  // removed from outside: the scan reports it
    // Changed from outside before it moved: its bytes are at dst; the old row stays, so that the next look takes them
    // in.
    const bool ours = !step.expect || base::planted(base::Plant::moved_unseen);
    if (there && (ours || is_same_file(*there, *step.expect))) outcome.facts = there;
}

void Filer::keep_file(const FileStep& step, StepOutcome& outcome) {
    flush_below(step.src);
    const auto there = root_.stat(step.src);
    if (!there) return note_folder_of(step.src);
    if (is_version(root_, step.src, *there, step.expect, step.dst)) return keep_as(step.src, step.dst, step, outcome);
    keep_surprise(step.src, step, outcome);
}

void Filer::keep_folder(const FileStep& step, StepOutcome& outcome) {
    flush_below(step.src);
    const auto there = root_.stat(step.src);
    if (there && there->kind != DiskKind::folder) return keep_surprise(step.src, step, outcome);
    // When dst exists this was done before, and what is at src now came from outside: it stays.
    rename_making_parents(step.src, step.dst);
    note_folder_of(step.src);
    note_folder_of(step.dst);
}

// Changed from outside meanwhile: the bit is asked for of the file that is there. The old row stays, so that the next
// look takes its bytes in.
void Filer::set_exec(const FileStep& step, StepOutcome& outcome) {
    const auto file = open_readable(root_, step.dst);
    if (!file) return;
    const bool known = !step.expect || is_same_file(file->facts(), *step.expect);
    try {
        file->set_exec(step.exec);
    } catch (const base::Failure& failure) {  // given to another owner: the bit is his, and nothing waits for it
        if (failure.fault() != base::Fault::denied) throw;
        return base::log_warn("filer", "not_ours=" + step.dst + " " + failure.what());
    }
    const FileFacts facts = file->facts();
    note_file(step.dst, facts.ino);
    if (known) outcome.facts = facts;
}

// ---- durability ----

// Once a later step has moved bytes away, a redo could only find them by following that step. It never has to.
void Filer::flush_below(const std::string& path) {
    const auto below = [&](const auto& written) { return is_at_or_below(written.first, path); };
    if (many_ || std::any_of(written_.begin(), written_.end(), below)) flush();
}

void Filer::note_file(const std::string& path, std::uint64_t ino) {
    if (many_) return;
    const auto [noted, fresh] = written_.try_emplace(path, ino);
    const std::uint64_t earlier = std::exchange(noted->second, ino);
    const auto is_earlier = [&](const auto& written) { return written.second == earlier; };
    // Neither stands there what was written there, nor did a step take it elsewhere: another program moved it away.
    if (!fresh && earlier != ino && std::none_of(written_.begin(), written_.end(), is_earlier)) return note_all();
    bound_notes();
}

void Filer::note_folder_of(const std::string& path) {
    if (!many_) touched_.insert(parent_of(path));
    bound_notes();
}

void Filer::bound_notes() {
    if (written_.size() + touched_.size() >= kFlushMax) note_all();
}

void Filer::note_all() {
    many_ = true;
    written_.clear();
    touched_.clear();
}

void Filer::flush() {
    if (sync_failed()) throw base::Failure(base::Fault::io, "an earlier sync failed");
    try {
        sync_noted();
    } catch (const base::Failure&) {
        sync_failed_ = true;
        throw;
    }
}

bool Filer::sync_failed() const {
    return sync_failed_ || (ordered_ && ordered_->sync_failed());
}

void Filer::sync_noted() {
    const auto files = std::exchange(written_, {});
    const auto folders = std::exchange(touched_, {});
    bool all = std::exchange(many_, sync_all_);
    // No descriptor free, or the like: nothing was lost by that, and a syncfs needs none.
    const auto or_all = [&](const auto& sync) {
        try {
            sync();
        } catch (const base::Failure& failure) {
            const bool nothing_lost = failure.fault() == base::Fault::busy;
            if (!nothing_lost && base::planted(base::Plant::sync_tried_again)) return sync();
            if (!nothing_lost) throw;
            all = true;
        }
    };
    for (const auto& entry : files) {
        or_all([&] {
            const auto file = open_readable(root_, entry.first);
            if (file) file->sync();
            // Another Filer may work on the tree while this one flushes, and have moved or replaced what was written
            // here. The bytes are somewhere, and the row that holds them is about to go.
            if (!file || file->facts().ino != entry.second) all = true;
        });
    }
    for (const auto& path : folders) {
        or_all([&] {
            if (!base::planted(base::Plant::folder_unsynced) && !sync_readable(root_, path)) all = true;
        });
    }
    if (all) root_.sync_all();
}

}  // namespace storage
