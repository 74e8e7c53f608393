#include "storage/store.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <set>
#include <unordered_map>

#include "storage/base/log.h"
#include "storage/base/planted.h"
#include "storage/check.h"
#include "storage/commit.h"
#include "storage/log_sync.h"
#include "storage/root_state.h"
#include "storage/schema.h"

namespace storage {

namespace {

constexpr std::int64_t kReaderWaitMs = 10'000;
constexpr const char* kDatabase = ".hearth/hearth.db";
constexpr const char* kWriteAheadLog = ".hearth/hearth.db-wal";
constexpr const char* kSharedMemory = ".hearth/hearth.db-shm";
constexpr const char* kScratch = ".hearth/trial";
constexpr std::uint64_t kTrialBytes = 1 << 20;

void write_marker(Tree& tree, const Marker& marker) {
    constexpr const char* kNew = ".hearth/root.json.new";
    tree.unlink(kNew);
    const auto file = tree.create(kNew);
    if (!file) throw base::Failure(base::Fault::io, "creating root.json");
    file->append(marker_text(marker));
    file->set_private();
    file->sync();
    tree.replace(kNew, kMarker);
    tree.sync_folder(".hearth");
    tree.sync_folder("");
}

std::string meta(sql::Connection& db, std::string_view key) {
    auto query = db.query("SELECT value FROM meta WHERE key = ?1");
    query.bind_text(key);
    return query.next() ? std::string(query.text(0)) : std::string();
}

void set_meta(sql::Connection& db, std::string_view key, std::string_view value) {
    db.query("INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2")
        .bind_text(key)
        .bind_text(value)
        .run();
}

void set_meta(sql::Connection& db, std::string_view key, std::int64_t value) {
    db.query("INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2")
        .bind_text(key)
        .bind(value)
        .run();
}

// The ids of a new database; nothing to do for one that has them.
void give_birth(sql::Connection& db, const Seams& seams) {
    if (!meta(db, "db_uuid").empty()) return;
    db.begin();
    set_meta(db, "store_uuid", base::uuid_text(base::new_random_id(seams.rng)));
    set_meta(db, "db_uuid", base::uuid_text(base::new_random_id(seams.rng)));
    set_meta(db, "origin", static_cast<std::int64_t>((seams.rng.next_u64() >> 1) | 1));
    set_meta(db, "hlc_last", std::int64_t{0});
    set_meta(db, "lsn_last", std::int64_t{0});
    set_meta(db, "boot_counter", std::int64_t{0});
    const base::Id128 uid = base::new_random_id(seams.rng);
    db.query("INSERT INTO space (uid, kind, owner) VALUES (?1, ?2, ?3)")
        .bind_blob(uid.view())
        .bind(static_cast<std::int64_t>(SpaceKind::sys))
        .bind_blob(base::Id128{}.view())
        .run();
    db.commit();
}

base::Id128 uuid_from(std::string_view text) {
    std::string digits;
    for (const char c : text) {
        if (c != '-') digits += c;
    }
    const auto raw = base::unhex(digits);
    return raw ? base::id_from(*raw).value_or(base::Id128{}) : base::Id128{};
}

std::optional<FileFacts> known_file(sql::Connection& db, NodeId node) {
    auto query = db.query("SELECT dev, ino, size, mtime_ns FROM disk WHERE node = ?1");
    query.bind(node);
    if (!query.next()) return std::nullopt;
    FileFacts facts;
    facts.kind = DiskKind::file;
    facts.dev = static_cast<decltype(facts.dev)>(query.integer(0));
    facts.ino = static_cast<decltype(facts.ino)>(query.integer(1));
    facts.size = query.integer(2);
    facts.mtime_ns = query.integer(3);
    return facts;
}

class StoreOnDisk final : public Store {
  public:
    StoreOnDisk(Options options, Seams seams) : options_(std::move(options)), seams_(seams), fresh_(seams.exec) {
        while (options_.root.size() > 1 && options_.root.ends_with('/')) options_.root.pop_back();
        enter_root();
        open_database();
        if (base::planted(base::Plant::staging_swept_first) && state_->writable()) sweep_staging();
        if (state_->writable()) recover_steps();
        locked_.load(*writer_);
        // The start itself was committed with a sync: the log is there, and what a killed process left in it is
        // durable.
        if (options_.durability == Durability::relaxed && state_->writable()) {
            log_sync_ =
                std::make_unique<LogSync>(seams_, tree_->open(kWriteAheadLog), std::stoll(meta(*writer_, "lsn_last")));
        }
        committer_ = std::make_unique<Committer>(Committer::Setup{
            *writer_, fresh_, locked_, *tree_, seams_, options_.write_queue_max, options_.free_floor_bytes, failed_,
            *state_, options_.durability, log_sync_.get(), options_.indexers});
        readers_monitor_ = seams_.exec.monitor();
        for (std::size_t i = 0; i < options_.readers; ++i) {
            readers_.push_back(
                std::make_unique<sql::Connection>(database_path(), sql::Access::reader, seams_.fs.sqlite_vfs()));
        }
        for (const auto& reader : readers_) idle_.push_back(reader.get());
        if (state_->writable()) remove_leftovers();
    }

    bool settle(Lsn lsn) override { return committer_->settle(lsn); }
    std::uint64_t generation(NodeId parent) const override { return committer_->generation(parent); }
    Lsn durable() const override { return log_sync_ ? log_sync_->durable() : std::numeric_limits<Lsn>::max(); }
    Tree& tree() override { return *tree_; }
    const Seams& seams() const override { return seams_; }
    const std::string& root() const override { return options_.root; }
    base::Id128 uuid() const override { return uuid_; }
    std::unique_ptr<IndexEntry> index_entry(NodeKind kind, std::string_view octets) const override {
        for (const Indexer& indexer : options_.indexers)
            if (indexer.kind == kind) return indexer.entry(octets);
        return make_no_index();
    }
    std::optional<std::string> merged_item(NodeKind kind, const std::optional<std::string>& before,
                                           std::string_view later, std::string_view earlier) const override {
        for (const Indexer& indexer : options_.indexers)
            if (indexer.kind == kind && indexer.merged)
                return indexer.merged(before ? &*before : nullptr, later, earlier);
        return std::nullopt;
    }
    RootState& state() override { return *state_; }
    bool behind(const std::string& path) override { return committer_->behind(path); }
    void checkpoint() override { committer_->checkpoint(); }

    std::size_t drain_hidden(std::size_t limit) override {
        return write([&](WriteTxn& txn) { return static_cast<Writing&>(txn).drain_hidden(limit); });
    }
    std::size_t expire_history(const Retention& policy, std::int64_t now_ms, std::size_t limit) override;
    std::size_t forget_removals(const Forget& what, std::size_t limit) override;
    std::vector<Finding> check(bool repair) override;

  protected:
    void run_read(const std::function<void(ReadTxn&)>& fn) override;
    void run_write(const std::function<void(WriteTxn&)>& fn) override { committer_->run(fn); }

  private:
    std::string database_path() const { return options_.root + "/" + kDatabase; }
    [[noreturn]] void refuse(const std::string& why) const {
        throw NotARoot(options_.root + " can not be opened as a storage root: " + why);
    }
    void accept(const Volume& volume) const {
        if (volume.kind == Volume::Kind::refused) refuse("on " + volume.file_system + ", " + volume.refusal);
    }
    void enter_root();
    void try_out();
    void take_lock();
    bool holds_index() const;
    void doubt_marker(const Marker& ours);
    void doubt_files();
    void make_shelves();
    void keep_private();
    void open_database();
    void bring_in_log();
    void recover_steps();
    void remove_leftovers();
    void sweep_staging();

    Options options_;
    const Seams seams_;
    std::unique_ptr<Tree> tree_;
    std::unique_ptr<RootState> state_;
    std::unique_ptr<File> lock_;
    bool born_ = false;  // made by this start
    FailedSteps failed_;
    base::Id128 uuid_;
    FreshFacts fresh_;
    LockedNodes locked_;
    std::unique_ptr<sql::Connection> writer_;
    std::unique_ptr<base::Monitor> readers_monitor_;
    std::vector<std::unique_ptr<sql::Connection>> readers_;
    std::deque<sql::Connection*> idle_;  // guarded by readers_monitor_
    std::unique_ptr<LogSync> log_sync_;  // relaxed
    std::unique_ptr<Committer> committer_;
};

void StoreOnDisk::enter_root() {
    tree_ = seams_.fs.open_tree(options_.root, options_.create);
    if (!tree_) refuse("there is no such folder");
    accept(tree_->identify_volume(options_.volume));
    state_ = std::make_unique<RootState>(seams_.fs, *tree_, options_.root, seams_.exec);
    bool marked = false;
    bool foreign = false;
    for (const DirEntry& entry : tree_->list("")) {
        if (entry.name == ".hearth") marked = true;
        // lost+found: the root of a fresh file system.
        else if (entry.name != "lost+found")
            foreign = true;
    }
    const bool known = marked && (tree_->stat(kMarker) || holds_index());
    if (!known) {
        if (!options_.create) refuse("it has no .hearth/root.json");
        if (foreign && marked) refuse("its .hearth/root.json is missing; is a disk not mounted?");
        if (foreign) refuse("it is not empty and was not made by hearth; name an empty folder");
        born_ = true;
    }
    try {
        tree_->make_folder(".hearth", 0700);
        take_lock();
        try_out();
    } catch (const base::Failure& failure) {
        // A disk that the kernel found damaged may be read-only without being mounted so.
        if (failure.fault() != base::Fault::unavailable) throw;
        refuse("it is read-only (" + std::string(failure.what()) + "); look into the kernel's log for why");
    }
    for (const Volume::Promise& promise : tree_->volume().promises()) {
        base::log(promise.warns ? base::Level::warn : base::Level::info, "store",
                  "volume=" + tree_->volume().file_system + " " + promise.text);
    }
    base::log_info("store",
                   "durability=" + std::string(name_of(options_.durability)) + ": " + loss_window(options_.durability));
    for (const char* folder : {".hearth/staging", ".hearth/versions", ".hearth/trash", ".hearth/keys"}) {
        tree_->make_folder(folder, 0700);
    }
    make_shelves();
}

// A root that was made before was tried out then: it also opens when there is no room for that.
void StoreOnDisk::try_out() {
    if (!born_ && tree_->space().free_bytes < kTrialBytes) {
        base::log_warn("store", "the disk is full, its file system is not tried out again");
        return;
    }
    try {
        accept(tree_->try_volume(kScratch));
    } catch (const base::Failure& failure) {
        if (born_ || failure.fault() != base::Fault::disk_full) throw;
        base::log_warn("store", failure.what());
    }
}

void StoreOnDisk::take_lock() {
    std::string holder;
    lock_ = seams_.fs.lock_file(options_.root + "/.hearth/lock", holder);
    if (!lock_) throw InUse(options_.root, holder);
}

// An index of a root whose marker is gone: it can tell what there was. One that was never finished tells nothing, and
// its root is made anew.
bool StoreOnDisk::holds_index() const {
    const auto index = tree_->stat(kDatabase);
    return index && tree_->stat(kFilesFolder);
}

// A removal keeps the file in versions/<hh>/. It has to work on a full disk, where no folder can be made any more: they
// are made while there is room.
void StoreOnDisk::make_shelves() {
    const std::string versions = ".hearth/versions";
    const std::vector<DirEntry> there = tree_->list(versions);
    if (there.size() >= kShelves) return;
    try {
        for (std::size_t i = 0; i < kShelves; ++i)
            tree_->make_folder(versions + "/" + base::hex(std::string(1, static_cast<char>(i))), 0700);
    } catch (const base::Failure& failure) {  // then each is made when it is needed, if that can be
        base::log_warn("store", failure.what());
    }
}

// The index holds everybody's names and password hashes. SQLite gives its new files the mode of the database, so that
// must be right before SQLite sees it; what an older start or a restored copy left otherwise is corrected.
void StoreOnDisk::keep_private() {
    for (const char* path : {kMarker, kDatabase, kWriteAheadLog, kSharedMemory})
        if (const auto file = tree_->open(path)) file->set_private();
}

void StoreOnDisk::open_database() {
    if (born_) tree_->create(kDatabase);
    if (!tree_->stat(kDatabase)) refuse("its .hearth/hearth.db is missing; restore it from a backup");
    keep_private();
    writer_ = std::make_unique<sql::Connection>(database_path(), sql::Access::writer, seams_.fs.sqlite_vfs());
    if (!born_) bring_in_log();
    if (const std::string wrong = apply_schema(*writer_, options_.schema); !wrong.empty()) refuse(wrong);
    give_birth(*writer_, seams_);
    const Marker ours{meta(*writer_, "store_uuid"), meta(*writer_, "db_uuid")};
    uuid_ = uuid_from(ours.root);
    if (born_) {
        write_marker(*tree_, ours);
        // After the marker: a start that was cut before it left nothing that looks like somebody's files.
        tree_->make_folder(kFilesFolder);
        // The names of a new root, its own among them: no later sync of what lies below speaks for them.
        tree_->sync_all();
    } else {
        doubt_marker(ours);
    }
    doubt_files();
    if (!state_->writable()) return;
    tree_->make_folder(kFilesFolder);
    state_->know(ours);
    writer_->begin();
    writer_->query("UPDATE meta SET value = value + 1 WHERE key = 'boot_counter'").run();
    writer_->commit();
    const auto wal = tree_->stat(kWriteAheadLog);
    if (options_.wal_bytes > 0 && (!wal || wal->size < options_.wal_bytes)) writer_->grow_wal(options_.wal_bytes);
}

// What the log holds may be in the kernel's memory alone: a sync that failed marked it as written, the process ended by
// that, and no later sync of the log writes it again. Whatever was appended would be lost behind it in a power cut. So
// it goes into the database first, which syncs both.
void StoreOnDisk::bring_in_log() {
    try {
        if (!writer_->bring_in_log())
            base::log_warn("store", "another program reads the database: its log could not be brought in as a whole");
    } catch (const base::Failure& failure) {
        // Without room it stays where it is, as it would while the server runs: removals must go on, and make room.
        if (failure.fault() == base::Fault::disk_full)
            return base::log_warn("store", std::string("the log waits for room: ") + failure.what());
        state_->refuse("the log of " + options_.root + "/" + kDatabase + " can not be brought into it (" +
                           failure.what() + "); look into the kernel's log for why, and restart",
                       RootState::Files::readable);
    }
}

// One part of the root was copied or restored without the other. Then nothing is written, for it would go to the wrong
// place, and nothing counts as removed.
void StoreOnDisk::doubt_marker(const Marker& ours) {
    const auto marker = read_marker(*tree_);
    const std::string put_back = "; put the right one back (the index wants: " + marker_text(ours) + ") and restart";
    const std::string where = options_.root + "/" + kMarker;
    if (!marker) return state_->refuse(where + " is missing" + put_back, RootState::Files::readable);
    if (*marker != ours) {
        return state_->refuse(where +
                                  " names another database than the one beside it: one of them was copied or "
                                  "restored alone" +
                                  put_back,
                              RootState::Files::readable);
    }
}

// Files of which nothing is there: their disk is not mounted.
void StoreOnDisk::doubt_files() {
    auto query = writer_->query(
        "SELECT dir FROM space WHERE dir IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM fs_todo WHERE op = ?1 AND dst = dir)");
    query.bind(static_cast<std::int64_t>(StepOp::make_folder));
    bool wanted = false;
    while (query.next()) {
        wanted = true;
        if (tree_->stat(query.text(0))) return;
    }
    if (!wanted) return;
    state_->refuse(options_.root +
                       "/files is missing or empty, and the index knows of files; mount their disk or put them "
                       "back, and restart",
                   RootState::Files::unreadable);
}

// Everything that was committed is brought to the disk before anybody may look.
void StoreOnDisk::recover_steps() {
    std::vector<FileStep> steps;
    std::set<std::int64_t> unsure;
    {
        auto query = writer_->query("SELECT key, op, space, src, dst, expect, inline FROM fs_todo ORDER BY key");
        while (query.next()) {
            FileStep step;
            step.lsn = query.integer(0) / 16;
            step.step = static_cast<int>(query.integer(0) % 16);
            step.op = static_cast<StepOp>(query.integer(1));
            step.space = query.integer(2);
            step.src = query.text(3);
            step.dst = query.text(4);
            decode_expect(query.blob(5), step);
            step.bytes = query.blob(6);
            if (is_unsure(step)) unsure.insert(query.integer(0));
            steps.push_back(std::move(step));
        }
    }
    if (steps.empty()) return;
    base::log_info("store", "redoing " + std::to_string(steps.size()) + " file steps");
    Filer filer(*tree_, seams_.rng, &failed_);
    std::vector<StepOutcome> outcomes = filer.replay(std::move(steps));
    filer.flush();
    writer_->begin();
    // What the steps of each node left so far. Before its first one `disk` says what was known.
    std::unordered_map<NodeId, std::optional<FileFacts>> left;
    for (StepOutcome& outcome : outcomes) {
        if (unsure.contains(outcome.lsn * 16 + outcome.step)) {
            const auto earlier = left.find(outcome.node);
            distrust(outcome, earlier != left.end() ? earlier->second : known_file(*writer_, outcome.node));
        }
        if (outcome.node != 0) left[outcome.node] = outcome.facts;
        if (!outcome.failure.empty()) {
            base::log_error("store", "a file step can not be redone: " + outcome.failure);
        }
        if (outcome.node != 0 && outcome.facts) {
            const FileFacts& facts = *outcome.facts;
            writer_
                ->query(
                    "INSERT INTO disk (node, dev, ino, size, mtime_ns, ctime_ns) SELECT ?1, ?2, ?3, ?4, ?5, ?6"
                    " WHERE EXISTS (SELECT 1 FROM node WHERE id = ?1)"
                    " ON CONFLICT (node) DO UPDATE SET dev = ?2, ino = ?3, size = ?4, mtime_ns = ?5, ctime_ns = ?6")
                .bind(outcome.node)
                .bind(static_cast<std::int64_t>(facts.dev))
                .bind(static_cast<std::int64_t>(facts.ino))
                .bind(facts.size)
                .bind(facts.mtime_ns)
                .bind(facts.ctime_ns)
                .run();
        }
        if (!outcome.failure.empty()) continue;
        writer_->query("DELETE FROM fs_todo WHERE key = ?1").bind(outcome.lsn * 16 + outcome.step).run();
    }
    writer_->commit();
}

// Copies that were being built and uploads that were being received when the last process ended.
void StoreOnDisk::remove_leftovers() {
    const Author author{Cause::recovery, {}, {}};
    write([&](WriteTxn& txn) {
        for (const Node& top : static_cast<Writing&>(txn).hidden_roots()) {
            if (top.name.empty()) txn.remove(top.id, author);
        }
    });
    if (failed_.empty()) sweep_staging();  // else a step that could not be redone still needs its staged file
}

void StoreOnDisk::sweep_staging() {
    const std::set<std::string> stay = settle_taken_out(*tree_, seams_.rng);
    for (const DirEntry& entry : tree_->list(".hearth/staging")) {
        if (stay.contains(entry.name)) continue;
        const std::string path = ".hearth/staging/" + entry.name;
        if (entry.kind == DiskKind::folder)
            remove_tree(*tree_, path);
        else
            tree_->unlink(path);
    }
}

void StoreOnDisk::run_read(const std::function<void(ReadTxn&)>& fn) {
    sql::Connection* connection = nullptr;
    {
        base::Locked hold(*readers_monitor_);
        if (idle_.empty()) {
            const std::int64_t until = seams_.clock.monotonic_ms() + kReaderWaitMs;
            while (idle_.empty()) {
                if (!readers_monitor_->wait_until(until) && idle_.empty()) {
                    throw base::Failure(base::Fault::busy, "no read connection came free in time");
                }
            }
        }
        connection = idle_.back();  // the warmest cache
        idle_.pop_back();
    }
    struct Lease {
        StoreOnDisk& store;
        sql::Connection* connection;
        ~Lease() {
            connection->rollback();
            base::Locked hold(*store.readers_monitor_);
            store.idle_.push_back(connection);
            store.readers_monitor_->notify_one();
        }
    } lease{*this, connection};
    connection->begin();
    ReadView view(*connection, fresh_, locked_, seams_.clock, log_sync_.get());
    fn(view);
}

std::size_t StoreOnDisk::expire_history(const Retention& policy, std::int64_t now_ms, std::size_t limit) {
    HistoryTurn turn{policy, now_ms, share_of_disk(policy, tree_->space().total_bytes), {}};
    run_read([&](ReadTxn& txn) {
        auto& view = static_cast<ReadView&>(txn);
        const auto ages = ages_of(policy);
        for (std::size_t i = 0; i < kAges; ++i) turn.passed[i] = view.last_before(now_ms - ages[i].ms);
    });
    const std::size_t looked =
        write([&](WriteTxn& txn) { return static_cast<Writing&>(txn).expire_history(turn, limit); });
    if (looked == limit) return limit;
    // The folder of a removal goes after the rows that point into it.
    std::vector<Lsn> removals;
    run_read([&](ReadTxn& txn) {
        auto& view = static_cast<ReadView&>(txn);
        removals = expired_trash(view.connection(), tree_->list(kTrashFolder), limit - looked);
    });
    if (removals.empty()) return looked;
    return looked + write([&](WriteTxn& txn) { return static_cast<Writing&>(txn).discard_trash(removals); });
}

std::size_t StoreOnDisk::forget_removals(const Forget& what, std::size_t limit) {
    Lsn removals = 0;
    Lsn places = 0;
    run_read([&](ReadTxn& txn) {
        removals = static_cast<ReadView&>(txn).last_before(what.removals_before_ms);
        places = static_cast<ReadView&>(txn).last_before(what.places_before_ms);
    });
    if (removals == 0) return 0;
    return write([&](WriteTxn& txn) { return static_cast<Writing&>(txn).forget_removals(removals, places, limit); });
}

std::vector<Store::Finding> StoreOnDisk::check(bool repair) {
    std::vector<Finding> findings;
    std::vector<KeptFolder> strays;
    std::vector<NodeId> unindexed;
    run_read([&](ReadTxn& txn) {
        // What is committed and not yet on the disk would look missing.
        committer_->settle(txn.lsn());
        auto& view = static_cast<ReadView&>(txn);
        check_schema(view.connection(), findings);
        check_files(view, view.connection(), *tree_, findings);
        check_history(view.connection(), *tree_, findings);
        check_kept_aside(*tree_, findings);
        strays = find_strays(view.connection(), *tree_);
        unindexed = check_index(view.connection(), options_.indexers, findings);
        if (repair) return;
        check_sums(view.connection(), findings);
        check_locks(view.connection(), findings);
    });
    if (repair) state_->require_writable();
    const bool lacks = std::any_of(findings.begin(), findings.end(),
                                   [](const Finding& one) { return one.what == Finding::kMissingVersion; });
    if (repair || lacks || !strays.empty()) {
        run_read([&](ReadTxn& txn) {
            committer_->settle(txn.lsn());
            auto& view = static_cast<ReadView&>(txn);
            forget_expired(view.connection(), *tree_, findings);
            check_strays(view.connection(), *tree_, strays, findings);
            if (repair) put_versions_back(view, view.connection(), *tree_, findings);
        });
    }
    if (!repair) return findings;
    write([&](WriteTxn& txn) {
        static_cast<Writing&>(txn).repair_sums(findings);
        static_cast<Writing&>(txn).repair_locks(findings);
    });
    for (std::size_t done = 0; done < unindexed.size(); done += kCopyGroupMax) {
        const auto page = std::span(unindexed).subspan(done).first(std::min(kCopyGroupMax, unindexed.size() - done));
        write([&](WriteTxn& txn) { static_cast<Writing&>(txn).repair_index(page); });
    }
    for (Finding& one : findings) one.repaired |= one.what == "index";
    return findings;
}

}  // namespace

std::unique_ptr<Store> Store::open(Options options, Seams seams) {
    return std::make_unique<StoreOnDisk>(std::move(options), seams);
}

}  // namespace storage
