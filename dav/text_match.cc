#include "dav/text_match.h"

#include <array>
#include <utility>

#include "storage/base/path.h"

namespace dav {
namespace {

constexpr std::array<std::pair<std::string_view, Collation>, 3> kCollations = {{
    {"i;octet", Collation::octet},
    {"i;ascii-casemap", Collation::ascii_casemap},
    {"i;unicode-casemap", Collation::unicode_casemap},
}};

constexpr std::array<std::pair<std::string_view, MatchType>, 4> kMatchTypes = {{
    {"equals", MatchType::equals},
    {"contains", MatchType::contains},
    {"starts-with", MatchType::starts_with},
    {"ends-with", MatchType::ends_with},
}};

}  // namespace

std::string_view name_of(Collation collation) {
    return kCollations[static_cast<std::size_t>(collation)].first;
}

std::optional<Collation> collation_named(std::string_view name, Collation by_default) {
    if (name == "default") return by_default;
    for (const auto& [known, collation] : kCollations)
        if (name == known) return collation;
    return std::nullopt;
}

std::optional<MatchType> match_type_named(std::string_view name) {
    for (const auto& [known, type] : kMatchTypes)
        if (name == known) return type;
    return std::nullopt;
}

std::string collated(std::string_view text, Collation collation) {
    if (collation == Collation::unicode_casemap) return base::caseless_key(text);
    std::string out(text);
    if (collation == Collation::octet) return out;
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

TextMatch::TextMatch(std::string_view text, Collation collation, MatchType type, bool negate)
    : wanted_(collated(text, collation)), collation_(collation), type_(type), negate_(negate) {}

bool TextMatch::matches_collated(std::string_view there) const {
    switch (type_) {
        case MatchType::equals: return (there == wanted_) != negate_;
        case MatchType::contains: return (there.find(wanted_) != std::string_view::npos) != negate_;
        case MatchType::starts_with: return there.starts_with(wanted_) != negate_;
        case MatchType::ends_with: return there.ends_with(wanted_) != negate_;
    }
    return false;
}

}  // namespace dav
