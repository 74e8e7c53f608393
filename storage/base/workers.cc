#include "storage/base/workers.h"

#include <exception>
#include <utility>

#include "storage/base/log.h"

namespace base {

Workers::Workers(Exec& exec, Options options) : options_(std::move(options)), monitor_(exec.monitor()) {
    CHECK(options_.threads > 0);
    workers_.reserve(options_.threads);
    for (std::size_t i = 0; i < options_.threads; ++i) {
        auto worker = std::make_unique<Worker>();
        worker->monitor = exec.monitor();
        Worker& self = *worker;
        workers_.push_back(std::move(worker));
        self.thread = exec.spawn(
            options_.name + "-" + std::to_string(i), [this, &self] { serve(self); }, options_.stack_bytes);
    }
}

Workers::~Workers() {
    stop();
}

bool Workers::try_submit(Task task) {
    return submit(std::move(task), options_.queue_max);
}

bool Workers::submit_further(Task task) {
    return submit(std::move(task), SIZE_MAX);
}

bool Workers::submit(Task task, std::size_t queue_max) {
    Worker* worker = nullptr;
    {
        Locked hold(*monitor_);
        if (stopping_ || tasks_.size() >= queue_max) return false;
        tasks_.push_back(std::move(task));
        worker = next_to_wake();
    }
    wake(worker);
    return true;
}

std::size_t Workers::queued() const {
    Locked hold(*monitor_);
    return tasks_.size();
}

Workers::Worker* Workers::next_to_wake() {
    if (waking_ || idle_.empty()) return nullptr;
    waking_ = true;
    Worker* worker = idle_.back();
    idle_.pop_back();
    return worker;
}

void Workers::wake(Worker* worker) {
    if (worker == nullptr) return;
    Locked hold(*worker->monitor);
    worker->called = true;
    worker->monitor->notify_one();
}

void Workers::serve(Worker& self) {
    for (;;) {
        Task task;
        Worker* next = nullptr;
        {
            Locked hold(*monitor_);
            if (!tasks_.empty()) {
                task = std::move(tasks_.front());
                tasks_.pop_front();
                if (!tasks_.empty()) next = next_to_wake();
            } else if (stopping_) {
                return;
            } else {
                idle_.push_back(&self);
            }
        }
        wake(next);
        if (task) {
            try {
                task();
            } catch (const std::exception& error) {
                log_error("workers", "task ended by: " + printable(error.what()));
            }
            continue;
        }
        {
            Locked hold(*self.monitor);
            while (!self.called) self.monitor->wait();
            self.called = false;
        }
        Locked hold(*monitor_);
        waking_ = false;
    }
}

void Workers::stop() {
    std::vector<Worker*> sleeping;
    {
        Locked hold(*monitor_);
        stopping_ = true;
        sleeping = std::exchange(idle_, {});
    }
    for (Worker* worker : sleeping) wake(worker);
    for (auto& worker : workers_) worker->thread.reset();
}

}  // namespace base
