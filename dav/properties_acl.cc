#include <array>

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

Read read_owner(const Resource&, const View& view, xml::QName self, xml::Writer& writer) {
    const auto element = writer.element(self);
    if (view.owner()) writer.text(name::href, principal_href(view.context(), *view.owner()));
    return Read::written;
}

void write_privilege(xml::QName privilege, xml::Writer& writer) {
    const auto element = writer.element(name::privilege);
    writer.empty(privilege);
}

Read read_current_user_privilege_set(const Resource& resource, const View&, xml::QName self, xml::Writer& writer) {
    const auto element = writer.element(self);
    if (resource.rights->read) {
        write_privilege(name::read, writer);
        write_privilege(name::read_current_user_privilege_set, writer);
    }
    if (!resource.rights->write) return Read::written;
    write_privilege(name::write, writer);
    write_privilege(name::write_content, writer);
    if (covers(Kinds::stored_collection, resource.kind)) {
        write_privilege(name::bind, writer);
        write_privilege(name::unbind, writer);
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
        if (const storage::Principal* principal = view.book().find(uid)) {
            writer.text(name::href, principal_href(view.context(), *principal));
        }
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
    PropertyDef{name::owner, Kinds::stored, Need::none, Flags::none, read_owner},
    PropertyDef{name::current_user_privilege_set, Kinds::any, Need::none, Flags::none, read_current_user_privilege_set},
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
