#include <algorithm>
#include <array>

#include "dav/extension.h"
#include "dav/http/date.h"
#include "dav/http/media_type.h"
#include "dav/names.h"
#include "dav/oc_checksums.h"
#include "dav/property.h"
#include "dav/registry.h"
#include "dav/times.h"
#include "storage/base/hash.h"
#include "storage/store.h"

namespace dav {

namespace {

using storage::Need;

constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr std::int64_t kMillisecondsPerSecond = 1000;

Read read_creationdate(const Resource& resource, const View&, xml::QName self, xml::Writer& writer) {
    writer.text(self, http::iso_8601(resource.row->node.created_ms / kMillisecondsPerSecond));
    return Read::written;
}

// What a client stored, element and all.
Read read_stored(const Resource& resource, const View&, xml::QName self, xml::Writer& writer) {
    const storage::Prop* prop = stored_prop(resource, self);
    if (!prop) return Read::missing;
    writer.raw(prop->value);
    return Read::written;
}

Read read_displayname(const Resource& resource, const View& view, xml::QName self, xml::Writer& writer) {
    if (read_stored(resource, view, self, writer) == Read::written) return Read::written;
    if (resource.name.empty()) return Read::missing;
    writer.text(self, resource.name);
    return Read::written;
}

Read read_getcontentlength(const Resource& resource, const View&, xml::QName self, xml::Writer& writer) {
    writer.number(self, static_cast<std::uint64_t>(resource.row->node.size));
    return Read::written;
}

Read read_getcontenttype(const Resource& resource, const View& view, xml::QName self, xml::Writer& writer) {
    const ItemRule* rule = view.registry().rule_of(resource.row->node.kind);
    writer.text(self, rule ? rule->media_type : http::media_type_of(resource.row->node.name));
    return Read::written;
}

Read read_getetag(const Resource& resource, const View&, xml::QName self, xml::Writer& writer) {
    const storage::Node& node = resource.row->node;
    if (node.hash || storage::is_collection(node.kind)) {
        writer.text(self, storage::etag_of(node));
        return Read::written;
    }
    if (!resource.row->disk) return Read::missing;
    writer.text(self, storage::pending_etag(*resource.row->disk));
    return Read::written;
}

Read read_getlastmodified(const Resource& resource, const View&, xml::QName self, xml::Writer& writer) {
    writer.text(self, http::http_date(resource.row->node.mtime_ns / kNanosecondsPerSecond));
    return Read::written;
}

Read read_resourcetype(const Resource& resource, const View& view, xml::QName self, xml::Writer& writer) {
    const auto element = writer.element(self);
    if (covers(Kinds::collection, resource.kind)) {
        writer.empty(name::collection);
        const ItemRule* rule = resource.row ? view.registry().rule_of(resource.row->node.kind) : nullptr;
        if (rule) writer.empty(rule->type);
    }
    if (resource.kind == Kinds::principal) writer.empty(name::principal);
    return Read::written;
}

Read read_quota_available(const Resource&, const View& view, xml::QName self, xml::Writer& writer) {
    if (!view.owner()) return Read::missing;
    writer.number(self, view.available_bytes());
    return Read::written;
}

Read read_quota_used(const Resource&, const View& view, xml::QName self, xml::Writer& writer) {
    if (!view.owner()) return Read::missing;
    writer.number(self, view.used_bytes());
    return Read::written;
}

Read read_resource_id(const Resource& resource, const View&, xml::QName self, xml::Writer& writer) {
    const auto element = writer.element(self);
    writer.text(name::href, "urn:uuid:" + base::uuid_text(resource.row->node.oid));
    return Read::written;
}

Read read_executable(const Resource& resource, const View&, xml::QName self, xml::Writer& writer) {
    writer.text(self, resource.row->node.exec ? "T" : "F");
    return Read::written;
}

// RFC 5995 §3.2.1: POST to the collection itself.
Read read_add_member(const Resource& resource, const View& view, xml::QName self, xml::Writer& writer) {
    // A home of items takes none itself.
    const bool takes = resource.kind != Kinds::folder || !view.home() || !view.registry().rule_of(view.home()->space);
    if (!resource.rights->write || !takes) return Read::missing;
    const auto element = writer.element(self);
    writer.text(name::href, resource.href);
    return Read::written;
}

Read read_supported_live_property_set(const Resource& resource, const View& view, xml::QName self,
                                      xml::Writer& writer) {
    const auto element = writer.element(self);
    for (const PropertyDef* definition : view.registry().properties()) {
        if (!covers(definition->kinds, resource.kind)) continue;
        const auto one = writer.element(name::supported_live_property);
        const auto prop = writer.element(name::prop);
        writer.empty(definition->name);
    }
    return Read::written;
}

Read read_supported_report_set(const Resource& resource, const View& view, xml::QName self, xml::Writer& writer) {
    const auto element = writer.element(self);
    for (const ReportDef* report : view.registry().reports()) {
        if (!offered(*report, resource.kind, *resource.rights)) continue;
        const auto supported = writer.element(name::supported_report);
        const auto one = writer.element(name::report);
        writer.empty(report->name);
    }
    return Read::written;
}

// Where sync-collection is offered.
Read read_sync_token(const Resource& resource, const View& view, xml::QName self, xml::Writer& writer) {
    const ReportDef* report = view.registry().find_report(name::sync_collection);
    if (!report || !offered(*report, resource.kind, *resource.rights) || !view.sync()) return Read::missing;
    writer.text(self, encode(storage::token_of(*view.sync(), resource.row->node.oid)));
    return Read::written;
}

// Written only: getlastmodified says it.
Read read_nothing(const Resource&, const View&, xml::QName, xml::Writer&) {
    return Read::missing;
}

// Clients that take it for a number get one: the random end of the id.
Read read_oc_fileid(const Resource& resource, const View&, xml::QName self, xml::Writer& writer) {
    std::uint64_t number = 0;
    for (const char octet : resource.row->node.oid.view().substr(8)) {
        number = number << 8 | static_cast<unsigned char>(octet);
    }
    writer.number(self, number & 0x7fff'ffff'ffff'ffff);
    return Read::written;
}

Read read_oc_checksums(const Resource& resource, const View&, xml::QName self, xml::Writer& writer) {
    const std::string sums = oc_checksums(*resource.row);
    if (sums.empty()) return Read::missing;
    const auto element = writer.element(self);
    writer.text(name::oc_checksum, sums);
    return Read::written;
}

Read read_oc_id(const Resource& resource, const View&, xml::QName self, xml::Writer& writer) {
    writer.text(self, base::hex(resource.row->node.oid.view()));
    return Read::written;
}

// G readable, D may go, N may be renamed, V may be moved, W may be written, C and K take files and folders.
Read read_oc_permissions(const Resource& resource, const View&, xml::QName self, xml::Writer& writer) {
    const bool collection = covers(Kinds::stored_collection, resource.kind);
    std::string letters = "G";
    if (resource.rights->unbind) letters += "DNV";
    if (resource.rights->write) letters += collection ? "CK" : "W";
    writer.text(self, letters);
    return Read::written;
}

Read read_oc_size(const Resource& resource, const View& view, xml::QName self, xml::Writer& writer) {
    const storage::Node& node = resource.row->node;
    if (!storage::is_collection(node.kind)) {
        writer.number(self, static_cast<std::uint64_t>(node.size));
        return Read::written;
    }
    // Sums are kept by space, not by folder.
    if (node.parent != 0) return Read::missing;
    writer.number(self, view.used_bytes());
    return Read::written;
}

// ---- writers ----

constexpr Refusal kProtected{http::Status::forbidden, cond::cannot_modify_protected_property};
constexpr Refusal kBadValue{http::Status::conflict, std::nullopt};

std::optional<Refusal> write_displayname(xml::QName self, const xml::Element* value, storage::PropChanges& changes) {
    if (value && !value->children().empty()) return kBadValue;
    return write_dead(self, value, changes);  // removed: the name shows again
}

std::optional<Refusal> write_getlastmodified(xml::QName, const xml::Element* value, storage::PropChanges& changes) {
    if (!value) return kProtected;
    const auto mtime_ns = http_date_ns(value->trimmed_text());
    if (!mtime_ns) return kBadValue;
    changes.mtime_ns = mtime_ns;
    return std::nullopt;
}

// Seconds since 1970 (rclone and Nextcloud).
std::optional<Refusal> write_lastmodified(xml::QName, const xml::Element* value, storage::PropChanges& changes) {
    if (!value) return kProtected;
    const auto mtime_ns = unix_time_ns(value->trimmed_text());
    if (!mtime_ns) return kBadValue;
    changes.mtime_ns = mtime_ns;
    return std::nullopt;
}

// Windows gives up a whole copy when this is refused, so what is no date is only stored.
std::optional<Refusal> write_win32_last_modified_time(xml::QName self, const xml::Element* value,
                                                      storage::PropChanges& changes) {
    const auto mtime_ns = value ? http_date_ns(value->trimmed_text()) : std::nullopt;
    if (mtime_ns) changes.mtime_ns = mtime_ns;
    return write_dead(self, value, changes);
}

std::optional<Refusal> write_executable(xml::QName, const xml::Element* value, storage::PropChanges& changes) {
    if (!value) return kProtected;
    const std::string text = value->trimmed_text();
    if (text != "T" && text != "F") return kBadValue;
    changes.exec = text == "T";
    return std::nullopt;
}

constexpr std::array kCoreProperties = {
    // RFC 4918 §15
    PropertyDef{name::creationdate, Kinds::stored, Need::none, Flags::allprop, read_creationdate},
    PropertyDef{name::displayname, Kinds::any, Need::props, Flags::allprop, read_displayname, write_displayname},
    PropertyDef{name::getcontentlength, Kinds::content, Need::none, Flags::allprop, read_getcontentlength},
    PropertyDef{name::getcontenttype, Kinds::content, Need::none, Flags::allprop, read_getcontenttype},
    PropertyDef{name::getetag, Kinds::stored, Need::none, Flags::allprop, read_getetag},
    PropertyDef{name::getlastmodified, Kinds::stored, Need::none, Flags::allprop, read_getlastmodified,
                write_getlastmodified},
    PropertyDef{name::resourcetype, Kinds::any, Need::none, Flags::allprop | Flags::same_for_kind, read_resourcetype},
    // RFC 4331 §3: SHOULD NOT be in allprop
    PropertyDef{name::quota_available_bytes, Kinds::stored, Need::none, Flags::none, read_quota_available},
    PropertyDef{name::quota_used_bytes, Kinds::stored, Need::none, Flags::none, read_quota_used},
    // RFC 5842 §3.1
    PropertyDef{name::resource_id, Kinds::stored, Need::none, Flags::none, read_resource_id},
    // RFC 3253 §3.1.5
    PropertyDef{name::supported_report_set, Kinds::any, Need::none, Flags::none, read_supported_report_set},
    PropertyDef{name::supported_live_property_set, Kinds::any, Need::none, Flags::same_for_kind,
                read_supported_live_property_set},
    // RFC 6578 §4: SHOULD NOT be in allprop
    PropertyDef{name::sync_token, Kinds::stored_collection, Need::sync, Flags::none, read_sync_token},
    // RFC 5995 §3.2.1: SHOULD NOT be in allprop
    PropertyDef{name::add_member, Kinds::stored_collection, Need::none, Flags::none, read_add_member},
    // Apple's extension, which clients of both kinds of collections poll (calendarserver-ctag)
    PropertyDef{name::getctag, Kinds::stored_collection, Need::none, Flags::none, read_getetag},
    // mod_dav
    PropertyDef{name::executable, Kinds::file, Need::none, Flags::none, read_executable, write_executable},
    // Windows
    PropertyDef{name::win32_last_modified_time, Kinds::stored, Need::props, Flags::allprop, read_stored,
                write_win32_last_modified_time},
    // ownCloud and Nextcloud clients
    PropertyDef{name::lastmodified, Kinds::stored, Need::none, Flags::none, read_nothing, write_lastmodified},
    PropertyDef{name::oc_checksums, Kinds::file, Need::props, Flags::none, read_oc_checksums},
    PropertyDef{name::oc_fileid, Kinds::stored, Need::none, Flags::none, read_oc_fileid},
    PropertyDef{name::oc_id, Kinds::stored, Need::none, Flags::none, read_oc_id},
    PropertyDef{name::oc_permissions, Kinds::stored, Need::none, Flags::none, read_oc_permissions},
    PropertyDef{name::oc_size, Kinds::stored, Need::none, Flags::none, read_oc_size},
};
static_assert(names_are_unique(kCoreProperties));

}  // namespace

std::span<const PropertyDef> core_properties() {
    return kCoreProperties;
}

const storage::Prop* stored_prop(const Resource& resource, xml::QName name) {
    if (!resource.row) return nullptr;
    for (const storage::Prop& prop : resource.row->props) {
        if (prop.name == name.local && prop.ns == name.ns) return &prop;
    }
    return nullptr;
}

Kinds kind_of(storage::NodeKind kind) {
    switch (kind) {
        case storage::NodeKind::folder: return Kinds::folder;
        case storage::NodeKind::file: return Kinds::file;
        case storage::NodeKind::calendar: return Kinds::calendar;
        case storage::NodeKind::addressbook: return Kinds::addressbook;
        case storage::NodeKind::event: return Kinds::event;
        case storage::NodeKind::card: return Kinds::card;
    }
    return Kinds::none;
}

std::uint64_t View::available_bytes() const {
    if (!available_bytes_) {
        std::uint64_t available = context_.store.tree().space().free_bytes;
        const std::uint64_t floor = context_.limits.free_floor_bytes;
        available = available > floor ? available - floor : 0;
        if (owner_ && owner_->quota_bytes) {
            const std::uint64_t quota = *owner_->quota_bytes;
            available = std::min(available, quota > used_bytes() ? quota - used_bytes() : 0);
        }
        available_bytes_ = available;
    }
    return *available_bytes_;
}

}  // namespace dav
