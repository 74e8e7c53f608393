// Ours first: both they and Catch have a CHECK, and here it is the test's.
#include "storage/sync_token.h"
#include "storage/base/failure.h"

#include <limits>

#include <catch2/catch.hpp>

namespace {

using storage::decode_sync_token;
using storage::Dot;
using storage::encode;

const storage::Oid kCollection{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};

std::string token_of(const std::string& octets) {
    return "urn:hearth:sync:1:" + base::base64url(octets);
}

}  // namespace

TEST_CASE("a sync token comes back as it was, whatever its vector") {
    constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
    const std::vector<std::vector<Dot>> vectors = {{},         {{7, 1}},         {{7, 127}},
                                                   {{7, 128}}, {{kMost, kMost}}, {{9, 3}, {7, 300}, {8, 1'000'000}}};
    for (const auto& vector : vectors) {
        const auto token = storage::sync_token(kCollection, 0xDEADBEEF, vector);
        const auto back = decode_sync_token(encode(token));
        REQUIRE(back);
        CHECK(*back == token);
        CHECK(back->epoch == 0xDEADBEEF);
        CHECK(back->vector.size() == vector.size());
    }
}

TEST_CASE("a sync token brings its place back") {
    constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
    for (const storage::SyncPlace& place :
         {storage::SyncPlace{7, 1, 0, 0}, storage::SyncPlace{kMost, kMost, kMost, kMost}, storage::SyncPlace{}}) {
        const auto token = storage::sync_token(kCollection, 3, {{7, 300}}, place);
        const auto back = decode_sync_token(encode(token));
        REQUIRE(back);
        CHECK(*back == token);
        // Without it the token says no less.
        const std::string text = encode(token);
        const auto bare = decode_sync_token(text.substr(0, text.rfind(':')));
        REQUIRE(bare);
        CHECK(*bare == storage::sync_token(kCollection, 3, {{7, 300}}));
    }
}

TEST_CASE("a sync token covers what its vector reaches") {
    const auto token = storage::sync_token(kCollection, 1, {{9, 3}, {7, 300}});
    struct Case {
        Dot dot;
        bool seen;
    };
    for (const Case& one : {Case{{7, 300}, true}, Case{{7, 1}, true}, Case{{7, 301}, false}, Case{{9, 3}, true},
                            Case{{9, 4}, false}, Case{{8, 1}, false}, Case{{10, 1}, false}}) {
        INFO(one.dot.origin << ":" << one.dot.seq);
        CHECK(token.covers(one.dot) == one.seen);
    }
}

TEST_CASE("a sync token has one form; anything else is refused") {
    const std::string head("\1\2\3\4\5\6\7\10\0\0\0\1", 12);
    const std::string origin("\0\0\0\0\0\0\0\7", 8);
    REQUIRE(decode_sync_token(token_of(head + origin + "\5")));
    const std::vector<std::string> refused = {
        "",
        "urn:hearth:sync:1:",
        "urn:hearth:sync:2:" + base::base64url(head),
        "http://example.org/ns/sync/1",
        "urn:hearth:sync:1:***",
        token_of(head.substr(0, 11)),
        token_of(head + origin),                                  // no seq
        token_of(head + origin.substr(0, 7)),                     // half an origin
        token_of(head + origin + std::string(1, '\0')),           // seq 0
        token_of(head + origin + std::string("\x85\0", 2)),       // a second form of 5
        token_of(head + origin + std::string(10, '\x85')),        // endless
        token_of(head + origin + "\5" + origin + "\6"),           // one origin twice
        token_of(head + std::string(8, '\xFF') + "\5"),           // an origin of more than 63 bits
        token_of(head + origin + std::string(9, '\xFF') + "\1"),  // a seq of more than 63 bits
    };
    const std::string start = token_of(head + origin + "\5") + ":";
    REQUIRE(decode_sync_token(start + base::base64url(origin + "\1\2\3")));
    for (const auto& place :
         {std::string(), origin, origin + "\1\2", origin + "\1\2\3\4", std::string(8, '\xFF') + "\1\2\3",
          origin + std::string(9, '\xFF') + "\1\2\3", origin + std::string("\x81\0\2\3", 4)}) {
        INFO(base::base64url(place));
        CHECK_FALSE(decode_sync_token(start + base::base64url(place)));
    }
    CHECK_FALSE(decode_sync_token(start + base::base64url(origin + "\1\2\3") + ":"));
    CHECK_FALSE(decode_sync_token(start + "***"));
    for (const auto& text : refused) {
        INFO(text);
        CHECK_FALSE(decode_sync_token(text));
    }
    std::string many = head;
    for (char i = 1; i <= 65; ++i) many += std::string(7, '\0') + i + "\1";
    CHECK_FALSE(decode_sync_token(token_of(many)));
}
