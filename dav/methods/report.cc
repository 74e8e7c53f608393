#include "dav/described.h"
#include "dav/error.h"
#include "dav/methods/methods.h"
#include "dav/preconditions.h"
#include "dav/request_headers.h"
#include "dav/xml_body.h"
#include "storage/store.h"

namespace dav::method {

using http::Status;

http::Response report(Call& call, http::Request& request) {
    Target target = aim(call.context, call.caller, call.head);
    if (call.head.headers.has("Content-Encoding")) throw DavError(Status::unsupported_media_type);
    const std::optional<Depth> depth = depth_of(call.head);
    const xml::Element body = parse_report_body(request.body, call.context.limits);
    call.context.store.read([&](storage::ReadTxn& txn) {
        locate(txn, target);
        require_found(target);
        check_if(call, txn, target);
    });
    const ReportDef* row = call.registry.find_report(body.name());
    if (!row || !offered(*row, kind_of(target), target.rights)) throw DavError(cond::supported_report);
    if (row->depths == Depths::zero && depth.value_or(Depth::zero) != Depth::zero) {
        throw DavError(Status::bad_request).detail("this report is of Depth 0");
    }
    return row->run(call, target, body);
}

}  // namespace dav::method
