#include "server/connect_lines.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>

namespace server {
namespace {

constexpr std::size_t kColumn = 22;  // of the values behind their names

struct HostPort {
    std::string scheme;
    std::string host;  // with brackets when IPv6
    std::string port;
};

HostPort split(const std::string& url) {
    const auto scheme_end = url.find("://");
    HostPort parts{url.substr(0, scheme_end), url.substr(scheme_end + 3), {}};
    const auto colon = parts.host.rfind(':');
    parts.port = parts.host.substr(colon + 1);
    parts.host.resize(colon);
    return parts;
}

std::string bracketed(const std::string& address) {
    return address.find(':') == std::string::npos ? address : "[" + address + "]";
}

std::vector<std::string> configured_addresses(const Config& config) {
    std::vector<std::string> urls;
    for (const auto& entry : config.listen) {
        if (!entry.unix_path.empty()) continue;
        const std::string host = entry.address == "*" ? "0.0.0.0" : bracketed(entry.address);
        urls.push_back((entry.tls ? "https://" : "http://") + host + ":" + std::to_string(entry.port));
    }
    return urls;
}

bool is_any(const std::string& host) {
    return host == "0.0.0.0" || host == "[::]";
}
bool is_loopback(const std::string& host) {
    return host == "[::1]" || host.starts_with("127.");
}

// The way to GVFS and Windows: another scheme or another port notation for the same place.
std::string davs(const std::string& url) {
    return (url.starts_with("https") ? "davs" : "dav") + url.substr(url.find("://"));
}

}  // namespace

std::string own_program() {
    std::array<char, 4096> path{};
    const auto length = ::readlink("/proc/self/exe", path.data(), path.size());
    if (length <= 0) return "hearth";
    const std::string program(path.data(), static_cast<std::size_t>(length));
    return program.starts_with("/usr/") ? "hearth" : program;
}

Reach reach_of(const Config& config, const std::vector<std::string>& addresses, const std::vector<std::string>& lan) {
    Reach reach;
    reach.program = own_program();
    for (const auto& url : addresses.empty() ? configured_addresses(config) : addresses) {
        if (url.find("://") == std::string::npos || url.starts_with("unix:")) continue;
        const HostPort at = split(url);
        const auto with = [&](const std::string& host) {
            return at.scheme + "://" + host + ":" + at.port + config.base_path;
        };
        const bool any = is_any(at.host);
        if (reach.local_url.empty() && (any || is_loopback(at.host))) {
            reach.local_url = with(any ? (at.host == "[::]" ? "[::1]" : "127.0.0.1") : at.host);
        }
        if (!reach.lan_url.empty() || is_loopback(at.host)) continue;
        if (!any) reach.lan_url = with(at.host);
        if (any && !lan.empty()) reach.lan_url = with(bracketed(lan.front()));
    }
    return reach;
}

std::string connect_lines(const Reach& reach, const Config& config, Ink ink) {
    const std::string best = !reach.lan_url.empty() ? reach.lan_url : reach.local_url;
    if (best.empty()) return "Hearth listens on no address that a device could use by itself.\n";
    const std::string user = reach.user.empty() ? "USER" : reach.user;
    const std::string files = "/dav/files/" + user + "/";
    const HostPort at = split(best.substr(0, best.size() - config.base_path.size()));

    std::string out = "\n";
    const auto line = [&out](std::string_view what, const std::string& value) {
        std::string head = "  " + std::string(what) + ":";
        head.resize(std::max(head.size() + 1, kColumn), ' ');
        out += head + value + "\n";
    };
    if (!reach.local_url.empty()) line("On this machine", reach.local_url + "/");
    if (!reach.lan_url.empty()) line("From other devices", reach.lan_url + "/");
    if (!reach.user.empty()) line("User", reach.user);
    if (!reach.password.empty()) {
        line("Password", reach.password);
        out += std::string(kColumn, ' ') + "(shown only this once)\n";
    } else if (!reach.user.empty()) {
        line("New password", reach.program + " user passwd " + user + " --root " + config.root);
    }
    if (!reach.fingerprint.empty()) {
        line("Authority", best + "/ca.crt (trust it once on each device)");
        line("its SHA-256", reach.fingerprint);
    }
    out += "\n" + qr_blocks(best + "/", ink) + "\n";
    out += "  rclone     rclone config create hearth webdav url=" + best + files + " vendor=other user=" + user +
           " pass=PASSWORD --obscure\n";
    if (!reach.fingerprint.empty())
        out += "             rclone --ca-cert ca.crt mount hearth: FOLDER --vfs-cache-mode writes\n";
    out += "  GNOME      " + davs(at.scheme + "://" + user + "@" + at.host + ":" + at.port) + config.base_path + files +
           "   (Files, Other Locations)\n";
    out += "  Finder     " + best + files + "   (Go, Connect to Server)\n";
    out += "  Windows    net use * " + best + files + " /user:" + user + " *\n";
    // Phones, Thunderbird and DAVx5 find the rest from the host.
    if (config.services.contacts) out += "  Contacts   a CardDAV account: server " + best + "/ user " + user + "\n";
    out += "\n";
    return out;
}

}  // namespace server
