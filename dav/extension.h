#pragma once

#include <span>
#include <string_view>

#include "dav/property.h"
#include "storage/indexer.h"

namespace dav {

// What one domain adds to DAV: rows for the tables. `dav` itself, `carddav` and `caldav` export one value each and
// server/app concatenates them; nothing else in dav knows the domains.
struct Extension {
    std::span<const PropertyDef> properties;
    std::span<const storage::SchemaPart> schema;
    std::string_view dav_token;  // for the DAV header: "addressbook", "calendar-access, calendar-auto-schedule"
};

extern const Extension kCoreExtension;

// The tables that kCoreExtension joins.
std::span<const PropertyDef> core_properties();
std::span<const PropertyDef> acl_properties();
std::span<const PropertyDef> lock_properties();

}  // namespace dav
