#pragma once

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dav/context.h"
#include "server/core.h"
#include "server/net/server.h"
#include "storage/base/log.h"

namespace server {

// One entry of [[listen]].
struct ListenEntry {
    std::string address = "*";  // "*" = every address of the machine, IPv4 and IPv6
    std::int64_t port = 8443;
    std::string unix_path;  // instead of address and port
    bool tls = true;
    std::vector<std::string> roles = {"dav", "web", "guests"};
};

// Everything that can be configured, checked. Made by load_config from the defaults, the file, the environment and the
// flags, in this order; the rows of config_keys say what each value may be.
struct Config {
    std::string root = "/var/lib/hearth";
    std::string run_as;
    std::string base_path;  // "" or "/cloud"
    std::vector<std::string> hosts;
    std::vector<std::string> trusted_proxies;
    std::string realm = "Hearth";
    base::Level log_level = base::Level::info;
    std::vector<ListenEntry> listen = {ListenEntry{}};
    dav::Services services;
    std::string tls_certificate = "auto";  // "auto": signed by the local authority in the root; else PEM files
    std::string tls_key = "auto";
    net::Limits limits;
    dav::Limits dav_limits;
    AuthOptions auth;
    std::int64_t io_threads = 0;
    std::int64_t free_floor_bytes = std::int64_t{1} << 30;
    std::int64_t free_floor_percent = 3;
    std::string volume = "auto";
    std::string durability = "strict";
    bool create_root = true;
    std::int64_t history_hours = 24;
    std::int64_t history_hourly_days = 7;
    std::int64_t history_daily_days = 30;
    std::int64_t history_weekly_days = 365;
    std::int64_t history_percent = 20;
    std::int64_t trash_days = 30;
    std::int64_t stop_grace_ms = 20'000;
};

// what() is one line: where (file and line, variable or flag), which key, what is wrong, what is accepted.
class ConfigError : public std::runtime_error {
    using runtime_error::runtime_error;
};

// Where a configuration comes from. Kept by the running server, to read it again at SIGHUP.
struct ConfigSource {
    std::string file;  // empty = none
    std::map<std::string, std::string> environment;
    std::vector<std::pair<std::string, std::string>> flags;  // key of the table (or "listen", repeated) and value
};

// Throws ConfigError.
Config load_config(const ConfigSource& source);

// The whole configuration as TOML with comments; loads back to the same values.
std::string show_config(const Config& config);

// Keys whose values differ and that need a restart; "listen" among them.
std::vector<std::string> restart_keys_changed(const Config& running, const Config& wanted);

// `running` with every value of `wanted` that may change without a restart.
Config with_reloaded(const Config& running, const Config& wanted);

// "/" removed at the end, for hrefs: what CoreOptions and net::Options want.
std::uint8_t role_bits(const std::vector<std::string>& roles);

// The environment of this process, names starting with HEARTH_ and whatever `$NAME` may want.
std::map<std::string, std::string> process_environment();

}  // namespace server
