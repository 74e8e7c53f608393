#include "server/net/server.h"

#include <algorithm>
#include <future>
#include <mutex>
#include <thread>

#include "server/net/listener.h"
#include "server/net/loop.h"
#include "storage/base/failure.h"
#include "storage/base/log.h"

namespace net {
namespace {

class RunningServer final : public Server {
  public:
    RunningServer(Options options, http::Handler& handler)
        : options_(std::move(options)),
          trusted_proxies_(options_.trusted_proxies),
          admission_(options_.limits),
          workers_(base::system_exec(), {"worker", options_.limits.workers, options_.limits.worker_queue_max}),
          edge_{handler, workers_, admission_, tally_, trusted_proxies_} {
        bool wants_tls = std::any_of(options_.listen.begin(), options_.listen.end(), [](auto& l) { return l.tls; });
        std::shared_ptr<const TlsContext> tls;
        if (wants_tls) {
            if (!options_.certificate) throw base::Failure(base::Fault::io, "TLS listeners need a certificate");
            tls = std::make_shared<const TlsContext>(*options_.certificate);
        }
        for (const Listen& listen : options_.listen) {
            listeners_.push_back(std::make_unique<Listener>(listen, !has_v4_twin(listen)));
        }
        std::size_t threads = options_.io_threads;
        if (threads == 0) threads = std::max(1U, std::thread::hardware_concurrency());
        for (std::size_t i = 0; i < threads; ++i) {
            loops_.push_back(std::make_unique<Loop>(edge_, options_.limits, tls));
        }
        for (std::size_t i = 0; i < threads; ++i) loops_[i]->start(i);
        on_loop(*loops_[0], [this] {
            for (auto& listener : listeners_) listener->start(*loops_[0], loops_);
        });
    }
    ~RunningServer() override { stop(0); }

    void stop(std::int64_t grace_ms) override {
        std::lock_guard hold(stop_mutex_);
        if (stopped_) return;
        stopped_ = true;
        on_loop(*loops_[0], [this] {
            for (auto& listener : listeners_) listener->stop();
        });
        for (auto& loop : loops_) on_loop(*loop, [&loop] { loop->close_idle(); });
        if (!admission_.wait_empty(std::max<std::int64_t>(grace_ms, 0))) {
            for (auto& loop : loops_) on_loop(*loop, [&loop] { loop->abort_all(); });
            // What is left waits for a worker, and a worker can not be stopped half way.
            admission_.wait_empty(-1);
        }
        // Workers first: the last of them may still be inside the io_context it reported to.
        workers_.stop();
        for (auto& loop : loops_) loop->stop_and_join();
        listeners_.clear();
    }

    void use_certificate(const Certificate& certificate) override {
        auto tls = std::make_shared<const TlsContext>(certificate);
        for (auto& loop : loops_) {
            loop->run_soon([target = loop.get(), tls] { target->use_tls(tls); });
        }
    }

    void use_limits(const Limits& limits) override {
        admission_.use_limits(limits);
        for (auto& loop : loops_) {
            loop->run_soon([target = loop.get(), limits] { target->use_limits(limits); });
        }
    }

    std::vector<std::string> addresses() const override {
        std::vector<std::string> result;
        for (auto& listener : listeners_) result.push_back(listener->url());
        return result;
    }

    Counters counters() const override {
        return {admission_.open(), admission_.total(),  admission_.refused(),
                tally_.requests,   tally_.bad_requests, tally_.timeouts};
    }

  private:
    // "::" takes IPv4 as well, unless "0.0.0.0" with the same port is listened on by itself.
    bool has_v4_twin(const Listen& listen) const {
        return std::any_of(options_.listen.begin(), options_.listen.end(), [&](const Listen& other) {
            return other.address == "0.0.0.0" && other.port == listen.port && other.port != 0;
        });
    }

    static void on_loop(Loop& loop, const std::function<void()>& task) {
        std::promise<void> done;
        loop.run_soon([&] {
            task();
            done.set_value();
        });
        done.get_future().wait();
    }

    const Options options_;
    const AddressList trusted_proxies_;
    Tally tally_;
    Admission admission_;
    base::Workers workers_;
    Edge edge_;
    std::vector<std::unique_ptr<Loop>> loops_;
    std::vector<std::unique_ptr<Listener>> listeners_;
    std::mutex stop_mutex_;
    bool stopped_ = false;
};

}  // namespace

std::unique_ptr<Server> Server::start(Options options, http::Handler& handler) {
    return std::make_unique<RunningServer>(std::move(options), handler);
}

}  // namespace net
