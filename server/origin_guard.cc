#include "server/origin_guard.h"

#include <algorithm>
#include <cctype>

namespace server {
namespace {

std::string lower(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return result;
}

// "host" of "host", "host:8443", "[::1]:8443".
std::string_view without_port(std::string_view authority) {
    const std::size_t bracket = authority.rfind(']');
    const std::size_t colon = authority.rfind(':');
    if (colon == std::string_view::npos || (bracket != std::string_view::npos && colon < bracket)) return authority;
    return authority.substr(0, colon);
}

// The default port is the same as none.
std::string_view plain_authority(std::string_view authority, bool secure) {
    const std::string_view ending = secure ? ":443" : ":80";
    if (authority.ends_with(ending)) authority.remove_suffix(ending.size());
    return authority;
}

}  // namespace

bool is_for_us(const http::RequestHead& head, std::span<const std::string> hosts) {
    if (const auto sent = head.headers.find("Host"); sent && lower(*sent) != head.host) return false;
    if (hosts.empty()) return true;
    return std::ranges::any_of(hosts, [&](const std::string& entry) {
        const std::string name = lower(entry);
        const bool any_port = without_port(name) == name;
        return name == (any_port ? without_port(head.host) : std::string_view(head.host));
    });
}

bool is_cross_site(const http::RequestHead& head) {
    if (head.headers.get("Sec-Fetch-Site") == "cross-site") return true;
    const auto origin = head.headers.find("Origin");
    if (!origin) return false;
    const std::string text = lower(*origin);
    const bool secure = text.starts_with("https://");
    if (!secure && !text.starts_with("http://")) return true;  // "null", extensions, apps with a web view
    // A proxy in front may end TLS without telling us; the other way round a page without TLS speaks for a site with
    // it.
    if (!secure && head.secure) return true;
    const std::string_view authority = std::string_view(text).substr(text.find("://") + 3);
    return plain_authority(authority, secure) != plain_authority(head.host, secure);
}

}  // namespace server
