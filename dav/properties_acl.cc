#include <array>
#include <vector>

#include "dav/extension.h"
#include "dav/http/uri.h"
#include "dav/names.h"
#include "dav/property.h"
#include "dav/target.h"

namespace dav {

namespace {

using storage::Need;

Read read_current_user_principal(const Resource&, const View& view, xml::QName self, xml::Writer& writer) {
    const auto element = writer.element(self);
    const storage::Principal* caller =
        view.caller().kind == CallerKind::user ? view.book().find(view.caller().uid) : nullptr;
    if (caller) {
        writer.text(name::href, principal_href(view.context(), *caller));
    } else {
        writer.empty(name::unauthenticated);
    }
    return Read::written;
}

Read read_principal_collection_set(const Resource&, const View& view, xml::QName self, xml::Writer& writer) {
    const auto element = writer.element(self);
    for (const char* collection : {"users", "groups"}) {
        writer.text(name::href,
                    http::href(view.context().base_path, {"dav", "principals", collection}, http::Slash::trailing));
    }
    return Read::written;
}

void write_principal(const storage::Principal& principal, const View& view, xml::Writer& writer) {
    writer.text(name::href, principal_href(view.context(), principal));
}

// Of a home and all in it: who it belongs to. A principal belongs to itself.
const storage::Principal* owner_of(const Resource& resource, const View& view) {
    return resource.principal ? resource.principal : view.owner();
}

Read read_owner(const Resource& resource, const View& view, xml::QName self, xml::Writer& writer) {
    const auto element = writer.element(self);
    if (const auto* owner = owner_of(resource, view)) write_principal(*owner, view, writer);
    return Read::written;
}

// The group whose members share a home.
Read read_group(const Resource& resource, const View& view, xml::QName self, xml::Writer& writer) {
    const auto element = writer.element(self);
    const auto* owner = owner_of(resource, view);
    if (owner && owner->kind == storage::PrincipalKind::group) write_principal(*owner, view, writer);
    return Read::written;
}

// RFC 3744 §3 as one tree, parents first. There is no write-acl: rights follow from who owns what.
struct PrivilegeDef {
    xml::QName name;
    int level;
    std::string_view description;
    bool (*held)(const Resource& resource);
};

bool may_read(const Resource& resource) {
    return resource.rights->read;
}
bool may_read_acl(const Resource& resource) {
    return resource.rights->read_acl;
}
bool may_write(const Resource& resource) {
    return resource.rights->write;
}
bool may_change_members(const Resource& resource) {
    return resource.rights->write && covers(Kinds::stored_collection, resource.kind);
}
bool may_do_all(const Resource& resource) {
    return may_read(resource) && may_read_acl(resource) && may_write(resource);
}

constexpr std::array kPrivileges = {
    PrivilegeDef{name::all, 0, "Any operation", may_do_all},
    PrivilegeDef{name::read, 1, "Read", may_read},
    PrivilegeDef{name::read_current_user_privilege_set, 2, "Read one's own privileges", may_read},
    PrivilegeDef{name::read_acl, 1, "Read who has which rights", may_read_acl},
    PrivilegeDef{name::write, 1, "Write", may_write},
    PrivilegeDef{name::write_properties, 2, "Write properties", may_write},
    PrivilegeDef{name::write_content, 2, "Write content", may_write},
    PrivilegeDef{name::bind, 2, "Add members", may_change_members},
    PrivilegeDef{name::unbind, 2, "Remove members", may_change_members},
    PrivilegeDef{name::unlock, 1, "Unlock", may_write},
};

void write_privilege(xml::QName privilege, xml::Writer& writer) {
    const auto element = writer.element(name::privilege);
    writer.empty(privilege);
}

Read read_supported_privilege_set(const Resource&, const View&, xml::QName self, xml::Writer& writer) {
    const auto element = writer.element(self);
    std::vector<xml::Writer::Scope> open;
    for (const PrivilegeDef& privilege : kPrivileges) {
        while (open.size() > static_cast<std::size_t>(privilege.level)) open.pop_back();
        open.push_back(writer.element(name::supported_privilege));
        write_privilege(privilege.name, writer);
        const auto description = writer.element(name::description);
        writer.attribute(kXmlLang, "en");
        writer.text(privilege.description);
    }
    while (!open.empty()) open.pop_back();
    return Read::written;
}

Read read_current_user_privilege_set(const Resource& resource, const View&, xml::QName self, xml::Writer& writer) {
    const auto element = writer.element(self);
    for (const PrivilegeDef& privilege : kPrivileges) {
        if (privilege.held(resource)) write_privilege(privilege.name, writer);
    }
    return Read::written;
}

// RFC 3744 §5.5, as rights_in_home and its siblings decide: a home is its owner's, or a group's for its members; a
// principal is shown to whoever it is; what leads to them to everybody with a password.
Read read_acl(const Resource& resource, const View& view, xml::QName self, xml::Writer& writer) {
    if (!resource.rights->read_acl) return Read::missing;
    const auto element = writer.element(self);
    const auto ace = writer.element(name::ace);
    {
        const auto principal = writer.element(name::principal);
        if (const auto* owner = owner_of(resource, view)) {
            write_principal(*owner, view, writer);
        } else {
            writer.empty(name::authenticated);
        }
    }
    {
        const auto grant = writer.element(name::grant);
        write_privilege(resource.row ? name::all : name::read, writer);
    }
    writer.empty(name::protected_);
    if (!resource.row || resource.row->node.parent == 0) return Read::written;
    const auto inherited = writer.element(name::inherited);
    writer.text(name::href, home_href(view.context(), *view.home(), *view.owner()));
    return Read::written;
}

Read read_acl_restrictions(const Resource&, const View&, xml::QName self, xml::Writer& writer) {
    const auto element = writer.element(self);
    writer.empty(name::grant_only);
    writer.empty(name::no_invert);
    return Read::written;
}

Read read_inherited_acl_set(const Resource& resource, const View& view, xml::QName self, xml::Writer& writer) {
    const auto element = writer.element(self);
    if (resource.row && resource.row->node.parent != 0) {
        writer.text(name::href, home_href(view.context(), *view.home(), *view.owner()));
    }
    return Read::written;
}

Read read_principal_url(const Resource& resource, const View& view, xml::QName self, xml::Writer& writer) {
    const auto element = writer.element(self);
    writer.text(name::href, principal_href(view.context(), *resource.principal));
    return Read::written;
}

Read read_alternate_uri_set(const Resource&, const View&, xml::QName self, xml::Writer& writer) {
    writer.empty(self);
    return Read::written;
}

void write_principals(const std::set<base::Id128>& uids, const View& view, xml::Writer& writer) {
    for (const base::Id128& uid : uids) {
        if (const storage::Principal* principal = view.book().find(uid)) write_principal(*principal, view, writer);
    }
}

Read read_group_membership(const Resource& resource, const View& view, xml::QName self, xml::Writer& writer) {
    const auto element = writer.element(self);
    const auto groups = view.book().groups_of.find(resource.principal->uid);
    if (groups != view.book().groups_of.end()) write_principals(groups->second, view, writer);
    return Read::written;
}

Read read_group_member_set(const Resource& resource, const View& view, xml::QName self, xml::Writer& writer) {
    if (resource.principal->kind != storage::PrincipalKind::group) return Read::missing;
    const auto element = writer.element(self);
    const auto members = view.book().members_of.find(resource.principal->uid);
    if (members != view.book().members_of.end()) write_principals(members->second, view, writer);
    return Read::written;
}

constexpr std::array kAclProperties = {
    // RFC 5397 §3
    PropertyDef{name::current_user_principal, Kinds::any, Need::none, Flags::none, read_current_user_principal},
    // RFC 3744 §5
    PropertyDef{name::owner, Kinds::stored | Kinds::principal, Need::none, Flags::none, read_owner},
    PropertyDef{name::group, Kinds::stored | Kinds::principal, Need::none, Flags::none, read_group},
    PropertyDef{name::supported_privilege_set, Kinds::any, Need::none, Flags::none, read_supported_privilege_set},
    PropertyDef{name::current_user_privilege_set, Kinds::any, Need::none, Flags::none, read_current_user_privilege_set},
    PropertyDef{name::acl, Kinds::any, Need::none, Flags::none, read_acl},
    PropertyDef{name::acl_restrictions, Kinds::any, Need::none, Flags::none, read_acl_restrictions},
    PropertyDef{name::inherited_acl_set, Kinds::any, Need::none, Flags::none, read_inherited_acl_set},
    PropertyDef{name::principal_collection_set, Kinds::any, Need::none, Flags::none, read_principal_collection_set},
    // RFC 3744 §4, principals
    PropertyDef{name::principal_url, Kinds::principal, Need::none, Flags::none, read_principal_url},
    PropertyDef{name::alternate_uri_set, Kinds::principal, Need::none, Flags::none, read_alternate_uri_set},
    PropertyDef{name::group_membership, Kinds::principal, Need::none, Flags::none, read_group_membership},
    PropertyDef{name::group_member_set, Kinds::principal, Need::none, Flags::none, read_group_member_set},
};
static_assert(names_are_unique(kAclProperties));

}  // namespace

std::span<const PropertyDef> acl_properties() {
    return kAclProperties;
}

}  // namespace dav
