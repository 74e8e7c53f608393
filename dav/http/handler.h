#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "dav/http/message.h"
#include "storage/base/bytes.h"

namespace http {

// What `accept` decided about a request from its head alone.
struct Verdict {
    // Set: the answer, final; the body is not wanted (drained when short, else the connection ends). No 100 is sent.
    std::optional<Response> answer;
    // Otherwise where the body goes: into `sink` (streamed, blocking, on a worker), or without a sink into memory, at
    // most `memory_limit` octets, beyond which the edge answers 413 by itself.
    std::unique_ptr<base::ByteSink> sink;
    std::uint64_t memory_limit = 0;
    std::int64_t body_deadline_ms = 0;  // the whole body within this; 0 = only the minimum rate counts (uploads)
    // Whatever accept wants run to find again (the caller, the resolved target). Only its maker knows the type.
    std::shared_ptr<void> state;
};

// A request whose body has arrived: what accept left, filled.
struct Request {
    const RequestHead& head;
    std::string body;                      // when there was no sink
    std::unique_ptr<base::ByteSink> sink;  // the one accept made, complete
    std::shared_ptr<void> state;
};

// The two calls of the edge into the core, both blocking, both on a worker thread (the second may be another one).
// Neither throws: every failure is an answer.
class Handler {
  public:
    virtual ~Handler() = default;
    // On the io thread, first: an answer that costs no wait and no disk (a hot small file), or nothing. Must not block.
    virtual std::optional<Response> answer_now(const RequestHead&) { return std::nullopt; }
    // After the head, before the first octet of the body and before any 100 Continue.
    virtual Verdict accept(const RequestHead& head) = 0;
    // After the whole body.
    virtual Response run(Request request) = 0;
    // The body broke off or was refused by the edge: nothing may stay behind. Default: dropping the request does it.
    virtual void abandon(Request) {}
};

}  // namespace http
