#include "dav/acl.h"

#include <algorithm>

#include "storage/base/path.h"

namespace dav {

namespace {

bool owns(const Caller& caller, const storage::AccountBook& book, const storage::Principal& owner) {
    if (caller.kind != CallerKind::user || owner.disabled) return false;
    if (owner.kind == storage::PrincipalKind::user) return owner.uid == caller.uid;
    return book.in_group(caller.uid, owner.uid);
}

bool same_name(const std::string& a, const std::string& b) {
    return a == b || base::name_key(a) == base::name_key(b);
}

}  // namespace

bool Rights::shows(const std::string& member) const {
    return only.empty() ||
           std::any_of(only.begin(), only.end(), [&](const auto& one) { return same_name(one, member); });
}

Rights Rights::of_member(const std::string& member) const {
    Rights rights;
    if (hidden || !shows(member)) return rights;
    rights.hidden = false;
    rights.read = read;
    rights.read_acl = read_acl;
    // Above a subtree nothing is writable; a member of what is writable may go.
    rights.write = write;
    rights.unbind = write;
    return rights;
}

bool covers(storage::Scope scope, storage::Scope wanted) {
    return scope == storage::Scope::all || scope == wanted;
}

Rights rights_in_home(const HomeKind& home, const Caller& caller, const storage::AccountBook& book,
                      const storage::Principal* owner, const base::Segments& path) {
    Rights rights;
    if (!owner || !owns(caller, book, *owner)) return rights;
    // The subtree is below the caller's own files; a group's folder is outside it.
    const base::Segments& subtree = caller.subtree;
    const bool own_files = home.space == storage::SpaceKind::files && owner->uid == caller.uid;
    if (!subtree.empty() && !own_files) return rights;
    const std::size_t common = std::min(path.size(), subtree.size());
    if (!std::equal(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(common), subtree.begin(), same_name)) {
        return rights;
    }
    rights.hidden = false;
    if (!covers(caller.scope, home.scope)) return rights;
    rights.read = true;
    rights.read_acl = true;
    if (path.size() < subtree.size()) {
        rights.only = {subtree[path.size()]};
        return rights;
    }
    rights.write = !caller.read_only;
    rights.unbind = rights.write && path.size() > subtree.size();
    if (home.space != storage::SpaceKind::files && path.empty() && owner->uid == caller.uid && !caller.books.empty()) {
        rights.only = caller.books;
        rights.write = false;  // what would be made here would not be seen
    }
    return rights;
}

Rights rights_on_principal(const Caller& caller, const storage::AccountBook& book,
                           const storage::Principal* described) {
    Rights rights;
    if (!described || !owns(caller, book, *described)) return rights;
    rights.hidden = false;
    rights.read = true;
    rights.read_acl = true;
    return rights;
}

Rights rights_on_synthetic(const Caller& caller) {
    Rights rights;
    if (caller.kind != CallerKind::user) return rights;
    rights.hidden = false;
    rights.read = true;
    rights.read_acl = true;
    return rights;
}

}  // namespace dav
