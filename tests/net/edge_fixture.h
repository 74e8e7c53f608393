#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "dav/http/handler.h"
#include "server/net/server.h"
#include "storage/base/exec.h"
#include "storage/base/failure.h"
#include "storage/base/hash.h"
#include "storage/disk.h"

#undef CHECK  // in tests it is the one of Catch2
#include <catch2/catch.hpp>

// A server with a handler that does what the path says, and a client that sends octets as they are.
namespace net_test {

// ---- a certificate made on the spot ----
inline net::Certificate make_certificate(const std::string& common_name) {
    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
    std::unique_ptr<X509, decltype(&X509_free)> x(X509_new(), &X509_free);
    X509_set_version(x.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(x.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(x.get()), 3600);
    X509_set_pubkey(x.get(), key.get());
    X509_NAME* name = X509_get_subject_name(x.get());
    const void* text = common_name.c_str();
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, static_cast<const unsigned char*>(text), -1, -1, 0);
    X509_set_issuer_name(x.get(), name);
    X509_sign(x.get(), key.get(), EVP_sha256());
    auto pem = [](auto write) {
        std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(BIO_new(BIO_s_mem()), &BIO_free_all);
        write(bio.get());
        char* data = nullptr;
        auto length = BIO_get_mem_data(bio.get(), &data);
        return std::string(data, static_cast<std::size_t>(length));
    };
    net::Certificate result;
    result.chain_pem = pem([&](BIO* bio) { PEM_write_bio_X509(bio, x.get()); });
    result.key_pem =
        pem([&](BIO* bio) { PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
    return result;
}

// ---- bodies ----
// Octet i of every test download; long enough a period to show a piece in the wrong place.
inline char octet_at(std::uint64_t i) {
    return static_cast<char>((i * 31 + (i >> 8) * 7 + (i >> 16) * 13) & 0xFF);
}

inline std::string octets(std::uint64_t from, std::size_t length) {
    std::string result(length, '\0');
    for (std::size_t i = 0; i < length; ++i) result[i] = octet_at(from + i);
    return result;
}

class Spool final : public http::Spooled {
  public:
    explicit Spool(std::uint64_t size) : size_(size) {}
    std::uint64_t size() const override { return size_; }
    std::size_t read_at(char* into, std::size_t length, std::uint64_t offset) const override {
        auto n = static_cast<std::size_t>(std::min<std::uint64_t>(length, size_ - offset));
        for (std::size_t i = 0; i < n; ++i) into[i] = octet_at(offset + i);
        return n;
    }

  private:
    const std::uint64_t size_;
};

// A read-only file of the real disk; with `hidden` its descriptor is not shown, as in a simulation.
class DiskFile final : public storage::File {
  public:
    DiskFile(int descriptor, bool hidden) : descriptor_(descriptor), hidden_(hidden) {}
    ~DiskFile() override { ::close(descriptor_); }
    std::size_t read_at(char* into, std::size_t length, std::uint64_t offset) const override {
        ssize_t n = ::pread(descriptor_, into, length, static_cast<off_t>(offset));
        return n < 0 ? 0 : static_cast<std::size_t>(n);
    }
    void append(std::string_view) override {}
    void preallocate(std::uint64_t) override {}
    void sync() override {}
    void flush_hint() override {}
    void set_mtime(std::int64_t) override {}
    void set_exec(bool) override {}
    void set_private() override {}
    storage::FileFacts facts() const override { return {}; }
    int descriptor() const override { return hidden_ ? -1 : descriptor_; }

  private:
    int descriptor_;
    bool hidden_;
};

inline int temporary_file(std::uint64_t size) {
    char path[] = "/tmp/hearth-net-XXXXXX";
    int descriptor = ::mkstemp(path);
    ::unlink(path);
    constexpr std::size_t kPart = 1 << 20;
    for (std::uint64_t at = 0; at < size; at += kPart) {
        std::string part = octets(at, static_cast<std::size_t>(std::min<std::uint64_t>(kPart, size - at)));
        if (::write(descriptor, part.data(), part.size()) < 0) break;
    }
    return descriptor;
}

struct HashingSink final : base::ByteSink {
    base::Hasher hasher;
    std::uint64_t size = 0;
    std::uint64_t fail_after = UINT64_MAX;
    void write(std::string_view bytes) override {
        size += bytes.size();
        if (size > fail_after) throw base::Failure(base::Fault::disk_full, "test sink");
        hasher.update(bytes);
    }
};

// ---- the handler ----
class PathHandler final : public http::Handler {
  public:
    std::atomic<int> accepted{0};
    std::atomic<int> ran{0};
    std::atomic<int> abandoned{0};
    std::atomic<int> ran_before{0};            // the request accepted last
    base::Event gate{base::system_exec()};     // "/gate" waits for it, "/sink-held" before it is accepted
    base::Event reached{base::system_exec()};  // set when a request waits at the gate
    std::shared_ptr<const storage::File> file;
    std::uint64_t file_size = 0;

    std::optional<http::Response> answer_now(const http::RequestHead& head) override {
        if (head.path != "/now") return std::nullopt;
        return http::Response(http::Status::ok, "text/plain", "now");
    }

    http::Verdict accept(const http::RequestHead& head) override {
        ++accepted;
        ran_before = ran.load();
        if (head.path == "/sink-held") {
            reached.set();
            gate.wait();
        }
        http::Verdict verdict;
        if (head.path == "/denied") {
            verdict.answer = http::Response(http::Status::unauthorized, "text/plain", "who?");
        } else if (head.path.starts_with("/sink")) {
            auto sink = std::make_unique<HashingSink>();
            if (head.path == "/sink-full") sink->fail_after = 300'000;
            verdict.sink = std::move(sink);
        } else {
            verdict.memory_limit = 1000;
            if (head.path == "/deadline") verdict.body_deadline_ms = 60;
        }
        if (head.path == "/throw-accept") throw std::runtime_error("broken handler");
        verdict.state = std::make_shared<std::string>("state of " + head.path);
        return verdict;
    }

    http::Response run(http::Request request) override {
        ++ran;
        const http::RequestHead& head = request.head;
        if (!request.state) return http::Response(http::Status::internal_server_error);
        if (head.path == "/gate") {
            reached.set();
            gate.wait();
        }
        if (head.path == "/throw") throw std::runtime_error("broken handler");
        if (head.path == "/empty") return http::Response(http::Status::no_content);
        if (head.path == "/close") {
            http::Response response(http::Status::ok, "text/plain", "bye");
            response.close = true;
            return response;
        }
        if (head.path == "/text") return {http::Status::ok, "text/plain", octets(0, 100'000)};
        http::Response response(http::Status::ok);
        if (head.path == "/shared") {
            response.body = std::make_shared<const std::string>(octets(0, 5000));
        } else if (head.path == "/file" || head.path == "/short-file") {
            response.body = http::FileSlice{file, 0, head.path == "/file" ? file_size : file_size + 100};
        } else if (head.path == "/slice") {
            response.body = http::FileSlice{file, 1000, 2000};
        } else if (head.path == "/spool") {
            response.body = std::make_shared<const Spool>(700'000);
        } else if (head.path == "/small-spool") {
            response.body = std::make_shared<const Spool>(70'000);
        } else if (request.sink) {
            auto& sink = static_cast<HashingSink&>(*request.sink);
            response.body = std::to_string(sink.size) + " " + base::hex(sink.hasher.finish());
        } else {
            response.body = head.method_name + " " + head.path + "?" + head.query + " host=" + head.host +
                            " from=" + head.remote.address + "/" + head.remote.prefix +
                            (head.secure ? " secure" : " clear") + " roles=" + std::to_string(head.roles) +
                            " authorization=" + std::string(head.headers.get("Authorization")) +
                            " body=" + request.body;
        }
        return response;
    }

    void abandon(http::Request) override { ++abandoned; }
};

// ---- the client ----
struct Answer {
    int status = 0;
    std::string head;
    std::map<std::string, std::string> fields;  // names in lower case
    std::string body;
    bool complete = false;
};

class Client {
  public:
    // "http://127.0.0.1:1234", "https://…", "unix:/path"
    explicit Client(const std::string& url, int receive_buffer = 0) {
        if (url.starts_with("unix:")) {
            sockaddr_un address{};
            address.sun_family = AF_UNIX;
            url.copy(address.sun_path, url.size() - 5, 5);
            open(AF_UNIX, &address, sizeof address, receive_buffer);
            return;
        }
        bool v6 = url.find('[') != std::string::npos;
        auto port = static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
        if (v6) {
            sockaddr_in6 address{};
            address.sin6_family = AF_INET6;
            address.sin6_port = htons(port);
            address.sin6_addr = in6addr_loopback;
            open(AF_INET6, &address, sizeof address, receive_buffer);
        } else {
            sockaddr_in address{};
            address.sin_family = AF_INET;
            address.sin_port = htons(port);
            address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            open(AF_INET, &address, sizeof address, receive_buffer);
        }
        if (connected_ && url.starts_with("https")) start_tls();
    }
    ~Client() {
        SSL_free(ssl_);
        SSL_CTX_free(context_);
        if (socket_ >= 0) ::close(socket_);
    }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    bool connected() const { return connected_; }
    SSL* ssl() const { return ssl_; }
    int socket() const { return socket_; }

    // False: the server does not take it any more.
    bool send(std::string_view bytes) {
        while (!bytes.empty()) {
            std::ptrdiff_t n = 0;
            if (ssl_ != nullptr) {
                n = SSL_write(ssl_, bytes.data(), static_cast<int>(std::min<std::size_t>(bytes.size(), 1 << 20)));
            } else {
                n = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            }
            if (n <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(n));
        }
        return true;
    }

    // The next answer. `to_head`: it has no body although it says so.
    Answer receive(bool to_head = false) {
        Answer answer;
        std::size_t end = std::string::npos;
        while ((end = input_.find("\r\n\r\n")) == std::string::npos) {
            if (!more()) return answer;
        }
        answer.head = input_.substr(0, end + 4);
        input_.erase(0, end + 4);
        answer.status = std::stoi(answer.head.substr(9, 3));
        for (std::size_t at = answer.head.find("\r\n") + 2; at < answer.head.size() - 2;) {
            std::size_t stop = answer.head.find("\r\n", at);
            std::string line = answer.head.substr(at, stop - at);
            std::size_t colon = line.find(": ");
            std::string name = line.substr(0, colon);
            for (char& c : name) c = static_cast<char>(std::tolower(c));
            answer.fields[name] = line.substr(colon + 2);
            at = stop + 2;
        }
        std::size_t length = 0;
        if (answer.fields.count("content-length") > 0) length = std::stoul(answer.fields["content-length"]);
        if (to_head || answer.status == 304 || answer.status == 204 || answer.status < 200) length = 0;
        while (input_.size() < length) {
            if (!more()) {
                answer.body = std::move(input_);
                return answer;
            }
        }
        answer.body = input_.substr(0, length);
        input_.erase(0, length);
        answer.complete = true;
        return answer;
    }

    Answer ask(std::string_view bytes, bool to_head = false) {
        send(bytes);
        return receive(to_head);
    }

    // The server has closed its side and sent nothing else.
    bool at_end() { return input_.empty() && !more() && ended_; }

    // Takes up to `length` octets of what has arrived.
    std::string take(std::size_t length) {
        if (input_.empty()) more();
        std::string part = input_.substr(0, length);
        input_.erase(0, part.size());
        return part;
    }
    std::string& input() { return input_; }

  private:
    void open(int family, const void* address, socklen_t length, int receive_buffer) {
        socket_ = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (receive_buffer > 0) ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
        timeval limit{5, 0};
        ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        connected_ = ::connect(socket_, static_cast<const sockaddr*>(address), length) == 0;
    }
    void start_tls() {
        context_ = SSL_CTX_new(TLS_client_method());
        static constexpr unsigned char protocols[] = {2, 'h', '2', 8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
        SSL_CTX_set_alpn_protos(context_, protocols, sizeof protocols);
        SSL_CTX_set_options(context_, SSL_OP_IGNORE_UNEXPECTED_EOF);
        ssl_ = SSL_new(context_);
        SSL_set_fd(ssl_, socket_);
        connected_ = SSL_connect(ssl_) == 1;
    }
    bool more() {
        std::array<char, 65536> part;
        std::ptrdiff_t n = 0;
        if (ssl_ != nullptr) {
            n = SSL_read(ssl_, part.data(), static_cast<int>(part.size()));
            if (n <= 0) ended_ = SSL_get_error(ssl_, static_cast<int>(n)) == SSL_ERROR_ZERO_RETURN;
        } else {
            n = ::recv(socket_, part.data(), part.size(), 0);
            if (n == 0) ended_ = true;
        }
        if (n <= 0) return false;
        input_.append(part.data(), static_cast<std::size_t>(n));
        return true;
    }

    int socket_ = -1;
    bool connected_ = false;
    bool ended_ = false;
    SSL_CTX* context_ = nullptr;
    SSL* ssl_ = nullptr;
    std::string input_;
};

// ---- a running server ----
struct Edge {
    PathHandler handler;
    std::unique_ptr<net::Server> server;

    explicit Edge(net::Limits limits = {}, std::vector<std::string> trusted = {},
                  std::vector<net::Listen> listen = {}) {
        net::Options options;
        options.listen = std::move(listen);
        if (options.listen.empty()) {
            options.listen.push_back({"127.0.0.1", 0, false, http::role_dav});
            options.listen.push_back({"127.0.0.1", 0, true, http::role_dav | http::role_web});
        }
        options.limits = limits;
        options.limits.workers = std::min<std::size_t>(limits.workers, 4);  // quicker to start and to join
        options.certificate = make_certificate("first");
        options.trusted_proxies = std::move(trusted);
        options.io_threads = 2;
        server = net::Server::start(std::move(options), handler);
    }
    ~Edge() {
        handler.gate.set();
        server.reset();
    }
    std::string plain() const { return server->addresses()[0]; }
    std::string tls() const { return server->addresses()[1]; }
};

inline std::string get(std::string_view path, std::string_view fields = "") {
    return "GET " + std::string(path) + " HTTP/1.1\r\nHost: home\r\n" + std::string(fields) + "\r\n";
}

inline std::string put(std::string_view path, std::string_view body, std::string_view fields = "") {
    return "PUT " + std::string(path) + " HTTP/1.1\r\nHost: home\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n" + std::string(fields) + "\r\n" + std::string(body);
}

// Waits for something another thread does, a few milliseconds at most in practice.
template <typename Condition>
bool soon(Condition condition) {
    for (int i = 0; i < 2000; ++i) {
        if (condition()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
}

}  // namespace net_test
