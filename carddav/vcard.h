#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "carddav/content_line.h"

// One vCard: read leniently (4.0, 3.0, 2.1), all that is not known kept. Pure. What a client stored is kept as octets
// elsewhere; this is what is asked about it, and what is printed when another version was asked for.
namespace carddav {

enum class Version : std::uint8_t { v2_1, v3_0, v4_0 };
std::string_view text_of(Version version);  // "4.0"

struct Card {
    Version version = Version::v3_0;
    // Without BEGIN, VERSION and END, in the order of the text. Values of 2.1 that were encoded are UTF-8 now, their
    // ENCODING=QUOTED-PRINTABLE and CHARSET are gone; a bare encoding has its name.
    std::vector<ContentLine> lines;

    const ContentLine* find(std::string_view name) const;  // the first of that name
    std::vector<const ContentLine*> all(std::string_view name) const;
};

// Exactly one card. Throws BadCard: BEGIN, END or VERSION are missing, twice or in the wrong place, a card in a card,
// text behind its end, octets that are no UTF-8 where no known CHARSET says what they are.
Card parse_card(std::string_view text);

// As it travels, in card.version.
std::string print_card(const Card& card);

// The parts of a structured value (N, ADR, ORG) between ';', each of its parts between ',' (unescaped).
std::vector<std::vector<std::string>> components(std::string_view value);
// A text value: "\n" "\N" "\," "\;" "\:" "\\" resolved; a backslash before anything else is itself.
std::string unescaped(std::string_view value);
std::string escaped(std::string_view text);  // as a component: ',' ';' '\\' and line breaks

// What one or more cards in a text are cut into, for importing: each from BEGIN:VCARD to its END, with its number of
// line. A card that does not end goes on until the next one begins.
struct CardText {
    std::string_view text;
    std::size_t line = 1;
};
std::vector<CardText> cards_in(std::string_view text);

}  // namespace carddav
