#include <string>

#include "dav/error.h"
#include "dav/methods/methods.h"
#include "storage/store.h"

namespace dav {

std::string allowed_methods(const Target& target) {
    std::string allow = "OPTIONS";
    if (target.exists()) allow += ", GET, HEAD, PROPFIND";
    if (target.place != Place::tree || !target.rights.write) {
        if (target.place == Place::tree && target.exists()) allow += ", COPY";
        return allow;
    }
    if (!target.exists()) return target.has_parent() ? allow + ", PUT, MKCOL" : allow;
    if (!target.is_collection()) allow += ", PUT";
    allow += ", COPY";
    if (target.rights.unbind) allow += ", MOVE, DELETE";
    return allow;
}

void refuse_method(const Target& target) {
    throw DavError(http::Status::method_not_allowed).header("Allow", allowed_methods(target));
}

namespace method {

namespace {

constexpr std::string_view kAllMethods = "OPTIONS, GET, HEAD, PUT, DELETE, MKCOL, COPY, MOVE, PROPFIND";

}  // namespace

http::Response options(Call& call, http::Request&) {
    http::Response response(http::Status::ok);
    response.headers.add("DAV", call.registry.compliance());
    if (call.caller.kind == CallerKind::anonymous) {
        // Some clients probe before they have a password: what the server can do, and nothing about what is there.
        response.headers.add("Allow", kAllMethods);
    } else {
        Target target = aim(call.context, call.caller, call.head);
        call.context.store.read([&](storage::ReadTxn& txn) { locate(txn, target); });
        response.headers.add("Allow", allowed_methods(target));
    }
    response.headers.add("MS-Author-Via", "DAV");
    return response;
}

}  // namespace method
}  // namespace dav
