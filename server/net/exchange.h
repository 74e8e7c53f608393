#pragma once

#include <memory>
#include <optional>
#include <string>

#include "dav/http/handler.h"
#include "server/net/framing_guard.h"
#include "server/net/offload.h"

namespace net {

// Where the octets of a request body stand.
struct BodyProgress {
    ChunkDecoder chunks;
    std::uint64_t left = 0;      // of a body with Content-Length
    std::uint64_t received = 0;  // of a chunked body, with its framing
    bool chunked = false;
    bool begun = false;  // an octet of it, or our 100 Continue, has passed
    bool complete = true;
};

// One request and its answer. Owned by the connection's coroutine while the request lasts. While `job` runs, everything
// but `body` belongs to the worker.
struct Exchange {
    explicit Exchange(Loop& loop) : job(loop) {}

    http::RequestHead head;
    bool unknown_expectation = false;
    bool close = false;  // the connection ends after this answer
    BodyProgress body;

    http::Verdict verdict;
    std::string memory;  // the body, when there is no sink
    std::optional<http::Status> sink_failure;
    bool answered = false;
    http::Response response;
    Job job;
};

// An answer of the edge itself: short text, never stored by caches.
http::Response edge_answer(http::Status status);

// The calls into the core, each on a worker. Their only failure is an exception, which the contract of Handler forbids.
// And runs it, when it has no body or the whole of it is here: `body`, with `exchange.body` complete.
void accept_request(http::Handler& handler, Exchange& exchange, std::string_view body);
void store_piece(Exchange& exchange, std::string_view piece);                               // into the sink
void run_request(http::Handler& handler, Exchange& exchange, std::string_view last_piece);  // the body is complete
void abandon_request(http::Handler& handler, Exchange& exchange);

}  // namespace net
