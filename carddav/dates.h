#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "carddav/vcard.h"

// Days of the year that a card names (RFC 6350 section 6.2.5, 6.2.6 and 4.3.1; Apple's X-ABDATE), for the calendar of
// birthdays. Pure.
namespace carddav {

inline constexpr std::size_t kDatesMax = 32;  // of one card; the first ones count

enum class DateKind : std::uint8_t { birthday = 1, anniversary = 2, other = 3 };  // stored: never renumber

struct CardDate {
    DateKind kind = DateKind::birthday;
    std::string label;  // what the card calls it; empty: nothing of its own
    std::optional<int> year;
    int month = 0;  // 1..12
    int day = 0;    // 1..31
    bool operator==(const CardDate&) const = default;
};

// Values that name no day (a year alone, a month alone, text) are left out, and so are days that are in no calendar.
std::vector<CardDate> dates_in(const Card& card);

}  // namespace carddav
