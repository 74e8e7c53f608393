#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <exception>
#include <memory>

#include "storage/company.h"
#include "storage/log_sync.h"
#include "storage/root_state.h"
#include "storage/writing.h"

namespace storage {

inline constexpr std::size_t kRedoRowsPerCommit = 256;  // a longer delete would hold the writer up
inline constexpr std::size_t kDiskRowsPerCommit = 1024;
inline constexpr std::size_t kGroupsAheadMax = 64;   // commits the file thread may lag behind
inline constexpr std::size_t kGroupsHeldMax = 1024;  // relaxed: of these, those that wait for a sync, with their octets
inline constexpr std::size_t kHeldBytesMax = std::size_t{16} << 20;
inline constexpr std::size_t kJobsPerCommitMax = 512;
inline constexpr std::int64_t kFlushEveryMs = 500;
inline constexpr int kCheckpointFrames = 1000;      // when nobody waits
inline constexpr int kCheckpointFramesBusy = 4000;  // at the latest: the log stays near 16 MiB
inline constexpr std::int64_t kSettleWaitMs = 10'000;
inline constexpr std::size_t kGenerationSlots = 4096;

// The write path. The writer takes all functions that queued while it committed, runs them in one transaction and
// commits; the file thread then performs their steps in lsn order while the writer commits the next group; the flusher
// makes the folders durable twice a second, after which redo rows may go. A caller wakes when its own steps are done.
//
// Relaxed, a caller wakes when his group is written; its file steps wait until it is synced (hold, LogSync). Otherwise
// the files would be ahead of the index: after a power cut a file that no record knows, under the entity tag of
// another.
//
// Only the writer commits and checkpoints (SQLite 3.40 can lose a log reset when two connections do it at once).
class Committer {
  public:
    struct Setup {
        sql::Connection& db;
        FreshFacts& fresh;
        LockedNodes& locked;
        Tree& tree;
        const Seams& seams;
        std::size_t queue_max;
        std::uint64_t free_floor_bytes;
        FailedSteps& failed;  // has those that this start could not redo
        RootState& root;
        Durability durability = Durability::strict;
        LogSync* log_sync = nullptr;  // relaxed: commits are synced by it
        const std::vector<Indexer>& indexers;
    };
    explicit Committer(const Setup& setup);
    ~Committer();  // finishes what is queued

    void run(const std::function<void(WriteTxn&)>& fn);
    bool settle(Lsn lsn);
    std::uint64_t generation(NodeId parent) const;
    bool behind(const std::string& path);
    void checkpoint();  // soon, by the writer

  private:
    struct Job {
        explicit Job(const std::function<void(WriteTxn&)>& fn_, base::Exec& exec) : fn(&fn_), monitor(exec.monitor()) {}
        const std::function<void(WriteTxn&)>* fn;
        std::unique_ptr<base::Monitor> monitor;  // one per caller: nobody wakes for another's commit
        bool done = false;
        std::exception_ptr error;
        std::size_t steps_end = 0;  // its steps in the group end here
        std::size_t touched_end = 0;
        Lsn lsn = 0;
    };
    // A committed group on its way through the file thread.
    struct Flight {
        Group group;
        std::vector<Job*> jobs;
        Lsn lsn = 0;
        std::size_t held_bytes = 0;  // of its steps; acknowledged, and waiting for the sync of its commit
    };
    struct Chores {  // what a commit tidies up beside its functions
        std::vector<std::int64_t> redo_keys;
        std::vector<FreshFacts::Landed> disk_rows;
    };

    void write_loop();
    void wait_for_company();
    void file_loop();
    void flush_loop();
    void fall_ill(const std::string& why);
    bool commit_group(std::vector<Job*> jobs);
    void run_one_by_one(const std::vector<Job*>& jobs);
    void fail(const std::vector<Job*>& jobs, std::exception_ptr error);
    Chores take_chores();
    void do_chores(const Chores& chores);
    void give_back(Chores chores);
    void maybe_checkpoint(bool waiting);
    void hand_over(Flight flight);
    void hold(Flight flight);
    bool is_full() const;
    void land(Flight& flight);
    bool perform(const FileStep& step);  // false: not done, its row stays
    bool attempt(const FileStep& decided);
    void bump(const Group& group, std::size_t from, std::size_t to);
    void reached(Lsn lsn);
    static void finish(Job& job);

    sql::Connection& db_;
    FreshFacts& fresh_;
    LockedNodes& locked_;
    Tree& tree_;
    const Seams& seams_;
    RootState& root_;
    const std::size_t queue_max_;
    const std::uint64_t free_floor_bytes_;
    const Durability durability_;
    const std::vector<Indexer>& indexers_;
    LogSync* const log_sync_;
    Ledger ledger_;
    Folders folders_;
    Tangles tangles_;
    Lsn committed_ = 0;  // of the last group; writer thread only
    const std::function<void()> wait_for_steps_ = [this] { settle(committed_); };

    std::unique_ptr<base::Monitor> queue_monitor_;  // guards the next six
    std::deque<Job*> queue_;
    std::deque<std::int64_t> redo_keys_;  // none before one it builds upon; performed and durable: their rows may go
    bool tidy_ = false;                   // commit although nobody asked
    bool checkpoint_ = false;
    bool closing_ = false;
    std::size_t awaited_ = 0;  // jobs at which the writer, who waits for company, goes on
    Company company_;          // writer thread only

    std::unique_ptr<base::Monitor> flights_monitor_;  // guards the next four
    std::deque<Flight> flights_;
    std::size_t held_bytes_ = 0;
    bool landing_ = false;
    bool flights_closed_ = false;

    std::unique_ptr<base::Monitor> filer_monitor_;  // guards the next four
    FailedSteps& failed_;
    std::unique_ptr<Filer> filer_;
    std::vector<std::int64_t> performed_;  // not durable yet
    bool flusher_closed_ = false;

    std::unique_ptr<base::Monitor> settle_monitor_;
    std::atomic<int> settling_ = 0;
    std::atomic<Lsn> reached_ = 0;
    std::atomic<bool> synced_ = true;  // false: a sync failed in this life
    std::atomic<bool> behind_ = false;
    int checkpointed_frames_ = 0;
    std::array<std::atomic<std::uint64_t>, kGenerationSlots> generations_{};
    std::atomic<std::uint64_t> moves_ = 0;

    std::unique_ptr<base::Thread> writer_, file_thread_, flusher_;
};

}  // namespace storage
