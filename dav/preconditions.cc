#include "dav/preconditions.h"

#include "dav/error.h"

namespace dav {

namespace {

using http::Status;

constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr std::int64_t kMillisecondsPerSecond = 1000;

}  // namespace

http::Conditions conditions_of(const Context& context, const http::RequestHead& head) {
    const std::int64_t now_s = context.store.seams().clock.now_ms() / kMillisecondsPerSecond;
    auto conditions = http::parse_conditions(head.headers, now_s);
    if (!conditions) throw DavError(Status::bad_request).detail("a conditional header field is malformed");
    return *std::move(conditions);
}

std::optional<std::string> current_etag(storage::ReadTxn& txn, const storage::Node& node) {
    if (node.hash || storage::is_collection(node.kind)) return storage::etag_of(node);
    const auto facts = txn.disk(node.id);
    if (!facts) return std::nullopt;
    return storage::pending_etag(*facts);
}

void check_preconditions(const Context& context, storage::ReadTxn& txn, const http::RequestHead& head,
                         const Target& target) {
    if (head.headers.has("If")) throw DavError(Status::precondition_failed).detail("If names a state nothing can have");
    const http::Conditions conditions = conditions_of(context, head);
    if (conditions.empty()) return;
    std::optional<std::string> etag;
    http::Current current;
    if (target.place == Place::tree && target.exists()) {
        etag = current_etag(txn, target.node());
        if (etag) current.etag = *etag;
        current.last_modified_s = target.node().mtime_ns / kNanosecondsPerSecond;
    }
    if (http::evaluate(conditions, http::Access::write, current) != http::Outcome::proceed) {
        throw DavError(Status::precondition_failed);
    }
}

std::optional<std::uint64_t> quota_left(const Target& target, std::uint64_t replaced) {
    if (!target.owner || !target.owner->quota_bytes) return std::nullopt;
    const std::uint64_t used = target.space.used_bytes > 0 ? static_cast<std::uint64_t>(target.space.used_bytes) : 0;
    const std::uint64_t kept = used > replaced ? used - replaced : 0;
    const std::uint64_t quota = *target.owner->quota_bytes;
    return quota > kept ? quota - kept : 0;
}

void check_room(const Context& context, const Target& target, std::uint64_t bytes, std::uint64_t replaced) {
    const auto left = quota_left(target, replaced);
    if (left && bytes > *left) throw DavError(cond::quota_not_exceeded);
    const std::uint64_t free_bytes = context.store.tree().space().free_bytes;
    const std::uint64_t floor = context.limits.free_floor_bytes;
    if (free_bytes < floor || free_bytes - floor < bytes) throw DavError(cond::sufficient_disk_space);
}

}  // namespace dav
