#include "carddav/vcard.h"

#include <catch2/catch.hpp>

namespace carddav {
namespace {

std::string card_of(std::string_view version, std::string_view lines) {
    return "BEGIN:VCARD\r\nVERSION:" + std::string(version) + "\r\n" + std::string(lines) + "END:VCARD\r\n";
}

TEST_CASE("a card of each version is read") {
    for (const Version version : {Version::v2_1, Version::v3_0, Version::v4_0}) {
        const Card card = parse_card(card_of(text_of(version), "FN:Ana\r\nTEL:1\r\ntel:2\r\nX-OWN;P=q:kept\r\n"));
        CHECK(card.version == version);
        CHECK(card.lines.size() == 4);
        REQUIRE(card.find("fn"));
        CHECK(card.find("fn")->value == "Ana");
        CHECK(card.all("TEL").size() == 2);
        CHECK(!card.find("UID"));
        CHECK(print_card(card) == card_of(text_of(version), "FN:Ana\r\nTEL:1\r\ntel:2\r\nX-OWN;P=q:kept\r\n"));
    }
}

TEST_CASE("what surrounds a card is forgiven where nothing is lost by it") {
    CHECK(parse_card("\xEF\xBB\xBF" + card_of("3.0", "FN:a\r\n")).lines.size() == 1);
    CHECK(parse_card("\r\n" + card_of("3.0", "FN:a\r\n") + "\r\n \r\n").lines.size() == 1);
    CHECK(parse_card("begin:vcard\nversion: 3.0 \nfn:a\nend:VCard").lines.size() == 1);
    CHECK(parse_card("BEGIN:VCARD\nFN:a\nVERSION:3.0\nEND:VCARD\n").version == Version::v3_0);
}

TEST_CASE("octets that are no card") {
    const std::string bad[] = {
        "",
        "FN:a\r\n",
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n",
        "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:a\r\n",
        "BEGIN:VCARD\r\nFN:a\r\nEND:VCARD\r\n",
        "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:a\r\nEND:VCALENDAR\r\n",
        card_of("5.0", "FN:a\r\n"),
        card_of("3.0", "VERSION:3.0\r\nFN:a\r\n"),
        card_of("3.0", "FN:a\r\nBEGIN:VCARD\r\nVERSION:3.0\r\nFN:b\r\nEND:VCARD\r\n"),
        card_of("3.0", "FN:a\r\n") + card_of("3.0", "FN:b\r\n"),
        card_of("3.0", "FN:M\xFCller\r\n"),
        card_of("3.0", "TEL;TYPE=\xFC:1\r\n"),
        card_of("2.1", "FN;CHARSET=no-such-charset:a\r\n"),
        card_of("2.1", "FN;CHARSET=UTF-8:M\xFCller\r\n"),
        card_of("2.1", "FN;QUOTED-PRINTABLE:a=00b\r\n"),
    };
    for (const std::string& text : bad) {
        INFO(text);
        CHECK_THROWS_AS(parse_card(text), BadCard);
    }
}

TEST_CASE("encodings of older cards") {
    struct Case {
        const char* line;
        const char* value;
    };
    const Case cases[] = {
        {"FN;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:M=C3=BCller\r\n", "M\xC3\xBCller"},
        {"FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=\r\n=BCller\r\n", "M\xC3\xBCller"},
        {"FN;QUOTED-PRINTABLE:M=C3=BCller\r\n", "M\xC3\xBCller"},
        {"FN;CHARSET=ISO-8859-1;ENCODING=quoted-printable:M=FCller\r\n", "M\xC3\xBCller"},
        {"FN;CHARSET=windows-1252:M\xFCller \x80\r\n", "M\xC3\xBCller \xE2\x82\xAC"},
        {"FN;ENCODING=QUOTED-PRINTABLE:one=0D=0Atwo=0Athree\r\n", "one\\ntwo\\nthree"},
        {"FN;ENCODING=QUOTED-PRINTABLE:50=25 =zz = .\r\n", "50% =zz = ."},
        {"FN;ENCODING=BASE64:\r\n  YWJj\r\n  ZGVm\r\n\r\n", "YWJjZGVm"},
        {"FN;ENCODING=b;TYPE=JPEG:YWJj\r\n ZGVm\r\n", "YWJjZGVm"},
    };
    for (const Case& one : cases) {
        INFO(one.line);
        const Card card = parse_card(card_of("2.1", std::string(one.line) + "NOTE:n\r\n"));
        REQUIRE(card.lines.size() == 2);
        CHECK(card.lines[0].value == one.value);
        CHECK(!card.lines[0].parameter("CHARSET"));
    }
    const Card photo = parse_card(card_of("2.1", "PHOTO;JPEG;ENCODING=BASE64:YWJj\r\nTEL;CELL:1\r\n"));
    CHECK(photo.lines[0].parameters == std::vector<Parameter>{{"", {"JPEG"}}, {"ENCODING", {"BASE64"}}});
    CHECK(photo.lines[1].parameters == std::vector<Parameter>{{"", {"CELL"}}});
    // A bare encoding is printed as one, not as a type.
    const Card bare = parse_card(card_of("2.1", "PHOTO;PNG;base64:YWJj\r\n"));
    CHECK(bare.lines[0].parameters == std::vector<Parameter>{{"", {"PNG"}}, {"ENCODING", {"base64"}}});
    CHECK(print_card(bare) == card_of("2.1", "PHOTO;TYPE=PNG;ENCODING=base64:YWJj\r\n"));
}

TEST_CASE("values and their parts") {
    using Parts = std::vector<std::vector<std::string>>;
    CHECK(components("") == Parts{{""}});
    CHECK(components("M\xC3\xBCller;Ana;;Dr.;") == Parts{{"M\xC3\xBCller"}, {"Ana"}, {""}, {"Dr."}, {""}});
    CHECK(components("a,b;c\\,d\\;e;f\\ng") == Parts{{"a", "b"}, {"c,d;e"}, {"f\ng"}});
    CHECK(components("a\\") == Parts{{"a\\"}});
    CHECK(unescaped("a\\nb\\Nc\\,d\\;e\\:f\\\\g\\h\\") == "a\nb\nc,d;e:f\\g\\h\\");
    CHECK(escaped("a\r\nb,c;d\\e:f") == "a\\nb\\,c\\;d\\\\e:f");
    for (const std::string text : {"", "a,b;c\\d\ne", "\\n", ",,;;\\\\"}) CHECK(unescaped(escaped(text)) == text);
}

TEST_CASE("a text is cut into its cards") {
    const std::string a = card_of("3.0", "FN:a\r\n");
    const std::string b = card_of("2.1", "FN:b\r\n");
    CHECK(cards_in("").empty());
    CHECK(cards_in("no card\r\n").empty());
    const auto two = cards_in("before\r\n" + a + "\r\nbetween\r\n" + b + "after");
    REQUIRE(two.size() == 2);
    const std::string text = "x\r\n" + a + "y\r\n" + b;
    const auto cards = cards_in(text);
    REQUIRE(cards.size() == 2);
    CHECK(cards[0].text == a);
    CHECK(cards[0].line == 2);
    CHECK(cards[1].text == b);
    CHECK(cards[1].line == 7);
    // One that does not end hides none behind it.
    const std::string open = "BEGIN:VCARD\r\nFN:open\r\n" + a + "begin:vcard\r\nFN:last";
    const auto three = cards_in(open);
    REQUIRE(three.size() == 3);
    CHECK(three[0].text == "BEGIN:VCARD\r\nFN:open\r\n");
    CHECK(three[1].text == a);
    CHECK(three[2].text == "begin:vcard\r\nFN:last");
}

}  // namespace
}  // namespace carddav
