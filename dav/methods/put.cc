#include "dav/error.h"
#include "dav/methods/items.h"
#include "dav/methods/methods.h"
#include "dav/methods/upload.h"
#include "dav/preconditions.h"
#include "storage/store.h"

namespace dav::method {

namespace {

using http::Status;

std::uint64_t replaced_bytes(const Target& target) {
    return target.exists() && target.node().size > 0 ? static_cast<std::uint64_t>(target.node().size) : 0;
}

// All that can be said without the body; in accept for the answer before it comes, in the write because things change.
void check_target(Call& call, storage::ReadTxn& txn, const Target& target) {
    if (target.exists() && target.is_collection()) refuse_method(target);
    if (target.slash) {
        throw DavError(Status::method_not_allowed)
            .header("Allow", target.exists() ? "OPTIONS" : "OPTIONS, MKCOL")
            .detail("only collections end in a slash");
    }
    if (!target.exists()) require_creatable(target);
    if (const ItemRule* rule = rule_of(call, target)) require_item_place(*rule, target);
    check_preconditions(call, txn, {{target, Touch::content}});
}

// A short body is here with its head or soon after: the look inside the write is enough, and spares it a second one.
bool is_worth_a_look(const http::RequestHead& head) {
    return head.expects_continue || !head.content_length || *head.content_length > storage::kInlineBytesMax;
}

}  // namespace

http::Verdict accept_put(Call& call) {
    Target target = aim(call.context, call.caller, call.head);
    if (target.place != Place::tree) refuse_method(target);
    const Promise promise = promise_of(call.head, rule_of(call, target));
    require(call.context, target, Privilege::write);
    if (!is_worth_a_look(call.head)) return take_upload(call, target, promise, 0);
    call.context.store.read([&](storage::ReadTxn& txn) {
        locate(txn, target);
        check_target(call, txn, target);
    });
    return take_upload(call, target, promise, replaced_bytes(target));
}

http::Response put(Call& call, http::Request& request) {
    Arrived body = arrived(call, request);
    Target target = aim(call.context, call.caller, call.head);
    const ItemRule* rule = rule_of(call, target);
    const auto result = call.context.store.write([&](storage::WriteTxn& txn) {
        locate(txn, target);
        check_target(call, txn, target);
        check_room(call.context, target, static_cast<std::uint64_t>(body.content.size()), replaced_bytes(target));
        if (rule) require_uid_fits(call, txn, *rule, target, body.item.uid);
        storage::WriteTxn::PutContent what;
        if (rule) what.kind = rule->item;
        what.parent = target.parent().id;
        what.name = target.exists() ? target.node().name : target.new_name();
        return put_arrived(txn, what, body, call.author());
    });
    return stored(call, target, result, body);
}

}  // namespace dav::method
