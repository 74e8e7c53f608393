#include "server/net/connection.h"

#include <algorithm>
#include <cstring>

#include "server/net/wire.h"
#include "storage/base/log.h"

namespace net {
namespace {

constexpr std::int64_t kLingerMs = 2'000;
constexpr std::uint64_t kLingerOctets = 32 * 1024 * 1024;
constexpr std::size_t kHeadBytesMax = kLargeBuffer - kSmallBuffer;  // a head must fit into one buffer

HeadLimits head_limits(const Limits& limits) {
    return {std::min(limits.header_bytes_max, kHeadBytesMax), limits.header_fields_max, limits.field_bytes_max,
            limits.target_bytes_max};
}

}  // namespace

Connection::Connection(Loop& loop, const Arrival& arrival, std::shared_ptr<const TlsContext> tls)
    : loop_(loop), arrival_(arrival), stream_(loop, arrival.descriptor, std::move(tls)), shaking_hands_(arrival.tls) {}

Connection::~Connection() {
    loop_.edge().admission.leave(arrival_.remote.prefix, !arrival_.remote.shared, shaking_hands_);
}

Task<void> Connection::run() {
    bool open = true;
    if (shaking_hands_) open = co_await shake_hands();
    while (open) {
        open = co_await next_request();
        if (open) open = co_await serve();
    }
    if (lingers_) co_await linger();
}

Task<bool> Connection::shake_hands() {
    stream_.hard_until(monotonic_ms() + loop_.limits().handshake_timeout_ms);
    bool done = false;
    for (;;) {
        Io io = stream_.handshake();
        done = io == Io::done;
        if (io != Io::want_read && io != Io::want_write) break;
        bool ready = co_await stream_.wait(io);
        if (!ready) break;
    }
    if (stream_.cut() == Cut::deadline) ++loop_.edge().tally.timeouts;
    stream_.clear_deadlines();
    if (done) {
        shaking_hands_ = false;
        loop_.edge().admission.handshake_over(arrival_.remote.prefix, !arrival_.remote.shared);
    }
    co_return done;
}

// Waits without holding a buffer: most connections of a home are idle most of the time.
Task<bool> Connection::next_request() {
    if (begin_ != end_ || stream_.holds_octets()) co_return true;
    input_.release();
    begin_ = end_ = 0;
    stream_.rest();
    idle_ = true;
    if (loop_.closing()) co_return false;
    const Limits& limits = loop_.limits();
    const bool is_guest = (arrival_.roles & http::role_guests) != 0 && (arrival_.roles & http::role_dav) == 0;
    const std::int64_t until = monotonic_ms() + (is_guest ? limits.guest_idle_timeout_ms : limits.idle_timeout_ms);
    bool ready = false;
    // The loop may tell of octets that came while a worker had the last request, and that were read with it.
    do {
        stream_.wait_until(until);
        ready = co_await stream_.wait(Io::want_read);
    } while (ready && !stream_.has_arrived());
    stream_.clear_deadlines();
    idle_ = false;
    if (!ready) stream_.finish_writing();
    co_return ready;
}

Task<bool> Connection::serve() {
    idle_ = false;
    auto exchange = std::make_unique<Exchange>(loop_);
    Head head = co_await read_head(*exchange);
    stream_.clear_deadlines();
    if (head == Head::gone) co_return false;
    if (head == Head::complete) co_await decide(*exchange);
    if (!exchange->answered) co_await receive(*exchange);
    if (stream_.cut() == Cut::abort || !exchange->answered) co_return false;
    if (exchange->response.close || loop_.closing()) exchange->close = true;
    // A body nobody wanted: worth reading when it is short, and when the client will send it for certain.
    BodyProgress& body = exchange->body;
    if (!body.complete) {
        bool certain = body.begun || !exchange->head.expects_continue;
        if (!certain || body.left > loop_.limits().drain_bytes_max) exchange->close = true;
    }
    stream_.forgive();
    bool sent = co_await send(*exchange);
    stream_.clear_deadlines();
    if (!sent) co_return false;
    lingers_ = true;
    if (exchange->close) co_return false;
    if (body.complete) co_return true;
    bool drained = co_await drain(*exchange);
    stream_.clear_deadlines();
    co_return drained;
}

// The answer is on its way, the client may still be writing: closing now would reset the connection, and the client
// might never see the answer (RFC 9112 §9.6).
Task<void> Connection::linger() {
    idle_ = true;
    input_.release();
    stream_.finish_writing();
    if (loop_.closing()) co_return;
    stream_.hard_until(monotonic_ms() + kLingerMs);
    Buffer scratch = loop_.pool().small();
    std::uint64_t total = 0;
    while (total < kLingerOctets) {
        IoResult result = stream_.discard(scratch.data(), scratch.size());
        total += result.octets;
        if (result.io == Io::done) continue;
        if (result.io != Io::want_read) co_return;
        bool ready = co_await stream_.wait(Io::want_read);
        if (!ready) co_return;
    }
}

bool Connection::make_room() {
    if (!input_) {
        input_ = loop_.pool().small();
        begin_ = end_ = 0;
    }
    if (begin_ == end_) begin_ = end_ = 0;
    if (end_ < input_.size()) return true;
    if (begin_ > 0) {
        std::memmove(input_.data(), input_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
        return true;
    }
    if (input_.size() == kLargeBuffer) return false;
    Buffer larger = loop_.pool().large();
    std::memcpy(larger.data(), input_.data(), end_);
    input_ = std::move(larger);
    return true;
}

Task<Connection::Head> Connection::read_head(Exchange& exchange) {
    HeadLimits limits = head_limits(loop_.limits());
    HeadScanner scanner(limits);
    stream_.hard_until(monotonic_ms() + loop_.limits().header_timeout_ms);
    for (;;) {
        HeadScanner::State state = scanner.scan(arrived());
        if (state == HeadScanner::State::refused) co_return refuse(scanner.refusal(), exchange);
        if (state == HeadScanner::State::complete) break;
        if (!make_room()) {
            Refusal full{http::Status::header_fields_too_large, "head"};
            co_return refuse(full, exchange);
        }
        IoResult result = stream_.read(input_.data() + end_, input_.size() - end_);
        if (result.io == Io::done) {
            end_ += result.octets;
            continue;
        }
        if (result.io != Io::want_read && result.io != Io::want_write) co_return Head::gone;
        bool ready = co_await stream_.wait(result.io);
        if (ready) continue;
        if (stream_.cut() != Cut::deadline) co_return Head::gone;
        ++loop_.edge().tally.timeouts;
        if (begin_ == end_) co_return Head::gone;
        Refusal late{http::Status::request_timeout, "head too slow"};
        co_return refuse(late, exchange);
    }
    std::string_view octets = arrived().substr(scanner.start(), scanner.end() - scanner.start());
    auto result = parse_head(octets, limits);
    if (auto* refusal = std::get_if<Refusal>(&result)) co_return refuse(*refusal, exchange);
    begin_ += scanner.end();

    ParsedHead& parsed = std::get<ParsedHead>(result);
    exchange.head = std::move(parsed.head);
    exchange.unknown_expectation = parsed.unknown_expectation;
    http::RequestHead& head = exchange.head;
    head.secure = stream_.secure();
    head.roles = arrival_.roles;
    head.remote = arrival_.remote;
    believe_proxy(head);
    ++requests_;
    ++loop_.edge().tally.requests;
    exchange.close = !parsed.keep_alive || requests_ >= loop_.limits().requests_per_connection_max;
    exchange.body.chunked = head.chunked;
    exchange.body.left = head.content_length.value_or(0);
    exchange.body.complete = !head.has_body();
    co_return Head::complete;
}

// Answers and ends the connection: what follows has no agreed meaning.
Connection::Head Connection::refuse(const Refusal& refusal, Exchange& exchange) {
    ++loop_.edge().tally.bad_requests;
    if (base::log_enabled(base::Level::debug)) {
        base::log_debug("net", "refused from=" + arrival_.remote.address + " why=" + std::string(refusal.why));
    }
    exchange.response = edge_answer(refusal.status);
    exchange.answered = true;
    exchange.close = true;
    return Head::refused;
}

// Headers that only a proxy of ours may set are taken out in any case: nothing behind the edge can then trust a forged
// one.
void Connection::believe_proxy(http::RequestHead& head) const {
    if (arrival_.trusted_proxy) {
        if (auto list = head.headers.combined("X-Forwarded-For")) {
            auto client = forwarded_client(*list, loop_.edge().trusted_proxies);
            if (client) head.remote = remote_of(*client);
        }
        std::string_view scheme = head.headers.get("X-Forwarded-Proto");
        if (!scheme.empty()) head.secure = http::equal_ignoring_case(scheme, "https");
    }
    for (std::string_view name : {"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded"}) {
        if (head.headers.has(name)) head.headers.remove(name);
    }
}

// Leaves `answered` unset when the body is wanted.
Task<void> Connection::decide(Exchange& exchange) {
    http::Handler& handler = loop_.edge().handler;
    if (exchange.unknown_expectation) {
        exchange.response = edge_answer(http::Status::expectation_failed);
        exchange.answered = true;
        co_return;
    }
    if (!exchange.head.has_body()) {
        if (auto response = handler.answer_now(exchange.head)) {
            exchange.response = std::move(*response);
            exchange.answered = true;
            co_return;
        }
    }
    std::string_view body = body_in_hand(exchange);
    auto work = [&handler, &exchange, body] { accept_request(handler, exchange, body); };
    if (!exchange.job.start(work, Job::Queue::bounded)) {
        exchange.response = edge_answer(http::Status::service_unavailable);
        exchange.answered = true;
        co_return;
    }
    co_await exchange.job.finished();
    if (exchange.job.failed()) {
        exchange.response = edge_answer(http::Status::internal_server_error);
        exchange.answered = exchange.close = true;
    }
}

}  // namespace net
