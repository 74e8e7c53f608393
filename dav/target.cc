#include "dav/target.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "dav/error.h"
#include "dav/merged.h"
#include "storage/base/path.h"

namespace dav {

namespace {

using http::Status;

// Says where the path lies, without looking at who asks. False: nowhere.
bool place_of(Target& target) {
    const base::Segments& url = target.url;
    const auto at = [&](std::size_t index, std::string_view text) { return url.size() > index && url[index] == text; };
    if (url.empty()) {
        target.place = Place::root;
        return true;
    }
    if (url.size() == 1 && at(0, "principals")) {
        target.place = Place::probe;
        return true;
    }
    if (!at(0, "dav")) return false;
    if (url.size() == 1) {
        target.place = Place::dav;
        return true;
    }
    for (const HomeKind& home : kHomeKinds) {
        if (!at(1, home.segment)) continue;
        target.home = &home;
        target.place = url.size() == 2 ? Place::homes : Place::tree;
        if (target.place == Place::tree) target.path.assign(url.begin() + 3, url.end());
        return true;
    }
    if (!at(1, "principals")) return false;
    if (url.size() == 2) {
        target.place = Place::principals;
        return true;
    }
    if (url.size() > 4 || !(at(2, "users") || at(2, "groups"))) return false;
    if (url.size() == 4) {
        target.place = Place::principal;
        return true;
    }
    target.place = at(2, "users") ? Place::users : Place::groups;
    return true;
}

// A collection of a group that shows in the home of a member lies in the group's.
void follow_group_mark(Target& target) {
    if (target.path.empty() || target.home->space == storage::SpaceKind::files || !target.owner) return;
    std::string& name = target.path.front();
    const std::size_t mark = name.rfind(kGroupMark);
    if (mark == std::string::npos || mark == 0) return;
    const storage::Principal* group = target.book->find(std::string_view(name).substr(mark + 1));
    if (!group || !target.book->in_group(target.owner->uid, group->uid)) return;
    target.owner = group;
    name.resize(mark);
}

// A member of the merged collection is one of its source, to be read.
bool follow_merged(Target& target) {
    if (target.path.empty() || target.home->space == storage::SpaceKind::files) return false;
    if (target.path.front() != kMergedName) return false;
    target.merged = target.path.size() == 1;
    if (target.path.size() != 2) return true;
    const std::string& name = target.path.back();
    const std::size_t mark = name.find(kMergedMark);
    if (mark == std::string::npos) return true;
    target.path = {name.substr(0, mark), name.substr(mark + kMergedMark.size())};
    return true;
}

// Whether the credential is to see the collection, by the name that it has in the caller's home.
bool is_exposed(const Caller& caller, const Target& target, bool of_merged) {
    if (caller.books.empty() || target.path.empty() || target.home->space == storage::SpaceKind::files) return true;
    const bool own = target.owner->uid == caller.uid;
    const std::string name = of_merged ? std::string(kMergedName)
                             : own     ? target.path.front()
                                       : shown_name(target.path.front(), *target.owner);
    return std::find(caller.books.begin(), caller.books.end(), name) != caller.books.end();
}

// The home of a group shows to such a credential what the caller's own home shows it of the group.
void show_exposed(const Caller& caller, Target& target) {
    if (caller.books.empty() || !target.path.empty() || target.home->space == storage::SpaceKind::files) return;
    if (target.owner->uid == caller.uid) return;
    const std::string mark = shown_name("", *target.owner);
    for (const std::string& name : caller.books)
        if (name.ends_with(mark)) target.rights.only.push_back(name.substr(0, name.size() - mark.size()));
    target.rights.write = false;
    if (target.rights.only.empty()) target.rights = {};
}

void decide_in_home(const Caller& caller, Target& target) {
    const auto rights = [&] { return rights_in_home(*target.home, caller, *target.book, target.owner, target.path); };
    target.rights = rights();
    if (target.rights.hidden) return;
    const bool of_merged = follow_merged(target);
    if (!target.merged) follow_group_mark(target);
    target.rights = rights();
    if (!is_exposed(caller, target, of_merged)) target.rights = {};
    show_exposed(caller, target);
    if (!of_merged) return;
    target.rights.write = target.rights.unbind = false;
    target.rights.derived = target.merged;
}

void decide(const Context& context, const Caller& caller, Target& target) {
    target.book = context.accounts.book();
    switch (target.place) {
        case Place::tree:
            if (!(context.services.*target.home->service)) return;
            target.owner = target.book->find(target.url[2]);
            decide_in_home(caller, target);
            return;
        case Place::principal: {
            const bool user = target.url[2] == "users";
            target.owner = target.book->find(target.url[3]);
            if (target.owner && (target.owner->kind == storage::PrincipalKind::user) != user) target.owner = nullptr;
            target.rights = rights_on_principal(caller, *target.book, target.owner);
            return;
        }
        case Place::homes:
            if (context.services.*target.home->service) target.rights = rights_on_synthetic(caller);
            return;
        default: target.rights = rights_on_synthetic(caller);
    }
}

Target from_path(http::Path path) {
    Target target;
    target.url = std::move(path.segments);
    target.slash = path.trailing_slash;
    return target;
}

DavError lacking(const Context& context, const Target& target, Privilege privilege) {
    return DavError(cond::need_privileges).needs(href_of(context, target), privilege);
}

}  // namespace

bool Target::has_parent() const {
    if (place != Place::tree || path.empty() || walk.chain.empty()) return false;
    if (walk.missing == 0) return true;
    return walk.missing == 1 && storage::is_collection(walk.last().kind);
}

const storage::Node& Target::parent() const {
    CHECK(has_parent());
    return walk.missing == 0 ? walk.chain[walk.chain.size() - 2] : walk.chain.back();
}

bool Target::is_collection() const {
    return place != Place::tree || (exists() && storage::is_collection(node().kind));
}

std::string Target::new_name() const {
    CHECK(!path.empty());
    return base::to_nfc(path.back());
}

Target aim(const Context& context, const Caller& caller, const http::RequestHead& head) {
    auto parsed = http::parse_path(head.path);
    if (const auto* fault = std::get_if<http::UriFault>(&parsed)) {
        throw DavError(http::status_of(*fault)).detail("the path is refused");
    }
    Target target = from_path(std::get<http::Path>(std::move(parsed)));
    if (!place_of(target)) throw DavError(Status::not_found);
    decide(context, caller, target);
    if (target.rights.hidden) throw DavError(Status::not_found);
    if (!target.rights.read) throw lacking(context, target, Privilege::read);
    return target;
}

Target aim_destination(const Context& context, const Caller& caller, const http::RequestHead& head) {
    if (head.headers.count("Destination") != 1) {
        throw DavError(Status::bad_request).detail("there must be one Destination");
    }
    auto parsed = http::parse_reference(head.headers.get("Destination"), http::origin_of(head, context.base_path));
    if (const auto* fault = std::get_if<http::UriFault>(&parsed)) {
        throw DavError(http::status_of(*fault)).detail("the Destination is refused");
    }
    Target target = from_path(std::get<http::Path>(std::move(parsed)));
    if (!place_of(target)) throw DavError(Status::bad_gateway).detail("the Destination is outside the DAV space");
    decide(context, caller, target);
    // The same answer for a tree of somebody else and for one that nobody has.
    if (target.place != Place::tree || target.rights.hidden || !target.rights.write) {
        throw lacking(context, target, Privilege::write);
    }
    return target;
}

std::optional<Target> aim_tag(const Context& context, const Caller& caller, const http::RequestHead& head,
                              std::string_view tag) {
    auto parsed = http::parse_reference(tag, http::origin_of(head, context.base_path));
    auto* path = std::get_if<http::Path>(&parsed);
    if (!path) return std::nullopt;
    Target target = from_path(std::move(*path));
    if (!place_of(target)) return std::nullopt;
    decide(context, caller, target);
    if (target.rights.hidden || !target.rights.read) return std::nullopt;
    return target;
}

void locate(storage::ReadTxn& txn, Target& target) {
    if (target.place != Place::tree) return;
    target.walk = {};
    const auto space = txn.space_of(target.home->space, target.owner->uid);
    if (!space) return;
    target.space = *space;
    if (!target.merged) {
        target.walk = txn.walk(space->root, target.path);
        return;
    }
    target.walk = txn.walk(space->root, {});
    target.walk.chain.push_back(merged_node(txn, target, target.walk.chain.back()));
}

void require_found(const Target& target) {
    if (!target.exists() || (target.slash && !target.is_collection())) throw DavError(Status::not_found);
}

void require(const Context& context, const Target& target, Privilege privilege) {
    if (!target.rights.may(privilege)) throw lacking(context, target, privilege);
}

void require_unbind(const Context& context, const Target& target) {
    if (!target.rights.unbind) throw lacking(context, target, Privilege::write);
}

void require_creatable(const Target& target) {
    if (!target.has_parent()) throw DavError(Status::conflict).detail("the parent collection is missing");
    if (base::name_fault(target.new_name())) throw DavError(Status::forbidden).detail("the name may not be created");
}

std::string href_of(const Context& context, const Target& target) {
    // What is not known to be a collection keeps the form the client used.
    const bool located = target.place != Place::tree || target.exists();
    const bool slash = located && target.rights.read ? target.is_collection() : target.slash;
    return http::href(context.base_path, target.url, slash ? http::Slash::trailing : http::Slash::none);
}

std::string principal_href(const Context& context, const storage::Principal& principal) {
    const bool user = principal.kind == storage::PrincipalKind::user;
    return http::href(context.base_path, {"dav", "principals", user ? "users" : "groups", principal.name},
                      http::Slash::trailing);
}

std::string home_href(const Context& context, const HomeKind& home, const storage::Principal& owner) {
    return http::href(context.base_path, {"dav", std::string(home.segment), owner.name}, http::Slash::trailing);
}

std::string shown_name(std::string_view collection, const storage::Principal& group) {
    return std::string(collection) + kGroupMark + group.name;
}

}  // namespace dav
