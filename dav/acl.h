#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dav/context.h"
#include "dav/homes.h"
#include "storage/accounts.h"

namespace dav {

enum class Privilege : std::uint8_t { read, write };

// What one caller may do with one resource; pure value, decided by the functions below and nowhere else.
struct Rights {
    bool hidden = true;     // answered as if it did not exist (404)
    bool read = false;      // neither hidden nor readable: 403 need-privileges
    bool write = false;     // content, properties, and the members of a collection
    bool read_acl = false;  // may see who else has rights: the owner, and members of an owning group
    bool unbind = false;    // may itself be removed, moved away or replaced; false for a home and the root of a subtree
    // The members that are shown, the others are hidden: above the subtree of an app password the one that leads there,
    // in a home of collections those that the credential is to see. Empty = all.
    std::vector<std::string> only;
    bool derived = false;  // made of others: it has no history to sync with

    bool may(Privilege privilege) const { return privilege == Privilege::read ? read : write; }
    // Whether a member of this collection is visible, and what may be done with it.
    bool shows(const std::string& member) const;
    Rights of_member(const std::string& member) const;
};

// What `owner` (null: nobody has that name) has at `path` below a home of that kind: the owner, and the members of an
// owning group. Administrators have no rights in the data of others: they manage accounts. The subtree of an app
// password is one of files.
Rights rights_in_home(const HomeKind& home, const Caller& caller, const storage::AccountBook& book,
                      const storage::Principal* owner, const base::Segments& path);

// The resource that describes a principal: the user itself and the groups it is in (security.md 9 #40: no hint of
// others).
Rights rights_on_principal(const Caller& caller, const storage::AccountBook& book, const storage::Principal* described);

// "/", "/dav/", "/dav/files/" and so on: every known user may read them, and sees in them what it may see.
Rights rights_on_synthetic(const Caller& caller);

bool covers(storage::Scope scope, storage::Scope wanted);

}  // namespace dav
