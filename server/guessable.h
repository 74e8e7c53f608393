#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace server {

// How many tries of a guesser a password is worth, in characters: each character is 1, but a word of the embedded list
// of common ones, one of `own` words (the user's name, the machine's), a year, a run of the alphabet or of a row of
// keys, a character repeated, or a repetition of what stands before it is kGuessablePiece, however long it is. Upper
// case and the usual digits for letters (p4ssw0rd) hide nothing. Pure; quadratic in at most kPasswordLengthMax
// characters.
std::size_t guessing_worth(std::string_view password, std::span<const std::string> own);

inline constexpr std::size_t kGuessablePiece = 2;
inline constexpr std::size_t kGuessingWorthMin = 8;  // "password123!" is 5, four common words without a blank are 8

}  // namespace server
