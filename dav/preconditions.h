#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <vector>

#include "dav/context.h"
#include "dav/http/conditional.h"
#include "dav/http/message.h"
#include "dav/target.h"
#include "storage/txn.h"

namespace dav {

struct Call;

// The conditional header fields of a request; throws 400 when malformed.
http::Conditions conditions_of(const Context& context, const http::RequestHead& head);

// What a request changes of a resource: which locks bind it (RFC 4918 §7).
enum class Touch : std::uint8_t {
    nothing,  // only read: the source of a COPY, a GET
    content,  // its octets, properties or, of a collection, members; where nothing is, a new member of its parent
    binding,  // it goes or gives way to another resource: with all below it, and the membership of its parent
};
struct Touched {
    const Target& target;
    Touch touch;
};

// The one check before every write, in the transaction that writes (and before a body is read, to answer early). The
// first of `touched` is what the Request-URI names. In this order:
// 423 lock-token-submitted where a lock binds and its principal did not submit its token, as a 207 when only members
// below are locked; 412 when If does not hold; 412 when a condition of RFC 9110 does not. An If that names no token at
// all is about something else than locks, and goes first. 400: one of the fields is malformed.
void check_preconditions(const Call& call, storage::ReadTxn& txn, std::initializer_list<Touched> touched);

// If alone, for methods that only read: they need no token.
void check_if(const Call& call, storage::ReadTxn& txn, const Target& target);

// The locks in whose scope a target is: rooted there, or of infinite depth above. Of a name that is not there those it
// would be under.
std::vector<storage::Lock> locks_over(storage::ReadTxn& txn, const Target& target);

// As a write sees it: of a file not hashed yet the tag made of what stat said last.
std::optional<std::string> current_etag(storage::ReadTxn& txn, const storage::Node& node);

// 507 when `bytes` more octets do not fit: quota-not-exceeded, or sufficient-disk-space below the free floor.
// `replaced` = octets that go away in the same step.
void check_room(const Context& context, const Target& target, std::uint64_t bytes, std::uint64_t replaced);

// Octets that fit into the quota, with those `replaced`; empty = no limit.
std::optional<std::uint64_t> quota_left(const Target& target, std::uint64_t replaced);

}  // namespace dav
