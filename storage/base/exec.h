#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "storage/base/failure.h"

namespace base {

// Mutual exclusion with waiting. Made by Exec, so that a simulator can pass one baton between real threads and let
// its seed pick who runs next. storage and dav use this and never std::mutex, std::thread or std::condition_variable.
class Monitor {
  public:
    virtual ~Monitor() = default;
    virtual void lock() = 0;
    virtual void unlock() = 0;
    virtual void wait() = 0;  // locked on entry and on return; may wake without a reason
    virtual bool wait_until(std::int64_t monotonic_ms) = 0;  // false: the time came first
    virtual void notify_one() = 0;
    virtual void notify_all() = 0;
};

// Holds a Monitor for a scope (std::lock_guard works as well: Monitor is BasicLockable).
class Locked {
  public:
    explicit Locked(Monitor& monitor) : monitor_(monitor) { monitor_.lock(); }
    ~Locked() { monitor_.unlock(); }
    Locked(const Locked&) = delete;
    Locked& operator=(const Locked&) = delete;

  private:
    Monitor& monitor_;
};

// A running thread; destroying it joins.
class Thread {
  public:
    virtual ~Thread() = default;
};

// The only source of threads and waiting below server/net. Thread-safe.
class Exec {
  public:
    virtual ~Exec() = default;
    // `stack_bytes` 0 = the system's default. The name shows in ps and in the log (15 characters).
    virtual std::unique_ptr<Thread> spawn(std::string name, std::function<void()> body, std::size_t stack_bytes = 0) = 0;
    virtual std::unique_ptr<Monitor> monitor() = 0;
};

Exec& system_exec();

// One-shot signal from one thread to any number of others.
class Event {
  public:
    explicit Event(Exec& exec) : monitor_(exec.monitor()) {}
    void set() {
        Locked hold(*monitor_);
        set_ = true;
        monitor_->notify_all();
    }
    void wait() {
        Locked hold(*monitor_);
        while (!set_) monitor_->wait();
    }
    bool is_set() const {
        Locked hold(*monitor_);
        return set_;
    }

  private:
    std::unique_ptr<Monitor> monitor_;
    bool set_ = false;
};

// Bounded first-in first-out queue between threads. A full queue refuses (Fault::busy) instead of growing.
template <typename T>
class Queue {
  public:
    Queue(Exec& exec, std::size_t capacity) : monitor_(exec.monitor()), capacity_(capacity) {}

    bool try_push(T item) {
        Locked hold(*monitor_);
        if (closed_ || items_.size() >= capacity_) return false;
        items_.push_back(std::move(item));
        monitor_->notify_one();
        return true;
    }
    // Empty when closed and drained.
    std::optional<T> pop() {
        Locked hold(*monitor_);
        while (items_.empty() && !closed_) monitor_->wait();
        if (items_.empty()) return std::nullopt;
        std::optional<T> item(std::move(items_.front()));
        items_.pop_front();
        return item;
    }
    // All that is there now; waits for at least one unless closed. Empty means closed and drained.
    std::deque<T> pop_all() {
        Locked hold(*monitor_);
        while (items_.empty() && !closed_) monitor_->wait();
        return std::exchange(items_, {});
    }
    void close() {
        Locked hold(*monitor_);
        closed_ = true;
        monitor_->notify_all();
    }
    std::size_t size() const {
        Locked hold(*monitor_);
        return items_.size();
    }

  private:
    std::unique_ptr<Monitor> monitor_;
    const std::size_t capacity_;
    std::deque<T> items_;
    bool closed_ = false;
};

}  // namespace base
