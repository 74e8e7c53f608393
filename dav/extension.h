#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "dav/http/message.h"
#include "dav/item_rule.h"
#include "dav/property.h"
#include "storage/indexer.h"

namespace dav {

struct Call;
struct Target;

// The Depth a report takes; without the header it is 0 (RFC 3253 §3.6). Anything else is 400.
enum class Depths : std::uint8_t { zero, any };
// Who may ask: some reports make sense only where all members are shown, not above the subtree of an app password.
enum class Sees : std::uint8_t { some, all };

// One report (RFC 3253 §3.6): the row that REPORT goes by and that supported-report-set lists. `run` gets a target that
// was found; it locates it again in its own transaction. Throws DavError.
struct ReportDef {
    xml::QName name;
    Kinds kinds;
    Depths depths;
    Sees sees;
    http::Response (*run)(Call& call, Target& target, const xml::Element& body);
};
inline bool offered(const ReportDef& report, Kinds kind, const Rights& rights) {
    return covers(report.kinds, kind) && (report.sees == Sees::some || (rights.only.empty() && !rights.derived));
}

// What one domain adds to DAV: rows for the tables. `dav` itself, `carddav` and `caldav` export one value each and
// server/app concatenates them; nothing else in dav knows the domains.
struct Extension {
    std::span<const PropertyDef> properties;
    std::span<const ReportDef> reports;
    std::span<const ItemRule> items;
    std::span<const storage::SchemaPart> schema;
    std::string_view dav_token;  // for the DAV header: "addressbook", "calendar-access, calendar-auto-schedule"
};

extern const Extension kCoreExtension;

// The tables that kCoreExtension joins.
std::span<const PropertyDef> core_properties();
std::span<const PropertyDef> acl_properties();
std::span<const PropertyDef> lock_properties();

}  // namespace dav
