#include "server/control.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "storage/base/exec.h"
#include "storage/base/failure.h"
#include "storage/base/log.h"

namespace server {
namespace {

constexpr int kBacklog = 16;
constexpr long kRequestTimeoutS = 10;   // a peer that sends nothing
constexpr long kAnswerTimeoutS = 3600;  // a check of a big root

class Descriptor {
  public:
    explicit Descriptor(int value) : value_(value) {}
    ~Descriptor() {
        if (value_ >= 0) ::close(value_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const { return value_; }

  private:
    int value_;
};

// The folder is held open while its address is used: a path longer than sun_path goes through /proc/self/fd.
struct Address {
    explicit Address(const std::string& path)
        : folder(::open(path.substr(0, path.rfind('/')).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {
        raw.sun_family = AF_UNIX;
        std::string name = path;
        if (name.size() >= sizeof raw.sun_path) {
            name = "/proc/self/fd/" + std::to_string(folder.get()) + path.substr(path.rfind('/'));
        }
        if (folder.get() < 0) base::throw_errno("opening the folder of " + path);
        std::memcpy(raw.sun_path, name.c_str(), name.size() + 1);
    }
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&raw); }

    Descriptor folder;
    sockaddr_un raw{};
};

void set_timeout(int socket, int option, long seconds) {
    timeval limit{};
    limit.tv_sec = seconds;
    ::setsockopt(socket, SOL_SOCKET, option, &limit, sizeof limit);
}

bool send_all(int socket, std::string_view bytes) {
    while (!bytes.empty()) {
        const auto sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

// Up to and without the line feed; empty: the other side ended, was too slow or sent too much.
std::optional<std::string> receive_line(int socket, std::size_t limit) {
    std::string line;
    std::array<char, 16 * 1024> buffer{};
    while (line.size() <= limit) {
        const auto got = ::recv(socket, buffer.data(), buffer.size(), 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return std::nullopt;
        line.append(buffer.data(), static_cast<std::size_t>(got));
        if (line.back() == '\n') {
            line.pop_back();
            return line;
        }
    }
    return std::nullopt;
}

bool is_administrator(int socket) {
    ucred peer{};
    socklen_t length = sizeof peer;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return false;
    return peer.uid == 0 || peer.uid == ::geteuid();
}

}  // namespace

struct ControlSocket::State {
    std::string path;
    Answer answer;
    Descriptor listener{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    Descriptor stop{::eventfd(0, EFD_CLOEXEC)};
    std::array<std::unique_ptr<base::Thread>, kThreads> threads;

    void run() {
        std::array<pollfd, 2> waits = {pollfd{listener.get(), POLLIN, 0}, pollfd{stop.get(), POLLIN, 0}};
        while (true) {
            if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) return;
            if (waits[1].revents != 0) return;
            // The other thread may have been faster: the listener does not block.
            const Descriptor peer(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
            if (peer.get() >= 0) serve(peer.get());
        }
    }

    void serve(int peer) {
        if (!is_administrator(peer)) return;
        set_timeout(peer, SO_RCVTIMEO, kRequestTimeoutS);
        set_timeout(peer, SO_SNDTIMEO, kRequestTimeoutS);
        const auto request = receive_line(peer, kRequestBytesMax);
        if (request) send_all(peer, answer(*request) + "\n");
    }
};

std::string control_path(const std::string& root) {
    return root + "/.hearth/control.sock";
}

ControlSocket::ControlSocket(std::string path, Answer answer) : state_(std::make_unique<State>()) {
    state_->path = std::move(path);
    state_->answer = std::move(answer);
    const Address address(state_->path);
    ::unlink(state_->path.c_str());
    // Nobody may connect between bind and chmod: no mode at all until then. fchmod before bind sets the mode it is made
    // with.
    ::fchmod(state_->listener.get(), 0600);
    if (::bind(state_->listener.get(), address.get(), sizeof address.raw) != 0)
        base::throw_errno("binding " + state_->path);
    if (::chmod(state_->path.c_str(), 0600) != 0) base::throw_errno("protecting " + state_->path);
    if (::listen(state_->listener.get(), kBacklog) != 0) base::throw_errno("listening on " + state_->path);
    for (auto& thread : state_->threads) {
        thread = base::system_exec().spawn("control", [state = state_.get()] { state->run(); });
    }
}

ControlSocket::~ControlSocket() {
    const std::uint64_t one = 1;
    // An eventfd takes eight octets or nothing, and it is empty: this can not fail.
    CHECK(::write(state_->stop.get(), &one, sizeof one) == sizeof one);
    for (auto& thread : state_->threads) thread.reset();
    ::unlink(state_->path.c_str());
}

std::optional<std::string> control_call(const std::string& path, const std::string& request) {
    const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    struct stat there {};
    if (::stat(path.c_str(), &there) != 0) {
        if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
        base::throw_errno("looking at " + path);
    }
    const Address address(path);
    if (::connect(socket.get(), address.get(), sizeof address.raw) != 0) {
        if (errno == ECONNREFUSED || errno == ENOENT) return std::nullopt;  // left by a crash
        base::throw_errno("connecting to " + path);
    }
    set_timeout(socket.get(), SO_SNDTIMEO, kRequestTimeoutS);
    set_timeout(socket.get(), SO_RCVTIMEO, kAnswerTimeoutS);
    if (!send_all(socket.get(), request + "\n"))
        throw base::Failure(base::Fault::io, "the server does not take the command");
    auto answer = receive_line(socket.get(), ControlSocket::kAnswerBytesMax);
    if (!answer) throw base::Failure(base::Fault::io, "the server ended before it answered");
    return answer;
}

}  // namespace server
