#include "server/pipeline.h"

#include <array>
#include <variant>

#include "dav/error.h"
#include "dav/http/uri.h"
#include "server/origin_guard.h"
#include "server/pages.h"
#include "storage/base/hash.h"
#include "storage/base/log.h"

namespace server {
namespace {

constexpr std::string_view kPageMethods = "GET, HEAD, OPTIONS";
constexpr std::string_view kServerMethods =
    "OPTIONS, GET, HEAD, PUT, POST, DELETE, MKCOL, COPY, MOVE, PROPFIND, PROPPATCH, LOCK, UNLOCK";

bool is_page_method(http::Method method) {
    return method == http::Method::get || method == http::Method::head;
}

const std::shared_ptr<const dav::Caller>& nobody() {
    static const auto caller = std::make_shared<const dav::Caller>();
    return caller;
}

http::Verdict final_answer(http::Response response) {
    http::Verdict verdict;
    verdict.answer = std::move(response);
    return verdict;
}

http::Response retry_later(http::Status status, std::int64_t seconds) {
    http::Response response = plain_answer(status);
    response.headers.add("Retry-After", std::to_string(seconds));
    return response;
}

}  // namespace

// What accept found out and run needs again.
struct Pipeline::Admitted {
    std::shared_ptr<Site> site;
    std::int64_t started_ms = 0;
    Part part = Part::outside;
    std::shared_ptr<const dav::Caller> caller = nobody();
    std::optional<http::RequestHead> below_base;  // the head as DAV sees it, when there is a base path
    std::shared_ptr<void> dav_state;
};

Pipeline::Pipeline(Credentials& credentials, storage::Seams seams, std::shared_ptr<Site> site,
                   std::function<bool()> ready)
    : credentials_(credentials), seams_(seams), ready_(std::move(ready)), site_(std::move(site)) {}

void Pipeline::use(std::shared_ptr<Site> site) {
    const std::lock_guard hold(guard_);
    site_.swap(site);
}

std::shared_ptr<Site> Pipeline::site() const {
    const std::lock_guard hold(guard_);
    return site_;
}

// Only what is certain without waiting: a GET below /dav/files/ by somebody who was right a moment ago. Everything
// else, and every doubt, takes the way over accept, which decides again from the start.
std::optional<http::Response> Pipeline::answer_now(const http::RequestHead& head) {
    if (!is_page_method(head.method)) return std::nullopt;
    const auto authorization = head.headers.find("Authorization");
    if (!authorization) return std::nullopt;
    Admitted admitted;
    admitted.site = site();
    const Site& here = *admitted.site;
    const Route route = route_of(head.path, here.context.base_path);
    if (route.part != Part::dav || !route.path.starts_with("/dav/files/")) return std::nullopt;
    if (!is_offered(route.part, head.method, head.roles, here.context.services)) return std::nullopt;
    if (!is_for_us(head, here.hosts)) return std::nullopt;
    if (head.headers.count("Authorization") != 1) return std::nullopt;
    const auto caller = credentials_.remembered(*authorization, head.remote);
    if (!caller) return std::nullopt;

    admitted.started_ms = seams_.clock.monotonic_ms();
    admitted.part = route.part;
    admitted.caller = caller;
    std::optional<http::Response> response;
    if (here.context.base_path.empty()) {
        response = admitted.site->dav.answer_now(head, *caller);
    } else {
        http::RequestHead below = head;
        below.path = route.path;
        response = admitted.site->dav.answer_now(below, *caller);
    }
    if (response) finish(*response, admitted, head);
    return response;
}

http::Verdict Pipeline::accept(const http::RequestHead& head) {
    const auto admitted = std::make_shared<Admitted>();
    admitted->site = site();
    admitted->started_ms = seams_.clock.monotonic_ms();
    http::Verdict verdict;
    try {
        verdict = decide(*admitted, head);
    } catch (...) {
        verdict = final_answer(rescue(head));
    }
    if (verdict.answer) {
        finish(*verdict.answer, *admitted, head);
        return verdict;
    }
    admitted->dav_state = std::move(verdict.state);
    verdict.state = admitted;
    return verdict;
}

http::Response Pipeline::run(http::Request request) {
    const auto admitted = std::static_pointer_cast<Admitted>(std::move(request.state));
    CHECK(admitted != nullptr);
    const http::RequestHead& head = request.head;
    http::Response response;
    try {
        http::Request below{admitted->below_base ? *admitted->below_base : head, std::move(request.body),
                            std::move(request.sink), std::move(admitted->dav_state)};
        response = admitted->site->dav.run(std::move(below), *admitted->caller);
    } catch (...) {
        response = rescue(head);
    }
    finish(response, *admitted, head);
    return response;
}

// The steps, in the order in which they may say no. Nothing before `identify` depends on who asks, and nothing after it
// is reached by somebody unknown but OPTIONS.
http::Verdict Pipeline::decide(Admitted& admitted, const http::RequestHead& head) {
    const Site& here = *admitted.site;
    const Route route = route_of(head.path, here.context.base_path);
    admitted.part = route.part;
    if (auto answer = answer_without_caller(here, route, head)) return final_answer(std::move(*answer));
    if (!is_safe_method(head.method) && is_cross_site(head)) return final_answer(plain_answer(http::Status::forbidden));
    if (auto answer = identify(admitted, head)) return final_answer(std::move(*answer));
    if (route.part == Part::unknown) return final_answer(plain_answer(http::Status::not_found));
    if (here.context.base_path.empty()) return admitted.site->dav.accept(head, *admitted.caller);
    admitted.below_base = head;
    admitted.below_base->path = route.path;
    return admitted.site->dav.accept(*admitted.below_base, *admitted.caller);
}

std::optional<http::Response> Pipeline::answer_without_caller(const Site& site, const Route& route,
                                                              const http::RequestHead& head) const {
    // Probes of an orchestrator ask by address, not by name, and learn nothing here.
    const bool is_probe = route.part == Part::health || route.part == Part::ready;
    if (!is_probe && !is_for_us(head, site.hosts)) return plain_answer(http::Status::misdirected_request);
    if (head.method == http::Method::trace || head.method == http::Method::connect)
        return method_refused(kServerMethods);
    if (head.path == "*") {
        if (head.method != http::Method::options) return plain_answer(http::Status::bad_request);
        http::Response response(http::Status::ok);
        response.headers.add("Allow", kServerMethods);
        return response;
    }
    const std::string& base_path = site.context.base_path;
    if (!is_offered(route.part, head.method, head.roles, site.context.services)) {
        const auto path = http::parse_path(head.path);
        const auto* fault = std::get_if<http::UriFault>(&path);
        return plain_answer(fault ? http::status_of(*fault) : http::Status::not_found);
    }
    if (route.part == Part::caldav || route.part == Part::carddav) return to_dav(base_path);
    if (route.part == Part::dav) return std::nullopt;

    // What is left are pages, and DAV clients that climb to "/" or ask at places that do not exist.
    if (is_dav_method(head.method) && !is_probe && route.part != Part::authority) return std::nullopt;
    if (route.part == Part::unknown) {
        const auto path = http::parse_path(head.path);
        const auto* fault = std::get_if<http::UriFault>(&path);
        return plain_answer(fault ? http::status_of(*fault) : http::Status::not_found);
    }
    if (head.method == http::Method::options && route.part == Part::home) return std::nullopt;
    if (!is_page_method(head.method)) return method_refused(kPageMethods);
    if (route.part == Part::health) return health_page();
    if (route.part == Part::ready) return ready_page(ready_());
    if (route.part == Part::authority) return authority_page(site.ca_pem);
    return head.path == base_path ? to_home(base_path) : welcome_page();
}

std::optional<http::Response> Pipeline::identify(Admitted& admitted, const http::RequestHead& head) {
    const auto authorization = head.headers.find("Authorization");
    if (!authorization && head.method == http::Method::options) return std::nullopt;
    const bool one = authorization && head.headers.count("Authorization") == 1;
    // An account password that was right a moment ago. App passwords go the whole way: their last use is noted there.
    if (one) {
        auto known = credentials_.remembered(*authorization, head.remote);
        if (known && known->device.empty()) {
            admitted.caller = std::move(known);
            return std::nullopt;
        }
    }
    Check check;
    if (one) check = credentials_.check(*authorization, head.remote);
    switch (check.outcome) {
        case Check::Outcome::ok: admitted.caller = std::move(check.caller); return std::nullopt;
        case Check::Outcome::throttled: return retry_later(http::Status::too_many_requests, check.retry_after_s);
        case Check::Outcome::busy: return retry_later(http::Status::service_unavailable, check.retry_after_s);
        case Check::Outcome::wrong: break;
    }
    http::Response response = plain_answer(http::Status::unauthorized);
    response.headers.add("WWW-Authenticate", admitted.site->challenge);
    return response;
}

// Called inside a catch: the answer to whatever was thrown.
http::Response Pipeline::rescue(const http::RequestHead& head) const {
    const auto where = [&] { return head.method_name + " " + base::printable(head.path); };
    try {
        throw;
    } catch (const dav::DavError& error) {
        if (*error.what() != '\0') base::log_debug("request", where() + ": " + error.what());
        return dav::answer_of(error);
    } catch (const base::Failure& failure) {
        base::log_error("request", where() + ": failed: " + failure.what());
        return dav::answer_of(failure);
    } catch (const std::exception& error) {
        std::array<std::uint8_t, 6> random{};
        seams_.rng.fill(random);
        const std::string id = base::hex({reinterpret_cast<const char*>(random.data()), random.size()});
        base::log_error("request", "id=" + id + " " + where() + ": " + error.what());
        return http::Response(http::Status::internal_server_error, "text/plain; charset=utf-8",
                              "Something went wrong here. The log of the server says more under " + id + ".\n");
    }
}

void Pipeline::finish(http::Response& response, const Admitted& admitted, const http::RequestHead& head) const {
    response.headers.set("X-Content-Type-Options", "nosniff");
    if (admitted.part == Part::dav && is_page_method(head.method)) harden_content(response);
    if (!base::log_enabled(base::Level::debug)) return;
    base::log_debug("request", head.method_name + " " + base::printable(head.path) +
                                   " status=" + std::to_string(http::code(response.status)) +
                                   " user=" + (admitted.caller->name.empty() ? "-" : admitted.caller->name) +
                                   " ms=" + std::to_string(seams_.clock.monotonic_ms() - admitted.started_ms) +
                                   " from=" + head.remote.address);
}

}  // namespace server
