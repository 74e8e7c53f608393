#include "storage/base/exec.h"

#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>

#include "storage/base/log.h"

namespace base {
namespace {

class SystemMonitor final : public Monitor {
  public:
    void lock() override { mutex_.lock(); }
    void unlock() override { mutex_.unlock(); }
    void wait() override {
        std::unique_lock hold(mutex_, std::adopt_lock);
        changed_.wait(hold);
        hold.release();  // the caller's scope unlocks
    }
    bool wait_until(std::int64_t monotonic_ms) override {
        // The same clock as SystemClock::monotonic_ms.
        const std::chrono::steady_clock::time_point due{std::chrono::milliseconds(monotonic_ms)};
        std::unique_lock hold(mutex_, std::adopt_lock);
        const auto outcome = changed_.wait_until(hold, due);
        hold.release();
        return outcome == std::cv_status::no_timeout;
    }
    void notify_one() override { changed_.notify_one(); }
    void notify_all() override { changed_.notify_all(); }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
};

struct Start {
    std::string name;
    std::function<void()> body;
};

constexpr std::size_t kThreadNameMax = 15;  // pthread_setname_np refuses longer ones

void* run(void* argument) {
    const std::unique_ptr<Start> start(static_cast<Start*>(argument));
    ::pthread_setname_np(::pthread_self(), start->name.substr(0, kThreadNameMax).c_str());
    try {
        start->body();
    } catch (const std::exception& error) {
        // A thread that dies silently would leave its queue unserved for ever: the process ends instead.
        log_error("exec", "thread=" + start->name + " ended by: " + printable(error.what()));
        std::terminate();
    }
    return nullptr;
}

// pthread and not std::thread: only the former takes a stack size.
class SystemThread final : public Thread {
  public:
    SystemThread(std::unique_ptr<Start> start, std::size_t stack_bytes) {
        pthread_attr_t attributes;
        ::pthread_attr_init(&attributes);
        int error = stack_bytes == 0 ? 0 : ::pthread_attr_setstacksize(&attributes, stack_bytes);
        if (error == 0) error = ::pthread_create(&thread_, &attributes, run, start.get());
        ::pthread_attr_destroy(&attributes);
        if (error != 0) throw_errno("starting thread " + start->name, error);
        start.release();  // owned by the thread from here on
    }
    ~SystemThread() override { ::pthread_join(thread_, nullptr); }
    SystemThread(const SystemThread&) = delete;
    SystemThread& operator=(const SystemThread&) = delete;

  private:
    pthread_t thread_{};
};

class SystemExec final : public Exec {
  public:
    std::unique_ptr<Thread> spawn(std::string name, std::function<void()> body, std::size_t stack_bytes) override {
        auto start = std::make_unique<Start>(Start{std::move(name), std::move(body)});
        return std::make_unique<SystemThread>(std::move(start), stack_bytes);
    }
    std::unique_ptr<Monitor> monitor() override { return std::make_unique<SystemMonitor>(); }
};

}  // namespace

Exec& system_exec() {
    static SystemExec exec;
    return exec;
}

}  // namespace base
