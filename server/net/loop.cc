#include "server/net/loop.h"

#include <pthread.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <exception>

#include "dav/http/date.h"
#include "server/net/connection.h"
#include "server/net/offload.h"
#include "storage/base/log.h"

namespace net {

Loop::Loop(Edge& edge, const Limits& limits, std::shared_ptr<const TlsContext> tls)
    : edge_(edge), limits_(limits), tls_(std::move(tls)) {}

Loop::~Loop() {
    stop_and_join();
}

void Loop::start(std::size_t number) {
    thread_ = std::thread([this] { io_.run(); });
    ::pthread_setname_np(thread_.native_handle(), ("io-" + std::to_string(number)).c_str());
}

void Loop::stop_and_join() {
    work_.reset();
    io_.stop();
    if (thread_.joinable()) thread_.join();
}

void Loop::run_soon(std::function<void()> task) {
    asio::post(io_, std::move(task));
}

void Loop::adopt(Arrival arrival) {
    asio::post(io_, [this, arrival] { open(arrival); });
}

void Loop::open(const Arrival& arrival) {
    if (closing_) {
        ::close(arrival.descriptor);
        edge_.admission.leave(arrival.remote.prefix, !arrival.remote.shared, arrival.tls);
        return;
    }
    std::unique_ptr<Connection> owner;
    try {
        owner = std::make_unique<Connection>(*this, arrival, arrival.tls ? tls_ : nullptr);
    } catch (const std::exception& error) {
        base::log_warn("net", std::string("connection refused: ") + error.what());
        ::close(arrival.descriptor);
        edge_.admission.leave(arrival.remote.prefix, !arrival.remote.shared, arrival.tls);
        return;
    }
    Connection* connection = owner.get();
    connections_.emplace(connection, std::move(owner));
    auto ended = [this, connection](std::exception_ptr failure) {
        if (failure) {
            try {
                std::rethrow_exception(failure);
            } catch (const std::exception& error) {
                base::log_error("net", std::string("connection ended by: ") + error.what());
            }
        }
        connections_.erase(connection);
    };
    asio::co_spawn(io_, connection->run(), ended);
}

void Loop::close_idle() {
    closing_ = true;
    for (auto& [key, connection] : connections_) {
        if (connection->idle()) connection->abort();
    }
}

void Loop::abort_all() {
    closing_ = true;
    for (auto& [key, connection] : connections_) connection->abort();
}

void Loop::finished(Job& job) {
    bool first = false;
    {
        std::lock_guard hold(finished_mutex_);
        first = finished_.empty();
        finished_.push_back(&job);
    }
    // One wake-up for all that finish before the io thread comes round.
    if (first) asio::post(io_, [this] { resume_finished(); });
}

void Loop::resume_finished() {
    std::vector<Job*> jobs;
    {
        std::lock_guard hold(finished_mutex_);
        jobs.swap(finished_);
    }
    for (Job* job : jobs) job->complete();
}

void Loop::turn_at(std::int64_t monotonic) {
    timer_.expires_at(std::chrono::steady_clock::time_point(std::chrono::milliseconds(monotonic)));
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) wheel_.turn();
    });
}

Task<void> Loop::yield() {
    return asio::post(io_, kResume);
}

std::string_view Loop::date() {
    auto now = std::chrono::system_clock::now().time_since_epoch();
    std::int64_t second = std::chrono::duration_cast<std::chrono::seconds>(now).count();
    if (second != date_second_) {
        date_ = http::http_date(second);
        date_second_ = second;
    }
    return date_;
}

}  // namespace net
