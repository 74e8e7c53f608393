#pragma once

#include <atomic>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "dav/http/handler.h"
#include "server/net/admission.h"
#include "server/net/asio.h"
#include "server/net/pool.h"
#include "server/net/server.h"
#include "server/net/timers.h"
#include "server/net/tls.h"
#include "storage/base/workers.h"

namespace net {

class Connection;
class Job;

// The numbers behind net::Counters, written by all io threads.
struct Tally {
    std::atomic<std::uint64_t> requests{0};
    std::atomic<std::uint64_t> bad_requests{0};
    std::atomic<std::uint64_t> timeouts{0};
};

// What all io threads share and nobody changes while they run.
struct Edge {
    http::Handler& handler;
    base::Workers& workers;
    Admission& admission;
    Tally& tally;
    const AddressList& trusted_proxies;
};

// A socket on its way from the listener to its io thread.
struct Arrival {
    int descriptor = -1;
    http::Remote remote;
    std::uint8_t roles = 0;
    bool tls = false;
    bool trusted_proxy = false;
};

// One io thread with its io_context, its timer wheel, its buffers and its connections, which never leave it.
// Only `run_soon`, `adopt` and `finished` may be called from other threads.
class Loop {
  public:
    Loop(Edge& edge, const Limits& limits, std::shared_ptr<const TlsContext> tls);
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    void start(std::size_t number);
    // Lets the thread end once nothing is left to do, and joins it.
    void stop_and_join();

    void run_soon(std::function<void()> task);
    void adopt(Arrival arrival);
    // A worker is done with `job`.
    void finished(Job& job);

    // The rest belongs to the loop's thread.
    void use_limits(const Limits& limits) { limits_ = limits; }
    void use_tls(std::shared_ptr<const TlsContext> tls) { tls_ = std::move(tls); }
    void close_idle();  // from now on connections end after their current request
    void abort_all();

    asio::io_context& io() { return io_; }
    Wheel& wheel() { return wheel_; }
    BufferPool& pool() { return pool_; }
    Edge& edge() { return edge_; }
    const Limits& limits() const { return limits_; }
    bool closing() const { return closing_; }
    Task<void> yield();       // the other connections of the thread have their turn
    std::string_view date();  // of this second, as the Date field wants it

  private:
    void open(const Arrival& arrival);
    void resume_finished();
    void turn_at(std::int64_t monotonic);

    Edge& edge_;
    asio::io_context io_{1};
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>
        timer_{io_};
    Wheel wheel_{[this](std::int64_t monotonic) { turn_at(monotonic); }};
    BufferPool pool_;
    Limits limits_;
    std::shared_ptr<const TlsContext> tls_;
    bool closing_ = false;
    std::int64_t date_second_ = -1;
    std::string date_;
    std::unordered_map<Connection*, std::unique_ptr<Connection>> connections_;

    std::mutex finished_mutex_;
    std::vector<Job*> finished_;

    asio::executor_work_guard<Executor> work_{io_.get_executor()};
    std::thread thread_;
};

}  // namespace net
