#include "dav/preconditions.h"

#include <algorithm>
#include <string>

#include "dav/error.h"
#include "dav/if_header.h"
#include "dav/lock_headers.h"
#include "dav/methods/methods.h"

namespace dav {

namespace {

using http::Status;

constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr std::int64_t kMillisecondsPerSecond = 1000;
constexpr std::size_t kSyncTokensMax = 4;       // looked at for one header: each may cost a look through many records
constexpr std::size_t kLockedMembersMax = 100;  // named in one answer

std::optional<IfHeader> if_header_of(const http::RequestHead& head) {
    const auto field = head.headers.combined("If");
    if (!field) return std::nullopt;
    auto header = parse_if(*field);
    if (!header) throw DavError(Status::bad_request).detail("the If header is malformed");
    return header;
}

// Old Windows clients send the token of a write in Lock-Token.
std::vector<std::string> submitted_tokens(const http::RequestHead& head, const std::optional<IfHeader>& if_header) {
    std::vector<std::string> tokens;
    if (if_header) tokens = if_header->tokens();
    if (head.method == http::Method::unlock) return tokens;
    if (const auto field = head.headers.find("Lock-Token")) {
        if (auto token = parse_lock_token(*field)) tokens.push_back(*std::move(token));
    }
    return tokens;
}

using Locks = std::vector<storage::Lock>;

// Whether a resource at `href` is in the scope of a lock. Hrefs of locks are made of the names in the store, and those
// of collections end in a slash.
bool reaches(const storage::Lock& lock, std::string_view href) {
    if (lock.href == href) return true;
    return lock.depth == storage::LockDepth::infinity && lock.href.ends_with('/') && href.starts_with(lock.href);
}

// Collects what stands in the way of a request. A resource is free when nothing locks it, or when the caller submitted
// the token of a lock of its own in whose scope it is: of several shared ones any will do (RFC 4918 §6.2).
class LockCheck {
  public:
    LockCheck(const Call& call, storage::ReadTxn& txn, std::vector<std::string> tokens)
        : call_(call), txn_(txn), tokens_(std::move(tokens)) {}

    void look(const Touched& touched) {
        const Target& target = touched.target;
        if (touched.touch == Touch::nothing || target.place != Place::tree || target.walk.chain.empty()) return;
        const auto& chain = target.walk.chain;
        const Locks locks = txn_.locks_at(chain);
        // A lock of depth 0 binds its own resource, which for a collection includes what members it has.
        look_at(locks, chain.back().id, 0);
        if (touched.touch != Touch::binding || !target.exists()) return;
        if (chain.size() > 1) look_at(locks, chain[chain.size() - 2].id, chain.back().id);
        if (target.is_collection()) look_below(target.node().id, locks);
    }

    void finish() const {
        const std::string& base = call_.context.base_path;
        if (!roots_.empty()) {
            DavError error(cond::lock_token_submitted);
            for (const std::string& root : roots_) std::move(error).href(base + root);
            throw error;
        }
        if (members_.empty()) return;
        // Trees change in one step, so nothing was done. Ancestors of what is named are not (RFC 4918 §9.6.1).
        DavError error(Status::multi_status);
        for (const std::string& member : members_) {
            if (error.members().size() == kLockedMembersMax) break;
            std::move(error).member({base + member, Status::locked, cond::lock_token_submitted, {base + member}});
        }
        throw error;
    }

  private:
    bool submitted(const storage::Lock& lock) const {
        return lock.principal == call_.caller.uid &&
               std::find(tokens_.begin(), tokens_.end(), lock.token) != tokens_.end();
    }

    static void add(std::vector<std::string>& hrefs, const std::string& href) {
        if (std::find(hrefs.begin(), hrefs.end(), href) == hrefs.end()) hrefs.push_back(href);
    }

    // The node `at` of a chain; `below` is the one under it, whose own locks are not in question.
    void look_at(const Locks& chain_locks, storage::NodeId at, storage::NodeId below) {
        std::vector<const storage::Lock*> over;
        for (const storage::Lock& lock : chain_locks) {
            const bool inherited = lock.depth == storage::LockDepth::infinity && lock.node != below;
            if (lock.node == at || inherited) over.push_back(&lock);
        }
        if (std::any_of(over.begin(), over.end(), [&](const auto* lock) { return submitted(*lock); })) return;
        for (const storage::Lock* lock : over) add(roots_, lock->href);
    }

    void look_below(storage::NodeId collection, const Locks& chain_locks) {
        const Locks below = txn_.locks_below(collection, call_.context.limits.locks_max);
        std::vector<const storage::Lock*> ours;
        for (const Locks* locks : {&chain_locks, &below}) {
            for (const storage::Lock& lock : *locks) {
                if (submitted(lock)) ours.push_back(&lock);
            }
        }
        for (const storage::Lock& lock : below) {
            const auto covers = [&](const auto* own) { return reaches(*own, lock.href); };
            if (std::none_of(ours.begin(), ours.end(), covers)) add(members_, lock.href);
        }
    }

    const Call& call_;
    storage::ReadTxn& txn_;
    const std::vector<std::string> tokens_;
    std::vector<std::string> roots_;    // of locks that bind what is touched
    std::vector<std::string> members_;  // locked, below it
};

// Sync tokens are state tokens of their collection (RFC 6578 §5): those that still hold of what the header names.
void add_sync_tokens(storage::ReadTxn& txn, const storage::Node& node, const IfHeader& header, std::size_t& looked,
                     IfState& state) {
    if (!storage::is_collection(node.kind)) return;
    std::vector<std::string> tokens = header.tokens();
    std::sort(tokens.begin(), tokens.end());
    tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
    for (std::string& token : tokens) {
        if (!storage::is_sync_token_of(node, token)) continue;
        if (looked == kSyncTokensMax) return;
        ++looked;
        if (storage::is_current_sync_token(txn, node, token)) state.tokens.push_back(std::move(token));
    }
}

IfState state_of(storage::ReadTxn& txn, const IfHeader& header, const Target& target, std::size_t& looked) {
    IfState state;
    if (target.place != Place::tree || target.walk.chain.empty()) return state;
    if (target.exists()) {
        state.etag = current_etag(txn, target.node());
        add_sync_tokens(txn, target.node(), header, looked, state);
    }
    for (storage::Lock& lock : locks_over(txn, target)) state.tokens.push_back(std::move(lock.token));
    return state;
}

void require_if(const Call& call, storage::ReadTxn& txn, const IfHeader& header, const Target& target) {
    std::size_t looked = 0;
    const bool met = holds(header, [&](const std::string& resource) {
        if (resource.empty()) return state_of(txn, header, target, looked);
        auto tagged = aim_tag(call.context, call.caller, call.head, resource);
        if (!tagged) return IfState{};
        locate(txn, *tagged);
        return state_of(txn, header, *tagged, looked);
    });
    if (!met) throw DavError(Status::precondition_failed).detail("If does not hold");
}

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

std::vector<storage::Lock> locks_over(storage::ReadTxn& txn, const Target& target) {
    if (target.place != Place::tree || target.walk.chain.empty()) return {};
    auto locks = txn.locks_at(target.walk.chain);
    std::erase_if(locks, [&](const storage::Lock& lock) {
        const bool here = target.exists() && lock.node == target.node().id;
        return !here && lock.depth == storage::LockDepth::zero;
    });
    return locks;
}

void check_if(const Call& call, storage::ReadTxn& txn, const Target& target) {
    if (const auto if_header = if_header_of(call.head)) require_if(call, txn, *if_header, target);
}

void check_preconditions(const Call& call, storage::ReadTxn& txn, std::initializer_list<Touched> touched) {
    const auto if_header = if_header_of(call.head);
    const Target& target = touched.begin()->target;
    // A token that opens nothing is a matter of the lock (423), a state that nothing is in one of the condition (412).
    const bool about_locks = if_header && !if_header->tokens().empty();
    if (if_header && !about_locks) require_if(call, txn, *if_header, target);
    LockCheck locks(call, txn, submitted_tokens(call.head, if_header));
    for (const Touched& one : touched) locks.look(one);
    locks.finish();
    if (about_locks) require_if(call, txn, *if_header, target);
    const http::Conditions conditions = conditions_of(call.context, call.head);
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
