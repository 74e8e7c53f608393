#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dav/error.h"
#include "dav/if_header.h"
#include "dav/lock_headers.h"
#include "dav/locks.h"
#include "dav/methods/items.h"
#include "dav/methods/methods.h"
#include "dav/names.h"
#include "dav/preconditions.h"
#include "dav/request_headers.h"
#include "storage/store.h"

namespace dav::method {

namespace {

using http::Status;
using storage::Lock;
using storage::LockDepth;

constexpr xml::Prefix kPrefixes[] = {{"D", kDav}};
constexpr std::int64_t kMillisecondsPerSecond = 1000;

std::int64_t expiry_of(const Call& call) {
    std::int64_t seconds = kLockSecondsMax;
    if (const auto field = call.head.headers.combined("Timeout")) {
        const auto asked = parse_timeout(*field);
        if (!asked) throw DavError(Status::bad_request).detail("the Timeout is malformed");
        seconds = *asked;
    }
    return call.context.store.seams().clock.now_ms() + seconds * kMillisecondsPerSecond;
}

// The names in the store, not as the client spelled them.
std::string root_href(const Target& target, const storage::Node& node) {
    base::Segments url(target.url.begin(), target.url.begin() + 3);
    for (std::size_t i = 1; i < target.walk.chain.size(); ++i) url.push_back(target.walk.chain[i].name);
    if (!target.exists()) url.push_back(node.name);
    return http::href("", url, storage::is_collection(node.kind) ? http::Slash::trailing : http::Slash::none);
}

// RFC 4918 §9.10.5. Throws when the lock can not be granted; all of a tree is locked or nothing.
void require_no_conflict(const Call& call, storage::ReadTxn& txn, const Target& target, storage::LockScope scope,
                         LockDepth depth) {
    const std::string& base = call.context.base_path;
    DavError over(cond::no_conflicting_lock);
    for (const Lock& lock : locks_over(txn, target)) {
        if (conflict(scope, lock)) std::move(over).href(base + lock.href);
    }
    if (!over.hrefs().empty()) throw over;
    if (!target.exists() || !target.is_collection() || depth == LockDepth::zero) return;
    DavError below(Status::multi_status);
    for (const Lock& lock : txn.locks_below(target.node().id, call.context.limits.locks_max)) {
        if (!conflict(scope, lock)) continue;
        const std::string href = base + lock.href;
        std::move(below).member({href, Status::locked, cond::no_conflicting_lock, {href}});
    }
    if (below.members().empty()) return;
    std::move(below).member({href_of(call.context, target), Status::failed_dependency, std::nullopt, {}});
    throw below;
}

void require_room_for_lock(const Call& call, storage::ReadTxn& txn) {
    const storage::LockCount count = txn.count_locks(call.caller.uid);
    const Limits& limits = call.context.limits;
    if (count.all < limits.locks_max && count.of_principal < limits.locks_per_user_max) return;
    throw DavError(Status::insufficient_storage).detail("more locks than one user, or all, may hold");
}

// The lock first, then what else there is.
http::Response discovery(const Call& call, Status status, const Lock& lock, const std::vector<Lock>& all) {
    xml::StringSink sink;
    xml::Writer writer(sink, kPrefixes);
    {
        const auto prop = writer.element(name::prop);
        const auto lockdiscovery = writer.element(name::lockdiscovery);
        write_activelock(writer, lock, call.context, call.caller);
        for (const Lock& other : all) {
            if (other.token != lock.token) write_activelock(writer, other, call.context, call.caller);
        }
    }
    writer.finish();
    http::Response response(status, "application/xml; charset=utf-8", std::move(sink.text));
    response.headers.add("Cache-Control", "no-store");
    return response;
}

// RFC 4918 §9.10.4: an empty file, whatever the depth.
storage::Node make_empty(Call& call, storage::WriteTxn& txn, const Target& target) {
    require_creatable(target);
    check_room(call.context, target, 0, 0);
    storage::WriteTxn::PutContent what;
    what.parent = target.parent().id;
    what.name = target.new_name();
    return txn.put(what, storage::Content::inlined("", base::sha256("")), storage::no_index(), call.author()).node;
}

http::Response make(Call& call, Target& target, const http::Request& request) {
    const std::optional<Depth> asked = depth_of(call.head);
    if (asked == Depth::one) throw DavError(Status::bad_request).detail("LOCK is Depth: 0 or infinity");
    const LockInfo info = parse_lockinfo(request.body, call.context.limits);
    Lock lock;
    lock.token = "urn:uuid:" + base::uuid_text(base::new_random_id(call.context.store.seams().rng));
    lock.depth = asked == Depth::zero ? LockDepth::zero : LockDepth::infinity;
    lock.scope = info.scope;
    lock.principal = call.caller.uid;
    lock.owner_xml = info.owner_xml;
    lock.expires_ms = expiry_of(call);
    bool created = false;
    std::vector<Lock> all;
    call.context.store.write([&](storage::WriteTxn& txn) {
        locate(txn, target);
        // As for PUT: a slash is the name of a collection, and what LOCK makes is none.
        if (target.slash && !(target.exists() && target.is_collection())) {
            throw DavError(Status::method_not_allowed).header("Allow", target.exists() ? "OPTIONS" : "OPTIONS, MKCOL");
        }
        created = !target.exists();
        if (created) require_creatable(target);
        if (created && rule_of(call, target))
            throw DavError(Status::forbidden).detail("there is no empty item that LOCK could make");
        // Of what is there only its locks count, by their own rule.
        check_preconditions(call, txn, {{target, created ? Touch::content : Touch::nothing}});
        require_no_conflict(call, txn, target, lock.scope, lock.depth);
        require_room_for_lock(call, txn);
        all = locks_over(txn, target);
        const storage::Node node = created ? make_empty(call, txn, target) : target.node();
        lock.node = node.id;
        lock.href = root_href(target, node);
        txn.add_lock(lock);
    });
    http::Response response = discovery(call, created ? Status::created : Status::ok, lock, all);
    response.headers.add("Lock-Token", "<" + lock.token + ">");
    return response;
}

// RFC 4918 §9.10.2.
http::Response refresh(Call& call, Target& target) {
    const auto field = call.head.headers.combined("If");
    const auto if_header = field ? parse_if(*field) : std::nullopt;
    const auto tokens = if_header ? if_header->tokens() : std::vector<std::string>();
    if (tokens.size() != 1) throw DavError(Status::bad_request).detail("a refresh names its lock in If");
    const std::int64_t expires_ms = expiry_of(call);
    std::vector<Lock> all;
    Lock lock;
    call.context.store.write([&](storage::WriteTxn& txn) {
        locate(txn, target);
        require_found(target);
        all = locks_over(txn, target);
        const auto found = std::find_if(all.begin(), all.end(), [&](const Lock& l) { return l.token == tokens[0]; });
        if (found == all.end()) throw DavError(cond::lock_to_refresh_matches_request_uri);
        if (found->principal != call.caller.uid)
            throw DavError(Status::forbidden).detail("the lock is somebody else's");
        check_preconditions(call, txn, {{target, Touch::nothing}});
        lock = *found;
        lock.expires_ms = expires_ms;
        txn.refresh_lock(lock.token, expires_ms);
    });
    return discovery(call, Status::ok, lock, all);
}

}  // namespace

http::Response lock(Call& call, http::Request& request) {
    Target target = aim(call.context, call.caller, call.head);
    if (target.place != Place::tree) refuse_method(target);
    require(call.context, target, Privilege::write);
    if (call.head.headers.has("Content-Encoding")) throw DavError(Status::unsupported_media_type);
    return request.body.empty() ? refresh(call, target) : make(call, target, request);
}

http::Response unlock(Call& call, http::Request&) {
    Target target = aim(call.context, call.caller, call.head);
    if (target.place != Place::tree) refuse_method(target);
    require(call.context, target, Privilege::write);
    const auto field = call.head.headers.combined("Lock-Token");
    const auto token = field ? parse_lock_token(*field) : std::nullopt;
    if (!token) throw DavError(Status::bad_request).detail("there is no Lock-Token, or it is malformed");
    call.context.store.write([&](storage::WriteTxn& txn) {
        locate(txn, target);
        require_found(target);
        check_preconditions(call, txn, {{target, Touch::nothing}});
        const auto locks = locks_over(txn, target);
        const auto found = std::find_if(locks.begin(), locks.end(), [&](const Lock& l) { return l.token == *token; });
        if (found == locks.end()) throw DavError(cond::lock_token_matches_request_uri);
        if (found->principal != call.caller.uid)
            throw DavError(Status::forbidden).detail("the lock is somebody else's");
        txn.remove_lock(*token);
    });
    return http::Response(Status::no_content);
}

}  // namespace dav::method
