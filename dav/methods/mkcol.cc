#include "dav/error.h"
#include "dav/methods/methods.h"
#include "dav/preconditions.h"
#include "storage/store.h"

namespace dav::method {

http::Response mkcol(Call& call, http::Request& request) {
    Target target = aim(call.context, call.caller, call.head);
    if (target.place != Place::tree) refuse_method(target);
    // RFC 4918 §9.3: no body is understood yet.
    if (!request.body.empty()) throw DavError(http::Status::unsupported_media_type);
    require(call.context, target, Privilege::write);
    call.context.store.write([&](storage::WriteTxn& txn) {
        locate(txn, target);
        if (target.exists()) refuse_method(target);
        require_creatable(target);
        check_preconditions(call, txn, {{target, Touch::content}});
        storage::WriteTxn::Make make;
        make.parent = target.parent().id;
        make.name = target.new_name();
        txn.make(make, call.author());
    });
    return http::Response(http::Status::created);
}

}  // namespace dav::method
