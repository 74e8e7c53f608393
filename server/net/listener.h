#pragma once

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "server/net/asio.h"
#include "server/net/loop.h"

namespace net {

// One listening socket. Accepts on one loop and hands the connections to all loops in turn, which spreads a few heavy
// clients evenly; SO_REUSEPORT leaves that to a hash of the kernel (measured: 0.66 of the rate at 8 downloads).
class Listener {
  public:
    // Binds and listens; throws base::Failure naming the address. `dual_stack`: an IPv6 socket that takes IPv4 as well.
    Listener(const Listen& listen, bool dual_stack);
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    // From now on everything happens on the thread of `home`.
    void start(Loop& home, const std::vector<std::unique_ptr<Loop>>& loops);
    void stop();  // on the thread of `home`
    std::string url() const;

  private:
    void wait();
    void accept_some();
    void admit(int descriptor, const sockaddr_storage& from);

    const Listen listen_;
    bool unix_ = false;
    std::string url_;
    int descriptor_ = -1;

    using Descriptor = asio::posix::basic_stream_descriptor<Executor>;
    using Timer =
        asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;
    std::unique_ptr<Descriptor> waiter_;
    std::unique_ptr<Timer> pause_;
    Loop* home_ = nullptr;
    const std::vector<std::unique_ptr<Loop>>* loops_ = nullptr;
    std::size_t next_ = 0;
};

}  // namespace net
