#include "storage/commit.h"

#include "storage/base/log.h"
#include "storage/base/planted.h"

namespace storage {

namespace {

constexpr std::int64_t kStepsPerRecord = 16;
std::int64_t key_of(const FileStep& step) {
    return step.lsn * kStepsPerRecord + step.step;
}

// What is in memory must be what was committed. Where that can not be read, only a start finds out.
template <typename Fn>
void or_stop(Fn load) {
    try {
        load();
    } catch (const base::Failure& failure) {
        base::log_error("store", std::string(failure.what()) + "; stopping so that recovery decides");
        base::stop_at_once();
    }
}

}  // namespace

Committer::Committer(const Setup& setup)
    : db_(setup.db),
      fresh_(setup.fresh),
      locked_(setup.locked),
      tree_(setup.tree),
      seams_(setup.seams),
      root_(setup.root),
      queue_max_(setup.queue_max),
      free_floor_bytes_(setup.free_floor_bytes),
      durability_(setup.durability),
      indexers_(setup.indexers),
      log_sync_(setup.log_sync),
      ledger_(setup.db, setup.seams.clock),
      folders_(setup.db),
      queue_monitor_(setup.seams.exec.monitor()),
      flights_monitor_(setup.seams.exec.monitor()),
      filer_monitor_(setup.seams.exec.monitor()),
      failed_(setup.failed),
      filer_(std::make_unique<Filer>(setup.tree, setup.seams.rng, &failed_)),
      settle_monitor_(setup.seams.exec.monitor()) {
    ledger_.load();
    tangles_.load(db_);
    if (log_sync_) db_.sync_commits(false);
    reached_ = ledger_.lsn();
    behind_ = !failed_.empty();
    writer_ = seams_.exec.spawn("writer", [this] { write_loop(); });
    file_thread_ = seams_.exec.spawn("files", [this] { file_loop(); });
    flusher_ = seams_.exec.spawn("flusher", [this] { flush_loop(); });
}

Committer::~Committer() {
    {
        base::Locked hold(*queue_monitor_);
        closing_ = true;
        queue_monitor_->notify_all();
    }
    writer_.reset();
    if (log_sync_) log_sync_->close();
    {
        base::Locked hold(*flights_monitor_);
        flights_closed_ = true;
        flights_monitor_->notify_all();
    }
    file_thread_.reset();
    {
        base::Locked hold(*filer_monitor_);
        flusher_closed_ = true;
        filer_monitor_->notify_all();
    }
    flusher_.reset();
    // All threads are gone; what they left to tidy up is written here. Failing that, the next start does it.
    try {
        if (log_sync_) db_.sync_commits(true);
        while (!redo_keys_.empty() || fresh_.any_landed()) {
            const Chores chores = take_chores();
            db_.begin();
            do_chores(chores);
            db_.commit();
            fresh_.written(chores.disk_rows);
        }
        db_.checkpoint();
    } catch (const base::Failure& failure) {
        db_.rollback();
        base::log_warn("store", std::string("closing: ") + failure.what());
    }
}

// ---- callers ----

void Committer::run(const std::function<void(WriteTxn&)>& fn) {
    root_.require_writable();
    Job job(fn, seams_.exec);
    {
        base::Locked hold(*queue_monitor_);
        if (closing_) throw base::Failure(base::Fault::unavailable, "the store is closing");
        if (queue_.size() >= queue_max_) throw base::Failure(base::Fault::busy, "the write queue is full");
        queue_.push_back(&job);
        if (queue_.size() == 1 || queue_.size() == awaited_) queue_monitor_->notify_one();
    }
    {
        base::Locked hold(*job.monitor);
        while (!job.done) job.monitor->wait();
    }
    if (job.error) std::rethrow_exception(job.error);
}

void Committer::finish(Job& job) {
    base::Locked hold(*job.monitor);
    job.done = true;
    job.monitor->notify_one();  // under the lock: the caller takes the job away as soon as it has it
}

bool Committer::settle(Lsn lsn) {
    if (reached_ >= lsn) return true;
    if (log_sync_) log_sync_->hurry(lsn);
    const std::int64_t until = seams_.clock.monotonic_ms() + kSettleWaitMs;
    ++settling_;
    bool in_time = true;
    {
        base::Locked hold(*settle_monitor_);
        while (in_time && reached_ < lsn) in_time = settle_monitor_->wait_until(until);
    }
    --settling_;
    return reached_ >= lsn;
}

void Committer::reached(Lsn lsn) {
    if (lsn <= reached_) return;
    reached_ = lsn;
    if (settling_ == 0) return;
    base::Locked hold(*settle_monitor_);
    settle_monitor_->notify_all();
}

std::uint64_t Committer::generation(NodeId parent) const {
    return generations_[static_cast<std::size_t>(parent) % kGenerationSlots] + moves_;
}

void Committer::bump(const Group& group, std::size_t from, std::size_t to) {
    if (group.moved_folders) ++moves_;
    for (std::size_t i = from; i < to; ++i)
        ++generations_[static_cast<std::size_t>(group.touched[i]) % kGenerationSlots];
}

void Committer::checkpoint() {
    base::Locked hold(*queue_monitor_);
    checkpoint_ = tidy_ = true;
    queue_monitor_->notify_one();
}

// ---- writer ----

void Committer::write_loop() {
    while (true) {
        std::vector<Job*> jobs;
        bool checkpoint = false;
        {
            base::Locked hold(*queue_monitor_);
            while (queue_.empty() && !tidy_ && !closing_) queue_monitor_->wait();
            if (queue_.empty() && closing_) return;
            if (durability_ == Durability::group) wait_for_company();
            while (!queue_.empty() && jobs.size() < kJobsPerCommitMax) {
                jobs.push_back(queue_.front());
                queue_.pop_front();
            }
            tidy_ = false;
            checkpoint = std::exchange(checkpoint_, false);
        }
        const std::size_t count = jobs.size();
        const std::int64_t began_ms = seams_.clock.monotonic_ms();
        const bool committed = commit_group(std::move(jobs));
        const std::int64_t took_ms = seams_.clock.monotonic_ms() - began_ms;
        bool waiting = false;
        {
            base::Locked hold(*queue_monitor_);
            waiting = !queue_.empty();
            company_.committed(count, queue_.size(), took_ms);
            // After a failure the next commit tries again, not this thread in a circle.
            if (committed && !redo_keys_.empty()) tidy_ = true;
        }
        if (checkpoint) checkpointed_frames_ = -kCheckpointFrames;  // whatever was done lately
        maybe_checkpoint(waiting);
    }
}

// With queue_monitor_ held.
void Committer::wait_for_company() {
    const std::int64_t patience_ms = company_.patience_ms();
    if (queue_.empty() || patience_ms == 0) return;
    const std::int64_t until = seams_.clock.monotonic_ms() + patience_ms;
    awaited_ = std::min({company_.expected(), kJobsPerCommitMax, queue_max_});
    while (queue_.size() < awaited_ && !closing_ && queue_monitor_->wait_until(until)) {
    }
    company_.waited(queue_.size() >= awaited_);
    awaited_ = 0;
}

bool Committer::commit_group(std::vector<Job*> jobs) {
    // Errors leave their catch before anyone is told: the caller's thread is then the last to hold one.
    std::exception_ptr error;
    try {
        root_.look();
        root_.require_writable();
    } catch (const base::Failure&) {
        error = std::current_exception();
    }
    if (error) {
        fail(jobs, std::move(error));
        return false;
    }
    Chores chores = take_chores();
    Flight flight;
    folders_.trim();
    Writing txn({db_, fresh_, locked_, ledger_, folders_, tangles_, tree_, wait_for_steps_, seams_, free_floor_bytes_,
                 indexers_},
                flight.group);
    bool launched = false;
    const auto undo = [&] {
        if (launched) fresh_.recall(flight.group.steps);
        db_.rollback();
        if (!base::planted(base::Plant::rollback_keeps_digests)) folders_.clear();
        or_stop([&] {
            ledger_.load();
            tangles_.load(db_);
        });
        if (!base::planted(base::Plant::chores_forgotten)) give_back(std::move(chores));
    };
    try {
        db_.begin();
        do_chores(chores);
    } catch (...) {  // not the functions' fault, but nothing can be written now
        error = std::current_exception();
    }
    if (error) {
        undo();
        fail(jobs, std::move(error));
        return false;
    }
    for (Job* job : jobs) {
        const std::size_t verbs = txn.verbs();
        try {
            (*job->fn)(txn);
            txn.end_job();
        } catch (...) {  // forwarded to the caller
            error = std::current_exception();
        }
        const bool half_done = txn.verbs() != verbs && !base::planted(base::Plant::half_job_committed);
        const bool ended = !db_.in_transaction() && !base::planted(base::Plant::ended_transaction);
        if (error && (half_done || ended)) {
            undo();
            if (jobs.size() == 1)
                fail(jobs, std::move(error));
            else
                run_one_by_one(jobs);
            return false;
        }
        job->error = std::exchange(error, nullptr);
        job->steps_end = flight.group.steps.size();
        job->touched_end = flight.group.touched.size();
        job->lsn = ledger_.lsn();
    }
    try {
        txn.flush();
        fresh_.launch(flight.group.steps);
        launched = true;
        if (base::planted(base::Plant::step_before_commit)) {
            settle(committed_);
            for (const FileStep& step : flight.group.steps) perform(step);
        }
        db_.commit();
    } catch (const base::Failure& failure) {
        error = std::current_exception();
        // Whether the commit is on the disk is not known, and nothing may be built upon it.
        if (launched && failure.fault() == base::Fault::unavailable) {
            root_.refuse(
                std::string("its file system became read-only; look into the kernel's log for why, mount it for "
                            "writing and restart (") +
                    failure.what() + ")",
                RootState::Files::readable);
        }
    } catch (...) {
        error = std::current_exception();
    }
    if (error) {
        undo();
        fail(jobs, std::move(error));
        return false;
    }
    fresh_.written(chores.disk_rows);
    if (flight.group.locks_went) or_stop([&] { locked_.load(db_); });
    for (Content* content : flight.group.staged) content->committed();
    flight.jobs = std::move(jobs);
    flight.lsn = committed_ = ledger_.lsn();
    if (ledger_.take_must_last()) flight.group.durable = true;
    if (log_sync_ && flight.group.durable) log_sync_->sync(flight.lsn);
    hand_over(std::move(flight));
    return true;
}

// A function failed after its first verb and took the group with it; the others did nothing wrong.
void Committer::run_one_by_one(const std::vector<Job*>& jobs) {
    for (Job* job : jobs) {
        job->error = nullptr;
        commit_group({job});
    }
}

void Committer::fail(const std::vector<Job*>& jobs, std::exception_ptr error) {
    if (jobs.empty()) {
        try {
            std::rethrow_exception(error);
        } catch (const std::exception& what) {  // nobody waits for the chores; they are tried again
            base::log_warn("store", std::string("tidying up: ") + what.what());
        }
    }
    for (Job* job : jobs) {
        if (!job->error) job->error = error;
    }
    error = nullptr;
    for (Job* job : jobs) finish(*job);
}

Committer::Chores Committer::take_chores() {
    Chores chores;
    chores.disk_rows = fresh_.landed(kDiskRowsPerCommit);
    base::Locked hold(*queue_monitor_);
    // Lowest first: a row may never go before one it builds upon, or a redo would bring the past back.
    const auto some = static_cast<std::ptrdiff_t>(std::min(kRedoRowsPerCommit, redo_keys_.size()));
    chores.redo_keys.assign(redo_keys_.begin(), redo_keys_.begin() + some);
    redo_keys_.erase(redo_keys_.begin(), redo_keys_.begin() + some);
    return chores;
}

void Committer::give_back(Chores chores) {
    base::Locked hold(*queue_monitor_);
    redo_keys_.insert(redo_keys_.begin(), chores.redo_keys.begin(), chores.redo_keys.end());
}

void Committer::do_chores(const Chores& chores) {
    for (const std::int64_t key : chores.redo_keys) db_.query("DELETE FROM fs_todo WHERE key = ?1").bind(key).run();
    for (const FreshFacts::Landed& row : chores.disk_rows) {
        auto query = db_.query(
            "INSERT INTO disk (node, dev, ino, size, mtime_ns, ctime_ns) SELECT ?1, ?2, ?3, ?4, ?5, ?6"
            " WHERE EXISTS (SELECT 1 FROM node WHERE id = ?1)"
            " ON CONFLICT (node) DO UPDATE SET dev = ?2, ino = ?3, size = ?4, mtime_ns = ?5, ctime_ns = ?6");
        query.bind(row.node).bind(static_cast<std::int64_t>(row.facts.dev));
        query.bind(static_cast<std::int64_t>(row.facts.ino)).bind(row.facts.size);
        query.bind(row.facts.mtime_ns).bind(row.facts.ctime_ns).run();
    }
}

void Committer::maybe_checkpoint(bool waiting) {
    const int frames = db_.wal_frames();
    if (frames < checkpointed_frames_) checkpointed_frames_ = 0;  // the log began anew
    const int fresh = frames - std::max(checkpointed_frames_, 0);
    const bool asked = checkpointed_frames_ < 0;
    if (!asked && fresh < (waiting ? kCheckpointFramesBusy : kCheckpointFrames)) return;
    // A checkpoint syncs the log first. Were that to fail with commits in it that were never synced, the next sync
    // would succeed without them: only LogSync, which stops then, may be the one to bring them to the disk.
    if (log_sync_) log_sync_->sync(committed_);
    try {
        const auto wal = db_.checkpoint();
        checkpointed_frames_ = wal.frames;
    } catch (const base::Failure& failure) {  // the log only grows meanwhile
        checkpointed_frames_ = frames;
        base::log_warn("store", failure.what());
    }
}

// ---- file steps ----

void Committer::hand_over(Flight flight) {
    if (log_sync_ && !flight.group.durable) return hold(std::move(flight));
    {
        base::Locked hold(*flights_monitor_);
        // A lone writer with the file thread idle does its steps here and saves a wake-up. Only this thread adds
        // flights, so nothing overtakes.
        const bool alone = flight.jobs.size() <= 1 && flights_.empty() && !landing_;
        if (!alone && !(flight.group.steps.empty() && flights_.empty() && !landing_)) {
            while (is_full()) flights_monitor_->wait();
            flights_.push_back(std::move(flight));
            flights_monitor_->notify_all();
            return;
        }
    }
    land(flight);
}

// Acknowledges a group and lets its steps wait for its sync. That the staged contents were synced by their callers
// before stays as it is: the row must never be durable sooner than the octets it names.
void Committer::hold(Flight flight) {
    if (flight.jobs.empty()) return;  // chores: they promise nothing, and go with the next sync
    const std::vector<Job*> jobs = std::exchange(flight.jobs, {});
    const Lsn lsn = flight.lsn;
    bump(flight.group, 0, flight.group.touched.size());
    for (const FileStep& step : flight.group.steps) flight.held_bytes += step.bytes.size();
    bool crowded = false;
    {
        base::Locked hold(*flights_monitor_);
        while (is_full()) flights_monitor_->wait();
        held_bytes_ += flight.held_bytes;
        flights_.push_back(std::move(flight));
        flights_monitor_->notify_all();
        crowded = flights_.size() >= kGroupsHeldMax / 2 || held_bytes_ >= kHeldBytesMax / 2;
    }
    log_sync_->written(lsn);
    if (crowded) log_sync_->hurry(lsn);
    for (Job* job : jobs) finish(*job);
}

bool Committer::is_full() const {
    return flights_.size() >= (log_sync_ ? kGroupsHeldMax : kGroupsAheadMax) || held_bytes_ >= kHeldBytesMax;
}

void Committer::file_loop() {
    while (true) {
        Flight flight;
        {
            base::Locked hold(*flights_monitor_);
            landing_ = false;
            while (flights_.empty() && !flights_closed_) flights_monitor_->wait();
            if (flights_.empty()) return;
            if (is_full()) flights_monitor_->notify_all();
            flight = std::move(flights_.front());
            flights_.pop_front();
            held_bytes_ -= flight.held_bytes;
            landing_ = true;
        }
        if (log_sync_) log_sync_->wait(flight.lsn);
        land(flight);
    }
}

void Committer::land(Flight& flight) {
    std::size_t step = 0;
    std::size_t touched = 0;
    for (Job* job : flight.jobs) {
        for (; step < job->steps_end; ++step) {
            if (base::planted(base::Plant::step_before_commit) || perform(flight.group.steps[step])) continue;
            // Committed, so nothing is lost; but who asked must not be told that it stands where others look for it.
            job->error = std::make_exception_ptr(
                base::Failure(base::Fault::unavailable, "a file step failed; it is done again at the next start"));
        }
        bump(flight.group, touched, job->touched_end);
        touched = job->touched_end;
        reached(job->lsn);
        finish(*job);
    }
    if (flight.jobs.empty()) {  // acknowledged before: only the log can tell of a failure
        for (; step < flight.group.steps.size(); ++step) perform(flight.group.steps[step]);
        bump(flight.group, touched, flight.group.touched.size());
    }
    reached(flight.lsn);
}

bool Committer::perform(const FileStep& step) {
    std::vector<FileStep> again;
    {
        base::Locked hold(*filer_monitor_);
        if (failed_.concern(step)) again = failed_.take();
    }
    if (!again.empty()) fresh_.launch(again);  // they landed without facts
    for (const FileStep& one : again) attempt(one);
    return attempt(step);
}

bool Committer::behind(const std::string& path) {
    if (!behind_) return false;
    base::Locked hold(*filer_monitor_);
    return failed_.concern(path);
}

bool Committer::attempt(const FileStep& decided) {
    // An earlier step of the node was in the air when this one was decided on: what it left is known now. Without that
    // a file that another program wrote into meanwhile would be taken for ours.
    std::optional<FileStep> informed;
    const bool unsure = is_unsure(decided);
    if (unsure) {
        if (const auto left = fresh_.left(decided.node)) (informed = decided)->expect = left;
    }
    const FileStep& step = informed ? *informed : decided;
    StepOutcome outcome;
    {
        base::Locked hold(*filer_monitor_);
        outcome = filer_->perform(step);
        if (unsure && !informed) distrust(outcome, std::nullopt);
        behind_ = !failed_.empty();
        if (filer_->sync_failed()) fall_ill("a file step could not be made durable");
        if (outcome.failure.empty()) {  // else its row stays, and those that build upon it fail as well
            performed_.push_back(key_of(step));
            if (performed_.size() == 1) filer_monitor_->notify_one();
        }
    }
    fresh_.land(step, outcome);
    if (!outcome.failure.empty()) {
        base::log_error("store", "a file step failed and stays to be done: " + outcome.failure);
    }
    return outcome.failure.empty();
}

// What was not synced may be lost although it looks written, and a later sync would not tell; only a restart finds out.
void Committer::fall_ill(const std::string& why) {
    synced_ = false;
    root_.refuse("a sync failed, and what it was for may be lost; restart to find out (" + why + ")",
                 RootState::Files::readable);
}

void Committer::flush_loop() {
    while (true) {
        std::vector<std::int64_t> keys;
        std::unique_ptr<Filer> filer;
        {
            base::Locked hold(*filer_monitor_);
            while (performed_.empty() && !flusher_closed_) filer_monitor_->wait();
            const std::int64_t due = seams_.clock.monotonic_ms() + kFlushEveryMs;
            while (!flusher_closed_ && filer_monitor_->wait_until(due)) {
            }
            if (performed_.empty()) return;
            // Steps go on with a new one while this one's folders are synced, which may take long.
            keys = std::exchange(performed_, {});
            filer = std::exchange(filer_, std::make_unique<Filer>(tree_, seams_.rng, &failed_));
        }
        const auto release = [&] {
            base::Locked hold(*queue_monitor_);
            redo_keys_.insert(redo_keys_.end(), keys.begin(), keys.end());
            tidy_ = true;
            queue_monitor_->notify_one();
        };
        if (base::planted(base::Plant::row_before_sync)) release();
        try {
            filer->flush();
        } catch (const base::Failure& failure) {
            return fall_ill(failure.what());
        }
        if (!synced_) return;  // another sync failed meanwhile: perhaps of what this one took for durable
        if (!base::planted(base::Plant::row_before_sync)) release();
    }
}

}  // namespace storage
