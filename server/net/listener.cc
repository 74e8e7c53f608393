#include "server/net/listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "storage/base/failure.h"
#include "storage/base/log.h"

namespace net {
namespace {

constexpr int kBacklog = 512;
constexpr int kAcceptsAtOnce = 64;      // then the other work of the thread gets its turn
constexpr std::int64_t kPauseMs = 100;  // out of descriptors: closing connections will free some
constexpr std::string_view kUnixScheme = "unix:";
constexpr std::string_view kFull =
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

// Closes on the way out of a constructor that throws.
struct Socket {
    explicit Socket(int family) : descriptor(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {}
    ~Socket() {
        if (descriptor >= 0) ::close(descriptor);
    }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    int release() { return std::exchange(descriptor, -1); }
    int descriptor;
};

void set_option(int descriptor, int level, int name, int value) {
    ::setsockopt(descriptor, level, name, &value, sizeof value);
}

// The sockets API takes every family through this one type.
const sockaddr* generic(const void* address) {
    return static_cast<const sockaddr*>(address);
}

int bind_unix(const std::string& path) {
    std::string name = "unix:" + path;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path) {
        throw base::Failure(base::Fault::io, "listening on " + name + ": the path is empty or too long");
    }
    path.copy(address.sun_path, path.size());
    struct stat facts;
    if (::lstat(path.c_str(), &facts) == 0 && S_ISSOCK(facts.st_mode)) {
        Socket probe(AF_UNIX);
        bool answered = ::connect(probe.descriptor, generic(&address), sizeof address) == 0 || errno == EAGAIN;
        if (answered) throw base::Failure(base::Fault::busy, "listening on " + name + ": another server listens there");
        ::unlink(path.c_str());  // left behind by a server that was killed
    }
    Socket socket(AF_UNIX);
    if (socket.descriptor < 0) base::throw_errno("listening on " + name);
    if (::bind(socket.descriptor, generic(&address), sizeof address) != 0) base::throw_errno("listening on " + name);
    // Nobody can connect before listen, so there is no moment with wider rights.
    if (::chmod(path.c_str(), 0660) != 0) base::throw_errno("setting the mode of " + name);
    if (::listen(socket.descriptor, kBacklog) != 0) base::throw_errno("listening on " + name);
    return socket.release();
}

struct Bound {
    int descriptor = -1;
    std::uint16_t port = 0;
};

Bound bind_tcp(const Listen& listen, bool dual_stack) {
    std::string name = listen.address + " port " + std::to_string(listen.port);
    std::string text = listen.address;
    if (text.size() >= 2 && text.front() == '[' && text.back() == ']') text = text.substr(1, text.size() - 2);
    sockaddr_storage storage{};
    socklen_t length = 0;
    sockaddr_in v4{};
    sockaddr_in6 v6{};
    if (::inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        v4.sin_port = htons(listen.port);
        length = sizeof v4;
        std::memcpy(&storage, &v4, length);
    } else if (::inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(listen.port);
        length = sizeof v6;
        std::memcpy(&storage, &v6, length);
    } else {
        throw base::Failure(base::Fault::io, "listening on " + name + ": not an IP address");
    }
    Socket socket(storage.ss_family);
    if (socket.descriptor < 0) base::throw_errno("listening on " + name);
    set_option(socket.descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
    if (storage.ss_family == AF_INET6) set_option(socket.descriptor, IPPROTO_IPV6, IPV6_V6ONLY, dual_stack ? 0 : 1);
    if (::bind(socket.descriptor, generic(&storage), length) != 0) base::throw_errno("listening on " + name);
    if (::listen(socket.descriptor, kBacklog) != 0) base::throw_errno("listening on " + name);

    sockaddr_storage real{};
    socklen_t real_length = sizeof real;
    void* out = &real;
    if (::getsockname(socket.descriptor, static_cast<sockaddr*>(out), &real_length) != 0) {
        base::throw_errno("listening on " + name);
    }
    in_port_t port = 0;  // at the same place in both families
    std::memcpy(&port, static_cast<const char*>(out) + offsetof(sockaddr_in, sin_port), sizeof port);
    return {socket.release(), ntohs(port)};
}

}  // namespace

Listener::Listener(const Listen& listen, bool dual_stack) : listen_(listen) {
    unix_ = listen.address.starts_with(kUnixScheme);
    if (unix_) {
        url_ = listen.address;
        descriptor_ = bind_unix(listen.address.substr(kUnixScheme.size()));
        return;
    }
    Bound bound = bind_tcp(listen, dual_stack);
    descriptor_ = bound.descriptor;
    bool bare_v6 = listen.address.find(':') != std::string::npos && listen.address.front() != '[';
    std::string host = bare_v6 ? "[" + listen.address + "]" : listen.address;
    url_ = (listen.tls ? "https://" : "http://") + host + ":" + std::to_string(bound.port);
}

Listener::~Listener() {
    if (!waiter_ && descriptor_ >= 0) ::close(descriptor_);
    if (unix_ && descriptor_ >= 0) ::unlink(listen_.address.c_str() + kUnixScheme.size());
}

std::string Listener::url() const {
    return url_;
}

void Listener::start(Loop& home, const std::vector<std::unique_ptr<Loop>>& loops) {
    home_ = &home;
    loops_ = &loops;
    waiter_ = std::make_unique<Descriptor>(home.io(), descriptor_);
    pause_ = std::make_unique<Timer>(home.io());
    wait();
}

void Listener::stop() {
    boost::system::error_code ignored;
    if (pause_) pause_->cancel();
    if (waiter_) waiter_->close(ignored);
}

void Listener::wait() {
    waiter_->async_wait(asio::posix::descriptor_base::wait_read, [this](const boost::system::error_code& error) {
        if (!error) accept_some();
    });
}

void Listener::accept_some() {
    if (!waiter_->is_open()) return;
    for (int i = 0; i < kAcceptsAtOnce; ++i) {
        sockaddr_storage from{};
        socklen_t length = sizeof from;
        void* out = &from;
        int descriptor = ::accept4(descriptor_, static_cast<sockaddr*>(out), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (descriptor >= 0) {
            admit(descriptor, from);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            base::log_warn("net", "can not accept connections: too many open files");
            pause_->expires_after(std::chrono::milliseconds(kPauseMs));
            pause_->async_wait([this](const boost::system::error_code& error) {
                if (!error) wait();
            });
            return;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) break;
        // Anything else is about the one connection that was lost.
    }
    wait();
}

void Listener::admit(int descriptor, const sockaddr_storage& from) {
    Edge& edge = home_->edge();
    Arrival arrival;
    arrival.descriptor = descriptor;
    arrival.tls = listen_.tls;
    arrival.roles = listen_.roles;
    auto address = address_of(from);
    if (address) {
        arrival.remote = remote_of(*address);
        arrival.trusted_proxy = edge.trusted_proxies.contains(*address);
        arrival.remote.shared |= arrival.trusted_proxy;
        set_option(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
        set_option(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1);
    } else {
        arrival.remote.address = arrival.remote.prefix = "unix";
        arrival.trusted_proxy = arrival.remote.shared = true;
    }
    if (!edge.admission.enter(arrival.remote.prefix, !arrival.remote.shared, arrival.tls)) {
        if (!arrival.tls) {
            // One try: a socket that was just accepted has room for this.
            [[maybe_unused]] ssize_t sent = ::send(descriptor, kFull.data(), kFull.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            ::shutdown(descriptor, SHUT_WR);
        }
        ::close(descriptor);
        return;
    }
    (*loops_)[next_]->adopt(std::move(arrival));
    next_ = (next_ + 1) % loops_->size();
}

}  // namespace net
