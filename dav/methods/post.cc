#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "dav/error.h"
#include "dav/http/uri.h"
#include "dav/methods/items.h"
#include "dav/methods/methods.h"
#include "dav/methods/upload.h"
#include "dav/preconditions.h"
#include "storage/base/path.h"
#include "storage/store.h"

// POST to a collection adds a member to it under a name the server chooses (RFC 5995 §3).
namespace dav::method {

namespace {

using http::Status;

constexpr int kNumberedNamesMax = 20;  // "plan (2).txt" and so on; then a random part ends the search
constexpr std::size_t kSlugBytesMax = 200;

// The name a client suggests (RFC 5023 §9.7: UTF-8, percent-encoded), made into one that may be created: what can not
// stand in a name becomes "-", and it ends with a character. Empty: no suggestion that leaves anything.
std::string suggested_name(const http::RequestHead& head) {
    const auto decoded = http::percent_decode(head.headers.get("Slug"));
    if (!decoded || !base::is_utf8(*decoded)) return {};
    std::string name = *decoded;
    for (char& c : name) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '/' || c == '\\') c = '-';
    }
    name = base::to_nfc(name);
    if (name.size() > kSlugBytesMax) {
        std::size_t end = kSlugBytesMax;
        while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xc0) == 0x80) --end;
        name.resize(end);
    }
    const auto is_edge = [](char c) { return c == ' ' || c == '.'; };
    while (!name.empty() && is_edge(name.back())) name.pop_back();
    while (!name.empty() && is_edge(name.front())) name.erase(0, 1);
    return base::name_fault(name) ? std::string() : name;
}

// "plan.txt" -> "plan (2).txt"
std::string with_part(const std::string& name, const std::string& part) {
    const std::size_t point = name.rfind('.');
    const std::size_t at = point == std::string::npos || point == 0 ? name.size() : point;
    return name.substr(0, at) + part + name.substr(at);
}

std::string free_name(Call& call, storage::ReadTxn& txn, storage::NodeId folder, const std::string& wanted) {
    const std::string random = base::hex(base::new_random_id(call.context.store.seams().rng).view());
    if (wanted.empty()) return random;
    for (int number = 1; number <= kNumberedNamesMax; ++number) {
        std::string name = number == 1 ? wanted : with_part(wanted, " (" + std::to_string(number) + ")");
        if (!txn.child(folder, name)) return name;
    }
    return with_part(wanted, " " + random.substr(0, 16));
}

void check_collection(Call& call, storage::ReadTxn& txn, const Target& target) {
    require_found(target);
    const ItemRule* rule = rule_of(call, target);
    if (!target.is_collection() || (rule && target.node().kind != rule->collection)) refuse_method(target);
    check_preconditions(call, txn, {{target, Touch::content}});
}

}  // namespace

http::Verdict accept_post(Call& call) {
    Target target = aim(call.context, call.caller, call.head);
    if (target.place != Place::tree) refuse_method(target);
    const Promise promise = promise_of(call.head, rule_of(call, target));
    require(call.context, target, Privilege::write);
    call.context.store.read([&](storage::ReadTxn& txn) {
        locate(txn, target);
        check_collection(call, txn, target);
    });
    return take_upload(call, target, promise, 0);
}

http::Response post(Call& call, http::Request& request) {
    Arrived body = arrived(call, request);
    Target target = aim(call.context, call.caller, call.head);
    const ItemRule* rule = rule_of(call, target);
    const std::string wanted = suggested_name(call.head);
    const auto result = call.context.store.write([&](storage::WriteTxn& txn) {
        locate(txn, target);
        check_collection(call, txn, target);
        check_room(call.context, target, static_cast<std::uint64_t>(body.content.size()), 0);
        storage::WriteTxn::PutContent what;
        what.parent = target.node().id;
        what.name =
            rule ? free_item_name(txn, what.parent, *rule, body.item.uid) : free_name(call, txn, what.parent, wanted);
        if (rule) {
            require_uid_free(call, txn, *rule, target.url, what.parent, body.item.uid, {});
            what.kind = rule->item;
        }
        return put_arrived(txn, what, body, call.author());
    });
    target.url.push_back(result.node.name);
    target.path.push_back(result.node.name);
    target.slash = false;
    http::Response response = stored(call, target, result, body);
    response.headers.add("Location", http::href(call.context.base_path, target.url, http::Slash::none));
    return response;
}

}  // namespace dav::method
