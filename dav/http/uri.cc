#include "dav/http/uri.h"

#include <algorithm>

namespace http {
namespace {

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

bool is_unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

// What may stand bare in a path: all visible ASCII but the delimiters of a query and fragment. Clients leave many
// characters bare that RFC 3986 would have encoded; none of them can be read in two ways.
bool may_stand_bare(char c) {
    return c > 0x20 && c < 0x7f && c != '?' && c != '#' && c != '\\';
}

std::optional<UriFault> fault_of_raw(std::string_view segment) {
    for (const char c : segment) {
        if (may_stand_bare(c)) continue;
        if (c == '?' || c == '#') return UriFault::extra;
        if (c == '\\') return UriFault::separator;
        return is_control(c) ? UriFault::control : UriFault::bad_escape;
    }
    return std::nullopt;
}

std::optional<UriFault> fault_of_decoded(std::string_view segment) {
    if (segment.empty()) return UriFault::empty_segment;
    if (segment == "." || segment == "..") return UriFault::dots;
    for (const char c : segment) {
        if (c == '/' || c == '\\') return UriFault::separator;
        if (is_control(c)) return UriFault::control;
    }
    if (!base::is_utf8(segment)) return UriFault::not_utf8;
    return std::nullopt;
}

struct Authority {
    std::string host;  // lower case
    std::string port;
    bool operator==(const Authority&) const = default;
};

Authority split_authority(std::string_view text, bool secure) {
    // The colon of a port stands behind the bracket of an IPv6 address.
    const auto bracket = text.rfind(']');
    const auto colon = text.rfind(':');
    const bool has_port = colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
    Authority out{std::string(text.substr(0, has_port ? colon : text.size())),
                  std::string(has_port ? text.substr(colon + 1) : std::string_view{})};
    if (out.port.empty()) out.port = secure ? "443" : "80";
    std::transform(out.host.begin(), out.host.end(), out.host.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
    return out;
}

// Takes scheme and authority off an absolute URL that names this server; what is left is its raw path.
std::variant<std::string_view, UriFault> path_on_this_server(std::string_view url, const Origin& origin) {
    const auto scheme_end = url.find("://");
    if (scheme_end == std::string_view::npos || scheme_end == 0) return UriFault::not_absolute;
    const auto scheme = url.substr(0, scheme_end);
    const auto rest = url.substr(scheme_end + 3);
    const auto path_start = std::min(rest.find_first_of("/?#"), rest.size());
    const auto authority = rest.substr(0, path_start);
    if (authority.find('@') != std::string_view::npos) return UriFault::userinfo;
    if (authority.empty()) return UriFault::not_absolute;
    if (!std::all_of(authority.begin(), authority.end(), may_stand_bare)) return UriFault::bad_escape;
    if (!equal_ignoring_case(scheme, origin.secure ? "https" : "http")) return UriFault::other_server;
    if (split_authority(authority, origin.secure) != split_authority(origin.authority, origin.secure))
        return UriFault::other_server;
    return path_start == rest.size() ? std::string_view{"/"} : rest.substr(path_start);
}

}  // namespace

Status status_of(UriFault fault) {
    switch (fault) {
        case UriFault::too_long:
        case UriFault::too_many_segments: return Status::uri_too_long;
        case UriFault::other_server: return Status::bad_gateway;
        case UriFault::not_absolute:
        case UriFault::bad_escape:
        case UriFault::control:
        case UriFault::separator:
        case UriFault::dots:
        case UriFault::empty_segment:
        case UriFault::not_utf8:
        case UriFault::userinfo:
        case UriFault::extra: break;
    }
    return Status::bad_request;
}

std::optional<std::string> percent_decode(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out.push_back(text[i]);
            continue;
        }
        if (text.size() - i < 3) return std::nullopt;
        const int high = hex_value(text[i + 1]);
        const int low = hex_value(text[i + 2]);
        if (high < 0 || low < 0) return std::nullopt;
        out.push_back(static_cast<char>(high * 16 + low));
        i += 2;
    }
    return out;
}

std::variant<Path, UriFault> parse_path(std::string_view raw) {
    if (raw.empty() || raw.front() != '/') return UriFault::not_absolute;
    Path path;
    std::size_t bytes = 0;
    std::size_t at = 1;
    while (at < raw.size()) {
        const auto end = std::min(raw.find('/', at), raw.size());
        const auto segment = raw.substr(at, end - at);
        if (const auto fault = fault_of_raw(segment)) return *fault;
        auto name = percent_decode(segment);
        if (!name) return UriFault::bad_escape;
        if (const auto fault = fault_of_decoded(*name)) return *fault;
        bytes += name->size() + 1;
        if (bytes > base::kPathBytesMax) return UriFault::too_long;
        if (path.segments.size() == base::kSegmentsMax) return UriFault::too_many_segments;
        path.segments.push_back(std::move(*name));
        at = end + 1;
    }
    path.trailing_slash = raw.back() == '/';
    return path;
}

std::variant<Path, UriFault> parse_reference(std::string_view text, const Origin& origin) {
    std::string_view raw = text;
    if (text.empty() || text.front() != '/') {
        const auto found = path_on_this_server(text, origin);
        if (const auto* fault = std::get_if<UriFault>(&found)) return *fault;
        raw = std::get<std::string_view>(found);
    }
    auto parsed = parse_path(raw);
    auto* path = std::get_if<Path>(&parsed);
    if (path == nullptr || origin.base_path.empty()) return parsed;

    const auto base = parse_path(origin.base_path);
    const auto* prefix = std::get_if<Path>(&base);
    if (prefix == nullptr || path->segments.size() < prefix->segments.size() ||
        !std::equal(prefix->segments.begin(), prefix->segments.end(), path->segments.begin()))
        return UriFault::other_server;
    const auto length = static_cast<std::ptrdiff_t>(prefix->segments.size());
    path->segments.erase(path->segments.begin(), path->segments.begin() + length);
    if (path->segments.empty()) path->trailing_slash = true;
    return parsed;
}

void append_encoded(std::string& out, std::string_view segment) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    for (const char c : segment) {
        if (is_unreserved(c)) {
            out.push_back(c);
            continue;
        }
        const auto octet = static_cast<unsigned char>(c);
        out.push_back('%');
        out.push_back(kHex[octet >> 4]);
        out.push_back(kHex[octet & 15]);
    }
}

std::string encode_segment(std::string_view segment) {
    std::string out;
    append_encoded(out, segment);
    return out;
}

std::string href(std::string_view base_path, const base::Segments& segments, Slash slash) {
    std::string out(base_path);
    for (const auto& segment : segments) {
        out.push_back('/');
        append_encoded(out, segment);
    }
    if (slash == Slash::trailing || segments.empty()) out.push_back('/');
    return out;
}

}  // namespace http
