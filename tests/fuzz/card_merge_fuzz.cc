// Merging of cards: the first three of the text are the base and what two homes made of it.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "carddav/conversion.h"
#include "carddav/merge.h"

namespace {

using carddav::Card;

// That one is printed and read as it was is asked of cards in vcard_fuzz; here only, that a merge does not end it.
bool is_read_as_printed(const Card& card) {
    try {
        const auto read = carddav::parse_card(carddav::print_card(card)).lines;
        return std::equal(
            read.begin(), read.end(), card.lines.begin(), card.lines.end(),
            [](const auto& a, const auto& b) { return a.group == b.group && a.name == b.name && a.value == b.value; });
    } catch (const carddav::BadCard&) {
        return false;
    }
}

std::string uid_of(const Card& card) {
    const auto* uid = card.find("UID");
    return uid ? carddav::unescaped(uid->value) : "";
}

void check(const Card& base, const Card& earlier, const Card& later) {
    const auto result = carddav::merged({base, earlier, later});
    if (!result) return;
    const Card& card = result->card;
    if (uid_of(card) != uid_of(later)) std::abort();
    const auto as_result = [&](const Card& head) {
        return card.version == carddav::Version::v2_1 ? head : carddav::converted(head, card.version);
    };
    const Card heads[] = {as_result(earlier), as_result(later)};
    if (is_read_as_printed(heads[0]) && is_read_as_printed(heads[1]) && !is_read_as_printed(card)) std::abort();
    for (const carddav::ContentLine& line : card.lines) {
        if (line.is("CATEGORIES") || line.is("NICKNAME")) continue;  // of both, perhaps
        const bool is_known = std::any_of(std::begin(heads), std::end(heads), [&](const Card& head) {
            return std::any_of(head.lines.begin(), head.lines.end(), [&](const auto& one) {
                return one.name == line.name && one.value == line.value && one.parameters == line.parameters;
            });
        });
        if (!is_known) std::abort();
    }
    for (const Card* head : {&earlier, &later, &card}) {
        const auto again = carddav::merged({base, *head, card});
        if (!again || carddav::print_card(again->card) != carddav::print_card(card)) std::abort();
    }
    const auto swapped = carddav::merged({base, later, earlier});
    if (later.version == earlier.version && (!swapped || swapped->lost != result->lost)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::vector<Card> cards;
    for (const carddav::CardText& one : carddav::cards_in({reinterpret_cast<const char*>(data), size})) {
        if (cards.size() == 3) break;
        try {
            cards.push_back(carddav::parse_card(one.text));
        } catch (const carddav::BadCard&) {
        }
    }
    if (cards.empty()) return 0;
    while (cards.size() < 3) cards.push_back(cards.back());
    check(cards[0], cards[1], cards[2]);
    check(cards[2], cards[0], cards[1]);
    return 0;
}
