#include "dav/extension.h"

#include <initializer_list>
#include <vector>

#include "dav/reports/reports.h"

namespace dav {

namespace {

// The core's own tables as one span; they are constants of other files and complete before any code runs.
template <typename Row>
std::vector<Row> joined(std::initializer_list<std::span<const Row>> tables) {
    std::vector<Row> rows;
    for (const auto table : tables) rows.insert(rows.end(), table.begin(), table.end());
    return rows;
}

std::span<const PropertyDef> properties() {
    static const auto rows = joined<PropertyDef>({core_properties(), acl_properties(), lock_properties()});
    return rows;
}

std::span<const ReportDef> reports() {
    static const auto rows = joined<ReportDef>({sync_reports(), expand_reports(), principal_reports()});
    return rows;
}

}  // namespace

const Extension kCoreExtension{properties(), reports(), {}, {}, "extended-mkcol"};

}  // namespace dav
