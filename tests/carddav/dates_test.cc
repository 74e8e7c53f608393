#include "carddav/dates.h"

#include <catch2/catch.hpp>

using namespace carddav;

namespace {

std::vector<CardDate> dates_of(const std::string& lines) {
    return dates_in(parse_card("BEGIN:VCARD\r\nVERSION:4.0\r\n" + lines + "END:VCARD\r\n"));
}

}  // namespace

TEST_CASE("each form of a day that clients write") {
    struct Row {
        const char* line;
        std::optional<int> year;
        int month, day;
    };
    const Row rows[] = {
        {"BDAY:1985-04-12", 1985, 4, 12},
        {"BDAY:19850412", 1985, 4, 12},
        {"BDAY;VALUE=date:1985-04-12", 1985, 4, 12},
        {"BDAY:1985-04-12T00:00:00Z", 1985, 4, 12},
        {"BDAY:19850412T102200", 1985, 4, 12},
        {"BDAY;VALUE=date-and-or-time:19850412", 1985, 4, 12},
        {"BDAY:--04-12", {}, 4, 12},
        {"BDAY:--0412", {}, 4, 12},
        {"BDAY:--0412T1022", {}, 4, 12},
        {"BDAY:--0229", {}, 2, 29},
        {"BDAY;X-APPLE-OMIT-YEAR=1604:1604-05-12", {}, 5, 12},
        {"BDAY;VALUE=date;X-APPLE-OMIT-YEAR=1604:16040512", {}, 5, 12},
        {"BDAY;X-APPLE-OMIT-YEAR=1604:1985-05-12", 1985, 5, 12},
        {"bday:1604-05-12", 1604, 5, 12},
    };
    for (const Row& row : rows) {
        INFO(row.line);
        const auto dates = dates_of(std::string(row.line) + "\r\n");
        REQUIRE(dates.size() == 1);
        CHECK(dates.front() == CardDate{DateKind::birthday, "", row.year, row.month, row.day});
    }
}

TEST_CASE("what names no day is left out") {
    for (const char* line : {"BDAY:1985", "BDAY:1985-04", "BDAY:--04", "BDAY:---12", "BDAY:", "BDAY:circa 1800",
                             "BDAY;VALUE=text:1985-04-12", "BDAY:1985-13-01", "BDAY:1985-00-01", "BDAY:1985-04-31",
                             "BDAY:19850412x", "BDAY:T102200", "NOTE:1985-04-12", "BDAY:198-04-12"}) {
        INFO(line);
        CHECK(dates_of(std::string(line) + "\r\n").empty());
    }
}

TEST_CASE("anniversaries and days with a label") {
    struct Row {
        const char* lines;
        DateKind kind;
        const char* label;
    };
    const Row rows[] = {
        {"ANNIVERSARY:2001-05-06\r\n", DateKind::anniversary, ""},
        {"X-ANNIVERSARY:2001-05-06\r\n", DateKind::anniversary, ""},
        {"X-EVOLUTION-ANNIVERSARY:2001-05-06\r\n", DateKind::anniversary, ""},
        {"X-KADDRESSBOOK-X-Anniversary:2001-05-06\r\n", DateKind::anniversary, ""},
        {"item1.X-ABDATE:2001-05-06\r\nitem1.X-ABLabel:_$!<Anniversary>!$_\r\n", DateKind::anniversary, "Anniversary"},
        {"item1.X-ABDATE:2001-05-06\r\nitem1.X-ABLabel:_$!<Other>!$_\r\n", DateKind::other, "Other"},
        {"item2.X-ABLabel:Name day\\, hers\r\nITEM2.X-ABDATE;type=pref:20010506\r\n", DateKind::other,
         "Name day, hers"},
        {"X-ABDATE:2001-05-06\r\n", DateKind::other, ""},
    };
    for (const Row& row : rows) {
        INFO(row.lines);
        const auto dates = dates_of(row.lines);
        REQUIRE(dates.size() == 1);
        CHECK(dates.front() == CardDate{row.kind, row.label, 2001, 5, 6});
    }
}

TEST_CASE("the days of one card are bounded") {
    std::string lines;
    for (std::size_t i = 0; i < kDatesMax + 5; ++i) lines += "item.X-ABDATE:2001-05-06\r\n";
    CHECK(dates_of(lines).size() == kDatesMax);
}
