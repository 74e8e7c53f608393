#pragma once

#include <cstdint>
#include <optional>

#include "dav/context.h"
#include "dav/http/conditional.h"
#include "dav/http/message.h"
#include "dav/target.h"
#include "storage/txn.h"

namespace dav {

// The conditional header fields of a request; throws 400 when malformed.
http::Conditions conditions_of(const Context& context, const http::RequestHead& head);

// The one check before every write, in the transaction that writes: the conditional fields against what is there now.
// Throws 412. An `If` header names locks or states that can not hold while nothing can be locked: 412 as well.
void check_preconditions(const Context& context, storage::ReadTxn& txn, const http::RequestHead& head,
                         const Target& target);

// As a write sees it: of a file not hashed yet the tag made of what stat said last.
std::optional<std::string> current_etag(storage::ReadTxn& txn, const storage::Node& node);

// 507 when `bytes` more octets do not fit: quota-not-exceeded, or sufficient-disk-space below the free floor.
// `replaced` = octets that go away in the same step.
void check_room(const Context& context, const Target& target, std::uint64_t bytes, std::uint64_t replaced);

// Octets that fit into the quota, with those `replaced`; empty = no limit.
std::optional<std::uint64_t> quota_left(const Target& target, std::uint64_t replaced);

}  // namespace dav
