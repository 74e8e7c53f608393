#include <algorithm>
#include <string>
#include <utility>

#include "dav/error.h"
#include "dav/methods/items.h"
#include "dav/methods/methods.h"
#include "dav/multistatus.h"
#include "dav/preconditions.h"
#include "dav/prop_update.h"
#include "dav/request_headers.h"
#include "dav/xml_body.h"
#include "storage/store.h"

namespace dav::method {

namespace {

using http::Status;

// RFC 4918 §9.3: a body that is not understood is 415.
bool is_xml(const http::RequestHead& head) {
    std::string_view type = head.headers.get("Content-Type");
    type = type.substr(0, type.find_first_of("; \t"));
    return type.empty() || http::equal_ignoring_case(type, "application/xml") ||
           http::equal_ignoring_case(type, "text/xml");
}

// RFC 5689 §3: `collection` and at most one more type, of a domain's collections.
std::optional<Refusal> refusal_of(const xml::Element& resourcetype, const Registry& registry, const ItemRule*& wanted) {
    bool collection = false;
    for (const xml::Element& type : resourcetype.children()) {
        if (type.is(name::collection)) {
            collection = true;
            continue;
        }
        const auto& rules = registry.item_rules();
        const auto rule = std::find_if(rules.begin(), rules.end(), [&](const auto* one) { return type.is(one->type); });
        if (rule == rules.end() || wanted) return Refusal{Status::forbidden, cond::valid_resourcetype};
        wanted = *rule;
    }
    if (!collection) return Refusal{Status::forbidden, cond::valid_resourcetype};
    return std::nullopt;
}

// Collections of items are members of their homes, and folders are of files.
void require_collection_place(const Call& call, const Target& target, const ItemRule* wanted) {
    const ItemRule* here = rule_of(call, target);
    if (wanted && (wanted != here || target.path.size() != 1)) throw DavError(wanted->collection_location_ok);
    if (here && !wanted) throw DavError(cond::valid_resourcetype).detail("folders are not made here");
    if (here) require_unmarked(target);
}

std::optional<PropUpdate> asked_props(Call& call, const http::Request& request, const ItemRule*& wanted) {
    if (request.body.empty()) return std::nullopt;
    if (call.head.headers.has("Content-Encoding") || !is_xml(call.head)) throw DavError(Status::unsupported_media_type);
    const Limits& limits = call.context.limits;
    xml::Element body = parse_xml_body(request.body, limits);
    if (!body.is(name::mkcol)) throw DavError(Status::unsupported_media_type).detail("the body is no mkcol");
    PropUpdate update = PropUpdate::from_mkcol(std::move(body), call.registry, limits);
    if (const xml::Element* type = update.value_of(name::resourcetype)) {
        update.settle(name::resourcetype, refusal_of(*type, call.registry, wanted));
    }
    return update;
}

// RFC 5689 §3: how each property fared, in an answer with the status of the whole.
http::Response answer(Call& call, Status status, const PropUpdate& update) {
    return xml_answer(call.context, status, name::mkcol_response, [&](xml::Writer& writer) { update.write(writer); });
}

}  // namespace

http::Response mkcol(Call& call, http::Request& request) {
    Target target = aim(call.context, call.caller, call.head);
    if (target.place != Place::tree) refuse_method(target);
    const ItemRule* wanted = nullptr;
    std::optional<PropUpdate> update = asked_props(call, request, wanted);
    require(call.context, target, Privilege::write);
    bool done = true;
    call.context.store.write([&](storage::WriteTxn& txn) {
        locate(txn, target);
        if (target.exists()) refuse_method(target);
        require_creatable(target);
        require_collection_place(call, target, wanted);
        check_preconditions(call, txn, {{target, Touch::content}});
        storage::WriteTxn::Make make;
        if (wanted) make.kind = wanted->collection;
        make.parent = target.parent().id;
        make.name = target.new_name();
        if (update) {
            check_room(call.context, target, update->bytes(), 0);
            done = update->judge(kind_of(make.kind), {}, call.context.limits);
            if (!done) return;
            make.props = update->changes().props;
        }
        const storage::Node made = txn.make(make, call.author());
        if (!update) return;
        storage::PropChanges facts = update->changes();
        facts.props.clear();
        txn.set_props(made.id, facts, call.author());
    });
    if (!done) return answer(call, update->worst(), *update);
    const Return asked = return_of(call.head);
    const bool whole = update && asked == Return::representation;
    http::Response response = whole ? answer(call, Status::created, *update) : http::Response(Status::created);
    if (whole || (update && asked == Return::minimal)) add_preference_applied(response.headers, call.head);
    return response;
}

}  // namespace dav::method
