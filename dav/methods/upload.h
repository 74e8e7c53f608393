#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "dav/http/digest_fields.h"
#include "dav/methods/methods.h"
#include "storage/staging.h"

namespace dav::method {

// What PUT, and POST to add a member, share: a body that is staged while it comes, under the promises of its head.

// What accept found in the head and run checks against the body.
struct Promise {
    std::vector<http::ExpectedSum> sums;
    std::optional<std::uint64_t> length;  // Content-Length, or what Finder announces for a chunked body
    std::optional<std::int64_t> mtime_ns;
    bool quota_is_limit = false;     // what ends the body first: the quota, or the largest content allowed
    const ItemRule* item = nullptr;  // an item: of what kind
    std::string type;                // its Content-Type
};

// Throws 400 for a field that is malformed and for a part of a file, 415 for a coding. `item`: what is sent; null: a
// file.
Promise promise_of(const http::RequestHead& head, const ItemRule* item);

// The verdict of accept, when nothing else speaks against the upload: throws 413, or 507 for what has no room.
// `replaced` = octets that go away when this is stored.
http::Verdict take_upload(Call& call, const Target& target, const Promise& promise, std::uint64_t replaced);

// A body that is here, whole, and what was promised. Lives no longer than the request.
struct Arrived {
    Promise promise;
    storage::Content content;
    std::vector<storage::PropChange> props;  // the sums it was checked against
    PreparedItem item{};                     // of an item, what its domain read; then the content is in memory
};
// Throws 400 when it is not, 413 or 507 when it was too long; what the domain throws of an item it does not take.
Arrived arrived(Call& call, http::Request& request);

// Stores it as `what` says; its time and props come from `body`. May run again in another transaction.
storage::WriteTxn::PutResult put_arrived(storage::WriteTxn& txn, storage::WriteTxn::PutContent what, Arrived& body,
                                         const storage::Author& author);

// 201 or 204 with what clients want to know about the file, or as `Prefer: return=…` asks with the file itself.
http::Response stored(Call& call, Target& target, const storage::WriteTxn::PutResult& result, const Arrived& body);

}  // namespace dav::method
