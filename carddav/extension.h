#pragma once

#include <span>

#include "dav/extension.h"

// Address books (RFC 6352): what the core of dav takes up at start.
namespace carddav {

extern const dav::Extension kExtension;

// The tables that it joins, a file for each.
std::span<const dav::PropertyDef> properties();
std::span<const dav::ReportDef> reports();

}  // namespace carddav
