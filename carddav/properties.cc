#include <array>

#include "carddav/address_data.h"
#include "carddav/card_rule.h"
#include "carddav/extension.h"
#include "carddav/names.h"
#include "carddav/vcard.h"
#include "dav/homes.h"
#include "dav/http/uri.h"
#include "dav/names.h"
#include "dav/target.h"
#include "dav/text_match.h"

namespace carddav {
namespace {

using dav::Flags;
using dav::Kinds;
using dav::PropertyDef;
using dav::Read;
using dav::Resource;
using dav::View;
using storage::Need;

Read read_description(const Resource& resource, const View&, xml::QName self, xml::Writer& writer) {
    const storage::Prop* prop = dav::stored_prop(resource, self);
    if (!prop) return Read::missing;
    writer.raw(prop->value);
    return Read::written;
}

std::optional<dav::Refusal> write_description(xml::QName self, const xml::Element* value,
                                              storage::PropChanges& changes) {
    if (value && !value->children().empty()) return dav::Refusal{http::Status::conflict, std::nullopt};
    return dav::write_dead(self, value, changes);
}

Read read_max_resource_size(const Resource&, const View&, xml::QName self, xml::Writer& writer) {
    writer.number(self, kCardBytesMax);
    return Read::written;
}

Read read_supported_address_data(const Resource&, const View&, xml::QName self, xml::Writer& writer) {
    const auto element = writer.element(self);
    for (const Version version : {Version::v3_0, Version::v4_0}) {
        const auto type = writer.element(name::address_data_type);
        writer.attribute("content-type", "text/vcard");
        writer.attribute("version", text_of(version));
    }
    return Read::written;
}

Read read_supported_collation_set(const Resource&, const View&, xml::QName self, xml::Writer& writer) {
    const auto element = writer.element(self);
    for (const auto collation : {dav::Collation::ascii_casemap, dav::Collation::octet, dav::Collation::unicode_casemap})
        writer.text(name::supported_collation, dav::name_of(collation));
    return Read::written;
}

Read read_addressbook_home_set(const Resource& resource, const View& view, xml::QName self, xml::Writer& writer) {
    if (!view.context().services.contacts) return Read::missing;
    const auto element = writer.element(self);
    for (const dav::HomeKind& home : dav::kHomeKinds)
        if (home.space == kCardRule.home)
            writer.text(dav::name::href, dav::home_href(view.context(), home, *resource.principal));
    return Read::written;
}

// Section 7.1.2: the administrator names the card.
Read read_principal_address(const Resource& resource, const View& view, xml::QName self, xml::Writer& writer) {
    const storage::Principal& who = *resource.principal;
    const std::size_t slash = who.card.find('/');
    if (slash == std::string::npos) return Read::missing;
    const auto element = writer.element(self);
    writer.text(dav::name::href,
                http::href(view.context().base_path,
                           {"dav", "contacts", who.name, who.card.substr(0, slash), who.card.substr(slash + 1)},
                           http::Slash::none));
    return Read::written;
}

constexpr std::array kProperties = {
    // RFC 6352 section 6.2: SHOULD NOT be in allprop
    PropertyDef{name::addressbook_description, Kinds::addressbook, Need::props, Flags::none, read_description,
                write_description},
    PropertyDef{name::max_resource_size, Kinds::addressbook, Need::none, Flags::none, read_max_resource_size},
    PropertyDef{name::supported_address_data, Kinds::addressbook, Need::none, Flags::same_for_kind,
                read_supported_address_data},
    PropertyDef{name::supported_collation_set, Kinds::addressbook, Need::none, Flags::same_for_kind,
                read_supported_collation_set},
    // Section 7.1
    PropertyDef{name::addressbook_home_set, Kinds::principal, Need::none, Flags::none, read_addressbook_home_set},
    PropertyDef{name::principal_address, Kinds::principal, Need::none, Flags::none, read_principal_address},
    // Section 10.4
    PropertyDef{name::address_data, Kinds::card, Need::octets, Flags::report_only, nullptr, nullptr,
                asked_address_data},
};
static_assert(dav::names_are_unique(kProperties));

}  // namespace

std::span<const PropertyDef> properties() {
    return kProperties;
}

}  // namespace carddav
