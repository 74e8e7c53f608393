// Ranges and dates: a part lies inside the representation, and a date that was read is written back as the same.
// The first eight octets of the input are the size.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "dav/http/date.h"
#include "dav/http/range.h"
#include "storage/base/failure.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::uint64_t length = 0;
    const std::size_t taken = std::min(size, sizeof length);
    if (taken > 0) std::memcpy(&length, data, taken);
    const std::string_view field(reinterpret_cast<const char*>(data) + taken, size - taken);

    const auto range = http::resolve_range(field, length);
    switch (range.kind) {
        case http::Range::Kind::whole:
            CHECK(range.first == 0);
            CHECK(range.length == length);
            break;
        case http::Range::Kind::part:
            CHECK(range.length > 0);
            CHECK(range.first < length);
            CHECK(range.length <= length - range.first);
            break;
        case http::Range::Kind::unsatisfiable: CHECK(range.length == 0); break;
    }
    CHECK(http::content_range(range, length).size() < 70);

    constexpr std::int64_t kNow = 1'790'000'000;
    if (const auto date = http::parse_http_date(field, kNow)) {
        CHECK(http::parse_http_date(http::http_date(*date), kNow) == date);
        CHECK(http::iso_8601(*date).size() == 20);
    }
    return 0;
}
