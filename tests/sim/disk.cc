#include "tests/sim/disk.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <utility>

namespace sim {

namespace {

constexpr std::size_t kBlock = 4096;  // what a disk writes whole

[[noreturn]] void no_power() {
    throw base::Failure(base::Fault::io, "the power is cut");
}

void put_bytes(std::string& into, std::uint64_t offset, std::string_view bytes) {
    const auto at = static_cast<std::size_t>(offset);
    if (into.size() < at + bytes.size()) into.resize(at + bytes.size(), '\0');
    into.replace(at, bytes.size(), bytes);
}

}  // namespace

Disk::Disk(std::uint64_t seed, Names names)
    : names_(names),
      volume_(storage::known_volume(names == Names::ordered ? "xfs" : "unknown", storage::VolumePolicy::proven)),
      dice_(seed) {
    Inode& root = inodes_[kRootIno];
    root.ino = kRootIno;
    root.kind = storage::DiskKind::folder;
    root.links = 1;
    durable_[kRootIno];
}

void Disk::note(std::string_view what) {
    for (const char c : what) trace_ = (trace_ ^ static_cast<unsigned char>(c)) * 1099511628211U;
}

void Disk::alive() const {
    if (dead_) no_power();
}

void Disk::step(std::string_view what, std::string_view where, Deed deed, Spot from, Spot to) {
    alive();
    note(what);
    note(where);
    if (watch_) watch_(cut_point_of(deed, from, to));
    ++changes_;
    if (cut_at_ && changes_ >= *cut_at_) {
        dead_ = true;
        cut_point_ = cut_point_of(deed, from, to);
        ++fired_["cut at " + cut_point_];
        no_power();
    }
    if (deed == Deed::sync_folder) {
        if (named_) named_->synced.push_back(from.ino);
    } else if (changes_names(deed)) {
        named_ = Named{deed, std::move(from), std::move(to), {}};
    } else {
        named_.reset();
    }
}

std::string Disk::cut_point_of(Deed deed, const Spot& from, const Spot& to) {
    const auto touch = [&](Deed what, const Spot& a, const Spot& b) { return Touch{what, path_of(a), path_of(b)}; };
    Touch now = touch(deed, from, to);
    const Inode* inode = at(from.ino);
    now.unsynced = from.name.empty() && inode != nullptr && !inode->pending.empty();
    // Where names keep no order, each change of one is followed by a sync of its folders.
    const bool belongs = deed == Deed::sync_folder && names_ == Names::loose && named_ &&
                         (named_->from.ino == from.ino || named_->to.ino == from.ino) &&
                         std::find(named_->synced.begin(), named_->synced.end(), from.ino) == named_->synced.end();
    if (!belongs) return name_of(now);
    return name_of(touch(named_->deed, named_->from, named_->to)) + ", fsync of a folder";
}

// Searched for: only a cut asks.
std::string Disk::path_of(const Spot& spot) {
    if (spot.ino == 0) return {};
    std::vector<std::pair<Ino, std::string>> open{{kRootIno, ""}};
    while (!open.empty()) {
        const auto [ino, path] = open.back();
        open.pop_back();
        if (ino == spot.ino) return spot.name.empty() ? path : path + "/" + spot.name;
        for (const auto& [name, member] : at(ino)->entries) open.emplace_back(member, path + "/" + name);
    }
    return {};
}

void Disk::may_fail(Call call, bool grows) {
    alive();
    const auto fire = [&](const char* name, base::Fault fault) {
        ++faults_fired_;
        ++fired_[std::string("fault ") + name];
        note(name);
        throw base::Failure(fault, name);
    };
    const auto drawn = [&](unsigned rate) { return rate > 0 && dice_() % 10'000 < rate; };
    if (grows && faults_.full > 0) {
        if (changes_ >= full_until_ && drawn(faults_.full)) full_until_ = changes_ + 1 + dice_() % 60;
        if (changes_ < full_until_) {
            ++changes_;  // time passes, and others free what they hold
            fire("disk full", base::Fault::disk_full);
        }
    }
    switch (call) {
        case Call::open:
            if (drawn(faults_.open)) fire("too many open files", base::Fault::busy);
            return;
        case Call::read:
            if (drawn(faults_.read)) fire("read", base::Fault::io);
            return;
        case Call::write:
            if (drawn(faults_.write)) fire("write", base::Fault::io);
            return;
        case Call::name:
            if (drawn(faults_.name)) fire("name", base::Fault::io);
            return;
        case Call::sync:
        case Call::sync_all:
            if (drawn(faults_.sync)) fire(call == Call::sync ? "fsync" : "syncfs", base::Fault::io);
            return;
    }
}

// As if it had been written: who asks again is told that all is well.
void Disk::forget_unsynced(Inode& file) {
    file.pending.clear();
}

std::int64_t Disk::now_ns() {
    return now_ns_ += 1000;
}

Inode* Disk::at(Ino ino) {
    const auto found = inodes_.find(ino);
    return found == inodes_.end() ? nullptr : &found->second;
}

Inode& Disk::must(Ino ino) {
    Inode* found = at(ino);
    CHECK(found != nullptr);
    return *found;
}

Inode* Disk::find(std::string_view path) {
    alive();
    Inode* here = at(kRootIno);
    while (!path.empty()) {
        const auto slash = path.find('/');
        const std::string name(path.substr(0, slash));
        path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
        if (here->kind != storage::DiskKind::folder) return nullptr;
        const auto entry = here->entries.find(name);
        if (entry == here->entries.end()) return nullptr;
        here = at(entry->second);
    }
    return here;
}

Inode* Disk::parent_of(std::string_view path, std::string& name) {
    const auto slash = path.rfind('/');
    name = path.substr(slash == std::string_view::npos ? 0 : slash + 1);
    Inode* folder = find(slash == std::string_view::npos ? std::string_view() : path.substr(0, slash));
    return folder != nullptr && folder->kind == storage::DiskKind::folder && !name.empty() ? folder : nullptr;
}

void Disk::change(Change what) {
    journal_.push_back(std::move(what));
}

Inode* Disk::make(Inode& folder, const std::string& name, storage::DiskKind kind) {
    may_fail(Call::name, true);
    step("make", name, kind == storage::DiskKind::folder ? Deed::make_folder : Deed::make, {folder.ino, name});
    Inode* made = &inodes_[++last_ino_];
    made->ino = last_ino_;
    made->kind = kind;
    made->links = 1;
    made->mtime_ns = made->ctime_ns = now_ns();
    folder.entries[name] = made->ino;
    folder.mtime_ns = folder.ctime_ns = made->mtime_ns;
    change({Change::What::add, folder.ino, name, 0, {}, made->ino, kind});
    return made;
}

void Disk::link(Inode& folder, const std::string& name, Ino ino) {
    may_fail(Call::name, true);
    step("link", name, Deed::link, {folder.ino, name});
    folder.entries[name] = ino;
    Inode& inode = must(ino);
    ++inode.links;
    inode.ctime_ns = folder.mtime_ns = folder.ctime_ns = now_ns();
    change({Change::What::add, folder.ino, name, 0, {}, ino, inode.kind});
}

void Disk::unlink(Inode& folder, const std::string& name) {
    may_fail(Call::name);
    const Ino ino = folder.entries.at(name);
    const bool is_folder = must(ino).kind == storage::DiskKind::folder;
    step("unlink", name, is_folder ? Deed::remove_folder : Deed::unlink, {folder.ino, name});
    folder.entries.erase(name);
    folder.mtime_ns = folder.ctime_ns = now_ns();
    Inode& inode = must(ino);
    --inode.links;
    inode.ctime_ns = folder.ctime_ns;
    change({Change::What::remove, folder.ino, name, 0, {}, ino, inode.kind});
    drop_if_unused(ino);
}

void Disk::rename(Inode& from, const std::string& name, Inode& to, const std::string& new_name) {
    may_fail(Call::name);
    step("rename", name, Deed::rename, {from.ino, name}, {to.ino, new_name});
    step("rename to", new_name, Deed::rename, {from.ino, name}, {to.ino, new_name});
    const Ino ino = from.entries.at(name);
    const auto over = to.entries.find(new_name);
    const std::optional<Ino> replaced = over == to.entries.end() ? std::nullopt : std::optional(over->second);
    from.entries.erase(name);
    to.entries[new_name] = ino;
    from.mtime_ns = from.ctime_ns = to.mtime_ns = to.ctime_ns = must(ino).ctime_ns = now_ns();
    change({Change::What::move, from.ino, name, to.ino, new_name, ino, must(ino).kind});
    if (replaced && *replaced != ino) {
        --must(*replaced).links;
        drop_if_unused(*replaced);
    }
}

void Disk::exchange(Inode& a, const std::string& name_a, Inode& b, const std::string& name_b) {
    may_fail(Call::name);
    step("exchange", name_b, Deed::exchange, {a.ino, name_a}, {b.ino, name_b});
    const Ino ino_a = a.entries.at(name_a), ino_b = b.entries.at(name_b);
    std::swap(a.entries.at(name_a), b.entries.at(name_b));
    const std::int64_t now = now_ns();
    a.mtime_ns = a.ctime_ns = b.mtime_ns = b.ctime_ns = now;
    must(a.entries.at(name_a)).ctime_ns = must(b.entries.at(name_b)).ctime_ns = now;
    change({Change::What::swap, a.ino, name_a, b.ino, name_b, ino_a, storage::DiskKind::file, ino_b});
}

void Disk::write(Inode& file, std::uint64_t offset, std::string_view bytes) {
    try {
        may_fail(Call::write, offset + bytes.size() > file.bytes.size());
    } catch (const base::Failure&) {
        // Perhaps a part was written.
        if (!dead_ && bytes.size() > 1 && dice_() % 2 == 0) {
            const std::string_view part = bytes.substr(0, dice_() % bytes.size());
            put_bytes(file.bytes, offset, part);
            file.pending.push_back({offset, std::string(part), std::nullopt});
            file.mtime_ns = file.ctime_ns = now_ns();
        }
        throw;
    }
    // Not the octets: SQLite writes what its memory held into the unused parts of pages.
    step("write", std::to_string(offset) + "+" + std::to_string(bytes.size()), Deed::write, {file.ino});
    put_bytes(file.bytes, offset, bytes);
    file.pending.push_back({offset, std::string(bytes), std::nullopt});
    file.mtime_ns = file.ctime_ns = now_ns();
}

void Disk::truncate(Inode& file, std::uint64_t size) {
    step("truncate", "", Deed::truncate, {file.ino});
    file.bytes.resize(static_cast<std::size_t>(size), '\0');
    file.pending.push_back({0, {}, size});
    file.mtime_ns = file.ctime_ns = now_ns();
}

// Times and modes are durable at once: what depends on them is tested elsewhere.
void Disk::set_mtime(Inode& file, std::int64_t mtime_ns) {
    step("mtime", "", Deed::time, {file.ino});
    file.mtime_ns = mtime_ns;
    file.ctime_ns = now_ns();
}

void Disk::set_exec(Inode& file, bool exec) {
    step("mode", "", Deed::mode, {file.ino});
    file.exec = exec;
    file.ctime_ns = now_ns();
}

// A folder's entries may be on the platter before its own name is: then they wait for it.
void Disk::settle(const Change& what) {
    auto& folder = durable_[what.folder];
    const auto take_away = [&] {
        // Only that entry: with loose names another file may stand there by now.
        if (const auto entry = folder.find(what.name); entry != folder.end() && entry->second == what.ino) {
            folder.erase(entry);
        }
    };
    switch (what.what) {
        case Change::What::add: folder[what.name] = what.ino; return;
        case Change::What::remove: take_away(); return;
        case Change::What::move:
            take_away();
            durable_[what.to][what.to_name] = what.ino;
            return;
        case Change::What::swap: {
            auto& to = durable_[what.to];
            const auto a = folder.find(what.name);
            const auto b = to.find(what.to_name);
            if (a != folder.end() && b != to.end()) return std::swap(a->second, b->second);
            // One name was not on the platter yet: a sync of the other's folder takes the exchange along all the same.
            folder[what.name] = what.other;
            to[what.to_name] = what.ino;
            return;
        }
    }
}

// Those before that a change builds upon are on the platter with it: what its names were until then, and the folder
// into which it moves something.
void Disk::take_causes(std::vector<bool>& taken) const {
    std::set<std::pair<Ino, std::string>> names;
    std::set<Ino> folders;
    for (std::size_t i = journal_.size(); i-- > 0;) {
        const Change& one = journal_[i];
        const std::pair from{one.folder, one.name}, to{one.to, one.to_name};
        const bool leads =
            one.what != Change::What::remove && (folders.contains(one.ino) || folders.contains(one.other));
        if (!taken[i] && !leads && !names.contains(from) && !names.contains(to)) continue;
        taken[i] = true;
        names.insert(from);
        folders.insert(one.folder);
        if (one.to == 0) continue;
        names.insert(to);
        folders.insert(one.to);
    }
}

void Disk::commit_names(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) settle(journal_[i]);
    journal_.erase(journal_.begin(), journal_.begin() + static_cast<std::ptrdiff_t>(count));
}

// What was written since the last sync, and no more: what a failed sync forgot stays lost, and a write-ahead log is
// long and synced at every commit.
void Disk::harden(Inode& file) {
    for (const Inode::Write& one : file.pending) {
        if (one.size)
            file.durable.resize(static_cast<std::size_t>(*one.size), '\0');
        else
            put_bytes(file.durable, one.offset, one.bytes);
    }
    file.pending.clear();
}

void Disk::sync_file(Inode& file) {
    try {
        may_fail(Call::sync);
        if (std::exchange(file.lost_writes, false)) throw base::Failure(base::Fault::io, "a write was lost before");
    } catch (const base::Failure&) {
        if (!dead_) forget_unsynced(file);
        throw;
    }
    step("fsync", "", Deed::sync, {file.ino});
    harden(file);
    if (names_ == Names::loose) return;
    // A journal that holds a change of this file writes all before it as well.
    std::size_t upto = 0;
    for (std::size_t i = 0; i < journal_.size(); ++i) {
        if (journal_[i].touches(file.ino)) upto = i + 1;
    }
    commit_names(upto);
}

void Disk::sync_folder(Inode& folder) {
    may_fail(Call::sync);
    step("fsync of a folder", "", Deed::sync_folder, {folder.ino});
    if (names_ == Names::ordered) {
        std::size_t upto = 0;
        for (std::size_t i = 0; i < journal_.size(); ++i) {
            if (journal_[i].touches(folder.ino)) upto = i + 1;
        }
        commit_names(upto);
        return;
    }
    std::vector<bool> taken(journal_.size());
    for (std::size_t i = 0; i < journal_.size(); ++i)
        taken[i] = journal_[i].folder == folder.ino || journal_[i].to == folder.ino;
    take_causes(taken);
    std::vector<Change> rest;
    for (std::size_t i = 0; i < journal_.size(); ++i) {
        if (taken[i])
            settle(journal_[i]);
        else
            rest.push_back(std::move(journal_[i]));
    }
    journal_ = std::move(rest);
}

void Disk::sync_all(const std::string& root) {
    if (std::exchange(told_[root], lost_writes_) != lost_writes_)
        throw base::Failure(base::Fault::io, "a write was lost before");
    try {
        may_fail(Call::sync_all);
    } catch (const base::Failure&) {
        told_[root] = ++lost_writes_;
        for (auto& [ino, inode] : inodes_) {
            if (dead_ || dice_() % 2 != 0) continue;
            inode.lost_writes = !inode.pending.empty();
            forget_unsynced(inode);
        }
        throw;
    }
    step("syncfs", "", Deed::sync_all, {});
    for (auto& [ino, inode] : inodes_) {
        harden(inode);
    }
    commit_names(journal_.size());
}

void Disk::drop_if_unused(Ino ino) {
    const Inode& inode = must(ino);
    if (inode.links > 0 || inode.opens > 0) return;
    // The platter may still name it.
    for (const auto& [folder, entries] : durable_) {
        for (const auto& [name, named] : entries) {
            if (named == ino) return;
        }
    }
    for (const Change& one : journal_) {
        if (one.ino == ino || one.other == ino) return;
    }
    inodes_.erase(ino);
}

void Disk::closed(Ino ino, int life) {
    if (life != life_) return;
    Inode* inode = at(ino);
    if (inode == nullptr) return;
    --inode->opens;
    drop_if_unused(ino);
}

void Disk::power_on(bool killed) {
    heal();
    faults_fired_ = 0;
    lost_writes_ = 0;
    told_.clear();
    if (killed) {
        dead_ = false;
        cut_at_.reset();
        ++life_;
        std::vector<Ino> closed;
        for (auto& [ino, inode] : inodes_) {
            if (std::exchange(inode.opens, 0) > 0) closed.push_back(ino);
        }
        for (const Ino ino : closed) drop_if_unused(ino);
        return note("killed");
    }
    const auto chance = [&](unsigned percent) { return dice_() % 100 < percent; };
    // Names.
    if (names_ == Names::ordered) {
        commit_names(static_cast<std::size_t>(dice_() % (journal_.size() + 1)));
    } else {
        const unsigned kept = static_cast<unsigned>(dice_() % 3) * 50;  // none, half, all
        std::vector<bool> taken(journal_.size());
        for (std::size_t i = 0; i < journal_.size(); ++i) taken[i] = chance(kept);
        take_causes(taken);
        for (std::size_t i = 0; i < journal_.size(); ++i) {
            if (taken[i]) settle(journal_[i]);
        }
    }
    journal_.clear();
    // Octets: each block that was written is there or not.
    for (auto& [ino, inode] : inodes_) {
        const unsigned kept = static_cast<unsigned>(dice_() % 3) * 50;
        for (const Inode::Write& one : inode.pending) {
            if (one.size) {
                if (chance(kept)) inode.durable.resize(static_cast<std::size_t>(*one.size), '\0');
                continue;
            }
            for (std::size_t done = 0; done < one.bytes.size();) {
                const std::size_t offset = static_cast<std::size_t>(one.offset) + done;
                const std::size_t length = std::min(one.bytes.size() - done, kBlock - offset % kBlock);
                if (chance(kept)) put_bytes(inode.durable, offset, std::string_view(one.bytes).substr(done, length));
                done += length;
            }
        }
        inode.pending.clear();
        inode.lost_writes = false;
        inode.bytes = inode.durable;
        inode.opens = 0;
        inode.links = 0;
        inode.entries.clear();
    }
    // What the root still leads to.
    std::vector<Ino> open{kRootIno};
    std::map<Ino, Inode> left;
    std::map<Ino, std::map<std::string, Ino>> durable;
    while (!open.empty()) {
        const Ino ino = open.back();
        open.pop_back();
        if (!left.contains(ino)) {
            auto found = inodes_.extract(ino);
            CHECK(!found.empty());
            left.insert(std::move(found));
            Inode& inode = left.at(ino);
            if (inode.kind == storage::DiskKind::folder) {
                inode.entries = durable_[ino];
                durable[ino] = inode.entries;
                for (const auto& [name, member] : inode.entries) open.push_back(member);
            }
        }
        ++left.at(ino).links;
    }
    inodes_ = std::move(left);
    durable_ = std::move(durable);
    dead_ = false;
    cut_at_.reset();
    ++life_;
    note("power on");
    if (std::getenv("SIM_SHOW")) {
        std::fprintf(stderr, "power on, names %d\n", static_cast<int>(names_));
        std::vector<std::pair<Ino, std::string>> all{{kRootIno, ""}};
        while (!all.empty()) {
            auto [ino, path] = all.back();
            all.pop_back();
            const Inode& inode = *at(ino);
            std::fprintf(stderr, "  %s %zu\n", path.c_str(), inode.bytes.size());
            for (const auto& [name, member] : inode.entries) all.push_back({member, path + "/" + name});
        }
    }
}

std::uint64_t Disk::digest() const {
    std::uint64_t sum = 0;
    const auto add = [&](std::uint64_t part) { sum = (sum ^ part) * 1099511628211U + (sum >> 29); };
    const auto add_text = [&](std::string_view text) { add(std::hash<std::string_view>()(text)); };
    for (const auto& [ino, inode] : inodes_) {
        add(ino);
        add(static_cast<std::uint64_t>(inode.kind) * 2 + (inode.exec ? 1 : 0));
        add_text(inode.bytes);
        add_text(inode.durable);
        if (inode.kind == storage::DiskKind::file && !inode.bytes.starts_with("SQLite format") &&
            !inode.bytes.starts_with("\x37\x7f\x06")) {
            add(static_cast<std::uint64_t>(inode.mtime_ns));
            add(static_cast<std::uint64_t>(inode.ctime_ns));
        }
        for (const auto& [name, member] : inode.entries) {
            add_text(name);
            add(member);
        }
    }
    add(journal_.size());
    return sum;
}

storage::FileFacts Disk::facts(const Inode& inode) const {
    storage::FileFacts facts;
    facts.kind = inode.kind;
    facts.dev = 1;
    facts.ino = inode.ino;
    facts.size = static_cast<std::int64_t>(inode.bytes.size());
    facts.mtime_ns = inode.mtime_ns;
    facts.ctime_ns = inode.ctime_ns;
    facts.links = inode.links;
    facts.exec = inode.exec;
    return facts;
}

}  // namespace sim
