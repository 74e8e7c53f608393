#pragma once

#include <cstdint>
#include <optional>

#include "dav/http/message.h"

namespace dav {

enum class Depth : std::uint8_t { zero, one, infinity };
enum class Overwrite : std::uint8_t { no, yes };

// RFC 4918 §10.2. Empty = no such header. Anything but "0", "1", "infinity" throws 400.
std::optional<Depth> depth_of(const http::RequestHead& head);

// RFC 4918 §10.6: "T" or "F", T when absent; anything else throws 400.
Overwrite overwrite_of(const http::RequestHead& head);

// How much the client wants back: `Prefer: return=…` (RFC 7240 §4.2, RFC 8144), or `Brief: t` for minimal.
enum class Return : std::uint8_t { unsaid, minimal, representation };
Return return_of(const http::RequestHead& head);
inline bool wants_minimal(const http::RequestHead& head) {
    return return_of(head) == Return::minimal;
}
// Whether that is what Prefer said: Preference-Applied names no wish of another field (RFC 7240 §3).
bool did_as_preferred(const http::RequestHead& head);
// `Prefer: depth-noroot` (RFC 8144 §2): a PROPFIND with a Depth leaves out the resource itself.
bool wants_no_root(const http::RequestHead& head);
// For an answer that did as return_of says: Preference-Applied, and Vary with the fields that were looked at.
void add_preference_applied(http::Headers& headers, const http::RequestHead& head);

// Seconds since 1970 in X-OC-Mtime, as nanoseconds. Empty = absent. Not a plain decimal number throws 400.
std::optional<std::int64_t> oc_mtime_ns(const http::RequestHead& head);

}  // namespace dav
