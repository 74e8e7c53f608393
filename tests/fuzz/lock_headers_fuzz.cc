// Lock-Token and Timeout, each tried on the whole input.
#include "dav/lock_headers.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "storage/base/failure.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    if (const auto token = dav::parse_lock_token(input)) {
        CHECK(dav::is_absolute_uri(*token));
        CHECK(dav::parse_lock_token("<" + *token + ">") == token);
        CHECK(!dav::parse_timeout(input));
    }
    if (const auto seconds = dav::parse_timeout(input)) {
        CHECK(*seconds >= 1 && *seconds <= dav::kLockSecondsMax);
        CHECK(dav::parse_timeout("Second-" + std::to_string(*seconds)) == seconds);
    }
    return 0;
}
