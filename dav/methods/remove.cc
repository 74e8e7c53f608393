#include "dav/error.h"
#include "dav/methods/methods.h"
#include "dav/preconditions.h"
#include "dav/request_headers.h"
#include "storage/store.h"

namespace dav::method {

http::Response remove(Call& call, http::Request&) {
    Target target = aim(call.context, call.caller, call.head);
    if (target.place != Place::tree) refuse_method(target);
    const std::optional<Depth> depth = depth_of(call.head);
    call.context.store.write([&](storage::WriteTxn& txn) {
        locate(txn, target);
        require_found(target);
        require_unbind(call.context, target);
        // RFC 4918 §9.6.1: a collection goes with all below it.
        if (target.is_collection() && depth.value_or(Depth::infinity) != Depth::infinity) {
            throw DavError(http::Status::bad_request).detail("DELETE of a collection is Depth: infinity");
        }
        check_preconditions(call, txn, {{target, Touch::binding}});
        txn.remove(target.node().id, call.author());
    });
    return http::Response(http::Status::no_content);
}

}  // namespace dav::method
