#pragma once

#include <memory>

#include "dav/property.h"

// address-data in a report (RFC 6352 section 10.4): the card as it is stored, or in the version asked for, or some of
// its properties.
namespace carddav {

// Throws DavError: supported-address-data for a type or version that is not ours.
std::unique_ptr<dav::AskedProperty> asked_address_data(const xml::Element& element);

}  // namespace carddav
