#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace base {

// Names and paths of resources. There is one parser of paths in Hearth: authorisation, look-up and the disk all see
// the same vector of segments (security.md 3.1 #6).
inline constexpr std::size_t kNameBytesMax = 255;
inline constexpr std::size_t kSegmentsMax = 64;
inline constexpr std::size_t kPathBytesMax = 4096;

// Decoded, validated names from the root of a tree to a resource; empty = the root itself.
using Segments = std::vector<std::string>;

// Why a name can not be created over DAV. Names that are already on disk are looked up as they are.
enum class NameFault { empty, too_long, dots, slash, backslash, control, not_utf8, reserved, trailing_dot_or_space };

bool is_utf8(std::string_view text);              // strict: no overlong forms, surrogates or beyond U+10FFFF
std::string to_nfc(std::string_view utf8);        // libutf8proc; returns the input when it is NFC already
std::string caseless_key(std::string_view text);  // equal for texts that differ in case only; not UTF-8: as it is
std::string name_key(std::string_view utf8);      // what two names share when they are one name: NFC (RFC 5198 §3)

// Checks a decoded name against what may be created: valid UTF-8, 1..255 octets, no separators, no C0 or DEL, not "."
// or "..", not Hearth's own (".hearth" and its staging prefix), no trailing dot or space (Windows clients).
std::optional<NameFault> name_fault(std::string_view name);

// "a/b/c" without leading or trailing slash; for logs and for paths under a directory handle.
std::string join(const Segments& segments);

}  // namespace base
