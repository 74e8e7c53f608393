#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dav/methods/methods.h"
#include "dav/property.h"
#include "dav/xml/element.h"

namespace dav {

// The kind of what a target names: it must be located, and there.
Kinds kind_of(const Target& target);

// One resource of whatever place with all that readers look at. Lives inside the transaction; the target outlives it.
class Described {
  public:
    // The target is located in `txn` and there.
    Described(const Call& call, storage::ReadTxn& txn, const Target& target);
    Described(const Described&) = delete;
    Described& operator=(const Described&) = delete;

    const Resource& resource() const { return resource_; }
    const View& view() const { return view_; }

    // A property as PROPFIND would write it; empty: it has none of that name.
    std::optional<xml::Element> value_of(xml::QName name) const;

  private:
    std::string href_;
    std::optional<storage::Row> row_;
    std::vector<storage::Lock> inherited_;
    Resource resource_;
    View view_;
};

}  // namespace dav
