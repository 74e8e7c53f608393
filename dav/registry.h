#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "dav/extension.h"
#include "dav/property.h"

namespace dav {

// The rows of all extensions, concatenated at start; immutable afterwards.
class Registry {
  public:
    explicit Registry(std::span<const Extension* const> extensions);

    const std::vector<const PropertyDef*>& properties() const { return properties_; }
    const PropertyDef* find(xml::QName name) const;  // null: not a property we compute
    // What the DAV header says (RFC 4918 §18): without locks there is no class 2.
    const std::string& compliance() const { return compliance_; }

  private:
    std::vector<const PropertyDef*> properties_;
    std::map<xml::QName, const PropertyDef*> by_name_;
    std::string compliance_ = "1, 3";
};

}  // namespace dav
