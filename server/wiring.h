#pragma once

#include <optional>
#include <string>

#include "server/config.h"
#include "server/core.h"
#include "server/net/server.h"

namespace server {

// What each part of the process gets out of the configuration.
CoreOptions core_options(const Config& config);
net::Options net_options(const Config& config, std::optional<net::Certificate> certificate);
bool wants_tls(const Config& config);
std::string keys_folder(const Config& config);

// As root with run_as: makes a missing root, gives it to that user and becomes that user. As root without: stays.
void settle_identity(const Config& config);

}  // namespace server
