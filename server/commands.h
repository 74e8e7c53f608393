#pragma once

#include <string>
#include <string_view>

#include "server/core.h"

namespace server {

// Runs one administrative command. The same code serves a stopped root (the command line opens it) and a running server
// (its control socket), so both sides speak JSON: `request` is an object with "command" ("user add") and the arguments;
// the answer is {"value": …, "text": lines for people, "status": 0 or 1} or {"error": "one clear line"}. Never throws.
std::string execute_command(Core& core, std::string_view request);

}  // namespace server
