#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/sim/client.h"

namespace sim {

// An operation that is cut at each of its changes.
struct Operation {
    std::string name;
    std::function<void(Client&)> prepare;  // what is there before it
    std::function<void(Client&)> act;
    // Steps of its write path: it is cut at each of them, or its path is another by now.
    std::vector<std::string> steps;
    std::function<void(Client&)> elsewhere = {};  // what another home did, which `act` hears of
    bool forgets = false;                         // history: a state in between is one of fewer contents
};

const std::vector<Operation>& operations();

}  // namespace sim
