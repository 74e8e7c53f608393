#include "server/app.h"

#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>

#include <nlohmann/json.hpp>

#include "server/certificates.h"
#include "server/commands.h"
#include "server/control.h"
#include "server/core.h"
#include "server/credentials.h"
#include "server/housekeeping.h"
#include "server/net/server.h"
#include "server/wiring.h"
#include "storage/base/log.h"
#include "storage/root_state.h"

namespace server {
namespace {

constexpr std::int64_t kSecond = 1000;
constexpr std::int64_t kHour = 3600 * kSecond;
constexpr std::int64_t kDay = 24 * kHour;
constexpr std::int64_t kRemovalsKnown = 90 * kDay;  // so long a client may stay away and still sync
constexpr std::size_t kHistoryStep = 500;           // rows of history looked at in one transaction
constexpr std::size_t kDrainStep = 1000;            // rows of one housekeeping transaction
constexpr std::size_t kDrainRounds = 1000;          // of one turn; the rest waits for the next

nlohmann::json volume_facts(const storage::Volume& volume) {
    nlohmann::json facts = {{"file_system", volume.file_system},
                            {"kind", storage::kind_text(volume.kind)},
                            {"promises", nlohmann::json::array()}};
    for (const auto& promise : volume.promises()) facts["promises"].push_back(promise.text);
    return facts;
}

}  // namespace

struct App::State {
    ConfigSource source;
    storage::Seams seams;
    Config config;
    mutable std::mutex mutex;  // config and certificate: the main thread reloads, the keeper renews
    std::unique_ptr<Core> core;
    std::unique_ptr<LocalAuthority> authority;
    std::unique_ptr<net::Server> server;
    std::unique_ptr<ControlSocket> control;
    std::unique_ptr<Keeper> keeper;
    std::uint64_t requests_at_trim = 0;

    State(ConfigSource from, storage::Seams with) : source(std::move(from)), seams(with) {}

    CoreOptions wanted_core(const Config& wanted) const {
        CoreOptions options = core_options(wanted);
        if (authority) options.ca_pem = authority->ca_pem();
        return options;
    }

    // Of the files named, or of the local authority, which makes or renews what it has to.
    LocalAuthority::Issued certificate_of(const Config& wanted) {
        if (wanted.tls_certificate != "auto") return {load_certificate(wanted.tls_certificate, wanted.tls_key), true};
        if (!authority) authority = std::make_unique<LocalAuthority>(keys_folder(wanted), seams.clock);
        std::vector<std::string> extra = wanted.hosts;
        for (const auto& entry : wanted.listen) extra.push_back(entry.address);
        return authority->certificate_for(names_of_machine(extra));
    }

    void renew() {
        const std::lock_guard hold(mutex);
        if (!wants_tls(config) || config.tls_certificate != "auto") return;
        const auto issued = certificate_of(config);
        if (!issued.renewed) return;
        server->use_certificate(issued.certificate);
        base::log_info("certificates", "the server certificate was renewed");
    }

    storage::Retention retention() const {
        const std::lock_guard hold(mutex);
        storage::Retention policy;
        policy.all_ms = config.history_hours * kHour;
        policy.hourly_ms = config.history_hourly_days * kDay;
        policy.daily_ms = config.history_daily_days * kDay;
        policy.weekly_ms = config.history_weekly_days * kDay;
        policy.trash_ms = config.trash_days * kDay;
        policy.disk_percent = config.history_percent;
        return policy;
    }

    void expire() {
        const storage::Retention policy = retention();
        const std::int64_t now = seams.clock.now_ms();
        storage::Store& store = core->store();
        std::size_t rounds = 0;
        while (store.expire_history(policy, now, kHistoryStep) == kHistoryStep && ++rounds < kDrainRounds) {
        }
        storage::Store::Forget forget;
        forget.removals_before_ms = now - std::max(kRemovalsKnown, policy.trash_ms);
        forget.places_before_ms = std::min(forget.removals_before_ms, now - storage::longest(policy));
        rounds = 0;
        while (store.forget_removals(forget, kHistoryStep) == kHistoryStep && ++rounds < kDrainRounds) {
        }
    }

    void drain() {
        std::size_t rounds = 0;
        while (core->store().drain_hidden(kDrainStep) == kDrainStep && ++rounds < kDrainRounds) {
        }
    }

    // Memory goes back to the system when nothing was asked since the last look, and only once.
    void trim() {
        const std::uint64_t requests = server->counters().requests_total;
        if (requests == requests_at_trim) return;
        requests_at_trim = requests;
        ::malloc_trim(0);
    }

    // The process ends either way: what is lost is who had to wait.
    void save_counters() {
        try {
            core->credentials().save_counters();
        } catch (const base::Failure& failure) {
            base::log_warn("auth", std::string("could not save the counters of failures: ") + failure.what());
        }
    }

    // A root that is read-only has said so once; what can wait does.
    std::function<void()> when_writable(std::function<void()> job) const {
        return [this, job = std::move(job)] {
            if (core->store().state().writable()) job();
        };
    }

    std::vector<Keeper::Job> jobs() {
        return {
            {"root", kSecond, [this] { core->store().state().look(); }},
            {"checkpoint", 30 * kSecond, when_writable([this] { core->store().checkpoint(); })},
            {"leftovers", 5 * kSecond, when_writable([this] { drain(); })},
            {"history", kHour / 4, when_writable([this] { expire(); })},
            {"certificate", kHour, [this] { renew(); }},
            {"memory", 60 * kSecond, [this] { trim(); }},
            {"throttle", 60 * kSecond, when_writable([this] { core->credentials().save_counters(); })},
        };
    }

    std::string answer(std::string_view request) {
        const auto parsed = nlohmann::json::parse(request, nullptr, false);
        if (!parsed.is_object() || parsed.value("command", nlohmann::json()) != "status")
            return execute_command(*core, request);
        const nlohmann::json value = {{"id", base::uuid_text(core->store().uuid())},
                                      {"running", true},
                                      {"pid", ::getpid()},
                                      {"addresses", server->addresses()},
                                      {"ready", core->ready()},
                                      {"trouble", core->store().state().trouble()},
                                      {"volume", volume_facts(core->store().tree().volume())}};
        return nlohmann::json{{"value", value}, {"text", ""}, {"status", 0}}.dump();
    }
};

App::App(ConfigSource source, storage::Seams seams) : state_(std::make_unique<State>(std::move(source), seams)) {
    State& s = *state_;
    s.config = load_config(s.source);
    base::set_log_level(s.config.log_level);
    // Samba, NFS or a shell of the same group may share the tree.
    ::umask(0007);
    s.core = Core::open(core_options(s.config), seams);
    std::optional<net::Certificate> certificate;
    if (wants_tls(s.config)) {
        certificate = s.certificate_of(s.config).certificate;
        s.core->reload(s.wanted_core(s.config));
    }
    s.server = net::Server::start(net_options(s.config, std::move(certificate)), s.core->handler());
    s.control = std::make_unique<ControlSocket>(control_path(s.config.root),
                                                [&s](std::string_view request) { return s.answer(request); });
    s.keeper = std::make_unique<Keeper>(s.jobs());
}

App::~App() {
    stop();
}

bool App::reload() {
    State& s = *state_;
    try {
        const Config wanted = load_config(s.source);
        const std::lock_guard hold(s.mutex);
        const Config merged = with_reloaded(s.config, wanted);
        // What can fail comes first: afterwards everything is applied.
        if (wants_tls(merged)) s.server->use_certificate(s.certificate_of(merged).certificate);
        if (merged.tls_certificate != "auto") s.authority.reset();
        s.server->use_limits(merged.limits);
        s.core->reload(s.wanted_core(merged));
        base::set_log_level(merged.log_level);
        for (const auto& key : restart_keys_changed(s.config, wanted)) {
            base::log_warn("config", key + " changed; it takes effect at the next start");
        }
        s.config = merged;
        base::log_info("config", "configuration and certificates loaded again");
        return true;
    } catch (const ConfigError& error) {
        base::log_error("config", std::string("nothing was changed: ") + error.what());
    } catch (const base::Failure& error) {
        base::log_error("config", std::string("nothing was changed: ") + error.what());
    }
    return false;
}

void App::stop() {
    State& s = *state_;
    s.keeper.reset();
    s.control.reset();
    if (s.server) s.server->stop(s.config.stop_grace_ms);
    s.server.reset();
    if (s.core) s.save_counters();
    s.core.reset();
}

const Config& App::config() const {
    return state_->config;
}
std::vector<std::string> App::addresses() const {
    return state_->server->addresses();
}
std::string App::id() const {
    return base::uuid_text(state_->core->store().uuid());
}
std::string App::ca_pem() const {
    return state_->authority ? state_->authority->ca_pem() : std::string();
}

}  // namespace server
