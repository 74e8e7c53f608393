#include "dav/registry.h"

#include <algorithm>

#include "storage/base/failure.h"

namespace dav {

Registry::Registry(std::span<const Extension* const> extensions) {
    for (const Extension* extension : extensions) {
        for (const PropertyDef& definition : extension->properties) {
            CHECK(by_name_.emplace(definition.name, &definition).second);
            properties_.push_back(&definition);
            const std::string_view ns = definition.name.ns;
            if (std::find(namespaces_.begin(), namespaces_.end(), ns) == namespaces_.end()) namespaces_.push_back(ns);
        }
        for (const ReportDef& report : extension->reports) {
            CHECK(!find_report(report.name));
            reports_.push_back(&report);
        }
        for (const ItemRule& rule : extension->items) items_.push_back(&rule);
        if (!extension->dav_token.empty()) tokens_.append(", ").append(extension->dav_token);
    }
}

// Of the dead properties in a listing hardly any is in a namespace of ours.
const PropertyDef* Registry::find(xml::QName name) const {
    if (std::find(namespaces_.begin(), namespaces_.end(), name.ns) == namespaces_.end()) return nullptr;
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : found->second;
}

const ItemRule* Registry::rule_of(storage::SpaceKind home) const {
    for (const ItemRule* rule : items_)
        if (rule->home == home) return rule;
    return nullptr;
}

const ItemRule* Registry::rule_of(storage::NodeKind kind) const {
    for (const ItemRule* rule : items_)
        if (rule->collection == kind || rule->item == kind) return rule;
    return nullptr;
}

const ReportDef* Registry::find_report(xml::QName name) const {
    for (const ReportDef* report : reports_) {
        if (report->name == name) return report;
    }
    return nullptr;
}

}  // namespace dav
