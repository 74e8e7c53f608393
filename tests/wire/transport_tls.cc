#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <stdexcept>

#include "server/net/server.h"
#include "tests/wire/transport.h"

namespace wire {

namespace {

constexpr long kPatienceSeconds = 20;  // for any single answer

std::string text_of(BIO* bio) {
    char* data = nullptr;
    long size = BIO_get_mem_data(bio, &data);
    std::string text(data, static_cast<std::size_t>(size));
    BIO_free(bio);
    return text;
}

// A self-signed certificate for 127.0.0.1, made once per run.
net::Certificate make_certificate() {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* cert = X509_new();
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
    X509_set_pubkey(cert, key);
    X509_NAME* name = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("wire test"), -1, -1,
                               0);
    X509_set_issuer_name(cert, name);
    X509_sign(cert, key, EVP_sha256());
    BIO* chain = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(chain, cert);
    BIO* secret = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(secret, key, nullptr, nullptr, 0, nullptr, nullptr);
    X509_free(cert);
    EVP_PKEY_free(key);
    return {text_of(chain), text_of(secret)};
}

// One keep-alive connection; blocking.
class Connection {
  public:
    Connection(SSL_CTX* context, std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        timeval patience{kPatienceSeconds, 0};
        int on = 1;
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ssl_ = SSL_new(context);
        SSL_set_fd(ssl_, fd_);
        if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || SSL_connect(ssl_) != 1) {
            throw std::runtime_error("can not connect to the server over TLS");
        }
    }
    ~Connection() {
        SSL_free(ssl_);
        ::close(fd_);
    }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // False: the server is gone (it may have answered and closed).
    bool write(std::string_view bytes) {
        while (!bytes.empty()) {
            int n = SSL_write(ssl_, bytes.data(), static_cast<int>(std::min<std::size_t>(bytes.size(), 1 << 20)));
            if (n <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(n));
        }
        return true;
    }
    bool fill() {
        char piece[16384];
        int n = SSL_read(ssl_, piece, sizeof piece);
        if (n <= 0) return false;
        buffer_.append(piece, static_cast<std::size_t>(n));
        return true;
    }
    std::string line() {
        for (;;) {
            if (auto end = buffer_.find("\r\n"); end != std::string::npos) {
                std::string text = buffer_.substr(0, end);
                buffer_.erase(0, end + 2);
                return text;
            }
            if (!fill()) throw std::runtime_error("the connection ended where a line of an answer was due");
        }
    }
    std::string octets(std::size_t count) {
        while (buffer_.size() < count) {
            if (!fill()) throw std::runtime_error("the connection ended inside the body of an answer");
        }
        std::string text = buffer_.substr(0, count);
        buffer_.erase(0, count);
        return text;
    }
    bool clean() const { return buffer_.empty(); }

  private:
    int fd_;
    SSL* ssl_ = nullptr;
    std::string buffer_;
};

Reply read_reply(Connection& connection, std::string_view method) {
    Reply reply;
    std::string status_line = connection.line();
    if (status_line.rfind("HTTP/1.1 ", 0) != 0 || status_line.size() < 13 || status_line[12] != ' ') {
        throw std::runtime_error("not a status line: " + status_line);
    }
    reply.status = std::atoi(status_line.substr(9, 3).c_str());
    for (std::string line = connection.line(); !line.empty(); line = connection.line()) {
        auto colon = line.find(':');
        if (colon == std::string::npos) throw std::runtime_error("not a field line: " + line);
        auto value = line.find_first_not_of(' ', colon + 1);
        reply.headers.emplace_back(line.substr(0, colon), value == std::string::npos ? "" : line.substr(value));
    }
    if (method == "HEAD" || reply.status == 204 || reply.status == 304 || reply.status == 100) return reply;
    auto length = reply.header("Content-Length");
    if (!length) throw std::runtime_error("an answer without Content-Length");
    reply.body = connection.octets(std::strtoull(length->c_str(), nullptr, 10));
    return reply;
}

class OverTls final : public Transport {
  public:
    explicit OverTls(http::Handler& handler) : context_(SSL_CTX_new(TLS_client_method())) {
        static const net::Certificate certificate = make_certificate();
        net::Options options;
        options.listen.push_back({"127.0.0.1", 0, true, http::role_dav | http::role_web | http::role_guests});
        options.limits.workers = 4;
        options.certificate = certificate;
        options.io_threads = 1;
        server_ = net::Server::start(std::move(options), handler);
        host_ = server_->addresses().at(0).substr(std::string_view("https://").size());
        port_ = static_cast<std::uint16_t>(std::stoi(host_.substr(host_.rfind(':') + 1)));
    }
    ~OverTls() override {
        connections_.clear();
        server_->stop(2000);
        SSL_CTX_free(context_);
    }

    std::string host() const override { return host_; }

    Reply send(const Message& message) override {
        auto& connection = connections_[message.connection];
        if (!connection) connection = std::make_unique<Connection>(context_, port_);
        Reply reply = exchange(*connection, message);
        if (!connection->clean()) throw std::runtime_error("octets after the end of the answer");
        auto token = reply.header("Connection");
        if (token && http::equal_ignoring_case(*token, "close")) connection.reset();
        return reply;
    }

  private:
    Reply exchange(Connection& connection, const Message& message) {
        std::string head = message.method + " " + message.target + " HTTP/1.1\r\n";
        bool own_host = false;
        bool expects = false;
        for (const auto& [name, value] : message.headers) {
            own_host = own_host || http::equal_ignoring_case(name, "Host");
            expects = expects || http::equal_ignoring_case(name, "Expect");
            head += name + ": " + value + "\r\n";
        }
        if (!own_host) head += "Host: " + host_ + "\r\n";
        if (message.chunked) {
            head += "Transfer-Encoding: chunked\r\n";
        } else if (message.body) {
            head += "Content-Length: " + std::to_string(message.body->size()) + "\r\n";
        }
        head += "\r\n";
        std::string body = message.body ? framed(*message.body, message.chunked) : "";
        if (!expects) {
            // What can not be written was refused early: the answer says why.
            connection.write(head + body);
            return read_reply(connection, message.method);
        }
        connection.write(head);
        Reply first = read_reply(connection, message.method);
        if (first.status != 100) return first;
        connection.write(body);
        Reply reply = read_reply(connection, message.method);
        reply.continued = true;
        return reply;
    }

    static std::string framed(const std::string& body, bool chunked) {
        if (!chunked) return body;
        std::string out;
        char size[32];
        constexpr std::size_t kChunk = 1009;
        for (std::size_t at = 0; at < body.size(); at += kChunk) {
            std::string piece = body.substr(at, kChunk);
            std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
            out += size + piece + "\r\n";
        }
        return out + "0\r\n\r\n";
    }

    SSL_CTX* context_;
    std::unique_ptr<net::Server> server_;
    std::string host_;
    std::uint16_t port_ = 0;
    std::map<std::string, std::unique_ptr<Connection>> connections_;
};

}  // namespace

std::unique_ptr<Transport> over_tls(http::Handler& handler) {
    return std::make_unique<OverTls>(handler);
}

}  // namespace wire
