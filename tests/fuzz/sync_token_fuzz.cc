// The sync token: what is accepted is written back octet by octet, and covers what its vector says.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "storage/base/failure.h"
#include "storage/sync_token.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const auto token = storage::decode_sync_token(input);
    if (!token) return 0;
    CHECK(storage::encode(*token) == input);
    for (const storage::Dot& dot : token->vector) {
        CHECK(token->covers(dot));
        CHECK(dot.seq > 0);
    }
    if (token->place) CHECK(token->place->from >= 0 && token->place->step >= 0 && token->place->base >= 0);
    return 0;
}
