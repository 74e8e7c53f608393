#include "server/password.h"

#include <catch2/catch.hpp>
#include <set>

#include "server/sip_hash.h"

namespace {

constexpr server::Argon2Cost kCheap{1024, 1};

}  // namespace

TEST_CASE("an account password is kept as an Argon2id PHC string and verified by it") {
    const std::string phc = server::hash_password("correct horse battery", kCheap, base::system_rng());
    CHECK_THAT(phc, Catch::StartsWith("$argon2id$v=19$m=1024,t=1,p=1$"));
    CHECK(server::verify_password(phc, "correct horse battery"));
    CHECK_FALSE(server::verify_password(phc, "correct horse batterY"));
    CHECK_FALSE(server::verify_password(phc, ""));
    CHECK(server::hash_password("correct horse battery", kCheap, base::system_rng()) != phc);
}

TEST_CASE("text that is no PHC string of Argon2id verifies nothing") {
    for (const char* phc : {"", "x", "$argon2id$", "$argon2i$v=19$m=1024,t=1,p=1$c2FsdHNhbHQ$aGFzaA",
                            "$2b$10$abcdefghijklmnopqrstuv", "plain password"})
        CHECK_FALSE(server::verify_password(phc, "plain password"));
}

TEST_CASE("composed and decomposed accents are one password") {
    const std::string phc = server::hash_password("caf\u00e9 au lait", kCheap, base::system_rng());
    CHECK(server::verify_password(phc, "cafe\u0301 au lait"));
    CHECK_FALSE(server::verify_password(phc, "caf\xe9 au lait"));
}

TEST_CASE("a chosen password is judged by its length in characters, not by what it is made of") {
    struct Case {
        std::string password;
        bool good;
    };
    std::string umlauts;
    for (int i = 0; i < 10; ++i) umlauts += i % 2 ? "\u00fc" : "\u00e4";
    const Case cases[] = {
        {"", false},
        {"123456789", false},
        {"abcdefghij", true},
        {umlauts, true},
        {umlauts.substr(0, 18), false},
        {std::string(128, 'a') + std::string(128, 'b'), true},
        {std::string(128, 'a') + std::string(129, 'b'), false},
        {std::string(12, 'a'), false},
        {"with\nnew line", false},
        {"not \xff utf-8 text", false},
        {"Grandmother", false},
    };
    for (const Case& one : cases) {
        INFO(one.password);
        CHECK(server::password_fault(one.password, "grandmother").has_value() != one.good);
    }
}

TEST_CASE("made passwords differ, and the made account password is one that may be chosen") {
    std::set<std::string> made;
    for (int i = 0; i < 50; ++i) {
        const std::string account = server::new_account_password(base::system_rng());
        CHECK(account.size() == 23);
        CHECK_FALSE(server::password_fault(account, "ana"));
        CHECK(made.insert(account).second);
        const std::string app = server::new_app_password(base::system_rng());
        CHECK(app.size() == 29);
        CHECK(server::normalised_app_password(app)->size() == 24);
        CHECK(made.insert(app).second);
    }
}

TEST_CASE("an app password is read as people type it") {
    const std::string normal = "ABCD0123EFGH1110JKMNPQRS";
    for (const char* typed :
         {"abcd-0123-efgh-1110-jkmn-pqrs", "ABCD0123EFGH1110JKMNPQRS", "abcd o123 efgh iLlO jkmn pqrs",
          "abcd-0123-efgh-1110-jkmn-pqrs-", " abcd0123efgh1110jkmnpqrs"}) {
        INFO(typed);
        CHECK(server::normalised_app_password(typed) == normal);
    }
    for (const char* typed : {"", "abcd-0123-efgh-1110-jkmn-pqr", "abcd-0123-efgh-1110-jkmn-pqrst",
                              "abcd-0123-efgh-1110-jkmn-pqru", "abcd_0123_efgh_1110_jkmn_pqrs"}) {
        INFO(typed);
        CHECK_FALSE(server::normalised_app_password(typed));
    }
    CHECK(server::app_password_hash(normal) == base::sha256(normal));
}

TEST_CASE("SipHash-2-4-128 gives the values of its authors") {
    // Key 00 01 … 0f, message 00 01 … (length - 1), of the reference vectors.
    const server::SipKey key{0x0706050403020100, 0x0f0e0d0c0b0a0908};
    CHECK(server::sip_hash(key, "") == server::SipSum{0xe6a825ba047f81a3, 0x930255c71472f66d});
    CHECK(server::sip_hash(key, std::string_view("\0", 1)) == server::SipSum{0x44af996bd8c187da, 0x45fc229b11597634});
    CHECK(server::sip_hash(key, "a header value") != server::sip_hash({1, 2}, "a header value"));
}
