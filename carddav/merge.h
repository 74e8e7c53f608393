#pragma once

#include <optional>
#include <string>
#include <vector>

#include "carddav/vcard.h"

// One card that two homes changed without knowing of each other, made one again (a three-way merge). Pure; the same
// three cards give the same octets everywhere.
namespace carddav {

// A card as it was when two went on from it, and what became of it. `later` ranks higher: where both changed the same
// it is kept, and its version and its order of lines are those of the result.
struct Fork {
    const Card& base;
    const Card& earlier;
    const Card& later;
};

struct Merged {
    Card card;  // of `later`'s version; 3.0 for 2.1, unless it is one of the two as it stands
    // Where both changed the same in different ways, so that what `earlier` has is gone: names of properties in upper
    // case, sorted, once each. Of a removal and an edit the edit is kept, and nothing is lost by it.
    std::vector<std::string> lost;
};

// Nothing: the UIDs are not the same, or together it would be more than a card can have (kLinesMax; a value of a list
// counts as a line). A head that differs from the base alone comes back as it is. Merging the result, as `later`, with
// one of its heads again gives the result again.
std::optional<Merged> merged(const Fork& fork);

}  // namespace carddav
