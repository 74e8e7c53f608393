#include <algorithm>
#include <cstring>

#include "server/net/connection.h"
#include "storage/base/log.h"

// The body of a request on its way in.
namespace net {
namespace {

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr std::size_t kReserveMax = 1024 * 1024;  // before the octets are there; a client may announce what it likes

}  // namespace

void Connection::start_pace() {
    const Limits& limits = loop_.limits();
    std::uint64_t octets = limits.body_rate_min * static_cast<std::uint64_t>(limits.body_window_ms) / 1000;
    stream_.pace(limits.body_window_ms, octets);
}

// A short body that has come with its head, taken from `input_`; empty when it has not. With it the core decides and
// runs the request in one piece of work instead of two.
std::string_view Connection::body_in_hand(Exchange& exchange) {
    BodyProgress& body = exchange.body;
    if (body.complete || body.chunked || body.left > input_.size() - begin_) return {};
    const std::size_t length = static_cast<std::size_t>(body.left);
    while (end_ - begin_ < length) {
        IoResult result = stream_.read(input_.data() + end_, input_.size() - end_);
        if (result.io != Io::done) return {};  // still on its way; a broken connection shows when it is waited for
        end_ += result.octets;
    }
    std::string_view octets = arrived().substr(0, length);
    begin_ += length;
    body.left = 0;
    body.begun = body.complete = true;
    return octets;
}

Task<void> Connection::receive(Exchange& exchange) {
    const http::RequestHead& head = exchange.head;
    bool sink = exchange.verdict.sink != nullptr;
    if (!sink && head.content_length.value_or(0) > exchange.verdict.memory_limit) {
        co_await give_up(exchange, Fill::full);
        co_return;
    }
    if (exchange.body.complete) {  // it was in hand, and could not be stored
        co_await give_up(exchange, Fill::complete);
        co_return;
    }
    if (head.expects_continue && begin_ == end_) {
        bool sent = co_await stream_.write_all(kContinue, loop_.limits().write_stall_ms);
        stream_.clear_deadlines();
        if (!sent) {
            co_await give_up(exchange, Fill::broken);
            co_return;
        }
    }
    exchange.body.begun = true;
    if (exchange.verdict.body_deadline_ms > 0) stream_.hard_until(monotonic_ms() + exchange.verdict.body_deadline_ms);
    start_pace();
    stream_.expect_much(head.chunked || exchange.body.left > kSmallBuffer);
    Fill state = Fill::broken;
    if (sink) {
        state = co_await into_sink(exchange);
    } else {
        state = co_await into_memory(exchange);
    }
    stream_.expect_much(false);
    stream_.clear_deadlines();
    if (!exchange.answered) co_await give_up(exchange, state);
}

// Reads the next part while a worker stores the one before. Leaves the request answered, or says why it is not.
Task<Connection::Fill> Connection::into_sink(Exchange& exchange) {
    http::Handler& handler = loop_.edge().handler;
    BodyProgress& body = exchange.body;
    std::size_t wanted =
        body.chunked ? kLargeBuffer : static_cast<std::size_t>(std::min<std::uint64_t>(body.left, kLargeBuffer));
    Buffer filling = loop_.pool().for_stream(wanted);
    Buffer storing;
    for (;;) {
        Filled filled = co_await fill(body, filling.data(), filling.size());
        if (exchange.job.running()) {
            co_await exchange.job.finished();
            start_pace();  // the time the disk took is not the client's
        }
        if (exchange.job.failed()) exchange.sink_failure = http::Status::internal_server_error;
        if (exchange.sink_failure) co_return Fill::complete;
        if (filled.state != Fill::full && filled.state != Fill::complete) co_return filled.state;
        std::swap(filling, storing);
        std::string_view piece(storing.data(), filled.octets);
        if (filled.state == Fill::complete) {
            stream_.clear_deadlines();
            auto work = [&handler, &exchange, piece] { run_request(handler, exchange, piece); };
            if (exchange.job.start(work, Job::Queue::further)) co_await exchange.job.finished();
            if (exchange.job.failed()) exchange.sink_failure = http::Status::internal_server_error;
            co_return Fill::complete;
        }
        auto work = [&exchange, piece] { store_piece(exchange, piece); };
        if (!exchange.job.start(work, Job::Queue::further)) co_return Fill::broken;
        if (!filling) filling = loop_.pool().for_stream(wanted);
    }
}

Task<Connection::Fill> Connection::into_memory(Exchange& exchange) {
    http::Handler& handler = loop_.edge().handler;
    BodyProgress& body = exchange.body;
    exchange.memory.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(body.left, kReserveMax)));
    Buffer buffer = loop_.pool().small();
    for (;;) {
        Filled filled = co_await fill(body, buffer.data(), buffer.size());
        if (filled.state != Fill::full && filled.state != Fill::complete) co_return filled.state;
        if (exchange.memory.size() + filled.octets > exchange.verdict.memory_limit) co_return Fill::full;
        exchange.memory.append(buffer.data(), filled.octets);
        if (filled.state == Fill::complete) break;
    }
    buffer.release();
    stream_.clear_deadlines();
    auto work = [&handler, &exchange] { run_request(handler, exchange, std::string_view()); };
    if (exchange.job.start(work, Job::Queue::further)) co_await exchange.job.finished();
    if (exchange.job.failed()) exchange.sink_failure = http::Status::internal_server_error;
    co_return Fill::complete;
}

// The framing of a chunked body hides its length: a large buffer once it has shown that it is long.
void Connection::widen_input(const BodyProgress& body) {
    begin_ = end_ = 0;
    if (!input_) input_ = loop_.pool().small();
    if (body.received > kSmallBuffer && input_.size() == kSmallBuffer && loop_.pool().has_large()) {
        input_ = loop_.pool().large();
    }
}

// Until `room` is full or the body is complete.
Task<Connection::Filled> Connection::fill(BodyProgress& body, char* into, std::size_t room) {
    Filled filled;
    while (!body.complete && filled.octets < room) {
        std::size_t part = room - filled.octets;
        IoResult result;
        if (begin_ != end_) {
            std::string_view have = arrived().substr(0, part);
            std::size_t used = 0;
            if (body.chunked) {
                ChunkDecoder::Step step = body.chunks.next(have);
                used = step.used;
                have = step.payload;
                if (step.state == ChunkDecoder::State::done) body.complete = true;
                if (step.state == ChunkDecoder::State::refused) filled.state = Fill::refused;
            } else {
                have = have.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(part, body.left)));
                used = have.size();
                body.left -= used;
                body.complete = body.left == 0;
            }
            if (!have.empty()) std::memcpy(into + filled.octets, have.data(), have.size());
            filled.octets += have.size();
            begin_ += used;
            if (filled.state == Fill::refused) co_return filled;
            continue;
        }
        if (body.chunked) {
            widen_input(body);
            result = stream_.read(input_.data(), input_.size());
            if (result.io == Io::done) end_ = result.octets;
            body.received += result.octets;
        } else {
            part = static_cast<std::size_t>(std::min<std::uint64_t>(part, body.left));
            result = stream_.read(into + filled.octets, part);
            filled.octets += result.octets;
            body.left -= result.octets;
            body.complete = body.left == 0;
        }
        if (result.io == Io::done) continue;
        if (result.io != Io::want_read && result.io != Io::want_write) co_return filled;
        bool ready = co_await stream_.wait(result.io);
        if (!ready) {
            if (stream_.cut() == Cut::deadline) filled.state = Fill::late;
            co_return filled;
        }
    }
    filled.state = body.complete ? Fill::complete : Fill::full;
    co_return filled;
}

// Reads what is left of an unwanted body, to keep the connection.
Task<bool> Connection::drain(Exchange& exchange) {
    BodyProgress& body = exchange.body;
    start_pace();
    Buffer scratch = loop_.pool().small();
    std::uint64_t total = 0;
    while (!body.complete) {
        Filled filled = co_await fill(body, scratch.data(), scratch.size());
        if (filled.state != Fill::full && filled.state != Fill::complete) co_return false;
        total += filled.octets;
        if (total > loop_.limits().drain_bytes_max) co_return false;
    }
    co_return true;
}

// The request can not be run: its maker cleans up, and the client is told when there still is one.
Task<void> Connection::give_up(Exchange& exchange, Fill why) {
    http::Handler& handler = loop_.edge().handler;
    auto work = [&handler, &exchange] { abandon_request(handler, exchange); };
    if (exchange.job.start(work, Job::Queue::further)) co_await exchange.job.finished();
    http::Status status = http::Status::internal_server_error;
    if (exchange.sink_failure) {
        status = *exchange.sink_failure;
        exchange.close = exchange.close || !exchange.body.complete;
    } else if (why == Fill::full) {
        status = http::Status::content_too_large;
    } else if (why == Fill::late) {
        status = http::Status::request_timeout;
        ++loop_.edge().tally.timeouts;
        exchange.close = true;
    } else if (why == Fill::refused) {
        status = http::Status::bad_request;
        ++loop_.edge().tally.bad_requests;
        exchange.close = true;
    } else {
        co_return;  // broken: nobody is there to be answered
    }
    exchange.response = edge_answer(status);
    exchange.answered = true;
}

}  // namespace net
