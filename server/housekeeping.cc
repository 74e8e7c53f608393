#include "server/housekeeping.h"

#include <algorithm>
#include <chrono>
#include <exception>

#include "storage/base/log.h"

namespace server {

using SteadyClock = std::chrono::steady_clock;

Keeper::Keeper(std::vector<Job> jobs) : jobs_(std::move(jobs)), thread_([this] { run(); }) {}

Keeper::~Keeper() {
    {
        const std::lock_guard hold(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
}

void Keeper::run() {
    std::vector<SteadyClock::time_point> due;
    for (const auto& job : jobs_) due.push_back(SteadyClock::now() + std::chrono::milliseconds(job.interval_ms));
    while (!jobs_.empty()) {
        const auto next = static_cast<std::size_t>(std::ranges::min_element(due) - due.begin());
        {
            std::unique_lock hold(mutex_);
            if (wake_.wait_until(hold, due[next], [&] { return stopping_; })) return;
        }
        try {
            jobs_[next].run();
        } catch (const std::exception& error) {
            base::log_error("keeper", jobs_[next].name + ": " + error.what());
        }
        due[next] = SteadyClock::now() + std::chrono::milliseconds(jobs_[next].interval_ms);
    }
}

}  // namespace server
