#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace http {

// What a Range header means for a representation of a known size (RFC 9110 §14). One range of octets is served; several
// ranges, other units and malformed fields are ignored, as the RFC allows: `whole`.
struct Range {
    enum class Kind : std::uint8_t { whole, part, unsatisfiable };
    Kind kind = Kind::whole;
    std::uint64_t first = 0;   // of a part
    std::uint64_t length = 0;  // of a part or the whole
};
Range resolve_range(std::string_view field, std::uint64_t size);

// The Content-Range of a 206 ("bytes 0-9/100") or of a 416 ("bytes */100").
std::string content_range(const Range& range, std::uint64_t size);

}  // namespace http
