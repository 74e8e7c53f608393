// `hearth serve`: the process around App.

#include <unistd.h>

#include <csignal>
#include <iostream>

#include <nlohmann/json.hpp>

#include "server/app.h"
#include "server/certificates.h"
#include "server/connect_lines.h"
#include "server/process.h"
#include "server/wiring.h"
#include "storage/base/log.h"

namespace server {
namespace {

// Blocked before the first thread is there, so that every thread inherits it and sigwait alone takes them.
sigset_t block_signals() {
    sigset_t set;
    ::sigemptyset(&set);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&set, signal);
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    return set;
}

void announce(const App& app, const ServeOptions& options) {
    if (options.json) {
        const nlohmann::json line = {{"id", app.id()}, {"pid", ::getpid()}, {"addresses", app.addresses()}};
        std::cout << line.dump() << std::endl;
        return;
    }
    if (options.connect) {
        Reach reach = reach_of(app.config(), app.addresses(), lan_addresses());
        if (const auto facts = certificate_facts(app.ca_pem())) reach.fingerprint = facts->fingerprint;
        reach.user = options.connect_user;
        reach.password = options.connect_password;
        std::cout << connect_lines(reach, app.config(), ::isatty(STDOUT_FILENO) != 0 ? Ink::terminal : Ink::plain);
    }
    std::cout << "hearth serves " << app.config().root << " on";
    for (const auto& address : app.addresses()) std::cout << " " << address << app.config().base_path;
    std::cout << std::endl;
}

}  // namespace

int serve(const ServeOptions& options) {
    const sigset_t signals = block_signals();
    keep_memory_small();
    const Config config = load_config(options.source);
    settle_identity(config);
    harden();
    if (::geteuid() == 0) base::log_warn("serve", "running as root; set run_as to a system user of its own");

    App app(options.source, {base::system_clock(), base::system_rng(), storage::system_fs(), base::system_exec()});
    announce(app, options);
    notify_supervisor("READY=1");
    while (true) {
        int signal = 0;
        if (::sigwait(&signals, &signal) != 0) continue;
        if (signal != SIGHUP) break;
        notify_supervisor("RELOADING=1");
        app.reload();
        notify_supervisor("READY=1");
    }
    // A second SIGINT or SIGTERM ends the process at once: the store recovers from that as from a power cut.
    ::pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
    notify_supervisor("STOPPING=1");
    app.stop();
    base::log_info("serve", "stopped");
    return 0;
}

}  // namespace server
