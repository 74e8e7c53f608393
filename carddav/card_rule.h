#pragma once

#include <cstdint>

#include "dav/item_rule.h"

// What a card must be to be stored (RFC 6352 section 5.1 and 6.3.2.1).
namespace carddav {

inline constexpr std::uint64_t kCardBytesMax = 4 << 20;

extern const dav::ItemRule kCardRule;

}  // namespace carddav
