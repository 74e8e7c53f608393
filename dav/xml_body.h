#pragma once

#include <string_view>

#include "dav/context.h"
#include "dav/xml/element.h"

namespace dav {

// The XML body of a request, within the limits of the configuration. Throws DavError: 403 no-external-entities for any
// DOCTYPE, 413 for too many octets, 400 for everything else that is wrong.
xml::Element parse_xml_body(std::string_view body, const Limits& limits);

// The same for a report, whose body may name all members of a collection.
xml::Element parse_report_body(std::string_view body, const Limits& limits);

}  // namespace dav
