#pragma once

#include <cstddef>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// The lines of which vCards are made (RFC 6350 section 3.3; RFC 2426 section 4; vCard 2.1 section 2.1), pure. Accepts
// what producers write and keeps what it does not know; what can not be read without guessing is an error.
namespace carddav {

inline constexpr std::size_t kLinesMax = 10'000;         // of one card, unfolded
inline constexpr std::size_t kParametersMax = 100;       // of one line
inline constexpr std::size_t kParameterValuesMax = 500;  // of one line, together

struct Parameter {
    std::string name;                 // as written; empty: a bare value of vCard 2.1 (";HOME")
    std::vector<std::string> values;  // without quotes, ^n ^' ^^ resolved (RFC 6868)
    bool operator==(const Parameter&) const = default;
};

struct ContentLine {
    std::string group;  // without the dot; empty: none
    std::string name;   // as written
    std::vector<Parameter> parameters;
    std::string value;       // unfolded; escapes as written
    std::size_t number = 0;  // of its first line in the text, from 1

    bool is(std::string_view wanted) const;  // its name; ASCII case does not matter
    const Parameter* parameter(std::string_view wanted) const;
};

// Octets that are no card. `line`: where, from 1; 0: as a whole.
class BadCard : public std::exception {
  public:
    BadCard(std::string why, std::size_t line) : why_(std::move(why)), line_(line) {}
    const char* what() const noexcept override { return why_.c_str(); }
    std::size_t line() const { return line_; }

  private:
    std::string why_;
    std::size_t line_;
};

// A vCard of a version that is not known.
class BadVersion final : public BadCard {
    using BadCard::BadCard;
};

// Takes lines off the front of a text. Line breaks are CRLF or LF; a lone CR or a NUL is an error, because what a
// reader behind us makes of it differs. Throws BadCard.
class ContentLines {
  public:
    explicit ContentLines(std::string_view text) : rest_(text) {}
    // Empty: the text is at its end. Empty lines are passed over.
    std::optional<ContentLine> next();

  private:
    std::string_view physical_line();
    std::string logical_line();
    bool continues() const;

    std::string_view rest_;
    std::size_t number_ = 0;  // of the physical line taken last
    std::size_t taken_ = 0;   // logical lines
};

// The line as it travels: folded at 75 octets between code points, CRLF at its end, parameter values quoted and escaped
// where they must be (RFC 6868). A bare value of 2.1 becomes a TYPE.
std::string folded(const ContentLine& line);

bool equal_names(std::string_view a, std::string_view b);  // ASCII case does not matter

}  // namespace carddav
