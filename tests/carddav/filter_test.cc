#include "carddav/filter.h"

#include "dav/error.h"  // before Catch: base's CHECK and the test's

#include <catch2/catch.hpp>

#include "carddav/names.h"
#include "dav/xml/reader.h"

namespace carddav {
namespace {

const char* const kCard =
    "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ana M\xC3\xBCller\r\nN:M\xC3\xBCller;Ana;;;\r\nNICKNAME:Nana\\, the great\r\n"
    "EMAIL;TYPE=home,pref:ana@example.org\r\nEMAIL;TYPE=work:ana@work.example\r\nitem1.TEL;X-P=q:+49 30 1\r\n"
    "TEL;CELL:+49 170 2\r\nEND:VCARD\r\n";

Filter filter(const std::string& inside) {
    return parse_filter(xml::parse("<filter xmlns=\"" + std::string(kCardDav) + "\"" +
                                   (inside.starts_with("<") ? ">" : " ") + inside + "</filter>"));
}

TEST_CASE("filters of address books") {
    struct Case {
        const char* inside;  // of filter; without a '<' at the begin: attributes come first
        bool wanted;
    };
    const Case cases[] = {
        {"<!-- every card -->", true},
        {"<prop-filter name=\"FN\"/>", true},
        {"<prop-filter name=\"fn\"/>", true},
        {"<prop-filter name=\"UID\"/>", false},
        {"<prop-filter name=\"UID\"><is-not-defined/></prop-filter>", true},
        {"<prop-filter name=\"FN\"><is-not-defined/></prop-filter>", false},
        {"<prop-filter name=\"FN\"><text-match>m\xC3\xBCll</text-match></prop-filter>", true},
        {"<prop-filter name=\"FN\"><text-match>M\xC3\x9CLL</text-match></prop-filter>", true},
        {"<prop-filter name=\"FN\"><text-match collation=\"default\">M\xC3\x9CLL</text-match></prop-filter>", true},
        {"<prop-filter name=\"FN\"><text-match collation=\"i;ascii-casemap\">M\xC3\x9CLL</text-match></prop-filter>",
         false},
        {"<prop-filter name=\"FN\"><text-match collation=\"i;ascii-casemap\">ANA</text-match></prop-filter>", true},
        {"<prop-filter name=\"FN\"><text-match collation=\"i;octet\">ANA</text-match></prop-filter>", false},
        {"<prop-filter name=\"FN\"><text-match collation=\"i;octet\">Ana</text-match></prop-filter>", true},
        {"<prop-filter name=\"FN\"><text-match match-type=\"equals\">ana</text-match></prop-filter>", false},
        {"<prop-filter name=\"FN\"><text-match match-type=\"equals\">ana m\xC3\xBCller</text-match></prop-filter>",
         true},
        {"<prop-filter name=\"FN\"><text-match match-type=\"starts-with\">ana</text-match></prop-filter>", true},
        {"<prop-filter name=\"FN\"><text-match match-type=\"starts-with\">m</text-match></prop-filter>", false},
        {"<prop-filter name=\"FN\"><text-match match-type=\"ends-with\">ler</text-match></prop-filter>", true},
        {"<prop-filter name=\"FN\"><text-match match-type=\"ends-with\">ana</text-match></prop-filter>", false},
        {"<prop-filter name=\"FN\"><text-match negate-condition=\"yes\">ana</text-match></prop-filter>", false},
        {"<prop-filter name=\"FN\"><text-match negate-condition=\"yes\">bob</text-match></prop-filter>", true},
        // Of two addresses one does not have it.
        {"<prop-filter name=\"EMAIL\"><text-match negate-condition=\"yes\">work</text-match></prop-filter>", true},
        {"<prop-filter name=\"NICKNAME\"><text-match>nana, the</text-match></prop-filter>", true},
        {"<prop-filter name=\"EMAIL\"><param-filter name=\"TYPE\"/></prop-filter>", true},
        {"<prop-filter name=\"FN\"><param-filter name=\"TYPE\"/></prop-filter>", false},
        {"<prop-filter name=\"FN\"><param-filter name=\"TYPE\"><is-not-defined/></param-filter></prop-filter>", true},
        {("<prop-filter name=\"EMAIL\"><param-filter name=\"type\"><text-match match-type=\"equals\">PREF</text-match>"
          "</param-filter></prop-filter>"),
         true},
        {("<prop-filter name=\"TEL\"><param-filter "
          "name=\"TYPE\"><text-match>cell</text-match></param-filter></prop-filter>"),
         true},
        // Both on one address.
        {("<prop-filter name=\"EMAIL\" test=\"allof\"><text-match>work</text-match><param-filter "
          "name=\"TYPE\"><text-match>"
          "home</text-match></param-filter></prop-filter>"),
         false},
        {("<prop-filter name=\"EMAIL\"><text-match>work</text-match><param-filter name=\"TYPE\"><text-match>"
          "home</text-match></param-filter></prop-filter>"),
         true},
        {"<prop-filter name=\"item1.TEL\"/>", true},
        {"<prop-filter name=\"ITEM1.tel\"><text-match>30</text-match></prop-filter>", true},
        {"<prop-filter name=\"item1.TEL\"><text-match>170</text-match></prop-filter>", false},
        {"<prop-filter name=\"item2.TEL\"/>", false},
        {"<prop-filter name=\"FN\"/><prop-filter name=\"UID\"/>", true},
        {"test=\"anyof\"><prop-filter name=\"FN\"/><prop-filter name=\"UID\"/>", true},
        {"test=\"allof\"><prop-filter name=\"FN\"/><prop-filter name=\"UID\"/>", false},
        {"test=\"allof\"><prop-filter name=\"FN\"/><prop-filter name=\"TEL\"/>", true},
        {"<prop-filter name=\"FN\"><text-match></text-match></prop-filter>", true},
    };
    const Card card = parse_card(kCard);
    for (const Case& one : cases) {
        INFO(one.inside);
        CHECK(matches(filter(one.inside), card) == one.wanted);
    }
}

TEST_CASE("a filter that is none of the grammar's is refused by its condition") {
    const char* const unknown[] = {
        "<prop-filter/>",
        "<prop-filter name=\"\"/>",
        "<prop-filter name=\".TEL\"/>",
        "<prop-filter name=\"a.\"/>",
        "<comp-filter name=\"VCARD\"/>",
        "test=\"some\"><prop-filter name=\"FN\"/>",
        "<prop-filter name=\"FN\" test=\"x\"/>",
        "<prop-filter name=\"FN\"><time-range/></prop-filter>",
        "<prop-filter name=\"FN\"><is-not-defined/><text-match>a</text-match></prop-filter>",
        "<prop-filter name=\"FN\"><text-match match-type=\"like\">a</text-match></prop-filter>",
        "<prop-filter name=\"FN\"><text-match negate-condition=\"maybe\">a</text-match></prop-filter>",
        "<prop-filter name=\"FN\"><text-match>a<b/></text-match></prop-filter>",
        "<prop-filter name=\"FN\"><param-filter/></prop-filter>",
        ("<prop-filter name=\"FN\"><param-filter name=\"T\"><is-not-defined/><text-match>a</text-match></param-filter>"
         "</prop-filter>"),
        "<prop-filter name=\"FN\"><param-filter name=\"T\"><x/></param-filter></prop-filter>",
    };
    const auto condition = [](const std::string& inside) -> xml::QName {
        try {
            filter(inside);
        } catch (const dav::DavError& error) {
            return error.condition() ? error.condition()->element : xml::QName{};
        }
        return {};
    };
    for (const char* inside : unknown) {
        INFO(inside);
        CHECK(condition(inside) == cond::supported_filter.element);
    }
    CHECK(condition("<prop-filter name=\"FN\"><text-match collation=\"i;klingon\">a</text-match></prop-filter>") ==
          cond::supported_collation.element);
    std::string most;
    for (std::size_t i = 0; i < kFilterPartsMax; ++i) most += "<prop-filter name=\"FN\"/>";
    CHECK(condition(most) == xml::QName{});
    CHECK(condition(most + "<prop-filter name=\"FN\"/>") == cond::supported_filter.element);
    CHECK_THROWS_AS(parse_filter(xml::parse("<other/>")), dav::DavError);
}

}  // namespace
}  // namespace carddav
