#include "dav/registry.h"

#include "storage/base/failure.h"

namespace dav {

Registry::Registry(std::span<const Extension* const> extensions) {
    for (const Extension* extension : extensions) {
        for (const PropertyDef& definition : extension->properties) {
            CHECK(by_name_.emplace(definition.name, &definition).second);
            properties_.push_back(&definition);
        }
        for (const ReportDef& report : extension->reports) {
            CHECK(!find_report(report.name));
            reports_.push_back(&report);
        }
        if (!extension->dav_token.empty()) tokens_.append(", ").append(extension->dav_token);
    }
}

const PropertyDef* Registry::find(xml::QName name) const {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : found->second;
}

const ReportDef* Registry::find_report(xml::QName name) const {
    for (const ReportDef* report : reports_) {
        if (report->name == name) return report;
    }
    return nullptr;
}

}  // namespace dav
