#include <algorithm>
#include <utility>
#include <vector>

#include "dav/error.h"
#include "dav/methods/methods.h"
#include "dav/multistatus.h"
#include "dav/preconditions.h"
#include "dav/prop_update.h"
#include "dav/request_headers.h"
#include "dav/xml_body.h"
#include "storage/store.h"

namespace dav::method {

namespace {

std::uint64_t replaced_bytes(const std::vector<storage::Prop>& stored, const PropUpdate& update) {
    std::uint64_t bytes = 0;
    for (const storage::Prop& prop : stored) {
        const auto same = [&](const storage::PropChange& change) {
            return change.ns == prop.ns && change.name == prop.name;
        };
        const auto& changes = update.changes().props;
        if (std::any_of(changes.begin(), changes.end(), same)) bytes += storage::bytes_of(prop);
    }
    return bytes;
}

}  // namespace

http::Response proppatch(Call& call, http::Request& request) {
    Target target = aim(call.context, call.caller, call.head);
    if (call.head.headers.has("Content-Encoding")) throw DavError(http::Status::unsupported_media_type);
    if (target.place == Place::tree) require(call.context, target, Privilege::write);
    const Limits& limits = call.context.limits;
    PropUpdate update = PropUpdate::from_proppatch(parse_xml_body(request.body, limits), call.registry, limits);
    bool done = false;
    if (target.place == Place::tree) {
        call.context.store.write([&](storage::WriteTxn& txn) {
            locate(txn, target);
            require_found(target);
            check_preconditions(call, txn, {{target, Touch::content}});
            const storage::Node& node = target.node();
            const std::vector<storage::Prop> stored = txn.props(node.id);
            check_room(call.context, target, update.bytes(), replaced_bytes(stored, update));
            done = update.judge(kind_of(node.kind), stored, limits);
            if (done) txn.set_props(node.id, update.changes(), call.author());
        });
    } else {
        // Nothing is stored for these: each property is refused, as every resource must be able to say (§9.2).
        done = update.judge(target.place == Place::principal ? Kinds::principal : Kinds::synthetic, {}, limits);
    }
    if (done && return_of(call.head) == Return::minimal) {  // RFC 8144 §2.2
        http::Response response(http::Status::no_content);
        add_preference_applied(response.headers, call.head);
        return response;
    }
    Multistatus out(call.context);
    out.response(href_of(call.context, target), [&](xml::Writer& writer) { update.write(writer); });
    return out.finish();
}

}  // namespace dav::method
