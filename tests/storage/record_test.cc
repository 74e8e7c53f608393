// Ours first: both they and Catch have a CHECK, and here it is the test's.
#include "storage/replication/record.h"
#include "storage/base/failure.h"

#include <catch2/catch.hpp>

namespace storage {

namespace {

RecordBody full() {
    RecordBody body;
    body.create = CreateFacet{NodeKind::file, 1'700'000'000'123, Oid{{7}}, {}};
    body.place = PlaceFacet{Oid{{1}}, std::string("caf\xc3\xa9\0x", 7), {{5, 6}}, {}};
    body.content = ContentFacet{base::sha256("x"), 1, -5, true, {{1, 2}, {3, 4}}, {}};
    body.meta = MetaFacet{{{"urn:x", "y", "z"}, {"", "mtime_ns", std::nullopt}}, {}, {}};
    body.removed = {{Oid{{9}}, {{1, 1}, {2, 300}}}, {Oid{{8}}, {}}};
    body.kv = KvFacet{"user", "ana", "name", "Ana", {{1, 9}}, {}};
    return body;
}

}  // namespace

TEST_CASE("a record body comes back as it went in") {
    const std::string octets = encode(full());
    const auto body = decode(octets);
    REQUIRE(body);
    CHECK(body->create->created_ms == 1'700'000'000'123);
    CHECK(body->create->moved_from == Oid{{7}});
    CHECK(body->place->name == std::string("caf\xc3\xa9\0x", 7));
    CHECK(body->content->mtime_ns == -5);
    CHECK(body->content->exec);
    CHECK(body->content->hash == base::sha256("x"));
    CHECK(body->content->parents == std::vector<Dot>{{1, 2}, {3, 4}});
    REQUIRE(body->meta->entries.size() == 2);
    CHECK(body->meta->entries[0].value == "z");
    CHECK_FALSE(body->meta->entries[1].value);
    REQUIRE(body->removed.size() == 2);
    CHECK(body->removed[0].seen == std::vector<Dot>{{1, 1}, {2, 300}});
    CHECK(body->kv->value == "Ana");
    CHECK(encode(*body) == octets);
}

TEST_CASE("tags of a later version are kept and relayed") {
    RecordBody body = full();
    body.unknown = {{200, "later"}, {201, ""}};
    body.create->unknown = {{77, "inside"}};
    body.kv->unknown = {{9, std::string(300, 'x')}};
    const std::string octets = encode(body);
    const auto again = decode(octets);
    REQUIRE(again);
    CHECK(again->unknown == body.unknown);
    CHECK(again->create->unknown == body.create->unknown);
    CHECK(encode(*again) == octets);
}

TEST_CASE("octets that are no record are refused, whatever is wrong") {
    const std::string octets = encode(full());
    CHECK_FALSE(decode(""));
    CHECK_FALSE(decode("\x02"));
    CHECK(decode("\x01"));  // nothing inside is a record of nothing
    // A cut anywhere but between two tags of the top level is seen.
    int whole = 0;
    for (std::size_t cut = 1; cut < octets.size(); ++cut) whole += decode(octets.substr(0, cut)).has_value();
    CHECK(whole == 7);
    // No single changed octet crashes; many change only a value.
    for (std::size_t at = 0; at < octets.size(); ++at) {
        for (const int bit : {0, 3, 7}) {
            std::string spoiled = octets;
            spoiled[at] = static_cast<char>(spoiled[at] ^ (1 << bit));
            if (const auto body = decode(spoiled)) CHECK(decode(encode(*body)));
        }
    }
    CHECK_FALSE(decode(std::string("\x01\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12)));
    CHECK_FALSE(decode("\x01" + std::string(kRecordBytesMax, '\0')));
}

}  // namespace storage
