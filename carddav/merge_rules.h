#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "carddav/content_line.h"

// What the lines of one name in a card are to each other when two changed cards become one: a table, a row for each
// property.
namespace carddav {

enum class MergeRule : std::uint8_t {
    one,       // a card has one: whatever its value is, it is the same property
    some,      // mostly one; where any of the three cards has more they are entries
    entries,   // the same value with the same types is the same entry
    list,      // each value between commas is an entry, where the line has neither a group nor parameters
    greatest,  // one, and where both changed it the greater
    unknown,   // a line is an entry as a whole; in a group it says something about the others
};
enum class MergeForm : std::uint8_t { text, parts };  // parts: between ';', where empty ones at the end say nothing

struct MergeRow {
    std::string_view name;
    MergeRule rule;
    MergeForm form = MergeForm::text;
};

// Of a name that has none it is `unknown`. ASCII case does not matter.
const MergeRow& merge_row_of(const ContentLine& line);

std::string upper(std::string_view text);  // ASCII

}  // namespace carddav
