#include "server/password.h"

#include <catch2/catch.hpp>
#include <set>

#include "server/sip_hash.h"

namespace {

constexpr server::Argon2Cost kCheap{1024, 1};
const std::vector<std::string> kOwn = {"grandmother", "hearth", "kitchen", "x"};

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

TEST_CASE("a chosen password is judged by its length in characters, and by how soon it would be tried") {
    struct Case {
        std::string password;
        bool good;
    };
    const std::string umlauts =
        "\u00e4\u00f6\u00fc\u00df\u00e9\u00e0\u00e7\u00f1\u00f8\u00e5";  // 10 characters, 20 octets
    std::string long_one;
    for (int i = 0; i < 128; ++i)
        long_one += {static_cast<char>('a' + i * i % 23), static_cast<char>('A' + i * 7 % 26)};
    const Case cases[] = {
        {"", false},
        {"123456789", false},
        {"vn4 kq tzw", true},
        {umlauts, true},
        {umlauts.substr(0, 18), false},
        {long_one, true},
        {long_one + "x", false},
        // little more than what everybody tries
        {std::string(12, 'a'), false},
        {std::string(128, 'a') + std::string(128, 'b'), false},
        {"password123!", false},
        {"P4$$w0rd2024", false},
        {"Sommer2024!", false},
        {"iloveyou1234", false},
        {"qwertyuiop123", false},
        {"qwertz09876", false},
        {"1234567890", false},
        {"0987654321", false},
        {"abcabcabcabc", false},
        {"hunter2hunter2", false},
        {"letmein letmein", false},
        {"passwortpasswort", false},
        {"grandmother1", false},
        {"Grandmother-2024", false},
        {"hearth-kitchen", false},
        {"my-kitchen-17", true},
        // words are fine when there are enough of them, or when they are rare
        {"summerdragonmonkeypizza", true},
        {"correct horse battery staple", true},
        {"grandmother's teapot", true},
        {"kitchen roof ladder", true},
        {"jx7kq-password", true},
        {"with\nnew line", false},
        {"not \xff utf-8 text", false},
        {"Grandmother", false},
    };
    for (const Case& one : cases) {
        INFO(one.password);
        CHECK(server::password_fault(one.password, kOwn).has_value() != one.good);
    }
}

TEST_CASE("made passwords differ, and the made account password is one that may be chosen") {
    std::set<std::string> made;
    for (int i = 0; i < 50; ++i) {
        const std::string account = server::new_account_password(base::system_rng());
        CHECK(account.size() == 23);
        CHECK_FALSE(server::password_fault(account, kOwn));
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
