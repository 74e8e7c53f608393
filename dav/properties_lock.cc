#include <algorithm>
#include <array>

#include "dav/error.h"
#include "dav/extension.h"
#include "dav/lock_headers.h"
#include "dav/locks.h"
#include "dav/names.h"
#include "dav/property.h"
#include "dav/xml_body.h"
#include "storage/store.h"

namespace dav {

namespace {

using storage::Need;

constexpr std::int64_t kMillisecondsPerSecond = 1000;

void write_scope(xml::Writer& writer, storage::LockScope scope) {
    {
        const auto lockscope = writer.element(name::lockscope);
        writer.empty(scope == storage::LockScope::exclusive ? name::exclusive : name::shared);
    }
    const auto locktype = writer.element(name::locktype);
    writer.empty(name::write);
}

Read read_lockdiscovery(const Resource& resource, const View& view, xml::QName self, xml::Writer& writer) {
    const auto element = writer.element(self);
    if (!resource.row) return Read::written;
    for (const storage::Lock& lock : resource.row->locks) {
        write_activelock(writer, lock, view.context(), view.caller());
    }
    if (!resource.inherited) return Read::written;
    for (const storage::Lock& lock : *resource.inherited) {
        write_activelock(writer, lock, view.context(), view.caller());
    }
    return Read::written;
}

// Empty where nothing can be locked (RFC 4918 §15.10).
Read read_supportedlock(const Resource& resource, const View&, xml::QName self, xml::Writer& writer) {
    const auto element = writer.element(self);
    if (!covers(Kinds::stored, resource.kind)) return Read::written;
    for (const storage::LockScope scope : {storage::LockScope::exclusive, storage::LockScope::shared}) {
        const auto lockentry = writer.element(name::lockentry);
        write_scope(writer, scope);
    }
    return Read::written;
}

constexpr std::array kLockProperties = {
    // RFC 4918 §15.8, §15.10
    PropertyDef{name::lockdiscovery, Kinds::any, Need::locks, Flags::allprop, read_lockdiscovery},
    PropertyDef{name::supportedlock, Kinds::any, Need::none, Flags::allprop | Flags::same_for_kind, read_supportedlock},
};
static_assert(names_are_unique(kLockProperties));

}  // namespace

std::span<const PropertyDef> lock_properties() {
    return kLockProperties;
}

bool conflict(storage::LockScope wanted, const storage::Lock& there) {
    return wanted == storage::LockScope::exclusive || there.scope == storage::LockScope::exclusive;
}

void write_activelock(xml::Writer& writer, const storage::Lock& lock, const Context& context, const Caller& caller) {
    const std::int64_t left_ms = lock.expires_ms - context.store.seams().clock.now_ms();
    const std::int64_t left_s =
        std::clamp<std::int64_t>((left_ms + kMillisecondsPerSecond - 1) / kMillisecondsPerSecond, 0, kLockSecondsMax);
    const auto activelock = writer.element(name::activelock);
    write_scope(writer, lock.scope);
    writer.text(name::depth, lock.depth == storage::LockDepth::zero ? "0" : "infinity");
    if (!lock.owner_xml.empty()) writer.raw(lock.owner_xml);
    writer.text(name::timeout, "Second-" + std::to_string(left_s));
    if (lock.principal == caller.uid) {
        const auto locktoken = writer.element(name::locktoken);
        writer.text(name::href, lock.token);
    }
    const auto lockroot = writer.element(name::lockroot);
    writer.text(name::href, context.base_path + lock.href);
}

LockInfo parse_lockinfo(std::string_view body, const Limits& limits) {
    const xml::Element root = parse_xml_body(body, limits);
    const xml::Element* scope = root.child(name::lockscope);
    const xml::Element* type = root.child(name::locktype);
    if (!root.is(name::lockinfo) || !scope || !type || !type->child(name::write)) {
        throw DavError(http::Status::bad_request).detail("the body is no lockinfo of a write lock");
    }
    const bool exclusive = scope->child(name::exclusive) != nullptr;
    if (exclusive == (scope->child(name::shared) != nullptr)) {
        throw DavError(http::Status::bad_request).detail("a lock is either exclusive or shared");
    }
    LockInfo info;
    info.scope = exclusive ? storage::LockScope::exclusive : storage::LockScope::shared;
    if (const xml::Element* owner = root.child(name::owner)) info.owner_xml = owner->source();
    if (info.owner_xml.size() > kLockOwnerBytesMax) throw DavError(http::Status::content_too_large);
    return info;
}

}  // namespace dav
