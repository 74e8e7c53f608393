#include "server/wiring.h"

#include <netinet/in.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>

#include "server/process.h"
#include "storage/base/failure.h"

namespace server {
namespace {

// The smaller of both floors: 1 GiB would be a third of a small card, 3 % of a big disk is more than anybody needs.
std::uint64_t free_floor(const Config& config) {
    auto floor = static_cast<std::uint64_t>(config.free_floor_bytes);
    struct statvfs facts {};
    // A root that is not there yet is made beside its parent.
    for (std::string path = config.root; !path.empty(); path.resize(path.rfind('/'))) {
        if (::statvfs(path.c_str(), &facts) != 0) continue;
        const std::uint64_t total = std::uint64_t{facts.f_blocks} * facts.f_frsize;
        return std::min(floor, total / 100 * static_cast<std::uint64_t>(config.free_floor_percent));
    }
    return floor;
}

bool machine_has_ipv6() {
    const int probe = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (probe < 0) return false;
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    const bool bound = ::bind(probe, reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0;
    ::close(probe);
    return bound;
}

}  // namespace

CoreOptions core_options(const Config& config) {
    CoreOptions options;
    options.store.root = config.root;
    options.store.readers = std::max<std::size_t>(4, 2 * static_cast<std::size_t>(::sysconf(_SC_NPROCESSORS_ONLN)));
    options.store.create = config.create_root;
    options.store.free_floor_bytes = free_floor(config);
    if (config.volume == "weak") options.store.volume = storage::VolumePolicy::weak;
    if (config.volume == "strong") options.store.volume = storage::VolumePolicy::strong;
    options.store.durability = storage::durability_named(config.durability).value_or(storage::Durability::strict);
    options.base_path = config.base_path;
    options.hosts = config.hosts;
    options.realm = config.realm;
    options.services = config.services;
    options.limits = config.dav_limits;
    options.auth = config.auth;
    return options;
}

net::Options net_options(const Config& config, std::optional<net::Certificate> certificate) {
    net::Options options;
    options.limits = config.limits;
    options.certificate = std::move(certificate);
    options.trusted_proxies = config.trusted_proxies;
    options.io_threads = static_cast<std::size_t>(config.io_threads);
    for (const auto& entry : config.listen) {
        net::Listen listen{entry.address, static_cast<std::uint16_t>(entry.port), entry.tls, role_bits(entry.roles)};
        if (!entry.unix_path.empty()) listen.address = "unix:" + entry.unix_path;
        if (listen.address == "*") {
            listen.address = "0.0.0.0";
            options.listen.push_back(listen);
            if (!machine_has_ipv6()) continue;
            listen.address = "::";
        }
        options.listen.push_back(listen);
    }
    return options;
}

bool wants_tls(const Config& config) {
    return std::ranges::any_of(config.listen, &ListenEntry::tls);
}

std::string keys_folder(const Config& config) {
    return config.root + "/.hearth/keys";
}

void settle_identity(const Config& config) {
    if (config.run_as.empty()) return;
    struct stat facts {};
    const passwd* user = ::getpwnam(config.run_as.c_str());
    if (::geteuid() == 0 && user != nullptr && ::stat(config.root.c_str(), &facts) != 0) {
        if (::mkdir(config.root.c_str(), 0750) != 0) base::throw_errno("making the storage root " + config.root);
        if (::chown(config.root.c_str(), user->pw_uid, user->pw_gid) != 0)
            base::throw_errno("giving away " + config.root);
    }
    become(config.run_as);
}

}  // namespace server
