#pragma once

#include <array>
#include <string_view>

#include "dav/context.h"
#include "storage/accounts.h"

namespace dav {

// What "/dav/<segment>/<owner>/" leads to: the root of the owner's space of that kind.
struct HomeKind {
    std::string_view segment;
    storage::SpaceKind space;
    storage::NodeKind collection;  // what its members are
    storage::Scope scope;          // of the app passwords that reach it
    bool Services::*service;
};

inline constexpr std::array kHomeKinds = {
    HomeKind{"contacts", storage::SpaceKind::contacts, storage::NodeKind::addressbook, storage::Scope::contacts,
             &Services::contacts},
    HomeKind{"files", storage::SpaceKind::files, storage::NodeKind::folder, storage::Scope::files, &Services::files},
};

// A group's collections also show in the homes of its members, under the name of both: /dav/contacts/ana/club~family/
// is /dav/contacts/family/club/. Files do without: there is one folder to mount.
inline constexpr char kGroupMark = '~';

// Such a name is not given to a collection: it would stand for one of a group, now or once its owner is a member, or
// end elsewhere in a name of the merged collection (merged.h).
inline bool is_marked(std::string_view name) {
    return name.find(kGroupMark) != std::string_view::npos;
}

}  // namespace dav
