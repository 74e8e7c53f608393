#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/core.h"

namespace wire {

using Fields = std::vector<std::pair<std::string, std::string>>;

struct Message {
    std::string connection;  // who: one connection each is kept open as long as the server keeps it
    std::string method;
    std::string target;
    Fields headers;
    std::optional<std::string> body;
    bool chunked = false;
    std::string remote = "127.0.0.1";  // in process only
};

struct Reply {
    int status = 0;
    Fields headers;
    std::string body;
    bool continued = false;  // 100 Continue came first

    std::optional<std::string> header(std::string_view name) const;  // the first
};

// How a script's requests reach the handler. One thread.
class Transport {
  public:
    virtual ~Transport() = default;
    virtual Reply send(const Message& message) = 0;
    virtual std::string host() const = 0;  // authority, for Host and Destination
};

// Calls the handler as the edge does: answer_now, accept, the body into its sink, run.
std::unique_ptr<Transport> in_process(http::Handler& handler);
// Starts net::Server with a certificate of its own on a free port of 127.0.0.1 and speaks TLS to it.
std::unique_ptr<Transport> over_tls(http::Handler& handler);

}  // namespace wire
