#include "storage/log_sync.h"

#include <algorithm>

#include "storage/base/failure.h"
#include "storage/base/log.h"

namespace storage {

namespace {

constexpr std::int64_t kRequireWaitMs = 10'000;

}  // namespace

LogSync::LogSync(const Seams& seams, std::unique_ptr<File> log, Lsn durable)
    : seams_(seams), log_(std::move(log)), monitor_(seams.exec.monitor()), durable_lsn_(durable) {
    CHECK(log_ != nullptr);
    thread_ = seams_.exec.spawn("log-sync", [this] { loop(); });
}

LogSync::~LogSync() {
    close();
}

void LogSync::close() {
    {
        base::Locked hold(*monitor_);
        closing_ = true;
        monitor_->notify_all();
    }
    thread_.reset();
}

void LogSync::written(Lsn lsn) {
    base::Locked hold(*monitor_);
    const bool first = written_++ == begun_;
    written_lsn_ = std::max(written_lsn_, lsn);
    if (first) since_ms_ = seams_.clock.monotonic_ms();
    if (first || asked_lsn_ > durable_lsn_) monitor_->notify_all();
}

void LogSync::sync(Lsn lsn) {
    std::uint64_t commits = 0;
    {
        base::Locked hold(*monitor_);
        written_lsn_ = std::max(written_lsn_, lsn);
        commits = begun_ = ++written_;
    }
    sync_up_to(commits, lsn);
}

void LogSync::hurry(Lsn lsn) {
    if (durable_lsn_ >= lsn) return;
    base::Locked hold(*monitor_);
    if (lsn <= asked_lsn_) return;
    asked_lsn_ = lsn;
    monitor_->notify_all();
}

void LogSync::wait(Lsn lsn) {
    if (durable_lsn_ >= lsn) return;
    base::Locked hold(*monitor_);
    while (durable_lsn_ < lsn) monitor_->wait();
}

void LogSync::require(Lsn lsn) {
    if (durable_lsn_ >= lsn) return;
    hurry(lsn);
    const std::int64_t until = seams_.clock.monotonic_ms() + kRequireWaitMs;
    base::Locked hold(*monitor_);
    bool in_time = true;
    while (in_time && durable_lsn_ < lsn) in_time = monitor_->wait_until(until);
    if (durable_lsn_ < lsn) throw base::Failure(base::Fault::busy, "the disk did not sync what was written in time");
}

bool LogSync::is_due() const {
    if (written_ == durable_) return false;
    return closing_ || asked_lsn_ > durable_lsn_ || seams_.clock.monotonic_ms() >= since_ms_ + kRelaxedWindowMs;
}

void LogSync::loop() {
    while (true) {
        std::uint64_t commits = 0;
        Lsn lsn = 0;
        {
            base::Locked hold(*monitor_);
            while (!is_due()) {
                if (written_ > durable_) {
                    monitor_->wait_until(since_ms_ + kRelaxedWindowMs);
                } else {
                    if (closing_) return;
                    monitor_->wait();
                }
            }
            commits = begun_ = written_;
            lsn = written_lsn_;
        }
        sync_up_to(commits, lsn);
    }
}

void LogSync::sync_up_to(std::uint64_t commits, Lsn lsn) {
    try {
        log_->sync();
    } catch (const base::Failure& failure) {
        base::log_error("store", std::string("syncing the log of the index: ") + failure.what() +
                                     "; memory is not trusted any more, stopping so that recovery decides");
        base::stop_at_once();
    }
    base::Locked hold(*monitor_);
    durable_ = std::max(durable_, commits);
    durable_lsn_ = std::max(durable_lsn_.load(), lsn);
    monitor_->notify_all();
}

}  // namespace storage
