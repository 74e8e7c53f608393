// What this machine is called and where it is reached, as far as it knows itself.

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>

#include "server/certificates.h"

namespace server {
namespace {

constexpr std::size_t kAddressesMax = 64;

std::string text_of(const sockaddr* address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address->sa_family == AF_INET) {
        sockaddr_in v4{};
        std::copy_n(reinterpret_cast<const char*>(address), sizeof v4, reinterpret_cast<char*>(&v4));
        ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
    } else {
        sockaddr_in6 v6{};
        std::copy_n(reinterpret_cast<const char*>(address), sizeof v6, reinterpret_cast<char*>(&v6));
        // A link-local address means nothing without an interface name, which no URL and no certificate can carry.
        if (IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr)) return {};
        ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
    }
    return text.data();
}

// Whose address packets to elsewhere carry. Connecting a datagram socket asks the routing table and sends nothing.
std::string address_of_default_route() {
    const int probe = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (probe < 0) return {};
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(9);
    ::inet_pton(AF_INET, "192.0.2.1", &to.sin_addr);  // RFC 5737: belongs to nobody
    sockaddr_in own{};
    socklen_t length = sizeof own;
    const bool known = ::connect(probe, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 &&
                       ::getsockname(probe, reinterpret_cast<sockaddr*>(&own), &length) == 0;
    ::close(probe);
    return known ? text_of(reinterpret_cast<const sockaddr*>(&own)) : std::string();
}

bool is_dns_name(const std::string& name) {
    if (name.empty() || name.size() > 253 || name.front() == '.' || name.front() == '-') return false;
    return std::ranges::all_of(
        name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'; });
}

// `text` in the one form inet_ntop gives; empty: not an address.
std::string normal_address(const std::string& text) {
    std::array<unsigned char, 16> raw{};
    std::array<char, INET6_ADDRSTRLEN> normal{};
    for (const int family : {AF_INET, AF_INET6}) {
        if (::inet_pton(family, text.c_str(), raw.data()) != 1) continue;
        return ::inet_ntop(family, raw.data(), normal.data(), normal.size());
    }
    return {};
}

void add(std::vector<std::string>& list, const std::string& item) {
    if (!item.empty() && std::ranges::find(list, item) == list.end() && list.size() < kAddressesMax)
        list.push_back(item);
}

// "cloud.example:8443" and "[::1]:8443" without their ports.
std::string without_port(const std::string& host) {
    if (host.starts_with('[')) return host.substr(1, host.find(']') - 1);
    if (std::ranges::count(host, ':') == 1) return host.substr(0, host.find(':'));
    return host;
}

}  // namespace

std::vector<std::string> lan_addresses() {
    std::vector<std::string> found;
    ifaddrs* raw = nullptr;
    if (::getifaddrs(&raw) != 0) return found;
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> list(raw, &::freeifaddrs);
    const std::string first = address_of_default_route();
    for (const int family : {AF_INET, AF_INET6}) {
        for (const ifaddrs* entry = list.get(); entry != nullptr; entry = entry->ifa_next) {
            if (entry->ifa_addr == nullptr || entry->ifa_addr->sa_family != family) continue;
            if ((entry->ifa_flags & IFF_UP) == 0 || (entry->ifa_flags & IFF_LOOPBACK) != 0) continue;
            add(found, text_of(entry->ifa_addr));
        }
    }
    if (const auto at = std::ranges::find(found, first); at != found.end()) std::rotate(found.begin(), at, at + 1);
    return found;
}

CertificateNames names_of_machine(const std::vector<std::string>& extra) {
    CertificateNames names;
    std::array<char, 256> raw{};
    std::string host = ::gethostname(raw.data(), raw.size() - 1) == 0 ? raw.data() : "";
    std::ranges::transform(host, host.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    if (is_dns_name(host) && normal_address(host).empty()) {
        add(names.hosts, host);
        // Multicast DNS (RFC 6762) knows the first label only.
        if (host != "localhost" && !host.ends_with(".local"))
            add(names.hosts, host.substr(0, host.find('.')) + ".local");
    }
    add(names.hosts, "localhost");
    add(names.addresses, "127.0.0.1");
    add(names.addresses, "::1");
    for (const auto& item : extra) {
        const std::string name = without_port(item);
        const std::string address = normal_address(name);
        if (!address.empty()) {
            add(names.addresses, address);
        } else if (is_dns_name(name)) {
            add(names.hosts, name);
        }
    }
    for (const auto& address : lan_addresses()) add(names.addresses, address);
    return names;
}

}  // namespace server
