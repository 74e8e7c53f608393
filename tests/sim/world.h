#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/durability.h"
#include "tests/sim/disk.h"

namespace sim {

// What one seed did and found.
struct Report {
    std::uint64_t seed = 0;
    std::uint64_t trace = 0;  // of everything that happened, in order
    std::vector<std::string> broken;
    Counts counts;         // operations, crashes, faults, cuts …
    bool counted() const;  // at least 200 operations by two users, two crashes and an outside writer
};

// Lives of one or two stores on one disk: users and another program change it, calls fail, the power is cut, they start
// again; what was acknowledged must be there, and stores that heard all of each other must be equal.
//
// Relaxed, what was acknowledged and not durable
// may be lost by a power cut, the latest first, and never by a kill.
using storage::Durability;
Report run_seed(std::uint64_t seed, Names names, Durability durability);

}  // namespace sim
