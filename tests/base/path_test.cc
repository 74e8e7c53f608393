#include "storage/base/path.h"

#include <catch2/catch.hpp>

namespace base {
namespace {

TEST_CASE("UTF-8 is well-formed or it is not") {
    const std::pair<std::string, bool> table[] = {
        {"", true},
        {"plain", true},
        {std::string("a\0b", 3), true},
        {"\x7f", true},
        {"\xc2\x80", true},
        {"\xdf\xbf", true},
        {"\xe0\xa0\x80", true},
        {"\xed\x9f\xbf", true},
        {"\xee\x80\x80", true},
        {"\xef\xbf\xbf", true},
        {"\xf0\x90\x80\x80", true},
        {"\xf4\x8f\xbf\xbf", true},
        {"\x80", false},
        {"\xbf", false},
        {"\xc0\x80", false},  // overlong NUL
        {"\xc0\xaf", false},  // overlong slash
        {"\xc1\xbf", false},
        {"\xc2", false},  // cut short
        {"\xc2\x41", false},
        {"\xe0\x80\xaf", false},  // overlong
        {"\xe0\x9f\xbf", false},
        {"\xe2\x82", false},
        {"\xed\xa0\x80", false},  // surrogates
        {"\xed\xbf\xbf", false},
        {"\xf0\x80\x80\xaf", false},  // overlong
        {"\xf0\x8f\xbf\xbf", false},
        {"\xf4\x90\x80\x80", false},  // beyond U+10FFFF
        {"\xf5\x80\x80\x80", false},
        {"\xf8\x88\x80\x80\x80", false},
        {"\xfe", false},
        {"\xff", false},
        {"ok\xe2\x82\xac\xe2\x82", false},
    };
    for (const auto& [text, valid] : table) {
        CAPTURE(text);
        CHECK(is_utf8(text) == valid);
    }
}

TEST_CASE("composed and decomposed names share a key") {
    CHECK(to_nfc("cafe\xcc\x81") == "caf\xc3\xa9");
    CHECK(to_nfc("caf\xc3\xa9") == "caf\xc3\xa9");
    CHECK(to_nfc("plain") == "plain");
    CHECK(to_nfc("") == "");
    CHECK(to_nfc("\xe1\x84\x80\xe1\x85\xa1") == "\xea\xb0\x80");  // Hangul
    CHECK(to_nfc("\xef\xac\x81") == "\xef\xac\x81");              // the ligature is another name than "fi"
    CHECK(to_nfc("\xe2\x84\xab") == "\xc3\x85");                  // a singleton: Angstrom sign
    CHECK(name_key("A") != name_key("a"));
    CHECK(name_key("\xff\xfe") == "\xff\xfe");  // no UTF-8, found on disk: equal to itself only
    const std::string nul("a\0b\xcc\x81", 5);
    CHECK(to_nfc(nul).size() == 5);
}

TEST_CASE("what may be created") {
    using F = NameFault;
    const std::pair<std::string, std::optional<NameFault>> table[] = {
        {"a", {}},
        {std::string(255, 'n'), {}},
        {"...a", {}},
        {".hidden", {}},
        {".hearthstone", {}},
        {"hearth", {}},
        {"a b", {}},
        {" a", {}},
        {"%2e%2e", {}},
        {"a:b*?\"<>|", {}},
        {"\xe2\x82\xac", {}},
        {"", F::empty},
        {std::string(256, 'n'), F::too_long},
        {".", F::dots},
        {"..", F::dots},
        {"a/b", F::slash},
        {"a\\b", F::backslash},
        {std::string("a\0b", 3), F::control},
        {"a\nb", F::control},
        {"\x1f", F::control},
        {"a\x7f", F::control},
        {"\xc0\xaf", F::not_utf8},
        {"\xed\xa0\x80", F::not_utf8},
        {".hearth", F::reserved},
        {".hearth-x", F::reserved},
        {".Hearth", F::reserved},
        {".HEARTH-tmp", F::reserved},
        {"a.", F::trailing_dot_or_space},
        {"a ", F::trailing_dot_or_space},
        {"...", F::trailing_dot_or_space},
    };
    for (const auto& [name, fault] : table) {
        CAPTURE(name);
        CHECK((name_fault(name) == fault));
    }
}

TEST_CASE("joining segments") {
    CHECK(join({}) == "");
    CHECK(join({"a"}) == "a");
    CHECK(join({"a", "b c", ".."}) == "a/b c/..");
}

}  // namespace
}  // namespace base
