#pragma once

#include <atomic>
#include <memory>

#include "storage/disk.h"
#include "storage/durability.h"
#include "storage/node.h"
#include "storage/store.h"

namespace storage {

// Brings commits that are written but not synced to the platter: at the latest kRelaxedWindowMs after each was written,
// sooner when somebody asks. It syncs SQLite's log itself, through a descriptor of its own: a commit of the writer with
// synchronous = FULL would do the same, but then the writer waits for it, and the writer may be the one who asks, in
// the middle of a transaction. What is lost is always an end of the log: SQLite reads its frames up to the first that
// is not whole. (SQLite syncs the head of a new log, and the log before a checkpoint, with synchronous = NORMAL too.)
//
// A log that can not be synced ends the process, as a COMMIT that fails does.
class LogSync {
  public:
    LogSync(const Seams& seams, std::unique_ptr<File> log, Lsn durable);  // up to which records it is synced now
    ~LogSync();

    void written(Lsn lsn);  // writer: a commit that contains the records up to it
    void sync(Lsn lsn);     // the same, and now; returns when it is done
    void hurry(Lsn lsn);    // soon
    void wait(Lsn lsn);     // until it is durable; asks for nothing
    void require(Lsn lsn);  // soon, and waits; throws Failure after a bounded time
    void close();           // syncs what is written
    Lsn durable() const { return durable_lsn_; }

  private:
    void loop();
    bool is_due() const;
    void sync_up_to(std::uint64_t commits, Lsn lsn);

    const Seams& seams_;
    const std::unique_ptr<File> log_;
    const std::unique_ptr<base::Monitor> monitor_;  // guards all below
    std::uint64_t written_ = 0;                     // commits: some have no record
    std::uint64_t begun_ = 0;                       // of these, in a sync that began or ended
    std::uint64_t durable_ = 0;
    Lsn written_lsn_ = 0;
    Lsn asked_lsn_ = 0;
    std::atomic<Lsn> durable_lsn_ = 0;
    std::int64_t since_ms_ = 0;  // when the first was written of those in no sync yet
    bool closing_ = false;
    std::unique_ptr<base::Thread> thread_;
};

}  // namespace storage
