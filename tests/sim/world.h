#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/sim/disk.h"

namespace sim {

// What one seed did and found.
struct Report {
    std::uint64_t seed = 0;
    std::uint64_t trace = 0;  // of everything that happened, in order
    std::vector<std::string> broken;
    std::map<std::string, std::uint64_t> counts;  // operations, crashes, …
    bool counted() const;                         // enough happened to count as a run
};

// Lives of one store on one disk: users and an outside writer change it, the power is cut, it starts again, and what
// was acknowledged must be there.
Report run_seed(std::uint64_t seed, Names names);

}  // namespace sim
