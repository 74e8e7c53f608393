#include "dav/extension.h"

#include <vector>

namespace dav {

namespace {

// The core's own tables as one span; they are constants of other files and complete before any code runs.
std::span<const PropertyDef> joined() {
    static const std::vector<PropertyDef> all = [] {
        std::vector<PropertyDef> rows(core_properties().begin(), core_properties().end());
        rows.insert(rows.end(), acl_properties().begin(), acl_properties().end());
        rows.insert(rows.end(), lock_properties().begin(), lock_properties().end());
        return rows;
    }();
    return all;
}

}  // namespace

const Extension kCoreExtension{joined(), {}, "extended-mkcol"};

}  // namespace dav
