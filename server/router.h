#pragma once

#include <cstdint>
#include <string_view>

#include "dav/context.h"
#include "dav/http/message.h"

namespace server {

// The parts of the URL space, as far as they are served differently.
enum class Part : std::uint8_t {
    outside,   // not below the base path: does not exist
    unknown,   // below it, but nothing is there
    home,      // "/": a page for GET, a synthetic collection for DAV methods
    dav,       // "/dav", "/dav/…", "/principals": goes to DAV with the path below the base path
    caldav,    // "/.well-known/caldav"
    carddav,   // "/.well-known/carddav"
    health,    // "/healthz": the process lives
    ready,     // "/readyz": it can serve
    authority  // "/ca.crt": the certificate authority this server made for itself
};

struct Route {
    Part part = Part::outside;
    std::string_view path;  // below the base path, raw, starting with "/"; points into the argument of route_of
};

// Prefixes are compared on the raw path: what is spelled with escapes ("/%64av/") is not ours, and inside /dav only
// http::parse_path reads names. Health and well-known answer at the root too, whatever the base path: probes and
// clients know nothing of it.
Route route_of(std::string_view raw_path, std::string_view base_path);

// Whether this listener and these services offer the part to this method; what they do not is answered with 404.
bool is_offered(Part part, http::Method method, std::uint8_t roles, const dav::Services& services);

// Methods that only a DAV client uses: they are challenged wherever they go.
bool is_dav_method(http::Method method);
// Methods that change nothing (RFC 9110 §9.2.1, RFC 4918 §9.1, RFC 3253 §3.6).
bool is_safe_method(http::Method method);

}  // namespace server
