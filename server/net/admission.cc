#include "server/net/admission.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "storage/base/failure.h"

namespace net {
namespace {

constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

Address mapped(const void* v4) {
    Address address;
    std::copy(kMapped.begin(), kMapped.end(), address.octets.begin());
    std::memcpy(address.octets.data() + 12, v4, 4);
    return address;
}

std::string text_of(const Address& address) {
    char text[INET6_ADDRSTRLEN] = "";
    if (address.is_v4()) {
        ::inet_ntop(AF_INET, address.octets.data() + 12, text, sizeof text);
    } else {
        ::inet_ntop(AF_INET6, address.octets.data(), text, sizeof text);
    }
    return text;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

// "192.0.2.1", "192.0.2.1:1234", "2001:db8::1", "[2001:db8::1]:1234"
std::optional<Address> parse_with_port(std::string_view text) {
    if (text.starts_with('[')) return parse_address(text.substr(0, text.find(']') + 1));
    if (std::count(text.begin(), text.end(), ':') == 1) text = text.substr(0, text.find(':'));
    return parse_address(text);
}

}  // namespace

bool Address::is_v4() const {
    return std::equal(kMapped.begin(), kMapped.end(), octets.begin());
}

bool Address::is_loopback() const {
    if (is_v4()) return octets[12] == 127;
    return std::all_of(octets.begin(), octets.end() - 1, [](std::uint8_t octet) { return octet == 0; }) &&
           octets.back() == 1;
}

std::optional<Address> parse_address(std::string_view text) {
    if (text.size() >= 2 && text.front() == '[' && text.back() == ']') text = text.substr(1, text.size() - 2);
    if (text.size() >= INET6_ADDRSTRLEN) return std::nullopt;
    std::string copy(text);
    std::array<std::uint8_t, 16> octets;
    if (::inet_pton(AF_INET, copy.c_str(), octets.data()) == 1) return mapped(octets.data());
    if (::inet_pton(AF_INET6, copy.c_str(), octets.data()) == 1) return Address{octets};
    return std::nullopt;
}

std::optional<Address> address_of(const sockaddr_storage& from) {
    if (from.ss_family == AF_INET) {
        sockaddr_in v4;
        std::memcpy(&v4, &from, sizeof v4);
        return mapped(&v4.sin_addr);
    }
    if (from.ss_family == AF_INET6) {
        sockaddr_in6 v6;
        std::memcpy(&v6, &from, sizeof v6);
        Address address;
        std::memcpy(address.octets.data(), &v6.sin6_addr, 16);
        return address;
    }
    return std::nullopt;
}

http::Remote remote_of(const Address& address) {
    http::Remote remote;
    remote.address = text_of(address);
    remote.shared = address.is_loopback();
    Address network = address;
    if (!address.is_v4()) std::fill(network.octets.begin() + 8, network.octets.end(), std::uint8_t{0});
    remote.prefix = address.is_v4() ? remote.address : text_of(network) + "/64";
    return remote;
}

AddressList::AddressList(const std::vector<std::string>& entries) {
    for (const std::string& entry : entries) {
        std::size_t slash = entry.find('/');
        auto address = parse_address(entry.substr(0, slash));
        int most = address && address->is_v4() ? 32 : 128;
        int bits = most;
        bool good = address.has_value();
        if (slash != std::string::npos) {
            const char* end = entry.data() + entry.size();
            auto parsed = std::from_chars(entry.data() + slash + 1, end, bits);
            good = good && parsed.ec == std::errc{} && parsed.ptr == end && bits >= 0 && bits <= most;
        }
        if (!good) throw base::Failure(base::Fault::io, "trusted_proxies: not an address or range: " + entry);
        ranges_.push_back({*address, bits + 128 - most});
    }
}

bool AddressList::contains(const Address& address) const {
    return std::any_of(ranges_.begin(), ranges_.end(), [&](const Range& range) {
        auto whole = static_cast<std::size_t>(range.bits / 8);
        if (std::memcmp(range.first.octets.data(), address.octets.data(), whole) != 0) return false;
        int rest = range.bits % 8;
        if (rest == 0) return true;
        int mask = (0xFF << (8 - rest)) & 0xFF;
        return ((range.first.octets[whole] ^ address.octets[whole]) & mask) == 0;
    });
}

std::optional<Address> forwarded_client(std::string_view forwarded_for, const AddressList& trusted) {
    std::optional<Address> client;
    while (!forwarded_for.empty()) {
        std::size_t comma = forwarded_for.rfind(',');
        std::string_view item = comma == std::string_view::npos ? forwarded_for : forwarded_for.substr(comma + 1);
        forwarded_for = comma == std::string_view::npos ? std::string_view() : forwarded_for.substr(0, comma);
        auto address = parse_with_port(trimmed(item));
        if (!address) break;  // what is left of it was written by whoever wrote this
        client = address;
        if (!trusted.contains(*address)) break;
    }
    return client;
}

void Admission::use_limits(const Limits& limits) {
    std::lock_guard hold(mutex_);
    limits_ = limits;
}

bool Admission::enter(const std::string& prefix, bool by_prefix, bool handshake) {
    std::lock_guard hold(mutex_);
    Family* family = nullptr;
    bool full = open_ >= limits_.connections_max || (handshake && handshakes_ >= limits_.handshakes_max);
    if (!full && by_prefix) {
        family = &families_[prefix];
        full = family->connections >= limits_.connections_per_prefix_max ||
               (handshake && family->handshakes >= limits_.handshakes_per_prefix_max);
    }
    if (full) {
        ++refused_;
        if (family != nullptr && family->connections == 0) families_.erase(prefix);
        return false;
    }
    ++open_;
    ++total_;
    handshakes_ += handshake ? 1 : 0;
    if (family != nullptr) {
        ++family->connections;
        family->handshakes += handshake ? 1 : 0;
    }
    return true;
}

void Admission::handshake_over(const std::string& prefix, bool by_prefix) {
    std::lock_guard hold(mutex_);
    --handshakes_;
    if (by_prefix) --families_[prefix].handshakes;
}

void Admission::leave(const std::string& prefix, bool by_prefix, bool in_handshake) {
    std::lock_guard hold(mutex_);
    if (in_handshake) --handshakes_;
    if (by_prefix) {
        auto found = families_.find(prefix);
        CHECK(found != families_.end());
        if (in_handshake) --found->second.handshakes;
        if (--found->second.connections == 0) families_.erase(found);
    }
    if (--open_ == 0) empty_.notify_all();
}

bool Admission::wait_empty(std::int64_t grace_ms) {
    std::unique_lock hold(mutex_);
    auto none = [this] { return open_ == 0; };
    if (grace_ms >= 0) return empty_.wait_for(hold, std::chrono::milliseconds(grace_ms), none);
    empty_.wait(hold, none);
    return true;
}

std::uint64_t Admission::open() const {
    std::lock_guard hold(mutex_);
    return open_;
}

std::uint64_t Admission::total() const {
    std::lock_guard hold(mutex_);
    return total_;
}

std::uint64_t Admission::refused() const {
    std::lock_guard hold(mutex_);
    return refused_;
}

}  // namespace net
