#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dav/http/handler.h"

// The edge: sockets, TLS and HTTP/1.1 framing. The only folder that knows Boost. It turns octets into
// http::RequestHead, runs the handler's two calls on its workers, and turns http::Response into octets.
namespace net {

// One entry of [[listen]].
struct Listen {
    std::string address;  // "0.0.0.0", "::", "127.0.0.1"; or "unix:/path"
    std::uint16_t port = 8443;
    bool tls = true;
    std::uint8_t roles = http::role_dav | http::role_web | http::role_guests;
};

// security.md 5.6; every value is a key of the configuration.
struct Limits {
    std::size_t connections_max = 512;
    std::size_t connections_per_prefix_max = 64;
    std::size_t handshakes_max = 64;
    std::size_t handshakes_per_prefix_max = 8;
    std::size_t header_bytes_max = 32 * 1024;
    std::size_t header_fields_max = 100;
    std::size_t field_bytes_max = 8 * 1024;
    std::size_t target_bytes_max = 8 * 1024;
    std::size_t requests_per_connection_max = 1000;
    std::int64_t handshake_timeout_ms = 10'000;
    std::int64_t header_timeout_ms = 15'000;
    std::int64_t idle_timeout_ms = 60'000;
    std::int64_t guest_idle_timeout_ms = 20'000;  // of a listener with the role guests and without dav
    std::int64_t body_window_ms = 30'000;         // at least body_rate_min octets per second over this window
    std::uint64_t body_rate_min = 1024;
    std::int64_t write_stall_ms = 60'000;
    std::size_t workers = 32;
    std::size_t worker_queue_max = 256;
    std::uint64_t drain_bytes_max = 64 * 1024;  // of an unwanted body, to keep the connection; more = close
};

struct Certificate {
    std::string chain_pem;  // octets, not paths
    std::string key_pem;
};

struct Options {
    std::vector<Listen> listen;
    Limits limits;
    std::optional<Certificate> certificate;    // needed when any listener has TLS
    std::vector<std::string> trusted_proxies;  // addresses or CIDR; their X-Forwarded-For and -Proto count
    std::size_t io_threads = 0;                // 0 = one per core
};

struct Counters {
    std::uint64_t connections_open = 0;
    std::uint64_t connections_total = 0;
    std::uint64_t connections_refused = 0;
    std::uint64_t requests_total = 0;
    std::uint64_t bad_requests_total = 0;
    std::uint64_t timeouts_total = 0;
};

// Thread-safe. `handler` outlives it.
class Server {
  public:
    // Binds all listeners; throws base::Failure naming the address that can not be had.
    static std::unique_ptr<Server> start(Options options, http::Handler& handler);
    virtual ~Server() = default;  // stops
    // Stops accepting, lets running requests finish for `grace_ms`, closes idle connections, joins all threads.
    // Idempotent.
    virtual void stop(std::int64_t grace_ms) = 0;
    // New connections use it from now on. Throws base::Failure (and keeps the old one) when the pair does not load.
    virtual void use_certificate(const Certificate& certificate) = 0;
    virtual void use_limits(const Limits& limits) = 0;
    virtual std::vector<std::string> addresses() const = 0;  // "https://127.0.0.1:8443", real ports
    virtual Counters counters() const = 0;
};

}  // namespace net
