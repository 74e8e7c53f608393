// A closed-loop load generator: each connection sends its next request when the answer to the last one is complete and
// checked (status, length). One thread, epoll, TLS. Prints one JSON object. Only for addresses on this machine.
//
//   loadgen --port N [--host 127.0.0.1] [--conns 16] [--seconds 3 | --requests N] [--method GET] --path /dir/f%d [--count 100]
//           [--start 0] [--header 'K: v']… [--body-file F | --bodies F] [--expect 200] [--holds 'N TEXT']… [--patience 30]
//           [--idle] [--sizes SEED]
//
// "%d" in the path becomes start, start+1, … modulo count (count 0: without end). --idle opens the connections, sends one
// request on each and then waits for a line on standard input. --sizes: file n has a size of its own, log-normal around 7 KB,
// sent with PUT and expected of GET; "%m" in the path is n modulo 20. --bodies: what the file has between its NULs, in turn,
// with "%d" as in the path. --holds: an answer is right when TEXT stands in its body that often; then it is one with a
// length. --patience: how many seconds may pass without an answer.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Plan {
    std::string host = "127.0.0.1";
    int port = 0;
    int conns = 16;
    double seconds = 3;
    long requests = 0;  // 0 = by time
    std::string method = "GET";
    std::string path = "/";
    long start = 0;
    long count = 0;
    std::string headers;
    std::string body;
    std::vector<std::string> bodies;
    struct Held {
        std::size_t times;
        std::string text;
    };
    std::vector<Held> holds;
    int patience_s = 30;
    int expect = 200;
    bool idle = false;
    long sizes = 0;  // seed; 0 = the body as it is

    long long size_of(long n) const {
        std::mt19937_64 random(static_cast<std::uint64_t>(sizes * 1'000'003 + n));
        std::lognormal_distribution<double> size(8.85, 1.4);  // median 7 KB
        return static_cast<long long>(std::clamp(size(random), 1.0, 1e6));
    }
};

void replace_number(std::string& text, long n) {
    if (const auto at = text.find("%d"); at != std::string::npos) text.replace(at, 2, std::to_string(n));
}

std::size_t times_in(std::string_view body, std::string_view text) {
    std::size_t times = 0;
    for (std::size_t at = 0; (at = body.find(text, at)) != std::string_view::npos; at += text.size()) ++times;
    return times;
}

[[noreturn]] void die(const std::string& why) {
    std::fprintf(stderr, "loadgen: %s\n", why.c_str());
    std::exit(2);
}

struct Tally {
    long sent = 0;
    long done = 0;
    long wrong = 0;
    long long octets = 0;
    std::string first_wrong;
    std::vector<float> latencies_ms;
};

class Connection {
  public:
    Connection(const Plan& plan, Tally& tally, SSL_CTX* tls) : plan_(plan), tally_(tally) {
        fd_ = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(static_cast<std::uint16_t>(plan.port));
        if (::inet_pton(AF_INET, plan.host.c_str(), &to.sin_addr) != 1) die("bad --host");
        if ((ntohl(to.sin_addr.s_addr) >> 24) != 127) die("only loopback addresses are loaded");
        if (::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) die("cannot connect");
        const int on = 1;
        ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        ssl_ = SSL_new(tls);
        SSL_set_fd(ssl_, fd_);
        if (SSL_connect(ssl_) != 1) die("TLS handshake failed");
        ::fcntl(fd_, F_SETFL, ::fcntl(fd_, F_GETFL) | O_NONBLOCK);
    }
    ~Connection() {
        SSL_free(ssl_);
        ::close(fd_);
    }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    int fd() const { return fd_; }
    bool busy() const { return busy_; }

    void send_next() {
        const long n = plan_.count > 0 ? plan_.start + tally_.sent % plan_.count : plan_.start + tally_.sent;
        std::string path = plan_.path;
        replace_number(path, n);
        if (const auto at = path.find("%m"); at != std::string::npos) path.replace(at, 2, std::to_string(n % 20));
        size_ = plan_.sizes != 0 ? plan_.size_of(n) : -1;
        std::string numbered;
        if (!plan_.bodies.empty()) {
            numbered = plan_.bodies[static_cast<std::size_t>(n) % plan_.bodies.size()];
            replace_number(numbered, n);
        }
        std::string_view body = plan_.bodies.empty() ? plan_.body : numbered;
        if (size_ >= 0) body = plan_.method == "PUT" ? body.substr(0, static_cast<std::size_t>(size_)) : std::string_view();
        out_ = plan_.method + " " + path + " HTTP/1.1\r\nHost: localhost:" + std::to_string(plan_.port) + "\r\n" +
               plan_.headers;
        if (!body.empty()) out_ += "Content-Length: " + std::to_string(body.size()) + "\r\n";
        out_ += "\r\n";
        out_ += body;
        written_ = 0;
        in_.clear();
        head_octets_ = 0;
        body_left_ = -1;
        busy_ = true;
        began_ = Clock::now();
        ++tally_.sent;
        step();
    }

    // Goes on as far as the socket lets it.
    void step() {
        while (written_ < out_.size()) {
            const int n = SSL_write(ssl_, out_.data() + written_, static_cast<int>(out_.size() - written_));
            if (n <= 0) return blocked(n);
            written_ += static_cast<std::size_t>(n);
        }
        while (busy_) {
            char buffer[32768];
            const int n = SSL_read(ssl_, buffer, sizeof buffer);
            if (n <= 0) return blocked(n);
            tally_.octets += n;
            take({buffer, static_cast<std::size_t>(n)});
        }
    }

  private:
    void blocked(int result) {
        const int why = SSL_get_error(ssl_, result);
        if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) die("the server closed the connection");
    }

    void take(std::string_view octets) {
        if (body_left_ < 0 && !chunked_) {
            in_.append(octets);
            const auto end = in_.find("\r\n\r\n");
            if (end == std::string::npos) return;
            status_ = std::atoi(in_.c_str() + 9);
            std::string head = in_.substr(0, end);
            std::transform(head.begin(), head.end(), head.begin(), [](unsigned char c) { return std::tolower(c); });
            const auto length = head.find("\r\ncontent-length:");
            chunked_ = head.find("\r\ntransfer-encoding: chunked") != std::string::npos;
            body_left_ = length == std::string::npos ? 0 : std::atoll(head.c_str() + length + 17);
            wrong_size_ = size_ >= 0 && plan_.method == "GET" && body_left_ != size_;
            if (plan_.method == "HEAD" || status_ == 204 || status_ == 304) body_left_ = 0;
            octets = {};
            const std::string rest = in_.substr(end + 4);
            in_.clear();
            if (chunked_ && !plan_.holds.empty()) die("--holds needs answers that tell their length");
            if (chunked_ || !plan_.holds.empty()) in_ = rest;
            if (!chunked_) body_left_ -= static_cast<long long>(rest.size());
        } else if (chunked_) {
            in_.append(octets);
        } else {
            body_left_ -= static_cast<long long>(octets.size());
            if (!plan_.holds.empty()) in_.append(octets);
        }
        if (chunked_) {
            if (in_.size() > 64) in_.erase(0, in_.size() - 64);  // only the end matters
            if (!in_.ends_with("0\r\n\r\n")) return;
            chunked_ = false;
            body_left_ = 0;
        }
        if (body_left_ == 0) finish();
        if (body_left_ < 0 && busy_) die("more octets than the answer announced");
    }

    void finish() {
        busy_ = false;
        ++tally_.done;
        const std::chrono::duration<float, std::milli> took = Clock::now() - began_;
        std::string wrong;
        for (const Plan::Held& held : plan_.holds)
            if (const auto times = times_in(in_, held.text); times != held.times)
                wrong = std::to_string(times) + " times " + held.text;
        if (wrong_size_) wrong = "size";
        if (status_ != plan_.expect) wrong = std::to_string(status_);
        if (!wrong.empty()) {
            ++tally_.wrong;
            if (tally_.first_wrong.empty()) tally_.first_wrong = wrong;
        }
        if (tally_.latencies_ms.size() < 2'000'000) tally_.latencies_ms.push_back(took.count());
    }

    const Plan& plan_;
    Tally& tally_;
    int fd_ = -1;
    SSL* ssl_ = nullptr;
    std::string out_, in_;
    std::size_t written_ = 0;
    std::size_t head_octets_ = 0;
    long long body_left_ = -1;
    int status_ = 0;
    long long size_ = -1;  // of the file asked for or sent; -1 = not known
    bool busy_ = false, chunked_ = false, wrong_size_ = false;
    Clock::time_point began_;
};

std::string octets_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

Plan parse(int argc, char** argv) {
    Plan plan;
    for (int i = 1; i < argc; ++i) {
        const std::string key = argv[i];
        if (key == "--idle") {
            plan.idle = true;
            continue;
        }
        if (++i >= argc) die("a value is missing after " + key);
        const std::string value = argv[i];
        if (key == "--host") plan.host = value;
        else if (key == "--port") plan.port = std::stoi(value);
        else if (key == "--conns") plan.conns = std::stoi(value);
        else if (key == "--seconds") plan.seconds = std::stod(value);
        else if (key == "--requests") plan.requests = std::stol(value);
        else if (key == "--method") plan.method = value;
        else if (key == "--path") plan.path = value;
        else if (key == "--start") plan.start = std::stol(value);
        else if (key == "--count") plan.count = std::stol(value);
        else if (key == "--sizes") plan.sizes = std::stol(value);
        else if (key == "--expect") plan.expect = std::stoi(value);
        else if (key == "--header") plan.headers += value + "\r\n";
        else if (key == "--patience") plan.patience_s = std::stoi(value);
        else if (key == "--holds") plan.holds.push_back({std::stoul(value), value.substr(value.find(' ') + 1)});
        else if (key == "--body-file") plan.body = octets_of(value);
        else if (key == "--bodies") {
            std::istringstream all(octets_of(value));
            for (std::string one; std::getline(all, one, '\0');) plan.bodies.push_back(one);
            if (plan.bodies.empty()) die("no bodies in " + value);
        } else die("unknown option " + key);
    }
    if (plan.port == 0 || plan.conns < 1 || plan.conns > 10'000 || plan.seconds > 120 || plan.patience_s > 600) die("bad plan");
    return plan;
}

void report(const Plan& plan, Tally& tally, double seconds) {
    auto& all = tally.latencies_ms;
    std::sort(all.begin(), all.end());
    const auto at = [&](double p) {
        return all.empty() ? 0.F : all[std::min(all.size() - 1, static_cast<std::size_t>(p * static_cast<double>(all.size())))];
    };
    std::printf("{\"done\": %ld, \"wrong\": %ld, \"first_wrong\": \"%s\", \"seconds\": %.3f, \"rate\": %.4f, \"p50_ms\": %.3f, "
                "\"p99_ms\": %.3f, \"octets\": %lld, \"next\": %ld}\n",
                tally.done, tally.wrong, tally.first_wrong.c_str(), seconds, static_cast<double>(tally.done) / seconds,
                static_cast<double>(at(0.5)), static_cast<double>(at(0.99)), tally.octets, plan.start + tally.sent);
    std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
    const Plan plan = parse(argc, argv);
    SSL_CTX* tls = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_verify(tls, SSL_VERIFY_NONE, nullptr);
    SSL_CTX_set_ciphersuites(tls, "TLS_AES_128_GCM_SHA256");  // the same for every server
    Tally tally;
    std::vector<std::unique_ptr<Connection>> connections;
    const int poll = ::epoll_create1(0);
    for (int i = 0; i < plan.conns; ++i) {
        connections.push_back(std::make_unique<Connection>(plan, tally, tls));
        epoll_event event{};
        event.events = EPOLLIN | EPOLLOUT | EPOLLET;
        event.data.ptr = connections.back().get();
        ::epoll_ctl(poll, EPOLL_CTL_ADD, connections.back()->fd(), &event);
    }
    const auto began = Clock::now();
    const auto elapsed = [&] { return std::chrono::duration<double>(Clock::now() - began).count(); };
    const auto more = [&] {
        if (plan.idle) return tally.sent < plan.conns;
        return plan.requests > 0 ? tally.sent < plan.requests : elapsed() < plan.seconds;
    };
    // A connection that answers at once is served again in the same turn, but in turn with the others.
    std::vector<Connection*> ready;
    for (auto& connection : connections) {
        if (more()) connection->send_next();
        if (!connection->busy()) ready.push_back(connection.get());
    }
    while (true) {
        std::vector<Connection*> again;
        for (Connection* connection : ready) {
            if (!more()) continue;
            connection->send_next();
            if (!connection->busy()) again.push_back(connection);
        }
        ready.swap(again);
        const bool open = std::any_of(connections.begin(), connections.end(), [](auto& c) { return c->busy(); });
        if (ready.empty() && !open) break;
        epoll_event events[64];
        const int n = ::epoll_wait(poll, events, 64, ready.empty() ? 1000 * plan.patience_s : 0);
        if (n == 0 && ready.empty()) die("no answer for " + std::to_string(plan.patience_s) + " s");
        for (int i = 0; i < n; ++i) {
            auto* connection = static_cast<Connection*>(events[i].data.ptr);
            if (!connection->busy()) continue;
            connection->step();
            if (!connection->busy()) ready.push_back(connection);
        }
    }
    report(plan, tally, elapsed());
    if (plan.idle) {
        std::string line;
        std::getline(std::cin, line);
    }
    return tally.wrong == 0 ? 0 : 1;
}
