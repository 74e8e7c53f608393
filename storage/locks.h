#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "storage/base/hash.h"

namespace storage {

// Numbers are stored in the database: never renumber.
enum class LockDepth : std::uint8_t { zero = 0, infinity = 1 };
enum class LockScope : std::uint8_t { exclusive = 1, shared = 2 };

// A write lock (RFC 4918 §6, §7). Every verb that reads gives live ones only: those that have not expired.
struct Lock {
    std::string token;      // an absolute URI; as good as a secret, shown to its principal only
    std::int64_t node = 0;  // the lock root
    LockDepth depth = LockDepth::infinity;
    LockScope scope = LockScope::exclusive;
    base::Id128 principal;        // who may use and end it
    std::string owner_xml;        // the client's DAV:owner element as markup that stands on its own; empty = none
    std::string href;             // of the lock root, without the base path
    std::int64_t expires_ms = 0;  // UTC; it is gone from then on
};

struct LockCount {
    std::size_t all = 0;
    std::size_t of_principal = 0;
};

}  // namespace storage
