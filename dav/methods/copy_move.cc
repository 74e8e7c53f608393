#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dav/conditions.h"
#include "dav/error.h"
#include "dav/methods/copying.h"
#include "dav/methods/items.h"
#include "dav/methods/methods.h"
#include "dav/preconditions.h"
#include "dav/request_headers.h"
#include "storage/base/failure.h"
#include "storage/store.h"

namespace dav::method {

namespace {

using http::Status;

constexpr int kCopiesMax = 4;  // of a source that changes under a MOVE between two spaces

enum class Verb : std::uint8_t { copy, move };

// A COPY or MOVE: both ends, looked up anew in every transaction.
struct Ends {
    Verb verb;
    Target source;
    Target destination;
    Overwrite overwrite;
    bool replaces = false;   // something is at the destination, as of the last check
    storage::Node before{};  // the source when the copy began
    storage::Lsn began = 0;  // the last record then
};

Ends ends_of(Call& call, Verb verb) {
    Ends ends{verb, aim(call.context, call.caller, call.head), {}, Overwrite::yes};
    if (ends.source.place != Place::tree) refuse_method(ends.source);
    ends.destination = aim_destination(call.context, call.caller, call.head);
    ends.overwrite = overwrite_of(call.head);
    return ends;
}

bool leads_through(const storage::Walk& walk, storage::NodeId node) {
    return std::any_of(walk.chain.begin(), walk.chain.end(), [&](const storage::Node& n) { return n.id == node; });
}

// Files stay among files, and what a domain stores where it belongs.
void check_sort(const Call& call, storage::ReadTxn& txn, const Ends& ends) {
    const Target& source = ends.source;
    const Target& destination = ends.destination;
    if (source.home != destination.home) throw DavError(Status::forbidden).detail("not between files and collections");
    const ItemRule* rule = rule_of(call, source);
    if (!rule) return;
    if (source.merged) throw DavError(Status::forbidden).detail("what is derived is not copied");
    if (source.is_collection()) {
        if (source.node().kind != rule->collection || destination.path.size() != 1)
            throw DavError(rule->collection_location_ok);
        if (!destination.exists()) require_unmarked(destination);
        return;
    }
    require_item_place(*rule, destination);
    const std::string uid = rule->uid_of(txn, source.node().id);
    std::vector<storage::NodeId> leaving;
    if (ends.verb == Verb::move) leaving.push_back(source.node().id);
    require_uid_fits(call, txn, *rule, destination, uid, leaving);
}

void check(Call& call, storage::ReadTxn& txn, Ends& ends) {
    Target& source = ends.source;
    Target& destination = ends.destination;
    locate(txn, source);
    locate(txn, destination);
    require_found(source);
    if (ends.verb == Verb::move) require_unbind(call.context, source);
    ends.replaces = destination.exists();
    // RFC 4918 §9.8.5, §9.9.4: source and destination are the same resource.
    if (ends.replaces && destination.node().id == source.node().id) throw DavError(Status::forbidden);
    if (leads_through(destination.walk, source.node().id)) {
        throw DavError(Status::conflict).detail("the destination is inside the source");
    }
    if (ends.replaces && leads_through(source.walk, destination.node().id)) {
        throw DavError(Status::conflict).detail("the source is inside the destination");
    }
    if (ends.replaces && ends.overwrite == Overwrite::no) throw DavError(Status::precondition_failed);
    if (ends.replaces) {
        require_unbind(call.context, destination);
    } else {
        require_creatable(destination);
    }
    check_sort(call, txn, ends);
    const bool keeps =
        ends.verb == Verb::copy && ends.replaces && !source.is_collection() && !destination.is_collection();
    check_preconditions(call, txn,
                        {{source, ends.verb == Verb::move ? Touch::binding : Touch::nothing},
                         {destination, keeps ? Touch::content : Touch::binding}});
}

http::Response done(const Ends& ends) {
    return http::Response(ends.replaces ? Status::no_content : Status::created);
}

// Asked before the first octet is copied, and again where nobody can fill the room meanwhile.
void require_room(Call& call, const Ends& ends, std::uint64_t bytes) {
    const std::int64_t replaced = ends.replaces ? std::max<std::int64_t>(ends.destination.node().size, 0) : 0;
    check_room(call.context, ends.destination, bytes, static_cast<std::uint64_t>(replaced));
}

std::uint64_t bytes_of(const std::vector<storage::Prop>& props) {
    std::uint64_t bytes = 0;
    for (const storage::Prop& prop : props) bytes += storage::bytes_of(prop);
    return bytes;
}

// For a tree that was copied out of sight: its octets are counted already.
void require_within_quota(const Ends& ends) {
    const Target& destination = ends.destination;
    const std::int64_t replaced = ends.replaces ? std::max<std::int64_t>(destination.node().size, 0) : 0;
    const auto quota = destination.owner ? destination.owner->quota_bytes : std::nullopt;
    const std::int64_t used = destination.space.used_bytes - replaced;
    if (quota && used > 0 && static_cast<std::uint64_t>(used) > *quota) throw DavError(cond::quota_not_exceeded);
}

// A name that is taken keeps how it is spelled.
std::string name_at(const Target& destination) {
    return destination.exists() ? destination.node().name : destination.new_name();
}

// RFC 4918 §9.8.4: afterwards the destination has the properties of the source and no others.
std::vector<storage::PropChange> props_replacing(const std::vector<storage::Prop>& old,
                                                 const std::vector<storage::Prop>& props) {
    std::vector<storage::PropChange> changes = storage::as_set(props);
    for (const storage::Prop& one : old) {
        const auto stays = [&](const storage::Prop& prop) { return prop.ns == one.ns && prop.name == one.name; };
        if (std::none_of(props.begin(), props.end(), stays)) changes.push_back({one.ns, one.name, std::nullopt});
    }
    return changes;
}

// Whether the source still is what was copied, when its place is taken: members, contents, properties and times.
bool is_as_copied(storage::ReadTxn& txn, const Ends& ends) {
    const storage::Node& now = ends.source.node();
    return ends.before.id == now.id && ends.before.tree == now.tree && !txn.changed_below(now, ends.began);
}

// False: the source changed while it was copied, and it is a MOVE: what was written meanwhile would be left behind.
bool put_file(Call& call, Ends& ends) {
    auto found = copy_file(call.context, ends.before.id);
    if (!found) throw DavError(Status::not_found).detail("the source went away while it was read");
    FileCopy copy = *std::move(found);
    const auto index = storage::is_item(copy.node.kind)
                           ? call.context.store.index_entry(copy.node.kind, copy.content.bytes())
                           : storage::make_no_index();
    bool taken = true;
    call.context.store.write([&](storage::WriteTxn& txn) {
        check(call, txn, ends);
        taken = ends.verb == Verb::copy || is_as_copied(txn, ends);
        if (!taken) return;
        const Target& destination = ends.destination;
        require_room(call, ends, static_cast<std::uint64_t>(copy.content.size()) + bytes_of(copy.props));
        if (ends.replaces && destination.is_collection()) txn.remove(destination.node().id, call.author());
        if (ends.verb == Verb::move) txn.remove(ends.source.node().id, call.author());
        storage::WriteTxn::PutContent what;
        what.parent = destination.parent().id;
        what.name = name_at(destination);
        what.kind = copy.node.kind;
        what.mtime_ns = copy.node.mtime_ns;
        what.exec = copy.node.exec;
        const bool into_file = ends.replaces && !destination.is_collection();
        const auto props =
            props_replacing(into_file ? txn.props(destination.node().id) : std::vector<storage::Prop>(), copy.props);
        what.props = props;
        // The function may run again: octets in memory are copied, a staged file stays ours until the commit.
        if (copy.content.is_inline()) {
            txn.put(what, storage::Content::inlined(copy.content.bytes(), copy.content.hash()), *index, call.author());
        } else {
            txn.put(what, std::move(copy.content), *index, call.author());
        }
    });
    return taken;
}

// A collection without its members.
bool put_empty(Call& call, Ends& ends) {
    call.context.store.write([&](storage::WriteTxn& txn) {
        check(call, txn, ends);
        const Target& destination = ends.destination;
        const std::vector<storage::Prop> stored = txn.props(ends.source.node().id);
        require_room(call, ends, bytes_of(stored));
        const auto props = storage::as_set(stored);
        if (ends.replaces) txn.remove(destination.node().id, call.author());
        storage::WriteTxn::Make make;
        make.parent = destination.parent().id;
        make.name = name_at(destination);
        make.kind = ends.source.node().kind;
        make.props = props;
        const storage::Node made = txn.make(make, call.author());
        txn.set_props(made.id, {{}, ends.source.node().mtime_ns, std::nullopt}, call.author());
    });
    return true;
}

bool put_tree(Call& call, Ends& ends) {
    TreeCopy copy(call.context, ends.destination.space, ends.before.kind, call.author());
    copy.fill(ends.before.id);
    bool taken = true;
    call.context.store.write([&](storage::WriteTxn& txn) {
        check(call, txn, ends);
        taken = ends.verb == Verb::copy || is_as_copied(txn, ends);
        if (!taken) return;
        const Target& destination = ends.destination;
        require_within_quota(ends);
        if (ends.replaces) txn.remove(destination.node().id, call.author());
        if (ends.verb == Verb::move) txn.remove(ends.source.node().id, call.author());
        txn.place(copy.root(), destination.parent().id, name_at(destination), call.author());
    });
    if (taken) copy.placed();
    return taken;
}

// How much a copy will take: so that a tree that does not fit is refused before the first file.
std::uint64_t bytes_below(const Context& context, storage::ReadTxn& txn, const Target& source) {
    std::uint64_t bytes = 0;
    const bool all = txn.subtree(source.node().id, context.limits.copy_nodes_max, [&](const storage::Node& node) {
        if (node.size > 0) bytes += static_cast<std::uint64_t>(node.size);
    });
    if (!all) throw DavError(Status::insufficient_storage).detail("more members than one copy may have");
    return bytes;
}

bool copy_to(Call& call, Ends& ends, Depth depth) {
    bool collection = false;
    std::uint64_t bytes = 0;
    call.context.store.read([&](storage::ReadTxn& txn) {
        check(call, txn, ends);
        ends.before = ends.source.node();
        ends.began = txn.lsn();
        collection = ends.source.is_collection();
        const bool with_content = !collection || depth == Depth::infinity;
        if (with_content) bytes = bytes_below(call.context, txn, ends.source);
    });
    require_room(call, ends, bytes);
    if (collection && depth == Depth::zero) return put_empty(call, ends);
    return collection ? put_tree(call, ends) : put_file(call, ends);
}

http::Response copy_until_taken(Call& call, Ends& ends, Depth depth) {
    for (int attempt = 0; attempt < kCopiesMax; ++attempt) {
        if (copy_to(call, ends, depth)) return done(ends);
    }
    throw base::Failure(base::Fault::busy, "the source of a MOVE keeps changing while it is copied");
}

}  // namespace

http::Response copy(Call& call, http::Request&) {
    Ends ends = ends_of(call, Verb::copy);
    const Depth depth = depth_of(call.head).value_or(Depth::infinity);
    // RFC 4918 §9.8.3.
    if (depth == Depth::one) throw DavError(Status::bad_request).detail("COPY is Depth: 0 or infinity");
    return copy_until_taken(call, ends, depth);
}

http::Response move(Call& call, http::Request&) {
    Ends ends = ends_of(call, Verb::move);
    const Depth depth = depth_of(call.head).value_or(Depth::infinity);
    const bool one_space =
        ends.source.home == ends.destination.home && ends.source.owner->uid == ends.destination.owner->uid;
    if (!one_space) {
        // From a person's files to a group's or back: another space, so a copy that takes the place of the source.
        if (depth != Depth::infinity) throw DavError(Status::bad_request).detail("MOVE is Depth: infinity");
        return copy_until_taken(call, ends, Depth::infinity);
    }
    call.context.store.write([&](storage::WriteTxn& txn) {
        check(call, txn, ends);
        if (depth != Depth::infinity && ends.source.is_collection()) {
            throw DavError(Status::bad_request).detail("MOVE of a collection is Depth: infinity");
        }
        const Target& destination = ends.destination;
        if (ends.replaces) txn.remove(destination.node().id, call.author());
        txn.place(ends.source.node().id, destination.parent().id, name_at(destination), call.author());
    });
    return done(ends);
}

}  // namespace dav::method
