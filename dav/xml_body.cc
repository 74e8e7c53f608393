#include "dav/xml_body.h"

#include "dav/error.h"
#include "dav/xml/reader.h"

namespace dav {

namespace {

xml::Element parse_within(std::string_view body, const xml::ReadLimits& read) {
    try {
        return xml::parse(body, read);
    } catch (const xml::ParseError& error) {  // told to the client as the status its fault stands for
        switch (error.fault()) {
            case xml::ParseFault::forbidden_doctype: throw DavError(cond::no_external_entities).detail(error.what());
            case xml::ParseFault::too_large: throw DavError(http::Status::content_too_large).detail(error.what());
            default: throw DavError(http::Status::bad_request).detail(error.what());
        }
    }
}

}  // namespace

xml::Element parse_xml_body(std::string_view body, const Limits& limits) {
    xml::ReadLimits read;
    read.bytes_max = static_cast<std::size_t>(limits.xml_bytes_max);
    read.depth_max = limits.xml_depth_max;
    read.elements_max = limits.xml_elements_max;
    return parse_within(body, read);
}

xml::Element parse_report_body(std::string_view body, const Limits& limits) {
    xml::ReadLimits read;
    read.bytes_max = static_cast<std::size_t>(limits.report_bytes_max);
    read.depth_max = limits.xml_depth_max;
    read.elements_max = limits.report_elements_max;
    return parse_within(body, read);
}

}  // namespace dav
