#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/config.h"
#include "server/qr.h"

namespace server {

// What a person needs to reach this server with their devices.
struct Reach {
    std::string local_url;    // "https://127.0.0.1:8443"; empty = not listening there
    std::string lan_url;      // empty = nobody else can reach it
    std::string fingerprint;  // of the authority; empty = a certificate of the configuration is used
    std::string user;         // empty = nobody in particular
    std::string password;     // empty = not known (any more)
    std::string program;      // how to call this program again
};

// "hearth" when it is where PATH finds it, else its whole path.
std::string own_program();

// From the configuration and the ports really bound (`addresses` of net::Server; empty = those of the configuration).
Reach reach_of(const Config& config, const std::vector<std::string>& addresses, const std::vector<std::string>& lan);

// The lines to show: addresses, user, fingerprint, QR code, and how rclone, GNOME, Finder and Windows mount the files.
std::string connect_lines(const Reach& reach, const Config& config, Ink ink);

}  // namespace server
