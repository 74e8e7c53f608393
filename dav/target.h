#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "dav/acl.h"
#include "dav/context.h"
#include "dav/http/message.h"
#include "dav/http/uri.h"
#include "storage/txn.h"

namespace dav {

// Where in the URL space a path lies.
enum class Place : std::uint8_t {
    root,        // "/"
    dav,         // "/dav/"
    homes,       // "/dav/files/", "/dav/contacts/": the homes the caller may see
    principals,  // "/dav/principals/"
    users,       // "/dav/principals/users/"
    groups,      // "/dav/principals/groups/"
    probe,       // "/principals/": where some clients look first; it has no members
    principal,   // one user or group
    tree,        // a home or something below it
};

// What a request is about: parsed, decided and, after `locate`, found. Made only by `aim` and `aim_destination`: both
// ends of COPY and MOVE pass the same gate, and nothing behind it sees a raw path.
struct Target {
    Place place = Place::root;
    const HomeKind* home = nullptr;  // homes, tree
    base::Segments url;              // all names below the base path, decoded
    base::Segments
        path;  // tree: the names below the home it lies in; not those of `url` where a group's shows in another
    bool merged = false;  // tree: the derived collection of all others in the home (merged.h)
    bool slash = false;   // the client wrote one at the end
    Rights rights;
    std::shared_ptr<const storage::AccountBook> book;  // `owner` points into it
    const storage::Principal* owner = nullptr;         // tree, principal
    storage::Space space;                              // tree, located
    storage::Walk walk;                                // tree, located

    bool exists() const { return place != Place::tree || (!walk.chain.empty() && walk.found()); }
    // The parent collection is there, so that something can be created.
    bool has_parent() const;
    const storage::Node& node() const { return walk.last(); }  // tree that exists
    // The collection that holds it or would hold it; only when has_parent().
    const storage::Node& parent() const;
    bool is_collection() const;
    // The name it would be created with: NFC, whatever form the client used.
    std::string new_name() const;
};

// Parses, authorises and hides. Throws DavError: 400 or 414 for a path that is none, 404 for what the caller may not
// know of, 403 need-privileges for a credential of another scope.
Target aim(const Context& context, const Caller& caller, const http::RequestHead& head);

// The same for the Destination header: 400 missing or no URL, 502 another server or outside the DAV space, 403 for a
// place the caller can not write, whether something is there or not.
Target aim_destination(const Context& context, const Caller& caller, const http::RequestHead& head);

// The same for a Resource-Tag of If, or an href in a property. Empty: it names another server, or something the caller
// may not see; to the caller a resource in no state.
std::optional<Target> aim_tag(const Context& context, const Caller& caller, const http::RequestHead& head,
                              std::string_view tag);

// Looks a tree's path up in `txn`; call it again in every transaction.
void locate(storage::ReadTxn& txn, Target& target);

// 404 unless it is there (a file with a slash at its end is not).
void require_found(const Target& target);
// 403 need-privileges unless the rights are there.
void require(const Context& context, const Target& target, Privilege privilege);
// Removing, moving away, replacing: also not a home, and not the root of what the credential may see.
void require_unbind(const Context& context, const Target& target);
// 409 unless the parent is there, 403 for a name that may not be created.
void require_creatable(const Target& target);

// With a slash for collections, whatever the client wrote.
std::string href_of(const Context& context, const Target& target);
std::string principal_href(const Context& context, const storage::Principal& principal);
std::string home_href(const Context& context, const HomeKind& home, const storage::Principal& owner);
// The name of a group's collection in the homes of its members.
std::string shown_name(std::string_view collection, const storage::Principal& group);

}  // namespace dav
