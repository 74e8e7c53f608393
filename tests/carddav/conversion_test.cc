#include "carddav/conversion.h"

#include "storage/base/failure.h"  // before Catch: both have a CHECK, and here it is the test's

#include <catch2/catch.hpp>

namespace carddav {
namespace {

// The lines of a card of that version, as they are printed (unfolded) in the other.
std::string lines_of(const Card& card) {
    std::string text = print_card(card);
    for (std::size_t at = 0; (at = text.find("\r\n ", at)) != std::string::npos;) text.erase(at, 3);
    const std::size_t begin = text.find("\r\n", text.find("VERSION:")) + 2;
    return text.substr(begin, text.rfind("END:VCARD") - begin);
}

std::string in(Version to, Version from, const std::string& lines) {
    const std::string text = "BEGIN:VCARD\r\nVERSION:" + std::string(text_of(from)) + "\r\n" + lines + "END:VCARD\r\n";
    const Card card = converted(parse_card(text), to);
    CHECK(card.version == to);
    return lines_of(card);
}

struct Pair {
    const char* v3;
    const char* v4;
};

// Both ways.
const Pair kSame[] = {
    {"N:a;b;;;\r\n", "N:a;b;;;\r\n"},
    {"X-OWN;P=q:kept\r\n", "X-OWN;P=q:kept\r\n"},
    {"item1.X-ABLABEL:_$!<Home>!$_\r\n", "item1.X-ABLABEL:_$!<Home>!$_\r\n"},
    {"TEL;TYPE=home:1\r\n", "TEL;TYPE=home:1\r\n"},
    {"TEL;TYPE=home,pref:1\r\n", "TEL;TYPE=home;PREF=1:1\r\n"},
    {"PHOTO;ENCODING=b;TYPE=JPEG:YWJj\r\n", "PHOTO:data:image/jpeg;base64,YWJj\r\n"},
    {"PHOTO;VALUE=uri:http://a/b.png\r\n", "PHOTO;VALUE=uri:http://a/b.png\r\n"},
    {"KEY;ENCODING=b;TYPE=PGP:YWJj\r\n", "KEY:data:application/pgp-keys;base64,YWJj\r\n"},
    {"BDAY:1996-04-15\r\n", "BDAY:19960415\r\n"},
    {"BDAY:1996-04-15T10:20:30Z\r\n", "BDAY:19960415T102030Z\r\n"},
    {"BDAY;X-APPLE-OMIT-YEAR=1604:1604-02-29\r\n", "BDAY:--0229\r\n"},
    {"BDAY:some day\r\n", "BDAY:some day\r\n"},
    {"X-ANNIVERSARY:2009-08-08\r\n", "ANNIVERSARY:20090808\r\n"},
    {"GEO:37.38;-122.08\r\n", "GEO:geo:37.38,-122.08\r\n"},
    {"X-ADDRESSBOOKSERVER-KIND:group\r\n", "KIND:group\r\n"},
    {"X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:1\r\n", "MEMBER:urn:uuid:1\r\n"},
    {"UID:plain-1\r\n", "UID;VALUE=text:plain-1\r\n"},
    {"UID:urn:uuid:1-2\r\n", "UID:urn:uuid:1-2\r\n"},
    {"ADR;TYPE=home:;;x;;;;\r\nLABEL;TYPE=home:a\\nb\\, c\r\n", "ADR;TYPE=home;LABEL=\"a^nb, c\":;;x;;;;\r\n"},
    {"N:a;b;;;\r\nSORT-STRING:b\r\n", "N;SORT-AS=b:a;b;;;\r\n"},
};

TEST_CASE("3.0 and 4.0 say the same in their ways") {
    const std::string name = "N:Doe;Ana;;;\r\n";
    for (const Pair& one : kSame) {
        INFO(one.v3);
        const bool has_name = std::string_view(one.v3).starts_with("N:");
        const std::string before = has_name ? "" : name;
        CHECK(in(Version::v4_0, Version::v3_0, before + one.v3) == before + one.v4);
        if (std::string_view(one.v3).find("TYPE=home,pref") == std::string_view::npos)
            CHECK(in(Version::v3_0, Version::v4_0, before + one.v4) == before + one.v3);
    }
}

TEST_CASE("what only one of the two versions writes") {
    const std::string name = "N:Doe;Ana;;;\r\n";
    const Pair to_4[] = {
        {"EMAIL;TYPE=INTERNET,HOME:a@b\r\n", "EMAIL;TYPE=HOME:a@b\r\n"},
        {"EMAIL;TYPE=INTERNET;TYPE=pref:a@b\r\n", "EMAIL;PREF=1:a@b\r\n"},
        {"BDAY;VALUE=date:1996-04-15\r\n", "BDAY:19960415\r\n"},
        {"X-EVOLUTION-ANNIVERSARY:2009-08-08\r\n", "ANNIVERSARY:20090808\r\n"},
        {"LABEL;TYPE=work:alone\r\n", "LABEL;TYPE=work:alone\r\n"},
        {"item1.ADR:;;x;;;;\r\nitem1.LABEL:y\r\n", "item1.ADR;LABEL=y:;;x;;;;\r\n"},
        {"PHOTO;ENCODING=b:YWJj\r\n", "PHOTO:data:application/octet-stream;base64,YWJj\r\n"},
        {"PHOTO;ENCODING=b;TYPE=image/png:YWJj\r\n", "PHOTO:data:image/png;base64,YWJj\r\n"},
        {"PHOTO;BASE64;TYPE=PNG:YWJj\r\n", "PHOTO:data:image/png;base64,YWJj\r\n"},
    };
    for (const Pair& one : to_4) {
        INFO(one.v3);
        CHECK(in(Version::v4_0, Version::v3_0, name + one.v3) == name + one.v4);
    }
    const Pair to_3[] = {
        {"TEL;TYPE=home,pref:1\r\n", "TEL;TYPE=home;PREF=1:1\r\n"},
        {"TEL:1\r\nTEL;TYPE=pref:2\r\n", "TEL;PREF=50:1\r\nTEL;PREF=2:2\r\n"},
        {"TEL:+1-555;ext=1\r\n", "TEL;VALUE=uri:tel:+1-555;ext=1\r\n"},
        {"PHOTO;ENCODING=b:YWJj\r\n", "PHOTO;MEDIATYPE=x/y:data:x/y;base64,YWJj\r\n"},
        {"ADR;ENCODING=b:x\r\nLABEL:a b\r\n", "ADR;LABEL=a b;ENCODING=b:x\r\n"},
        {"PHOTO;ENCODING=b;TYPE=JPEG:YWJj\r\n", "PHOTO;VALUE=URI:data:image/JPEG;base64\\,YWJj\r\n"},
        {"PHOTO:data:image/svg+xml;base64:abc\r\n", "PHOTO:data:image/svg+xml;base64:abc\r\n"},
        {"PHOTO:data:image/svg+xml,abc\r\n", "PHOTO:data:image/svg+xml,abc\r\n"},
    };
    for (const Pair& one : to_3) {
        INFO(one.v4);
        CHECK(in(Version::v3_0, Version::v4_0, name + one.v4) == name + one.v3);
    }
}

TEST_CASE("3.0 has a name, whatever 4.0 had") {
    CHECK(in(Version::v3_0, Version::v4_0, "FN:Ana Doe\r\n") == "N:Ana Doe;;;;\r\nFN:Ana Doe\r\n");
    CHECK(in(Version::v3_0, Version::v4_0, "NOTE:x\r\n") == "N:;;;;\r\nNOTE:x\r\n");
}

TEST_CASE("2.1 is read as what followed it") {
    const Pair cases[] = {
        {"N:Doe;Ana\r\nTEL;HOME;PREF:1\r\n", "N:Doe;Ana\r\nTEL;TYPE=HOME,PREF:1\r\n"},
        {"N:x\r\nPHOTO;JPEG;ENCODING=BASE64:YWJj\r\n", "N:x\r\nPHOTO;ENCODING=b;TYPE=JPEG:YWJj\r\n"},
        {"N:x\r\nPHOTO;JPEG;BASE64:YWJj\r\n", "N:x\r\nPHOTO;ENCODING=b;TYPE=JPEG:YWJj\r\n"},
        {"N:x\r\nNOTE:a, b; c\r\n", "N:x\r\nNOTE:a\\, b\\; c\r\n"},
        {"N:x\r\nNOTE;ENCODING=QUOTED-PRINTABLE:a=0D=0Ab\r\n", "N:x\r\nNOTE:a\\nb\r\n"},
        {"N:x\r\nPHOTO;VALUE=URL:http://a/?b,c\r\n", "N:x\r\nPHOTO;VALUE=uri:http://a/?b,c\r\n"},
        {"N:x\r\nX-ANDROID-CUSTOM:a/b;Mo, M;1\r\n", "N:x\r\nX-ANDROID-CUSTOM:a/b;Mo, M;1\r\n"},
        {"N:x\r\nURL:http://a/?b,c\r\n", "N:x\r\nURL:http://a/?b,c\r\n"},
        {"N:x\r\nADR;WORK:;;Street 1, 2nd floor;;;;\r\n", "N:x\r\nADR;TYPE=WORK:;;Street 1\\, 2nd floor;;;;\r\n"},
    };
    for (const Pair& one : cases) {
        INFO(one.v3);
        CHECK(in(Version::v3_0, Version::v2_1, one.v3) == one.v4);
    }
    CHECK(in(Version::v4_0, Version::v2_1, "N:x\r\nTEL;HOME;PREF:1\r\n") == "N:x\r\nTEL;TYPE=HOME;PREF=1:1\r\n");
}

TEST_CASE("there and back again nothing is lost") {
    for (const Pair& one : kSame) {
        const std::string lines =
            std::string(one.v3).starts_with("N:") ? one.v3 : "N:Doe;Ana;;;\r\n" + std::string(one.v3);
        const std::string text = "BEGIN:VCARD\r\nVERSION:3.0\r\n" + lines + "END:VCARD\r\n";
        const Card once = parse_card(text);
        const Card there = converted(once, Version::v4_0);
        const Card again = converted(converted(there, Version::v3_0), Version::v4_0);
        INFO(one.v3);
        CHECK(print_card(again) == print_card(there));
        CHECK(print_card(converted(once, Version::v3_0)) == text);
    }
}

}  // namespace
}  // namespace carddav
