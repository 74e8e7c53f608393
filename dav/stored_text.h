#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/node.h"

namespace dav {

// displayname as PROPPATCH stores it, for who sets and reads it without a client.
std::vector<storage::PropChange> displayname_as(std::string_view title);
std::optional<std::string> displayname_of(const storage::Prop& prop);  // empty: another property

}  // namespace dav
