#pragma once

#include "dav/conditions.h"
#include "dav/xml/element.h"

// Names and conditions of RFC 6352; the only place where its namespace is written.
namespace carddav {

inline constexpr std::string_view kCardDav = "urn:ietf:params:xml:ns:carddav";

namespace name {

// Section 10, elements.
inline constexpr xml::QName filter{kCardDav, "filter"};
inline constexpr xml::QName is_not_defined{kCardDav, "is-not-defined"};
inline constexpr xml::QName param_filter{kCardDav, "param-filter"};
inline constexpr xml::QName prop_filter{kCardDav, "prop-filter"};
inline constexpr xml::QName text_match{kCardDav, "text-match"};

}  // namespace name

namespace cond {

// Section 8.6.
inline constexpr dav::Condition supported_collation{{kCardDav, "supported-collation"}, http::Status::forbidden};
inline constexpr dav::Condition supported_filter{{kCardDav, "supported-filter"}, http::Status::forbidden};

}  // namespace cond

}  // namespace carddav
