#pragma once

#include <sys/socket.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dav/http/message.h"
#include "server/net/server.h"

// Who may connect, and whom a connection belongs to.
namespace net {

// 16 octets; IPv4 as ::ffff:a.b.c.d.
struct Address {
    std::array<std::uint8_t, 16> octets{};
    bool is_v4() const;
    bool is_loopback() const;
    bool operator==(const Address&) const = default;
};
std::optional<Address> parse_address(std::string_view text);  // with or without brackets; no port
std::optional<Address> address_of(const sockaddr_storage& from);
// Text and prefix as limits and throttling count them: IPv4 /32, IPv6 /64.
http::Remote remote_of(const Address& address);

// Single addresses and CIDR ranges.
class AddressList {
  public:
    AddressList() = default;
    explicit AddressList(const std::vector<std::string>& entries);  // throws base::Failure naming a bad entry
    bool contains(const Address& address) const;

  private:
    struct Range {
        Address first;
        int bits = 128;
    };
    std::vector<Range> ranges_;
};

// The client behind a trusted proxy: the rightmost address of X-Forwarded-For that is no trusted proxy itself. Empty:
// the field says nothing usable, and the proxy is the client.
std::optional<Address> forwarded_client(std::string_view forwarded_for, const AddressList& trusted);

// Counts connections and refuses those beyond the limits. Thread-safe.
class Admission {
  public:
    explicit Admission(const Limits& limits) : limits_(limits) {}

    void use_limits(const Limits& limits);
    // True: counted until `leave`. A TLS connection also counts as a handshake until `handshake_over` or `leave`.
    bool enter(const std::string& prefix, bool by_prefix, bool handshake);
    void handshake_over(const std::string& prefix, bool by_prefix);
    void leave(const std::string& prefix, bool by_prefix, bool in_handshake);

    // False: connections are left when the time is over. Negative = for ever.
    bool wait_empty(std::int64_t grace_ms);

    std::uint64_t open() const;
    std::uint64_t total() const;
    std::uint64_t refused() const;

  private:
    struct Family {
        std::size_t connections = 0;
        std::size_t handshakes = 0;
    };

    mutable std::mutex mutex_;
    std::condition_variable empty_;
    Limits limits_;
    std::unordered_map<std::string, Family> families_;  // those with a connection; bounded by connections_max
    std::size_t open_ = 0;
    std::size_t handshakes_ = 0;
    std::uint64_t total_ = 0;
    std::uint64_t refused_ = 0;
};

}  // namespace net
