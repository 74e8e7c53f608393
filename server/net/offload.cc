#include "server/net/offload.h"

#include <exception>

#include "server/net/loop.h"
#include "storage/base/failure.h"
#include "storage/base/log.h"

namespace net {

template <typename Handler>
struct Job::Held final : Job::Waiter {
    explicit Held(Handler h) : handler(std::move(h)) {}
    void resume() override { std::move(handler)(); }
    Handler handler;
};

Job::~Job() {
    CHECK(!running_);
}

bool Job::start(std::function<void()> work, Queue queue) {
    CHECK(!running_);
    work_ = std::move(work);
    failed_ = false;
    auto task = [this] {
        try {
            work_();
        } catch (const std::exception& error) {
            base::log_error("net", "work ended by: " + base::printable(error.what()));
            failed_ = true;
        }
        loop_.finished(*this);
    };
    base::Workers& workers = loop_.edge().workers;
    running_ = queue == Queue::bounded ? workers.try_submit(task) : workers.submit_further(task);
    return running_;
}

void Job::complete() {
    running_ = false;
    // Resuming may destroy this job: nothing of it is touched afterwards.
    if (auto waiter = std::move(waiter_)) waiter->resume();
}

Task<void> Job::finished() {
    CHECK(running_ && !waiter_);
    auto keep = [this](auto handler) { waiter_ = std::make_unique<Held<decltype(handler)>>(std::move(handler)); };
    return asio::async_initiate<decltype(kResume), void()>(keep, kResume);
}

}  // namespace net
