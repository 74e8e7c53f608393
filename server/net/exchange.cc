#include "server/net/exchange.h"

#include <utility>

#include "storage/base/failure.h"
#include "storage/base/log.h"

namespace net {
namespace {

using http::Status;

// Answers up to this size are read on the worker that made them: no second hop, and a cold disk never stops an io
// thread.
constexpr std::uint64_t kReadAheadFile = 32 * 1024;
constexpr std::uint64_t kReadAheadSpool = 256 * 1024;

Status status_of(base::Fault fault) {
    switch (fault) {
        case base::Fault::disk_full: return Status::insufficient_storage;
        case base::Fault::busy:
        case base::Fault::unavailable: return Status::service_unavailable;
        case base::Fault::denied: return Status::forbidden;
        case base::Fault::io:
        case base::Fault::corrupt: return Status::internal_server_error;
    }
    return Status::internal_server_error;
}

template <typename Source>
std::optional<std::string> read_whole(const Source& source, std::uint64_t offset, std::uint64_t length) {
    std::string text(static_cast<std::size_t>(length), '\0');
    std::size_t have = 0;
    while (have < text.size()) {
        std::size_t n = source.read_at(text.data() + have, text.size() - have, offset + have);
        if (n == 0) return std::nullopt;  // shorter than promised: the sender notices and ends the connection
        have += n;
    }
    return text;
}

void read_ahead(Exchange& exchange) {
    http::Response& response = exchange.response;
    if (exchange.head.method == http::Method::head) return;
    std::optional<std::string> text;
    if (const auto* slice = std::get_if<http::FileSlice>(&response.body)) {
        if (slice->length <= kReadAheadFile) text = read_whole(*slice->file, slice->offset, slice->length);
    } else if (const auto* spooled = std::get_if<std::shared_ptr<const http::Spooled>>(&response.body)) {
        if ((*spooled)->size() <= kReadAheadSpool) text = read_whole(**spooled, 0, (*spooled)->size());
    }
    if (text) response.body = std::move(*text);
}

void answer(Exchange& exchange, http::Response response) {
    exchange.response = std::move(response);
    exchange.answered = true;
    read_ahead(exchange);
}

}  // namespace

http::Response edge_answer(Status status) {
    std::string text = std::to_string(http::code(status)) + " " + std::string(http::reason(status)) + "\n";
    http::Response response(status, "text/plain; charset=utf-8", std::move(text));
    response.headers.add("Cache-Control", "no-store");
    response.headers.add("X-Content-Type-Options", "nosniff");
    if (status == Status::service_unavailable) response.headers.add("Retry-After", "1");
    if (status == Status::method_not_allowed) response.headers.add("Allow", "GET, HEAD, OPTIONS");
    return response;
}

void accept_request(http::Handler& handler, Exchange& exchange, std::string_view body) {
    exchange.verdict = handler.accept(exchange.head);
    http::Verdict& verdict = exchange.verdict;
    if (verdict.answer) {
        answer(exchange, std::move(*verdict.answer));
        return;
    }
    if (!exchange.body.complete) return;
    if (!verdict.sink) {
        if (body.size() > verdict.memory_limit) return;  // refused with the rest of what is too long
        exchange.memory = std::exchange(body, {});
    }
    run_request(handler, exchange, body);
}

void store_piece(Exchange& exchange, std::string_view piece) {
    // Caught here, not in the handler: the edge drives the sink, so the edge answers for it.
    try {
        exchange.verdict.sink->write(piece);
    } catch (const base::Failure& failure) {
        base::log_warn("net", std::string("body not stored: ") + base::printable(failure.what()));
        exchange.sink_failure = status_of(failure.fault());
    }
}

void run_request(http::Handler& handler, Exchange& exchange, std::string_view last_piece) {
    if (exchange.verdict.sink && !last_piece.empty()) store_piece(exchange, last_piece);
    if (exchange.sink_failure) return;
    answer(exchange, handler.run({exchange.head, std::move(exchange.memory), std::move(exchange.verdict.sink),
                                  std::move(exchange.verdict.state)}));
}

void abandon_request(http::Handler& handler, Exchange& exchange) {
    handler.abandon({exchange.head, std::move(exchange.memory), std::move(exchange.verdict.sink),
                     std::move(exchange.verdict.state)});
}

}  // namespace net
