#pragma once

#include "dav/methods/methods.h"

namespace dav::method {

// The file as GET would send it, whatever the conditions of the request, with Content-Location (RFC 9110 §8.7) and what
// says that a preference was followed: the answer to `Prefer: return=representation` (RFC 8144 §3). The caller sets the
// status. Throws 404 when there is no such file.
http::Response representation(Call& call, Target& target);

}  // namespace dav::method
