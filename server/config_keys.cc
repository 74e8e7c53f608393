#include "server/config_keys.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <type_traits>

#include "storage/durability.h"

namespace server {
namespace {

constexpr std::array kLevels = {"debug", "info", "warn", "error"};
constexpr std::array kRoles = {"dav", "web", "guests", "replication", "metrics"};
constexpr std::array kVolumes = {"auto", "weak", "strong"};
constexpr std::int64_t kDay = 86'400;
constexpr std::int64_t kTiB = std::int64_t{1} << 40;

struct Unit {
    std::string_view name;
    std::int64_t bytes;
};
constexpr std::array<Unit, 4> kUnits = {{{"TiB", kTiB}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}};

bool is_plain_address(const std::string& text) {
    std::array<unsigned char, 16> raw{};
    return ::inet_pton(AF_INET, text.c_str(), raw.data()) == 1 || ::inet_pton(AF_INET6, text.c_str(), raw.data()) == 1;
}

bool absolute_path(std::string& text) {
    while (text.size() > 1 && text.back() == '/') text.pop_back();
    return text.size() > 1 && text.front() == '/' && text.size() < 4096;
}

bool absolute_path_or_empty(std::string& text) {
    return text.empty() || absolute_path(text);
}

bool auto_or_path(std::string& text) {
    return text == "auto" || absolute_path(text);
}

bool user_name(std::string& text) {
    return text.size() <= 32 && std::ranges::all_of(text, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
           });
}

// "/cloud/", "cloud" and "/cloud" are the same; "/" is none. Only characters that need no escape in a URL, so that it
// can be compared as octets.
bool base_path(std::string& text) {
    while (!text.empty() && text.back() == '/') text.pop_back();
    if (text.empty()) return true;
    if (text.front() != '/') text.insert(text.begin(), '/');
    const bool plain = std::ranges::all_of(text, [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '~' || c == '.' ||
               c == '/';
    });
    return plain && text.size() <= 200 && text.find("//") == std::string::npos && text.find("/.") == std::string::npos;
}

bool host_name(std::string& text) {
    std::ranges::transform(text, text.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return !text.empty() && text.size() <= 255 && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == ':' || c == '[' ||
               c == ']';
    });
}

bool address_or_network(std::string& text) {
    const auto slash = text.find('/');
    const std::string address = text.substr(0, slash);
    if (!is_plain_address(address)) return false;
    if (slash == std::string::npos) return true;
    const std::string_view digits = std::string_view(text).substr(slash + 1);
    int bits = -1;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    const int limit = address.find(':') == std::string::npos ? 32 : 128;
    return error == std::errc{} && end == digits.data() + digits.size() && bits >= 0 && bits <= limit;
}

bool listen_address(std::string& text) {
    if (text == "localhost") text = "127.0.0.1";
    if (text.size() > 2 && text.front() == '[' && text.back() == ']') text = text.substr(1, text.size() - 2);
    return text == "*" || is_plain_address(text);
}

bool realm(std::string& text) {
    return !text.empty() && text.size() <= 64 &&
           std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
}

struct Bound {
    std::int64_t min;
    std::int64_t max;
};

// `member` gives a reference into a Target. Values in the file are `scale` units of the member (seconds of
// milliseconds).
template <typename Target, typename Member>
Key<Target> number_key(const char* name, KeyKind kind, Change change, Bound bound, const char* doc, Member member) {
    const std::int64_t scale = kind == KeyKind::seconds ? 1000 : 1;
    Key<Target> key{.name = name, .kind = kind, .change = change, .doc = doc, .min = bound.min, .max = bound.max};
    key.get = [member, scale](const Target& target) -> KeyValue {
        Target copy = target;
        return static_cast<std::int64_t>(member(copy)) / scale;
    };
    key.set = [member, scale](Target& target, const KeyValue& value) {
        auto& place = member(target);
        place = static_cast<std::remove_reference_t<decltype(place)>>(std::get<std::int64_t>(value) * scale);
    };
    return key;
}

template <typename Target, typename Member>
Key<Target> plain(const char* name, KeyKind kind, Change change, const char* accepts, bool (*check)(std::string&),
                  const char* doc, Member member) {
    Key<Target> key{.name = name, .kind = kind, .change = change, .doc = doc, .accepts = accepts, .check = check};
    key.get = [member](const Target& target) -> KeyValue {
        Target copy = target;
        return member(copy);
    };
    key.set = [member](Target& target, const KeyValue& value) {
        auto& place = member(target);
        place = std::get<std::remove_cvref_t<decltype(place)>>(value);
    };
    return key;
}

Key<Config> level_key() {
    Key<Config> key{.name = "log_level",
                    .kind = KeyKind::choice,
                    .change = Change::reload,
                    .doc = "The least important lines that are written to stderr.",
                    .choices = {kLevels.begin(), kLevels.end()}};
    key.get = [](const Config& c) -> KeyValue { return std::string(level_name(c.log_level)); };
    key.set = [](Config& c, const KeyValue& value) {
        const auto at =
            std::ranges::find(kLevels, std::get<std::string>(value), [](const char* n) { return std::string(n); });
        c.log_level = static_cast<base::Level>(at - kLevels.begin());
    };
    return key;
}

// The member named by an expression over `c`.
#define AT(expression)       \
    [](auto& c) -> auto& {   \
        return c.expression; \
    }

std::vector<Key<Config>> make_config_keys() {
    using enum KeyKind;
    using enum Change;
    const auto count = [](const char* name, Change change, Bound bound, const char* doc, auto member) {
        return number_key<Config>(name, KeyKind::number, change, bound, doc, member);
    };
    const auto size = [](const char* name, Change change, Bound bound, const char* doc, auto member) {
        return number_key<Config>(name, KeyKind::bytes, change, bound, doc, member);
    };
    const auto time = [](const char* name, Change change, Bound bound, const char* doc, auto member) {
        return number_key<Config>(name, KeyKind::seconds, change, bound, doc, member);
    };
    const auto yes = [](const char* name, Change change, const char* doc, auto member) {
        return plain<Config>(name, KeyKind::flag, change, "", nullptr, doc, member);
    };
    const auto one_of = [](const char* name, const auto& choices, const char* doc, auto member) {
        auto key = plain<Config>(name, KeyKind::choice, restart, "", nullptr, doc, member);
        key.choices = {choices.begin(), choices.end()};
        return key;
    };
    return {
        plain<Config>("root", text, restart, "an absolute path", absolute_path,
                      "The storage root: files/<user>/ are the files, .hearth/ is Hearth's own.", AT(root)),
        plain<Config>(
            "run_as", text, restart, "the name of a system user, or empty", user_name,
            "Started as root, the server becomes this user before it opens anything. Empty: it stays who it is.",
            AT(run_as)),
        plain<Config>("base_path", text, restart, "a path like /cloud of letters, digits, . _ ~ -, or empty", base_path,
                      "Path under which a reverse proxy shows this server, in every address it gives out.",
                      AT(base_path)),
        plain<Config>("hosts", texts, reload, "host names, with :port where it is not 443", host_name,
                      "Accepted values of Host, also put into the certificate. Empty: any.", AT(hosts)),
        plain<Config>("trusted_proxies", texts, restart, "addresses or networks like 10.0.0.0/8", address_or_network,
                      "Reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are believed.", AT(trusted_proxies)),
        plain<Config>("realm", text, restart, "1 to 64 printable characters without quotes", realm,
                      "What clients show when they ask for a password.", AT(realm)),
        level_key(),
        time("stop_grace_s", restart, {0, 600}, "On SIGTERM running requests get this long to finish.",
             AT(stop_grace_ms)),

        yes("services.files", reload, "Files over WebDAV. A service that is off does not exist (404).",
            AT(services.files)),
        yes("services.contacts", reload, "Contacts (CardDAV).", AT(services.contacts)),
        yes("services.calendars", reload, "Calendars (CalDAV).", AT(services.calendars)),
        yes("services.shares", reload, "Links for guests.", AT(services.shares)),
        yes("services.web", reload, "Pages for browsers.", AT(services.web)),
        yes("services.replication", reload, "Mirrors to other homes.", AT(services.replication)),

        plain<Config>("tls.cert", text, reload, "\"auto\" or the absolute path of a PEM file", auto_or_path,
                      "Certificate chain. auto: made and renewed by the local authority, which is served at /ca.crt.",
                      AT(tls_certificate)),
        plain<Config>("tls.key", text, reload, "\"auto\" or the absolute path of a PEM file", auto_or_path,
                      "Its private key, readable by the user the server runs as.", AT(tls_key)),

        count("limits.connections_max", reload, {1, 100'000}, "Connections open at one time; more get 503.",
              AT(limits.connections_max)),
        count("limits.connections_per_prefix_max", reload, {1, 100'000}, "Of one IPv4 address or IPv6 /64.",
              AT(limits.connections_per_prefix_max)),
        count("limits.unauthenticated_per_prefix_max", reload, {1, 10'000},
              "Requests of one IPv4 address or IPv6 /64 whose password is still being verified; more get 503. Loopback "
              "and "
              "proxies that name no client do not count.",
              AT(auth.verifying_per_prefix_max)),
        count("limits.handshakes_max", reload, {1, 10'000}, "TLS handshakes under way; more are closed.",
              AT(limits.handshakes_max)),
        count("limits.handshakes_per_prefix_max", reload, {1, 10'000}, "Of one IPv4 address or IPv6 /64.",
              AT(limits.handshakes_per_prefix_max)),
        size("limits.header_bytes_max", reload, {1024, 1 << 20}, "All header fields of a request; more is 431.",
             AT(limits.header_bytes_max)),
        count("limits.header_fields_max", reload, {8, 1000}, "Header fields of a request; more is 431.",
              AT(limits.header_fields_max)),
        size("limits.field_bytes_max", reload, {256, 1 << 20}, "One header field; more is 431.",
             AT(limits.field_bytes_max)),
        size("limits.target_bytes_max", reload, {256, 1 << 16}, "The request target; more is 414.",
             AT(limits.target_bytes_max)),
        count("limits.requests_per_connection_max", reload, {1, 1'000'000},
              "Then the connection ends after its answer.", AT(limits.requests_per_connection_max)),
        time("limits.handshake_timeout_s", reload, {1, 600}, "For the whole TLS handshake.",
             AT(limits.handshake_timeout_ms)),
        time("limits.header_timeout_s", reload, {1, 600},
             "From the first octet of a request to the end of its header; then 408.", AT(limits.header_timeout_ms)),
        time("limits.idle_timeout_s", reload, {1, 3600}, "Between two requests of a connection.",
             AT(limits.idle_timeout_ms)),
        time("limits.guest_idle_timeout_s", reload, {1, 3600},
             "The same where a listener has the role guests and not dav.", AT(limits.guest_idle_timeout_ms)),
        time("limits.body_window_s", reload, {1, 3600},
             "Over this long a body must bring body_rate_min octets a second; else 408.", AT(limits.body_window_ms)),
        size("limits.body_rate_min", reload, {1, 1 << 30}, "Octets a second, see body_window_s.",
             AT(limits.body_rate_min)),
        time("limits.write_stall_s", reload, {1, 3600},
             "An answer of which the client takes nothing for this long ends.", AT(limits.write_stall_ms)),
        size("limits.drain_bytes_max", reload, {0, 1 << 30},
             "Of an unwanted body read to keep the connection; more closes it.", AT(limits.drain_bytes_max)),
        count("limits.workers", restart, {1, 256}, "Threads that answer requests.", AT(limits.workers)),
        count("limits.worker_queue_max", restart, {1, 100'000}, "Requests that wait for a worker; more get 503.",
              AT(limits.worker_queue_max)),
        count("limits.io_threads", restart, {0, 64}, "Threads for sockets. 0: one per core.", AT(io_threads)),
        size("limits.file_bytes_max", reload, {1, std::int64_t{1024} * kTiB},
             "The largest file that can be put; more is 413.", AT(dav_limits.file_bytes_max)),
        size("limits.xml_bytes_max", reload, {1024, 64 << 20}, "The largest XML body; more is 413.",
             AT(dav_limits.xml_bytes_max)),
        count("limits.xml_depth_max", reload, {4, 256}, "Nesting of elements in it; more is 400.",
              AT(dav_limits.xml_depth_max)),
        count("limits.xml_elements_max", reload, {16, 1'000'000}, "Elements in it; more is 400.",
              AT(dav_limits.xml_elements_max)),
        time("limits.xml_body_timeout_s", reload, {1, 600}, "A whole XML body; then 408.",
             AT(dav_limits.xml_body_deadline_ms)),
        count("limits.propfind_names_max", reload, {1, 10'000}, "Properties one PROPFIND may name; more is 413.",
              AT(dav_limits.propfind_names_max)),
        count("limits.copy_nodes_max", reload, {1, 100'000'000}, "Files and folders one COPY may make.",
              AT(dav_limits.copy_nodes_max)),

        yes("auth.account_password_on_dav", reload, "Off: WebDAV takes app passwords only.",
            AT(auth.account_password_on_dav)),
        time("auth.remember_s", reload, {0, 3600}, "A verified account password is not hashed again for this long.",
             AT(auth.remember_ms)),
        time("auth.remember_wrong_s", reload, {0, 600}, "A wrong one is not hashed again for this long.",
             AT(auth.remember_wrong_ms)),
        count("auth.argon2_memory_kib", reload, {8192, 1 << 20}, "KiB one hash of a new account password takes.",
              AT(auth.argon2_memory_kib)),
        count("auth.argon2_passes", reload, {1, 16}, "Passes of one hash of a new account password.",
              AT(auth.argon2_passes)),
        count("auth.argon2_queue_max", reload, {1, 1024}, "Verifications that wait; more get 503.",
              AT(auth.argon2_queue_max)),
        count("auth.free_failures", reload, {1, 1000},
              "Wrong passwords of one prefix in window_s before it must wait (429).", AT(auth.free_failures)),
        time("auth.window_s", reload, {1, kDay}, "See free_failures.", AT(auth.window_ms)),
        count("auth.account_failures", reload, {1, 100'000},
              "Wrong passwords of one account in an hour, from prefixes that did not get into it for 30 days, before "
              "those "
              "must wait.",
              AT(auth.account_failures)),
        time("auth.wait_max_s", reload, {1, kDay}, "The wait doubles up to this.", AT(auth.wait_max_ms)),

        size("storage.free_floor", restart, {0, 1024 * kTiB},
             "Writes are refused (507) below this much free space, or below free_floor_percent if that is less.",
             AT(free_floor_bytes)),
        count("storage.free_floor_percent", restart, {0, 50}, "Per cent of the file system, see free_floor.",
              AT(free_floor_percent)),
        yes("storage.create", restart,
            "Whether a missing or empty folder becomes a new root. false: once the root is made on a disk of its own, "
            "so "
            "that an empty mount point is not taken for one.",
            AT(create_root)),
        one_of("storage.volume", kVolumes,
               "Whether names reach the disk in the order they were changed. auto: what the file system of the root is "
               "known for. weak: believe nothing and sync each change; also takes a file system served by a program or "
               "a network, if it passes the trial, and never NFS, SMB, FAT or NTFS. strong: believe it of one that is "
               "not known for it.",
               AT(volume)),
        one_of("storage.durability", storage::kDurabilityNames,
               "What an answer to a write promises for a power cut. strict: it is synced, nothing is lost. group: the "
               "same, and writes that come together share a flush, for which each may wait up to 20 ms; for disks that "
               "flush slowly. relaxed: it is written, and synced within a second; a power cut may lose the files of "
               "the last second and of the time a flush takes, the latest first, never half of one. Accounts, "
               "passwords, locks, contacts and calendars and what another server sent are synced at each level. The "
               "end of the process, even by kill, loses nothing at any level.",
               AT(durability)),
        count("storage.history_hours", reload, {1, 24 * 3650},
              "Hours for which everything that was replaced or deleted is kept.", AT(history_hours)),
        count("storage.history_hourly_days", reload, {0, 3650},
              "Days for which it is kept as it was at each full hour, UTC.", AT(history_hourly_days)),
        count("storage.history_daily_days", reload, {0, 3650}, "Days for which it is kept as it was at each midnight.",
              AT(history_daily_days)),
        count("storage.history_weekly_days", reload, {0, 3650},
              "Days for which it is kept as it was at each Monday's midnight.", AT(history_weekly_days)),
        count("storage.trash_days", reload, {0, 3650},
              "Days for which the last state of what was deleted is kept. Then all older states of it go too.",
              AT(trash_days)),
        count("storage.history_percent", reload, {1, 100},
              "Per cent of the file system that all of this may take. Above it the oldest goes first, and the last "
              "state of what was deleted only when nothing else is left. 100: no bound.",
              AT(history_percent)),
    };
}

std::vector<Key<ListenEntry>> make_listen_keys() {
    using enum KeyKind;
    using enum Change;
    auto roles = plain<ListenEntry>(
        "roles", texts, restart, "", nullptr,
        "What it offers: dav, web, guests, replication, metrics. A role nobody offers is 404.", AT(roles));
    roles.choices = {kRoles.begin(), kRoles.end()};
    return {
        plain<ListenEntry>("address", text, restart, "an IP address, or * for every address of the machine",
                           listen_address, "An IP address of the machine, or * for all.", AT(address)),
        number_key<ListenEntry>("port", KeyKind::number, restart, {0, 65'535}, "TCP port. 0: any free one.", AT(port)),
        plain<ListenEntry>("unix", text, restart, "an absolute path", absolute_path_or_empty,
                           "Path of a unix socket, instead of address and port.", AT(unix_path)),
        plain<ListenEntry>("tls", flag, restart, "", nullptr,
                           "false: plain HTTP, only on loopback, a unix socket, or with trusted_proxies.", AT(tls)),
        std::move(roles),
    };
}

#undef AT

template <typename Target>
bool one_text_fits(const Key<Target>& key, std::string& text) {
    if (text.find('\0') != std::string::npos) return false;
    if (!key.choices.empty()) {
        return std::ranges::any_of(key.choices, [&](const char* choice) { return text == choice; });
    }
    return key.check == nullptr || key.check(text);
}

}  // namespace

std::span<const Key<Config>> config_keys() {
    static const std::vector<Key<Config>> keys = make_config_keys();
    return keys;
}

std::span<const Key<ListenEntry>> listen_keys() {
    static const std::vector<Key<ListenEntry>> keys = make_listen_keys();
    return keys;
}

template <typename Target>
std::string accepted(const Key<Target>& key) {
    const auto range = [&](auto text) { return " from " + text(key.min) + " to " + text(key.max); };
    const auto digits = [](std::int64_t n) { return std::to_string(n); };
    switch (key.kind) {
        case KeyKind::flag: return "true or false";
        case KeyKind::number: return "a whole number" + range(digits);
        case KeyKind::seconds: return "a whole number of seconds" + range(digits);
        case KeyKind::bytes: return "a size" + range(bytes_text);
        case KeyKind::choice:
        case KeyKind::texts:
            if (!key.choices.empty()) {
                std::string all = key.kind == KeyKind::texts ? "a list of " : "one of ";
                for (const char* choice : key.choices) all.append(all.back() == ' ' ? "" : ", ").append(choice);
                return all;
            }
            return std::string("a list of ") + key.accepts;
        case KeyKind::text: break;
    }
    return key.accepts;
}

template <typename Target>
bool fits(const Key<Target>& key, KeyValue& value) {
    switch (key.kind) {
        case KeyKind::flag: return std::holds_alternative<bool>(value);
        case KeyKind::number:
        case KeyKind::seconds:
        case KeyKind::bytes: {
            const auto* n = std::get_if<std::int64_t>(&value);
            return n != nullptr && *n >= key.min && *n <= key.max;
        }
        case KeyKind::choice:
        case KeyKind::text: {
            auto* text = std::get_if<std::string>(&value);
            return text != nullptr && one_text_fits(key, *text);
        }
        case KeyKind::texts: {
            auto* texts = std::get_if<std::vector<std::string>>(&value);
            constexpr std::size_t kTextsMax = 256;
            return texts != nullptr && texts->size() <= kTextsMax &&
                   std::ranges::all_of(*texts, [&](std::string& text) { return one_text_fits(key, text); });
        }
    }
    return false;
}

template std::string accepted(const Key<Config>&);
template std::string accepted(const Key<ListenEntry>&);
template bool fits(const Key<Config>&, KeyValue&);
template bool fits(const Key<ListenEntry>&, KeyValue&);

std::string variable_name(std::string_view key) {
    std::string name = "HEARTH_";
    for (const char c : key) name += c == '.' ? '_' : (c >= 'a' && c <= 'z') ? static_cast<char>(c - 32) : c;
    return name;
}

std::optional<std::int64_t> parse_bytes(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || value < 0) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (text.starts_with(' ')) text.remove_prefix(1);
    if (text.empty()) return value;
    for (const auto& unit : kUnits) {
        if (text != unit.name) continue;
        if (value > INT64_MAX / unit.bytes) return std::nullopt;
        return value * unit.bytes;
    }
    return std::nullopt;
}

std::string bytes_text(std::int64_t bytes) {
    for (const auto& unit : kUnits) {
        if (bytes > 0 && bytes % unit.bytes == 0)
            return std::to_string(bytes / unit.bytes) + " " + std::string(unit.name);
    }
    return std::to_string(bytes);
}

std::string_view level_name(base::Level level) {
    return kLevels.at(static_cast<std::size_t>(level));
}

}  // namespace server
