#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "dav/http/message.h"
#include "server/net/framing_guard.h"

// Between octets and values: a complete head to a RequestHead, a Response to the octets before its body.
namespace net {

struct ParsedHead {
    http::RequestHead head;
    bool keep_alive = true;
    bool unknown_expectation = false;  // any Expect but 100-continue: 417
};

// `octets` is one complete head as HeadScanner found it. Beast parses, the guard decides what it means.
std::variant<ParsedHead, Refusal> parse_head(std::string_view octets, const HeadLimits& limits);

// Status line, fields and the empty line. Content-Length is left out where the status forbids one.
void append_head(std::string& out, const http::Response& response, std::string_view date, bool close);

// Whether octets follow the head: not for HEAD, 204 and 304.
bool sends_body(http::Method method, http::Status status);

}  // namespace net
