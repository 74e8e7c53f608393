#pragma once

#include "dav/conditions.h"
#include "dav/xml/element.h"

// Names and conditions of RFC 6352; the only place where its namespace is written.
namespace carddav {

inline constexpr std::string_view kCardDav = "urn:ietf:params:xml:ns:carddav";

namespace name {

// Section 3 and 5.2, types of resources.
inline constexpr xml::QName addressbook{kCardDav, "addressbook"};

// Section 6.2 and 7.1, properties.
inline constexpr xml::QName addressbook_description{kCardDav, "addressbook-description"};
inline constexpr xml::QName addressbook_home_set{kCardDav, "addressbook-home-set"};
inline constexpr xml::QName max_resource_size{kCardDav, "max-resource-size"};
inline constexpr xml::QName principal_address{kCardDav, "principal-address"};
inline constexpr xml::QName supported_address_data{kCardDav, "supported-address-data"};
inline constexpr xml::QName supported_collation_set{kCardDav, "supported-collation-set"};

// Section 8 and 10, reports and elements.
inline constexpr xml::QName address_data{kCardDav, "address-data"};
inline constexpr xml::QName address_data_type{kCardDav, "address-data-type"};
inline constexpr xml::QName addressbook_multiget{kCardDav, "addressbook-multiget"};
inline constexpr xml::QName addressbook_query{kCardDav, "addressbook-query"};
inline constexpr xml::QName allprop{kCardDav, "allprop"};
inline constexpr xml::QName filter{kCardDav, "filter"};
inline constexpr xml::QName is_not_defined{kCardDav, "is-not-defined"};
inline constexpr xml::QName limit{kCardDav, "limit"};
inline constexpr xml::QName nresults{kCardDav, "nresults"};
inline constexpr xml::QName param_filter{kCardDav, "param-filter"};
inline constexpr xml::QName prop{kCardDav, "prop"};
inline constexpr xml::QName prop_filter{kCardDav, "prop-filter"};
inline constexpr xml::QName supported_collation{kCardDav, "supported-collation"};
inline constexpr xml::QName text_match{kCardDav, "text-match"};

}  // namespace name

namespace cond {

// Section 5.2 and 6.3.2.1.
inline constexpr dav::Condition addressbook_collection_location_ok{{kCardDav, "addressbook-collection-location-ok"},
                                                                   http::Status::forbidden};
inline constexpr dav::Condition max_resource_size{{kCardDav, "max-resource-size"}, http::Status::forbidden};
inline constexpr dav::Condition no_uid_conflict{{kCardDav, "no-uid-conflict"}, http::Status::forbidden};
inline constexpr dav::Condition supported_address_data{{kCardDav, "supported-address-data"}, http::Status::forbidden};
inline constexpr dav::Condition valid_address_data{{kCardDav, "valid-address-data"}, http::Status::forbidden};

// Section 8.6.
inline constexpr dav::Condition supported_collation{{kCardDav, "supported-collation"}, http::Status::forbidden};
inline constexpr dav::Condition supported_filter{{kCardDav, "supported-filter"}, http::Status::forbidden};

}  // namespace cond

}  // namespace carddav
