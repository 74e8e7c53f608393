#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "dav/http/message.h"
#include "dav/http/status.h"
#include "storage/base/path.h"

namespace http {

// Why a path or reference is refused.
enum class UriFault : std::uint8_t {
    not_absolute,       // no leading slash, or neither URL nor absolute path
    bad_escape,         // "%zz", "%4", or an octet that may not stand bare in a URI
    control,            // C0, DEL or NUL, decoded
    separator,          // "%2F", "%5C" or a bare backslash inside a segment
    dots,               // "." or "..", however spelled
    empty_segment,      // "//" inside the path
    not_utf8,           // also overlong forms and surrogates
    too_long,           // more than kPathBytesMax octets, decoded
    too_many_segments,  // more than kSegmentsMax
    userinfo,           // "https://user@host/"
    extra,              // a query or fragment where only a path has a meaning
    other_server,       // another scheme, host or port, or outside the base path
};
Status status_of(UriFault fault);  // 400, 414 or, for another server, 502

// A decoded path. There is one decoding in Hearth and it is this one: "%252e" becomes the name "%2e" and stays it.
struct Path {
    base::Segments segments;
    bool trailing_slash = false;  // also for "/" itself
    bool operator==(const Path&) const = default;
};

// Decodes a raw path ("/dav/files/ana/a%20b") strictly. An empty inner segment is refused and not collapsed: proxies in
// front of us differ in what they make of "//", and their rules and ours must see the same path. The length of a single
// name is judged by whoever creates it.
std::variant<Path, UriFault> parse_path(std::string_view raw);

// Where we are, as the client wrote it: what an absolute reference is compared with.
struct Origin {
    bool secure = true;          // https
    std::string_view authority;  // "host" or "host:port"
    std::string_view base_path;  // "" or "/cloud"
};
inline Origin origin_of(const RequestHead& head, std::string_view base_path) {
    return {head.secure, head.host, base_path};
}

// A Destination header, a resource tag of If or a DAV:href: an absolute URL on this server or an absolute path, with
// the base path in front, which is taken off here.
std::variant<Path, UriFault> parse_reference(std::string_view text, const Origin& origin);

// Percent-decodes once; empty: a broken escape. For form and query values ("+" is kept); says nothing about the octets.
std::optional<std::string> percent_decode(std::string_view text);

// Everything but unreserved characters (RFC 3986 §2.3) becomes %XX.
void append_encoded(std::string& out, std::string_view segment);
std::string encode_segment(std::string_view segment);

enum class Slash : std::uint8_t { none, trailing };
// The absolute path of a resource as it stands in answers: base path, encoded segments, and a slash for collections.
std::string href(std::string_view base_path, const base::Segments& segments, Slash slash);

}  // namespace http
