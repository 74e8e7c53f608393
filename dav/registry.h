#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dav/extension.h"
#include "dav/property.h"

namespace dav {

enum class Locks : std::uint8_t { no, yes };

// The rows of all extensions, concatenated at start; immutable afterwards.
class Registry {
  public:
    explicit Registry(std::span<const Extension* const> extensions);

    const std::vector<const PropertyDef*>& properties() const { return properties_; }
    const PropertyDef* find(xml::QName name) const;  // null: not a property we compute
    const std::vector<const ReportDef*>& reports() const { return reports_; }
    const ReportDef* find_report(xml::QName name) const;  // null: unknown
    // Null: such homes, collections or objects are files and folders.
    const ItemRule* rule_of(storage::SpaceKind home) const;
    const ItemRule* rule_of(storage::NodeKind kind) const;  // of the items or of their collections
    const std::vector<const ItemRule*>& item_rules() const { return items_; }
    // What the DAV header says (RFC 4918 §18), with class 2 or without.
    std::string compliance(Locks locks) const { return (locks == Locks::yes ? "1, 2, 3" : "1, 3") + tokens_; }

  private:
    std::vector<const PropertyDef*> properties_;
    std::vector<std::string_view> namespaces_;  // of all of them
    std::vector<const ReportDef*> reports_;     // a handful
    std::vector<const ItemRule*> items_;        // two
    struct NameHash {
        std::size_t operator()(xml::QName name) const noexcept {
            const std::hash<std::string_view> hash;
            return hash(name.local) * 31 + hash(name.ns);
        }
    };
    std::unordered_map<xml::QName, const PropertyDef*, NameHash> by_name_;
    std::string tokens_;  // of the extensions, each with a comma before it
};

}  // namespace dav
