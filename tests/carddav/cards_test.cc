// Cards as producers write them, one file each in the folder beside this one, and what a reader must find in each, in
// the rows of its rows.txt: those were written with the cards, not by the code that is tried here.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>

#include "carddav/conversion.h"
#include "carddav/vcard.h"

#include <catch2/catch.hpp>

namespace carddav {
namespace {

namespace fs = std::filesystem;

const fs::path kFolder = fs::path(HEARTH_SOURCE_DIR) / "tests/carddav/cards";

// ---- what is in the files ----

// As it stands in rows.txt, whose head says how it is read.
struct Row {
    std::string file;  // without ".vcf"; the producer, then the quirk
    std::string version;
    std::size_t lines = 0, emails = 0, tels = 0;
    std::string fn, uid, birthday;  // empty: none
    std::size_t photo = 0;          // octets, decoded; 0: none in the card
    std::vector<std::string> has;
};

struct RefusedRow {
    const char* file;
    std::size_t line;  // of BadCard; 0: as a whole
    const char* why;   // part of its text
};

const std::vector<RefusedRow> kRefused = {
    {"base64-continued-without-a-blank", 5, "without a colon"},
    {"begin-missing", 1, "no BEGIN"},
    {"calendar", 1, "no BEGIN"},
    {"card-in-a-card-as-agent", 5, "component in a card"},
    {"carriage-return-inside-a-folded-note", 5, "carriage return"},
    {"charset-nobody-knows", 3, "unknown charset"},
    {"charset-that-lies", 4, "not UTF-8"},
    {"empty", 0, "no BEGIN"},
    {"end-of-a-calendar", 5, "END of something else"},
    {"indented-but-the-first", 1, "no BEGIN"},
    {"indented-lines", 1, "without a name"},
    {"latin-1-in-a-parameter", 4, "no UTF-8"},
    {"latin-1-quoted-printable-without-charset", 4, "no UTF-8"},
    {"latin-1-without-charset", 3, "no UTF-8"},
    {"line-without-a-name", 4, "without a name"},
    {"lone-carriage-returns", 1, "carriage return"},
    {"note-continued-without-a-blank", 5, "without a colon"},
    {"nul-behind-end", 5, "NUL"},
    {"nul-by-quoted-printable", 4, "NUL"},
    {"nul-in-a-name", 3, "NUL"},
    {"only-empty-lines", 0, "no BEGIN"},
    {"open-quote", 4, "quote"},
    {"page-of-html", 1, "without a name"},
    {"parameter-without-a-name", 4, "parameter without a name"},
    {"same-version-twice", 3, "two versions"},
    {"soft-break-that-takes-the-end", 4, "no END"},
    {"table-of-csv", 1, "without a colon"},
    {"text-behind-end", 5, "behind the card"},
    {"truncated-between-lines", 4, "no END"},
    {"truncated-inside-a-line", 5, "without a colon"},
    {"truncated-inside-a-photo", 4, "no END"},
    {"two-cards", 6, "behind the card"},
    {"two-versions", 5, "two versions"},
    {"utf-16", 1, "NUL"},
    {"version-5", 2, "none of 2.1"},
    {"version-missing", 0, "no VERSION"},
};

// ---- reading them ----

std::string octets_of(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    REQUIRE(in.good());
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

std::string text_of_row(const Row& row) {
    return octets_of(kFolder / (row.file + ".vcf"));
}

Row row_from(const std::string& head) {
    Row row;
    row.file = head.substr(0, head.find(':'));
    std::string lines, email, tel;
    std::istringstream rest(head.substr(row.file.size() + 1));
    std::getline(rest >> std::ws, row.version, ',');
    rest >> row.lines >> lines >> row.emails >> email >> row.tels >> tel;
    REQUIRE((lines == "lines," && email == "EMAIL," && tel == "TEL" && rest.eof()));
    return row;
}

void add_to(Row& row, const std::string& text) {
    const auto value_of = [&](std::string_view key) -> std::optional<std::string> {
        if (!text.starts_with(key)) return std::nullopt;
        return text.substr(key.size());
    };
    if (const auto fn = value_of("  FN = "))
        row.fn = *fn;
    else if (const auto uid = value_of("  UID = "))
        row.uid = *uid;
    else if (const auto day = value_of("  birthday = "))
        row.birthday = *day;
    else if (const auto photo = value_of("  photo = "))
        row.photo = std::stoul(*photo);
    else if (const auto line = value_of("  > "))
        row.has.push_back(*line);
    else
        FAIL("rows.txt has a line of no known kind: " << text);
}

const std::vector<Row>& rows() {
    static const std::vector<Row> all = [] {
        std::vector<Row> read;
        std::istringstream in(octets_of(kFolder / "rows.txt"));
        for (std::string text; std::getline(in, text);) {
            INFO(text);
            if (text.empty() || text.starts_with('#')) continue;
            if (!text.starts_with(' '))
                read.push_back(row_from(text));
            else
                add_to(read.at(read.size() - 1), text);
        }
        return read;
    }();
    return all;
}

// The names of the cards in a folder, and not of those below it.
std::set<std::string> files_in(const fs::path& folder) {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder))
        if (entry.path().extension() == ".vcf") names.insert(entry.path().stem().string());
    return names;
}

template <typename Rows>
std::set<std::string> files_of(const Rows& rows) {
    std::set<std::string> names;
    for (const auto& row : rows) names.insert(row.file);
    CHECK(names.size() == rows.size());
    return names;
}

// "group.name|parameter=value/value|…:value"; a line break as "^n".
std::string shape(const ContentLine& line) {
    std::string out = line.group.empty() ? line.name : line.group + "." + line.name;
    for (const Parameter& one : line.parameters) {
        out += "|" + one.name + "=";
        for (std::size_t i = 0; i < one.values.size(); ++i) out += (i > 0 ? "/" : "") + one.values[i];
    }
    for (std::size_t at = 0; (at = out.find('\n', at)) != std::string::npos;) out.replace(at, 1, "^n");
    return out + ":" + line.value;
}

bool has_line(const Card& card, std::string_view wanted) {
    return std::any_of(card.lines.begin(), card.lines.end(), [&](const ContentLine& line) {
        const std::string found = shape(line);
        return wanted.ends_with('*') ? found.starts_with(wanted.substr(0, wanted.size() - 1)) : found == wanted;
    });
}

// ---- what a person sees ----

std::string parameter_of(const ContentLine& line, std::string_view name) {
    const Parameter* found = line.parameter(name);
    return found && !found->values.empty() ? found->values.front() : std::string();
}

// A day in one form, whatever the version: "19850512", "--0512" without a year; a text that is no day as it is.
std::string birthday(const ContentLine& line) {
    std::string text = line.value;
    const std::string no_year = parameter_of(line, "X-APPLE-OMIT-YEAR");
    if (!no_year.empty() && text.starts_with(no_year)) text.replace(0, no_year.size(), "--");
    const std::size_t begin = text.starts_with("--") ? 2 : 0;
    const auto is_separator = [](char c) { return c == '-' || c == ':'; };
    text.erase(std::remove_if(text.begin() + static_cast<std::ptrdiff_t>(begin), text.end(), is_separator), text.end());
    return text;
}

// The BASE64 of a value that has its octets in it; empty: it says where they are.
std::string payload(const ContentLine& line) {
    constexpr std::string_view kEncoded = ";base64";
    const bool is_uri = line.value.starts_with("data:");
    const bool is_encoded =
        equal_names(parameter_of(line, "ENCODING"), "b") || equal_names(parameter_of(line, "ENCODING"), "BASE64");
    if (!is_uri && !is_encoded) return {};
    if (!is_uri) return line.value;
    return line.value.substr(line.value.find(',', line.value.find(kEncoded)) + 1);
}

// How many octets that is; 0: it is no BASE64.
std::size_t decoded_size(std::string_view base64) {
    const std::size_t padding = base64.ends_with("==") ? 2 : base64.ends_with("=") ? 1 : 0;
    const std::string_view digits = base64.substr(0, base64.size() - padding);
    const bool is_base64 = std::all_of(digits.begin(), digits.end(), [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
    });
    return is_base64 && base64.size() % 4 == 0 ? base64.size() / 4 * 3 - padding : 0;
}

// The parts of a structured value, without the empty ones at its end. In 2.1 a comma separates nothing.
std::string joined(std::string_view value, Version version) {
    const std::string_view between = version == Version::v2_1 ? "," : "\x1F";
    std::string text;
    for (const auto& part : components(value)) {
        for (std::size_t i = 0; i < part.size(); ++i) text.append(i > 0 ? between : "").append(part[i]);
        text += '\x1E';
    }
    while (text.ends_with('\x1E')) text.pop_back();
    return text;
}

std::string seen_in(const ContentLine& line, Version version) {
    if (line.is("N") || line.is("ADR") || line.is("ORG")) return joined(line.value, version);
    if (line.is("BDAY")) return birthday(line);
    if (line.is("PHOTO") && !payload(line).empty()) return payload(line);
    if (line.is("TEL") && equal_names(parameter_of(line, "VALUE"), "uri") && line.value.starts_with("tel:"))
        return line.value.substr(4);
    return unescaped(line.value);
}

// All that is seen of a property, sorted; what is empty is not seen.
std::vector<std::string> seen(const Card& card, std::string_view name) {
    std::vector<std::string> found;
    for (const ContentLine& line : card.lines) {
        if (line.is(name)) found.push_back(seen_in(line, card.version));
        if (name == "LABEL" && line.is("ADR") && card.version == Version::v4_0)
            found.push_back(parameter_of(line, "LABEL"));
    }
    std::erase(found, std::string());
    std::sort(found.begin(), found.end());
    return found;
}

// ---- comparing ----

bool are_equal(const Card& a, const Card& b) {
    const auto is_same = [](const ContentLine& one, const ContentLine& other) {
        return one.group == other.group && one.name == other.name && one.value == other.value &&
               one.parameters == other.parameters;
    };
    return a.version == b.version &&
           std::equal(a.lines.begin(), a.lines.end(), b.lines.begin(), b.lines.end(), is_same);
}

// A bare value of 2.1 is printed as a type.
Card with_named_types(Card card) {
    for (ContentLine& line : card.lines)
        for (Parameter& one : line.parameters)
            if (one.name.empty()) one.name = "TYPE";
    return card;
}

void check_seen_as_before(const Card& before, const Card& after) {
    for (const char* name : {"FN", "N", "EMAIL", "TEL", "ADR", "LABEL", "ORG", "NOTE", "BDAY", "PHOTO"}) {
        INFO(name << " in " << text_of(after.version) << ":\n" << print_card(after));
        const auto wanted = seen(before, name);
        if (std::string_view(name) == "N" && wanted.empty()) continue;  // 3.0 has one always
        CHECK(seen(after, name) == wanted);
    }
}

// What only its producer understands stays as it is, but for what 4.0 has a name for.
void check_kept(const Card& before, const Card& after) {
    const std::set<std::string> renamed = {"X-ADDRESSBOOKSERVER-KIND", "X-ADDRESSBOOKSERVER-MEMBER", "X-ANNIVERSARY",
                                           "X-EVOLUTION-ANNIVERSARY"};
    for (const ContentLine& line : before.lines) {
        if (!line.name.starts_with("X-") || renamed.contains(line.name)) continue;
        INFO(shape(line) << "\nin\n" << print_card(after));
        const auto values = after.all(line.name);
        CHECK(std::any_of(values.begin(), values.end(), [&](const auto* one) { return one->value == line.value; }));
    }
}

// The octets of a photo are shown only by those who know what they are.
void check_media_type(const Card& card) {
    for (const ContentLine* photo : card.all("PHOTO")) {
        if (!photo->value.starts_with("data:")) continue;
        const bool is_of_unknown_type = parameter_of(*photo, "TYPE").starts_with("X-");
        INFO(shape(*photo));
        CHECK(photo->value.starts_with("data:image/") != is_of_unknown_type);
    }
}

// ---- the tests ----

TEST_CASE("every card has a row and every row a card") {
    CHECK(files_in(kFolder) == files_of(rows()));
    CHECK(files_in(kFolder / "refused") == files_of(kRefused));
    std::set<std::string> producers;
    for (const Row& row : rows()) producers.insert(row.file.substr(0, row.file.find('-')));
    producers.erase("sloppy");
    CHECK(rows().size() >= 60);
    CHECK(producers.size() >= 12);
}

TEST_CASE("the line breaks of the cards are those of their producers") {
    for (const Row& row : rows()) {
        INFO(row.file);
        const bool has_returns = text_of_row(row).find("\r\n") != std::string::npos;
        const bool is_with_feeds_alone = row.file.find("line-feeds") != std::string::npos;
        CHECK(has_returns != is_with_feeds_alone);
    }
}

TEST_CASE("what producers write is read") {
    for (const Row& row : rows()) {
        INFO(row.file);
        const Card card = parse_card(text_of_row(row));
        CHECK(text_of(card.version) == row.version);
        CHECK(card.lines.size() == row.lines);
        CHECK(card.all("EMAIL").size() == row.emails);
        CHECK(card.all("TEL").size() == row.tels);
        CHECK((card.find("FN") ? unescaped(card.find("FN")->value) : "") == row.fn);
        CHECK((card.find("UID") ? card.find("UID")->value : "") == row.uid);
        CHECK((card.find("BDAY") ? birthday(*card.find("BDAY")) : "") == row.birthday);
        const ContentLine* photo = card.find("PHOTO");
        CHECK((photo ? decoded_size(payload(*photo)) : 0) == row.photo);
        for (const std::string& wanted : row.has) {
            INFO(wanted << "\nin\n" << print_card(card));
            CHECK(has_line(card, wanted));
        }
    }
}

TEST_CASE("what producers write is printed and read again as it was") {
    for (const Row& row : rows()) {
        INFO(row.file);
        const Card card = parse_card(text_of_row(row));
        const Card again = parse_card(print_card(card));
        CHECK(are_equal(again, with_named_types(card)));
        CHECK(print_card(again) == print_card(card));
    }
}

TEST_CASE("what a person sees of a card survives its way into another version and back") {
    for (const Row& row : rows()) {
        INFO(row.file);
        const Card card = parse_card(text_of_row(row));
        // Nothing goes back to 2.1: its way begins in 3.0.
        const Card before = card.version == Version::v2_1 ? converted(card, Version::v3_0) : card;
        const Version to = before.version == Version::v3_0 ? Version::v4_0 : Version::v3_0;
        const Card there = converted(before, to);
        check_seen_as_before(card, before);
        check_seen_as_before(before, there);
        check_seen_as_before(before, converted(there, before.version));
        check_kept(card, before);
        check_kept(before, there);
        check_media_type(to == Version::v4_0 ? there : before);
        CHECK(are_equal(parse_card(print_card(there)), with_named_types(there)));
        for (const Card* one : {&before, &there}) {
            INFO(print_card(*one));
            CHECK((one->find("FN") ? unescaped(one->find("FN")->value) : "") == row.fn);
            CHECK((one->find("BDAY") ? birthday(*one->find("BDAY")) : "") == row.birthday);
            CHECK((one->find("PHOTO") ? decoded_size(payload(*one->find("PHOTO"))) : 0) == row.photo);
        }
    }
}

TEST_CASE("what is no card is refused where it goes wrong") {
    for (const RefusedRow& row : kRefused) {
        INFO(row.file);
        const std::string text = octets_of(kFolder / "refused" / (std::string(row.file) + ".vcf"));
        try {
            parse_card(text);
            FAIL_CHECK("was read");
        } catch (const BadCard& bad) {
            INFO(bad.what());
            CHECK(bad.line() == row.line);
            CHECK(std::string_view(bad.what()).find(row.why) != std::string_view::npos);
        }
    }
}

TEST_CASE("a card of too many lines is refused at the first that is too much") {
    std::string text = "BEGIN:VCARD\r\nVERSION:3.0\r\n";
    constexpr std::size_t kOthers = 3;  // BEGIN, VERSION and END
    for (std::size_t i = 0; i < kLinesMax - kOthers; ++i) text += "TEL:1\r\n";
    const std::string end = "END:VCARD\r\n";
    CHECK(parse_card(text + end).lines.size() == kLinesMax - kOthers);
    try {
        parse_card(text + "TEL:1\r\n" + end);
        FAIL_CHECK("was read");
    } catch (const BadCard& bad) {
        CHECK(bad.line() == kLinesMax + 1);
    }
}

TEST_CASE("a photo of 100 KiB is kept whole in every version") {
    constexpr std::size_t kSize = 100 * 1024;
    constexpr std::size_t kWidth = 74;
    const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string base64;
    for (std::size_t i = 0; base64.size() < (kSize + 2) / 3 * 4 - 2; ++i) base64 += digits[i * i % 61];
    base64 += "==";
    CHECK(decoded_size(base64) == kSize);
    std::string text = "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Doe;Ana;;;\r\nFN:Ana Doe\r\nPHOTO;ENCODING=b;TYPE=JPEG:\r\n";
    for (std::size_t at = 0; at < base64.size(); at += kWidth) text += " " + base64.substr(at, kWidth) + "\r\n";
    const Card card = parse_card(text + "END:VCARD\r\n");
    REQUIRE(card.lines.size() == 3);
    CHECK(payload(card.lines[2]) == base64);
    const Card there = converted(card, Version::v4_0);
    CHECK(there.lines[2].value == "data:image/jpeg;base64," + base64);
    CHECK(are_equal(parse_card(print_card(there)), there));
    CHECK(are_equal(parse_card(print_card(converted(there, Version::v3_0))), card));
}

}  // namespace
}  // namespace carddav
