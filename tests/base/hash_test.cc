#include "storage/base/hash.h"

#include "storage/base/failure.h"  // before Catch: both have a CHECK, and here it is the test's

#include <catch2/catch.hpp>
#include <numeric>

namespace base {
namespace {

class FixedClock final : public Clock {
  public:
    explicit FixedClock(std::int64_t now) : now_(now) {}
    std::int64_t now_ms() const override { return now_; }
    std::int64_t monotonic_ms() const override { return 0; }

  private:
    std::int64_t now_;
};

class Ones final : public Rng {
  public:
    void fill(std::span<std::uint8_t> bytes) override { std::fill(bytes.begin(), bytes.end(), std::uint8_t{0xff}); }
};

TEST_CASE("digests of FIPS 180 and RFC 4231") {
    CHECK(hex(sha256("").view()) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(hex(sha256("abc").view()) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(hex(hmac_sha256("Jefe", "what do ya want for nothing?").view()) ==
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    CHECK(hex(hmac_sha256("", "").view()) == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
    Hasher pieces;
    pieces.update("a");
    pieces.update("");
    pieces.update("bc");
    Hasher moved = std::move(pieces);
    CHECK(moved.finish_sha256() == sha256("abc"));
    Hasher md5(Digest::md5);
    CHECK(hex(md5.finish()) == "d41d8cd98f00b204e9800998ecf8427e");
    CHECK(!hash_from(std::string(31, 'x')));
    CHECK(hash_from(sha256("abc").view()) == sha256("abc"));
    CHECK(!id_from(std::string(17, 'x')));
    CHECK(id_from(std::string(16, 'x')));
}

TEST_CASE("hex") {
    CHECK(hex(std::string("\x00\x7f\xff", 3)) == "007fff");
    CHECK(unhex("007FfF") == std::string("\x00\x7f\xff", 3));
    for (const char* wrong : {"0", "0g", "g0", " 00", "0x00"}) CHECK(!unhex(wrong));
}

TEST_CASE("base64 of RFC 4648 §10") {
    const std::pair<const char*, const char*> table[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"},
                                                         {"\xfb\xff", "+/8="}};
    for (const auto& [plain, text] : table) {
        CHECK(base64(plain) == text);
        CHECK(unbase64(text) == plain);
    }
    CHECK(base64url("\xfb\xff") == "-_8");
    CHECK(unbase64url("-_8") == "\xfb\xff");
    CHECK(unbase64url("Zg") == "f");
}

TEST_CASE("each octet string has one base64 text") {
    for (const char* wrong : {"Zg", "Zg=", "Zg===", "Z===", "====", "=", "Zh==", "Zm9=", "Zm 9v", "Zm9v\n",
                              "Zg==Zg==", "-_8=", "Zm9v=", "Zm9v====", "Z=g="})
        CHECK(!unbase64(wrong));
    for (const char* wrong : {"Zg==", "Zh", "Z", "Zm9", "+/8", "Zm9v "}) CHECK(!unbase64url(wrong));
}

TEST_CASE("every octet survives the trip") {
    std::string all(256, '\0');
    std::iota(all.begin(), all.end(), '\0');
    for (std::size_t length = 0; length <= all.size(); ++length) {
        const auto part = all.substr(all.size() - length);
        CHECK(unbase64(base64(part)) == part);
        CHECK(unbase64url(base64url(part)) == part);
        CHECK(unhex(hex(part)) == part);
    }
}

TEST_CASE("UUIDs have the layout of RFC 9562") {
    Ones ones;
    CHECK(uuid_text(new_object_id(FixedClock(0x017F22E279B0), ones)) == "017f22e2-79b0-7fff-bfff-ffffffffffff");
    CHECK(uuid_text(new_object_id(FixedClock(-5), ones)) == "00000000-0000-7fff-bfff-ffffffffffff");
    CHECK(uuid_text(new_random_id(ones)) == "ffffffff-ffff-4fff-bfff-ffffffffffff");
    CHECK(new_object_id(FixedClock(1), ones) < new_object_id(FixedClock(2), ones));
    CHECK(new_random_id(system_rng()) != new_random_id(system_rng()));
}

TEST_CASE("comparing secrets") {
    CHECK(constant_time_equal("", ""));
    CHECK(constant_time_equal("abc", "abc"));
    CHECK(!constant_time_equal("abc", "abd"));
    CHECK(!constant_time_equal("abc", "ab"));
}

}  // namespace
}  // namespace base
