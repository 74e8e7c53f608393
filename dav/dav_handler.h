#pragma once

#include <memory>
#include <optional>
#include <span>

#include "dav/context.h"
#include "dav/extension.h"
#include "dav/http/handler.h"

namespace dav {

// WebDAV (RFC 4918) over the store for one authenticated caller: the method table and what hangs on it. It gets paths
// below the base path ("/dav/…", or one of the synthetic collections "/", "/principals/"). Thread-safe.
// Not an http::Handler itself: the pipeline authenticates first, passes the caller, and turns what accept and run throw
// (DavError, base::Failure) into answers.
class DavHandler {
  public:
    DavHandler(Context& context, std::span<const Extension* const> extensions);
    ~DavHandler();

    http::Verdict accept(const http::RequestHead& head, const Caller& caller);
    http::Response run(http::Request request, const Caller& caller);
    // A hot small file for a caller the pipeline knows already: io thread, never blocks, never touches SQLite.
    std::optional<http::Response> answer_now(const http::RequestHead& head, const Caller& caller);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace dav
