#include <string>

#include "dav/error.h"
#include "dav/methods/methods.h"
#include "storage/store.h"

namespace dav {

std::string allowed_methods(const Target& target) {
    std::string allow = "OPTIONS";
    if (target.exists()) {
        allow += ", GET, HEAD, PROPFIND, REPORT";
        if (target.place != Place::tree || target.rights.write) allow += ", PROPPATCH";
    }
    if (target.place != Place::tree || !target.rights.write) {
        if (target.place == Place::tree && target.exists()) allow += ", COPY";
        return allow;
    }
    // Homes hold files, or collections of items: these and what they hold are made by one method each.
    const bool files = target.home->space == storage::SpaceKind::files;
    const bool in_home = target.path.size() == 1;
    if (!target.exists()) {
        if (!target.has_parent()) return allow;
        return allow + (files ? ", PUT, MKCOL, LOCK" : in_home ? ", MKCOL" : ", PUT");
    }
    if (!target.is_collection())
        allow += ", PUT";
    else if (files || in_home)
        allow += ", POST";
    allow += ", COPY";
    if (target.rights.unbind) allow += ", MOVE, DELETE";
    return allow + ", LOCK, UNLOCK";
}

void refuse_method(const Target& target) {
    throw DavError(http::Status::method_not_allowed).header("Allow", allowed_methods(target));
}

namespace method {

namespace {

constexpr std::string_view kAllMethods =
    "OPTIONS, GET, HEAD, PUT, POST, DELETE, MKCOL, COPY, MOVE, PROPFIND, PROPPATCH, REPORT, LOCK, UNLOCK";

// Class 2 (RFC 4918 §18.2) where LOCK works, and on the collections above: Finder and Windows mount for writing only
// what says so there. A credential that may only read gets a mount that is read-only.
bool shows_locks(const Call& call, const Target& target) {
    if (call.caller.read_only) return false;
    return target.place == Place::tree || target.place == Place::homes || target.place == Place::dav ||
           target.place == Place::root;
}

}  // namespace

http::Response options(Call& call, http::Request&) {
    http::Response response(http::Status::ok);
    bool locks = true;
    if (call.caller.kind == CallerKind::anonymous) {
        // Some clients probe before they have a password: what the server can do, and nothing about what is there.
        response.headers.add("Allow", kAllMethods);
    } else {
        Target target = aim(call.context, call.caller, call.head);
        call.context.store.read([&](storage::ReadTxn& txn) { locate(txn, target); });
        response.headers.add("Allow", allowed_methods(target));
        locks = shows_locks(call, target);
    }
    response.headers.add("DAV", call.registry.compliance(locks ? Locks::yes : Locks::no));
    response.headers.add("MS-Author-Via", "DAV");
    return response;
}

}  // namespace method
}  // namespace dav
