#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dav/context.h"
#include "dav/xml/element.h"
#include "dav/xml/writer.h"
#include "storage/locks.h"

namespace dav {

inline constexpr std::size_t kLockOwnerBytesMax = 4 * 1024;

// The body of a LOCK that makes a lock (RFC 4918 §14.11).
struct LockInfo {
    storage::LockScope scope = storage::LockScope::exclusive;
    std::string owner_xml;  // the DAV:owner element as it came; empty = none
};
// Throws DavError: 400 for what is no lockinfo of a write lock, 413 for an owner of more than kLockOwnerBytesMax.
LockInfo parse_lockinfo(std::string_view body, const Limits& limits);

// RFC 4918 §6.2: an exclusive lock stands alone, shared ones stand beside one another.
bool conflict(storage::LockScope wanted, const storage::Lock& there);

// One DAV:activelock (§14.1). The token is for the lock's own principal.
void write_activelock(xml::Writer& writer, const storage::Lock& lock, const Context& context, const Caller& caller);

}  // namespace dav
