#pragma once

#include <span>

#include "dav/extension.h"

namespace dav {

// The reports of the core, a file for each family.
std::span<const ReportDef> sync_reports();       // RFC 6578
std::span<const ReportDef> expand_reports();     // RFC 3253 §3.8
std::span<const ReportDef> principal_reports();  // RFC 3744 §9

}  // namespace dav
