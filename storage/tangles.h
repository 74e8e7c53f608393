#pragma once

#include <map>
#include <optional>
#include <vector>

#include "storage/node.h"

namespace sql {
class Connection;
}

namespace storage {

// The rows of `tangle` in memory: what has to be looked at as a whole before it is changed. Empty while a home is
// alone, so asking costs nothing then. Writer thread only.
class Tangles {
  public:
    using OfSpace = std::map<Oid, std::optional<Oid>>;  // the object, and behind which other one it hides

    void load(sql::Connection& db);
    bool contains(SpaceId space, const Oid& oid) const;
    bool any(SpaceId space) const { return spaces_.contains(space); }
    // Alive and without a row, and not behind another: it waits for something above it, or its tree is being built.
    bool is_unseen(SpaceId space, const Oid& oid) const;  // the caller knows that it has no row
    // Objects that hide behind this one.
    std::vector<Oid> hidden_behind(SpaceId space, const Oid& shown) const;
    void add(sql::Connection& db, SpaceId space, const Oid& oid);
    void replace(sql::Connection& db, SpaceId space, OfSpace tangles);

  private:
    std::map<SpaceId, OfSpace> spaces_;
};

}  // namespace storage
