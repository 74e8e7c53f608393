#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "server/net/asio.h"

// The one bridge between connections and blocking code.
namespace net {

class Loop;

// A piece of blocking work on a worker thread, waited for by a connection of one loop. It may be started before it is
// waited for, which is how a body is read while the last part of it is being written. Reusable, one piece at a time; it
// must not be destroyed while it runs.
class Job {
  public:
    explicit Job(Loop& loop) : loop_(loop) {}
    ~Job();
    Job(const Job&) = delete;
    Job& operator=(const Job&) = delete;

    enum class Queue : bool { bounded, further };  // further: the next step of an admitted request
    // False: the queue is full (or the server stops) and nothing will run. `work` must not throw what it can handle;
    // anything it does throw is logged and shows in `failed`.
    bool start(std::function<void()> work, Queue queue);
    bool running() const { return running_; }
    bool failed() const { return failed_; }
    Task<void> finished();  // only while running

    void complete();  // by the loop, on its thread

  private:
    // Asio's handler without its type.
    struct Waiter {
        virtual ~Waiter() = default;
        virtual void resume() = 0;
    };
    template <typename Handler>
    struct Held;

    Loop& loop_;
    std::unique_ptr<Waiter> waiter_;
    std::function<void()> work_;
    bool running_ = false;
    bool failed_ = false;  // written by the worker before it hands the job over
};

}  // namespace net
