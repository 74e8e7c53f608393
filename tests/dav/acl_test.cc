#include "dav/acl.h"

#include <catch2/catch.hpp>
#include <string>

namespace {

using namespace dav;

constexpr HomeKind kFiles{"files", storage::SpaceKind::files, storage::NodeKind::folder, storage::Scope::files,
                          &Services::files};

base::Id128 id(std::uint8_t number) {
    base::Id128 made;
    made.bytes[15] = number;
    return made;
}

struct People {
    People() {
        add("ana", 1, storage::PrincipalKind::user);
        add("ben", 2, storage::PrincipalKind::user);
        add("family", 3, storage::PrincipalKind::group);
        book.groups_of[id(1)] = {id(3)};
        book.members_of[id(3)] = {id(1)};
    }
    void add(const std::string& name, std::uint8_t number, storage::PrincipalKind kind) {
        storage::Principal principal;
        principal.uid = id(number);
        principal.name = name;
        principal.kind = kind;
        book.name_of[principal.uid] = name;
        book.by_name[name] = principal;
    }
    storage::AccountBook book;
};

Caller caller(std::uint8_t number) {
    Caller made;
    made.kind = CallerKind::user;
    made.uid = id(number);
    return made;
}

std::string shown(const Rights& rights) {
    if (rights.hidden) return "hidden";
    std::string text;
    if (rights.read) text += 'r';
    if (rights.write) text += 'w';
    if (rights.unbind) text += 'u';
    for (const std::string& name : rights.only) text += " only " + name;
    return text.empty() ? "refused" : text;
}

TEST_CASE("who may do what with files") {
    People people;
    struct Row {
        std::uint8_t who;
        const char* owner;
        storage::Scope scope;
        bool read_only;
        base::Segments subtree;
        base::Segments path;
        const char* expected;
    };
    const auto all = storage::Scope::all;
    const Row rows[] = {
        {1, "ana", all, false, {}, {}, "rw"},
        {1, "ana", all, false, {}, {"a"}, "rwu"},
        {1, "ana", storage::Scope::files, false, {}, {"a"}, "rwu"},
        {1, "ana", all, true, {}, {"a"}, "r"},
        {1, "ana", storage::Scope::calendars, false, {}, {"a"}, "refused"},
        {1, "ana", storage::Scope::contacts, false, {}, {}, "refused"},
        {1, "family", all, false, {}, {"a"}, "rwu"},
        {2, "family", all, false, {}, {"a"}, "hidden"},
        {2, "ana", all, false, {}, {}, "hidden"},
        {2, "ana", storage::Scope::calendars, false, {}, {"a"}, "hidden"},
        {1, "nobody", all, false, {}, {}, "hidden"},
        // An app password for a part: the way there, the part, and nothing beside it.
        {1, "ana", all, false, {"a", "b"}, {}, "r only a"},
        {1, "ana", all, false, {"a", "b"}, {"a"}, "r only b"},
        {1, "ana", all, false, {"a", "b"}, {"a", "b"}, "rw"},
        {1, "ana", all, false, {"a", "b"}, {"a", "b", "c"}, "rwu"},
        {1, "ana", all, false, {"a", "b"}, {"a", "bc"}, "hidden"},
        {1, "ana", all, false, {"a", "b"}, {"x"}, "hidden"},
        {1, "family", all, false, {"a", "b"}, {}, "hidden"},
        // The subtree was named in NFC, the client asks in NFD.
        {1, "ana", all, false, {"\xc3\xa9"}, {"e\xcc\x81", "f"}, "rwu"},
    };
    for (const Row& row : rows) {
        Caller who = caller(row.who);
        who.scope = row.scope;
        who.read_only = row.read_only;
        who.subtree = row.subtree;
        INFO(int{row.who} << " in " << row.owner << "/" << base::join(row.path));
        CHECK(shown(rights_in_home(kFiles, who, people.book, people.book.find(row.owner), row.path)) == row.expected);
    }
}

TEST_CASE("only users have rights, and only on principals that concern them") {
    People people;
    Caller stranger;
    CHECK(rights_in_home(kFiles, stranger, people.book, people.book.find("ana"), {}).hidden);
    CHECK(rights_on_synthetic(stranger).hidden);
    stranger.kind = CallerKind::peer;
    stranger.uid = id(1);
    CHECK(rights_in_home(kFiles, stranger, people.book, people.book.find("ana"), {}).hidden);
    CHECK(rights_on_principal(caller(1), people.book, people.book.find("ana")).read);
    CHECK(rights_on_principal(caller(1), people.book, people.book.find("family")).read);
    CHECK(rights_on_principal(caller(1), people.book, people.book.find("ben")).hidden);
    CHECK(rights_on_principal(caller(2), people.book, people.book.find("family")).hidden);
    CHECK_FALSE(rights_on_principal(caller(1), people.book, people.book.find("ana")).write);
}

TEST_CASE("a disabled owner has nothing, an administrator nothing more than others") {
    People people;
    people.book.by_name["family"].disabled = true;
    CHECK(rights_in_home(kFiles, caller(1), people.book, people.book.find("family"), {}).hidden);
    Caller admin = caller(2);
    admin.admin = true;
    CHECK(rights_in_home(kFiles, admin, people.book, people.book.find("ana"), {}).hidden);
}

}  // namespace
