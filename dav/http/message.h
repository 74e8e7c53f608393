#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "dav/http/headers.h"
#include "dav/http/status.h"
#include "storage/base/bytes.h"
#include "storage/disk.h"

namespace http {

enum class Method : std::uint8_t {
    options,
    get,
    head,
    put,
    delete_,
    mkcol,
    copy,
    move,
    propfind,
    proppatch,
    lock,
    unlock,
    report,
    acl,
    post,
    patch,
    mkcalendar,
    trace,
    connect,
    other,
};
Method method_from(std::string_view text);  // exact case; unknown = other
std::string_view method_text(Method method);

// The address a connection comes from, as text without port ("192.0.2.7", "2001:db8::1"), and the prefix that limits
// and throttling count: IPv4 /32, IPv6 /64. A unix socket is "unix".
struct Remote {
    std::string address;
    std::string prefix;
    bool shared = false;  // loopback, a unix socket, a proxy that does not say for whom: no limit per prefix holds
};

// What listener a request came through, as far as the core may know.
enum Role : std::uint8_t { role_dav = 1, role_web = 2, role_guests = 4, role_replication = 8, role_metrics = 16 };

// A request without its body, checked by the framing guard: exactly one Host, sane framing, printable target.
struct RequestHead {
    Method method = Method::other;
    std::string method_name;  // as sent
    std::string path;   // raw, still percent-encoded, origin-form without query; starts with "/"; or "*" for OPTIONS
    std::string query;  // raw, without "?"
    Headers headers;
    std::string host;    // authority: Host, or of an absolute-form target; lower case, with port if sent
    bool secure = true;  // TLS here, or a trusted proxy says so
    std::uint8_t roles = role_dav | role_web | role_guests;
    Remote remote;
    std::optional<std::uint64_t> content_length;
    bool chunked = false;
    bool expects_continue = false;
    bool http_1_0 = false;

    bool has_body() const { return chunked || content_length.value_or(0) > 0; }
};

// A body that was prepared in full: in memory up to a limit, then in an unlinked file. Read many times, from any
// thread.
class Spooled {
  public:
    virtual ~Spooled() = default;
    virtual std::uint64_t size() const = 0;
    virtual std::size_t read_at(char* into, std::size_t length, std::uint64_t offset) const = 0;
};

// Part of an open file, sent from `file` without being held in memory.
struct FileSlice {
    std::shared_ptr<const storage::File> file;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
};

using Body = std::variant<std::monostate, std::string, std::shared_ptr<const std::string>, FileSlice,
                          std::shared_ptr<const Spooled>>;
std::uint64_t body_size(const Body& body);

struct Response {
    Status status = Status::ok;
    Headers headers;  // without Date, Content-Length, Connection: the edge writes those
    Body body;
    bool close = false;  // the connection ends after this answer

    Response() = default;
    explicit Response(Status s) : status(s) {}
    Response(Status s, std::string_view content_type, std::string text) : status(s), body(std::move(text)) {
        headers.add("Content-Type", content_type);
    }
};

}  // namespace http
