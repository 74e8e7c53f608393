#pragma once

#include <string>

namespace sim {

// The power is cut and the process killed at each change that each operation makes, on file systems that keep the order
// of names and on those that do not, and then in the middle of the start that follows. What is left must be the state
// before the operation or the one after it, and after it where it was acknowledged. Prints what it did, and what broke;
// gives how much that is. `only`: of operations with this in their name; empty: all.
std::size_t run_cuts(const std::string& only);

}  // namespace sim
