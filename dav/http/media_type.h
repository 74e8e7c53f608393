#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "dav/http/headers.h"

namespace http {

// The type by the extension of a file name; "application/octet-stream" when unknown. Text types say charset=utf-8.
std::string_view media_type_of(std::string_view file_name);

// Whether a browser may show this type in our origin (security.md 5.2): pictures, sound, video, plain text, PDF. All
// others, HTML and SVG before all, are downloads.
bool is_shown_inline(std::string_view media_type);

enum class Disposition : std::uint8_t { inline_, attachment };
// A Content-Disposition value (RFC 6266): filename= in plain ASCII and, when that says less, filename*= (RFC 8187). No
// name can break out of it: quotes, backslashes and controls never appear.
std::string content_disposition(Disposition disposition, std::string_view file_name);

// The fields every answer with a user's bytes carries: Content-Type, Content-Disposition, the policy that takes away
// all activity, nosniff and same-origin.
void add_content_headers(Headers& headers, std::string_view media_type, std::string_view file_name);

}  // namespace http
