#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace server {

// The keeper: one thread that runs each job at its interval, one at a time. A job that fails is logged and tried again
// at its next turn. Destroying it waits for the job under way.
class Keeper {
  public:
    struct Job {
        std::string name;
        std::int64_t interval_ms;
        std::function<void()> run;
    };
    explicit Keeper(std::vector<Job> jobs);
    ~Keeper();
    Keeper(const Keeper&) = delete;
    Keeper& operator=(const Keeper&) = delete;

  private:
    void run();

    std::vector<Job> jobs_;
    std::mutex mutex_;
    std::condition_variable wake_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace server
