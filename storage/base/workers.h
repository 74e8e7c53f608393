#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "storage/base/exec.h"

namespace base {

// A bounded pool of threads for blocking work. Thread-safe; the destructor runs what is queued and joins.
//
// What makes a hop to another thread dear is waking it (measured: two thirds of its cost), so the pool wakes at most
// one thread at a time, the last one to fall asleep first, whose stack and caches are warm; the thread that takes a
// task and sees more of them wakes the next.
class Workers {
  public:
    struct Options {
        std::string name = "worker";
        std::size_t threads = 32;
        std::size_t queue_max = 256;
        std::size_t stack_bytes = 512 * 1024;
    };
    using Task = std::function<void()>;

    Workers(Exec& exec, Options options);
    ~Workers();
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

    // False: the queue is full, or the pool stops. A task that throws is logged; its thread lives on.
    bool try_submit(Task task);
    // For the next step of work that was admitted once: past the bound, so that nothing half done is given up. The
    // caller bounds how many such steps there can be. False: the pool has stopped.
    bool submit_further(Task task);
    // Takes no more tasks, runs what is queued, joins. Idempotent; not from a worker.
    void stop();

    std::size_t queued() const;

  private:
    struct Worker {
        std::unique_ptr<Monitor> monitor;
        bool called = false;
        std::unique_ptr<Thread> thread;
    };

    bool submit(Task task, std::size_t queue_max);
    void serve(Worker& self);
    Worker* next_to_wake();  // the pool's monitor is held
    static void wake(Worker* worker);

    const Options options_;
    std::unique_ptr<Monitor> monitor_;
    std::deque<Task> tasks_;
    std::vector<Worker*> idle_;  // last in, first out
    bool waking_ = false;
    bool stopping_ = false;
    std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace base
