// Paths, references and file names: what is accepted is canonical, goes back to the same names and never escapes.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "dav/http/media_type.h"
#include "dav/http/uri.h"
#include "storage/base/failure.h"

namespace path_fuzz {

void check_canonical(const http::Path& path) {
    CHECK(path.segments.size() <= base::kSegmentsMax);
    for (const auto& name : path.segments) {
        CHECK(!name.empty());
        CHECK(name != ".");
        CHECK(name != "..");
        CHECK(base::is_utf8(name));
        CHECK(std::none_of(name.begin(), name.end(), [](char c) {
            return c == '/' || c == '\\' || c == '\x7f' || static_cast<unsigned char>(c) < 0x20;
        }));
    }
    const auto slash = path.trailing_slash ? http::Slash::trailing : http::Slash::none;
    const auto again = http::parse_path(http::href("", path.segments, slash));
    const auto* same = std::get_if<http::Path>(&again);
    CHECK(same != nullptr);
    CHECK(*same == path);
}

// Nothing but the two parameters, whatever the name.
void check_disposition(std::string_view name) {
    const auto value = http::content_disposition(http::Disposition::attachment, name);
    CHECK(std::count(value.begin(), value.end(), '"') == 2);
    CHECK(std::none_of(value.begin(), value.end(), [](char c) {
        return c == '\\' || static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f;
    }));
    constexpr std::string_view kExtended = "; filename*=UTF-8''";
    const auto at = value.rfind(kExtended);
    if (at == std::string::npos) return;
    const auto decoded = http::percent_decode(value.substr(at + kExtended.size()));
    CHECK(decoded.has_value());
    CHECK(*decoded == name);
}

}  // namespace path_fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    for (const http::Origin& origin : {http::Origin{true, "h:8443", ""}, http::Origin{false, "[::1]", "/cl%20oud"}}) {
        const auto parsed = http::parse_reference(input, origin);
        if (const auto* path = std::get_if<http::Path>(&parsed)) path_fuzz::check_canonical(*path);
    }
    const auto parsed = http::parse_path(input);
    if (const auto* path = std::get_if<http::Path>(&parsed)) path_fuzz::check_canonical(*path);

    const auto decoded = http::percent_decode(http::encode_segment(input));
    CHECK(decoded.has_value());
    CHECK(*decoded == input);
    path_fuzz::check_disposition(input);
    CHECK(!http::media_type_of(input).empty());
    return 0;
}
