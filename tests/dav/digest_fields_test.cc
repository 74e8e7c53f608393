#include "dav/http/digest_fields.h"

#include <catch2/catch.hpp>
#include <string>

using base::Digest;

namespace {

std::string sum(Digest digest, std::string_view text) {
    base::Hasher hasher(digest);
    hasher.update(text);
    return hasher.finish();
}

std::optional<std::vector<http::ExpectedSum>> parsed(std::string_view name, std::string_view value) {
    http::Headers headers;
    headers.add(name, value);
    return http::parse_digest_fields(headers);
}

}  // namespace

TEST_CASE("sums of all fields are collected") {
    const auto sha256 = sum(Digest::sha256, "hello");
    const auto sha512 = sum(Digest::sha512, "hello");
    http::Headers headers;
    headers.add("Repr-Digest", "sha-256=:" + base::base64(sha256) + ":, sha-512=:" + base::base64(sha512) + ":;q=1");
    headers.add("content-digest", "unixsum=:AAA=:,sha-256=:" + base::base64(sha256) + ":");
    headers.add("Content-MD5", base::base64(sum(Digest::md5, "hello")));
    headers.add("OC-Checksum", "SHA1:" + base::hex(sum(Digest::sha1, "hello")));
    const auto sums = http::parse_digest_fields(headers);
    REQUIRE(sums);
    CHECK(*sums == std::vector<http::ExpectedSum>{{Digest::sha256, sha256},
                                                  {Digest::sha512, sha512},
                                                  {Digest::sha256, sha256},
                                                  {Digest::md5, sum(Digest::md5, "hello")},
                                                  {Digest::sha1, sum(Digest::sha1, "hello")}});
    CHECK(http::parse_digest_fields({})->empty());
}

TEST_CASE("OC-Checksum in its spellings") {
    const auto md5 = base::hex(sum(Digest::md5, "x"));
    const auto sha256 = base::hex(sum(Digest::sha256, "x"));
    CHECK(parsed("OC-Checksum", "md5:" + md5)->size() == 1);
    CHECK(parsed("OC-Checksum", "MD5:" + md5 + " SHA256:" + sha256 + " ADLER32:002c0215")->size() == 2);
    CHECK(parsed("OC-Checksum", "ADLER32:002c0215")->empty());
    CHECK(parsed("OC-Checksum", "")->empty());
}

TEST_CASE("malformed sums are refused, unknown algorithms are not") {
    CHECK(parsed("Repr-Digest", "md5=:AAAA:")->empty());
    CHECK(parsed("Repr-Digest", "id-sha-256=:!!!:")->empty());
    const struct {
        const char* name;
        const char* value;
    } rows[] = {
        {"Repr-Digest", ""},
        {"Repr-Digest", "sha-256"},
        {"Repr-Digest", "sha-256=abc"},
        {"Repr-Digest", "sha-256=:abc"},
        {"Repr-Digest", "sha-256=::"},
        {"Repr-Digest", "sha-256=:AAAA:"},
        {"Repr-Digest", "SHA-256=:AAAA:"},
        {"Repr-Digest", "sha-256=:AAAA: x"},
        {"Repr-Digest", "=:AAAA:"},
        {"Repr-Digest", "md5=:AAAA:,"},
        {"Content-Digest", "sha-512=:not base64:"},
        {"Content-MD5", ""},
        {"Content-MD5", "AAAA"},
        {"Content-MD5", "zzzz!"},
        {"OC-Checksum", "SHA1"},
        {"OC-Checksum", "SHA1:"},
        {"OC-Checksum", ":abc"},
        {"OC-Checksum", "SHA1:abc"},
        {"OC-Checksum", "MD5:zz"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name, row.value);
        CHECK_FALSE(parsed(row.name, row.value));
    }
}
