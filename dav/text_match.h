#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// How the filters of address books and calendars compare texts (RFC 4790, RFC 4791 section 9.7.5, RFC 6352
// section 10.5.4).
namespace dav {

enum class Collation : std::uint8_t { octet, ascii_casemap, unicode_casemap };
std::string_view name_of(Collation collation);  // "i;octet"
// Empty: not one of ours. "default" is the one that the report's RFC names.
std::optional<Collation> collation_named(std::string_view name, Collation by_default);

enum class MatchType : std::uint8_t { equals, contains, starts_with, ends_with };
std::optional<MatchType> match_type_named(std::string_view name);

// What both sides of a comparison become. i;unicode-casemap (RFC 5051) is done by Unicode's case folding after NFC,
// which finds all that RFC 5051 finds and German sharp s as ss beside it.
std::string collated(std::string_view text, Collation collation);

// One text-match, made ready once for many values.
class TextMatch {
  public:
    TextMatch(std::string_view text, Collation collation, MatchType type, bool negate);
    bool matches(std::string_view value) const { return matches_collated(collated(value, collation_)); }
    bool matches_collated(std::string_view value) const;  // as an index holds it

    // For an index that holds collated values.
    const std::string& wanted() const { return wanted_; }  // collated
    Collation collation() const { return collation_; }
    MatchType type() const { return type_; }
    bool negates() const { return negate_; }

  private:
    std::string wanted_;
    Collation collation_;
    MatchType type_;
    bool negate_;
};

}  // namespace dav
