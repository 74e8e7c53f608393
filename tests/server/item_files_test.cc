// `hearth import`, `export` and `collection` on a stopped root.

// Ours first: both they and Catch have a CHECK, and here it is the test's.
#include "storage/base/log.h"
#include "tests/server/command_line.h"
#include "tests/server/scratch.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

namespace {

struct Root {
    Root() {
        base::set_log_level(base::Level::error);
        (*this)({"user", "add", "ana"});
    }
    Ran operator()(std::vector<std::string> words, const std::string& input = "") const {
        words.insert(words.end(), {"--root", scratch.root()});
        return hearth(std::move(words), input);
    }
    Ran import(const std::string& text, const std::string& book = "contacts") const {
        return (*this)({"import", "vcf", "ana", book, "-"}, text);
    }
    std::string exported(const std::string& book = "contacts") const {
        return (*this)({"export", "vcf", "ana", book}).out;
    }
    Scratch scratch;
};

std::string card(const std::string& uid, const std::string& name, const std::string& more = "") {
    const std::string line = uid.empty() ? "" : "UID:" + uid + "\r\n";
    return "BEGIN:VCARD\r\nVERSION:3.0\r\n" + line + "FN:" + name + "\r\n" + more + "END:VCARD\r\n";
}

}  // namespace

TEST_CASE("cards are imported once, and the same file again changes nothing") {
    const Root root;
    std::string file;
    for (int i = 0; i < 600; ++i) file += card("u" + std::to_string(i), "Name " + std::to_string(i));
    CHECK(root.import(file).out == "added 600, changed 0, unchanged 0, set aside 0\n");
    CHECK(root.import(file).out == "added 0, changed 0, unchanged 600, set aside 0\n");
    CHECK(root.import(card("u7", "Another") + card("new", "New")).out ==
          "added 1, changed 1, unchanged 0, set aside 0\n");
    const std::string all = root.exported();
    CHECK(all.find("FN:Another\r\n") != std::string::npos);
    CHECK(all.find("FN:Name 7\r\n") == std::string::npos);
    CHECK(root.import(all).out == "added 0, changed 0, unchanged 601, set aside 0\n");
    CHECK(root({"check"}).out == "no findings\n");
}

TEST_CASE("what is exported is what was stored, octet for octet") {
    const Root root;
    const std::string odd = "BEGIN:VCARD\r\nVERSION:4.0\r\nUID:odd\r\nX-odd;A=b:kept \\it\r\nFN:Odd\r\nEND:VCARD\r\n";
    root.import(odd);
    CHECK(root.exported() == odd);
}

TEST_CASE("one bad card is set aside by its line, the others are in") {
    const Root root;
    const Ran ran = root.import(card("a", "A") + "BEGIN:VCARD\r\nVERSION:3.0\r\nno colon\r\nEND:VCARD\r\n" +
                                card("a", "Twin") + "noise between\r\n" + "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Cut\r\n" +
                                card("b", "B") + "BEGIN:VCARD\r\nVERSION:9.0\r\nFN:X\r\nEND:VCARD\r\n");
    CHECK(ran.status == 1);
    CHECK(ran.out ==
          "added 2, changed 0, unchanged 0, set aside 4\n"
          "line 6: a line without a colon (line 3 of the card)\n"
          "line 10: its UID is that of line 1\n"
          "line 16: no END:VCARD (line 3 of the card)\n"
          "line 24: a version that is none of 2.1, 3.0 and 4.0 (line 2 of the card)\n");
    CHECK(ran.error == "hearth: 4 were set aside, the others are in\n");
    CHECK(root.exported() == card("a", "A") + card("b", "B"));
}

TEST_CASE("a file that is none, and a line without an end") {
    const Root root;
    CHECK(root.import("").out == "added 0, changed 0, unchanged 0, set aside 0\n");
    const Ran garbage = root.import("name,phone\nana,1\n");
    CHECK(garbage.status == 1);
    CHECK(garbage.out == "added 0, changed 0, unchanged 0, set aside 1\nline 1: there is no BEGIN:VCARD in the file\n");
    std::string file = card("a", "A") + "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:long\r\nFN:L\r\nNOTE:";
    file += std::string((std::size_t{16} << 20) + 1000, 'x') + "\r\nEND:VCARD\r\n" + card("b", "B");
    const Ran ran = root.import(file);
    CHECK(ran.out == "added 2, changed 0, unchanged 0, set aside 1\nline 6: it does not end\n");
    CHECK(root.exported() == card("a", "A") + card("b", "B"));
}

TEST_CASE("old phones and SIM cards write neither UID nor FN: both are made, the same each time") {
    const Root root;
    const std::string file =
        "BEGIN:VCARD\r\nVERSION:2.1\r\nN:Doe;Jane\r\nTEL;CELL:1\r\nEND:VCARD\r\n"
        "BEGIN:VCARD\r\nVERSION:3.0\r\nN:;;;;\r\nTEL:+49 2\r\nEND:VCARD\r\n"
        "BEGIN:VCARD\r\nVERSION:3.0\r\nNOTE:nothing to call it\r\nEND:VCARD\r\n";
    const Ran ran = root.import(file);
    CHECK(ran.out.starts_with("added 2, changed 0, unchanged 0, set aside 1\n"));
    CHECK(root.import(file).out.starts_with("added 0, changed 0, unchanged 2, set aside 1\n"));
    const std::string all = root.exported();
    CHECK(all.find("FN:Jane Doe\r\n") != std::string::npos);
    CHECK(all.find("FN:+49 2\r\n") != std::string::npos);
    CHECK(all.find("VERSION:2.1") == std::string::npos);
    CHECK(all.find("UID:urn:uuid:") != std::string::npos);
}

TEST_CASE("collections are added, titled, listed and removed") {
    const Root root;
    CHECK(root({"group", "add", "family"}).status == 0);
    CHECK(root({"collection", "list", "ana"}).out ==
          "KIND      NAME      TITLE     ITEMS\ncontacts  contacts  Contacts  0\n");
    CHECK(root({"collection", "list", "family"}).out ==
          "KIND      NAME      TITLE   ITEMS\ncontacts  contacts  family  0\n");
    CHECK(root({"collection", "add", "ana", "contacts", "club", "--title", "The <Club> & more"}).status == 0);
    CHECK(root.import(card("x", "X"), "club").status == 0);
    CHECK(root({"collection", "list", "ana"}).out ==
          "KIND      NAME      TITLE              ITEMS\n"
          "contacts  club      The <Club> & more  1\n"
          "contacts  contacts  Contacts           0\n");
    CHECK(root({"collection", "set", "ana", "contacts", "club", "--title", "Team"}).status == 0);
    CHECK(root({"collection", "list", "ana", "--json"}).json()[0]["title"] == "Team");
    CHECK(root({"collection", "remove", "ana", "contacts", "club"}).status == 0);
    CHECK(root({"collection", "list", "ana", "--json"}).json().size() == 1);
}

TEST_CASE("the cards of a removed user are kept as files beside the others") {
    const Root root;
    root({"collection", "add", "ana", "contacts", "club"});
    root.import(card("a", "A"));
    root.import(card("b", "B"), "club");
    const Ran ran = root({"user", "remove", "ana", "--json"});
    REQUIRE(ran.status == 0);
    const std::string place = ran.json()["files"];
    const auto text_of = [&](const std::string& name) {
        std::ifstream file(place + "/.hearth-contacts/" + name, std::ios::binary);
        return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    };
    CHECK(text_of("contacts.vcf") == card("a", "A"));
    CHECK(text_of("club.vcf") == card("b", "B"));
    CHECK(root({"check"}).out == "no findings\n");
    // Who comes back under that name begins anew, and gets them from there.
    CHECK(root({"user", "add", "ana"}).status == 0);
    CHECK(root.exported().empty());
    CHECK(root({"import", "vcf", "ana", "contacts", place + "/.hearth-contacts/club.vcf"}).status == 0);
    CHECK(root.exported() == card("b", "B"));
}

TEST_CASE("what can not be imported is one clear line") {
    const Root root;
    struct Row {
        std::vector<std::string> words;
        const char* error;
    };
    const Row rows[] = {
        {{"import", "vcf", "nobody", "contacts", "-"}, "hearth: there is no user or group nobody\n"},
        {{"import", "vcf", "ana", "none", "-"},
         "hearth: ana has no address book \"none\"; `hearth collection list ana` names them\n"},
        {{"import", "csv", "ana", "contacts", "-"}, "hearth: \"csv\" is no format that can be imported or exported\n"},
        {{"import", "vcf", "ana", "contacts", "/none"}, "hearth: /none can not be read\n"},
        {{"export", "vcf", "ana", "none"},
         "hearth: ana has no address book \"none\"; `hearth collection list ana` names them\n"},
        {{"collection", "add", "ana", "contacts", "contacts"}, "hearth: the name \"contacts\" is taken\n"},
        {{"collection", "add", "ana", "contacts", "a/b"}, "hearth: \"a/b\" can not be a name\n"},
        {{"collection", "add", "ana", "tasks", "x"},
         "hearth: \"tasks\" is no kind of collection; there are contacts\n"},
    };
    for (const Row& row : rows) {
        const Ran ran = root(row.words, card("a", "A"));
        CHECK(ran.status == 1);
        CHECK(ran.error == row.error);
    }
}
