#include "storage/base/path.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

#include "storage/base/failure.h"

namespace base {
namespace {

constexpr std::string_view kReserved = ".hearth";

bool is_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

struct FreeDeleter {
    void operator()(utf8proc_uint8_t* text) const { std::free(text); }
};

bool is_continuation(unsigned char octet) {
    return (octet & 0xc0) == 0x80;
}

// Checks the sequence at `at`; its length, or 0 when it is not well-formed (Unicode 15, table 3-7).
std::size_t well_formed_at(std::string_view text, std::size_t at) {
    const auto octet = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
    const unsigned char lead = octet(0);
    if (lead < 0x80) return 1;
    if (lead < 0xc2 || lead > 0xf4) return 0;  // continuation, overlong, or beyond U+10FFFF
    const std::size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (text.size() - at < length) return 0;
    for (std::size_t i = 1; i < length; ++i)
        if (!is_continuation(octet(i))) return 0;
    if (lead == 0xe0 && octet(1) < 0xa0) return 0;   // overlong
    if (lead == 0xed && octet(1) >= 0xa0) return 0;  // surrogate
    if (lead == 0xf0 && octet(1) < 0x90) return 0;   // overlong
    if (lead == 0xf4 && octet(1) >= 0x90) return 0;  // beyond U+10FFFF
    return length;
}

std::string mapped(std::string_view utf8, int options) {
    utf8proc_uint8_t* raw = nullptr;
    const auto length =
        ::utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(utf8.data()),
                       static_cast<utf8proc_ssize_t>(utf8.size()), &raw, static_cast<utf8proc_option_t>(options));
    const std::unique_ptr<utf8proc_uint8_t, FreeDeleter> owned(raw);
    if (length == UTF8PROC_ERROR_NOMEM) throw std::bad_alloc();
    CHECK(length >= 0);
    return std::string(reinterpret_cast<const char*>(raw), static_cast<std::size_t>(length));
}

}  // namespace

bool is_utf8(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = well_formed_at(text, at);
        if (length == 0) return false;
        at += length;
    }
    return true;
}

std::string to_nfc(std::string_view utf8) {
    if (is_ascii(utf8)) return std::string(utf8);
    CHECK(is_utf8(utf8));
    return mapped(utf8, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
}

std::string caseless_key(std::string_view text) {
    if (!is_utf8(text)) return std::string(text);
    return mapped(text, UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD);
}

// Names on disk may be any octets; those that are no UTF-8 are only ever equal to themselves.
std::string name_key(std::string_view utf8) {
    return is_utf8(utf8) ? to_nfc(utf8) : std::string(utf8);
}

std::optional<NameFault> name_fault(std::string_view name) {
    if (name.empty()) return NameFault::empty;
    if (name.size() > kNameBytesMax) return NameFault::too_long;
    if (name == "." || name == "..") return NameFault::dots;
    for (const char c : name) {
        if (c == '/') return NameFault::slash;
        if (c == '\\') return NameFault::backslash;
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return NameFault::control;
    }
    if (!is_utf8(name)) return NameFault::not_utf8;
    // Upper case as well: a tree shared over Samba or lying on a case-folding file system has one name for both.
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    std::string head(name.substr(0, kReserved.size() + 1));
    std::transform(head.begin(), head.end(), head.begin(), lower);
    if (head == kReserved || head == std::string(kReserved) + "-") return NameFault::reserved;
    if (name.back() == '.' || name.back() == ' ') return NameFault::trailing_dot_or_space;
    return std::nullopt;
}

std::string join(const Segments& segments) {
    std::string path;
    for (const auto& segment : segments) {
        if (!path.empty()) path += '/';
        path += segment;
    }
    return path;
}

}  // namespace base
