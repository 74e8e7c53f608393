#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "carddav/vcard.h"
#include "dav/text_match.h"
#include "dav/xml/element.h"

// The filter of an addressbook-query (RFC 6352 section 10.5): read once, asked of many cards. Pure.
namespace carddav {

inline constexpr std::size_t kFilterPartsMax = 200;  // prop-filters, param-filters and text-matches, together

enum class Test : std::uint8_t { anyof, allof };

struct ParamFilter {
    std::string name;
    bool is_not_defined = false;
    std::optional<dav::TextMatch> text;  // neither: it is there
};

struct PropFilter {
    std::string group;  // empty: any, and none
    std::string name;
    Test test = Test::anyof;
    bool is_not_defined = false;
    std::vector<dav::TextMatch> texts;
    std::vector<ParamFilter> params;  // neither: it is there
};

struct Filter {
    Test test = Test::anyof;
    std::vector<PropFilter> props;  // empty: every card
};

// Throws DavError: supported-filter for what the grammar does not have or is too much, supported-collation.
Filter parse_filter(const xml::Element& element);

bool matches(const Filter& filter, const Card& card);

}  // namespace carddav
