#include "storage/base/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <new>

#include "storage/base/failure.h"

namespace base {
namespace {

// Fetched once: a lookup of the algorithm by name costs more than hashing a short text.
const EVP_MD* algorithm(Digest digest) {
    static const EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    static const EVP_MD* const sha1 = EVP_MD_fetch(nullptr, "SHA1", nullptr);
    static const EVP_MD* const md5 = EVP_MD_fetch(nullptr, "MD5", nullptr);
    static const EVP_MD* const sha512 = EVP_MD_fetch(nullptr, "SHA512", nullptr);
    switch (digest) {
        case Digest::sha256: return sha256;
        case Digest::sha1: return sha1;
        case Digest::md5: return md5;
        case Digest::sha512: return sha512;
    }
    return nullptr;
}

const unsigned char* octets(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

// The alphabets of RFC 4648 differ in their last two characters only.
constexpr std::string_view kCommon = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

std::string encode64(std::string_view bytes, std::string_view last_two, bool padded) {
    const auto digit = [&](std::uint32_t value) {
        value &= 63;
        return value < kCommon.size() ? kCommon[value] : last_two[value - kCommon.size()];
    };
    std::string text(padded ? (bytes.size() + 2) / 3 * 4 : (bytes.size() * 8 + 5) / 6, '=');
    char* to = text.data();
    std::uint32_t held = 0;  // of whose lowest bits so many are not written yet
    unsigned bits = 0;
    for (const char octet : bytes) {
        held = held << 8 | static_cast<unsigned char>(octet);
        for (bits += 8; bits >= 6; bits -= 6) *to++ = digit(held >> (bits - 6));
    }
    if (bits > 0) *to = digit(held << (6 - bits));
    return text;
}

int value64(char c, std::string_view last_two) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == last_two[0]) return 62;
    if (c == last_two[1]) return 63;
    return -1;
}

// Each octet string has exactly one text: bits beyond the last octet must be zero, or a secret would have many
// spellings.
std::optional<std::string> decode64(std::string_view text, std::string_view last_two) {
    if (text.size() % 4 == 1) return std::nullopt;
    std::string bytes;
    bytes.reserve(text.size() / 4 * 3 + 2);
    std::uint32_t bits = 0;
    int held = 0;
    for (const char c : text) {
        const int value = value64(c, last_two);
        if (value < 0) return std::nullopt;
        bits = bits << 6 | static_cast<std::uint32_t>(value);
        held += 6;
        if (held < 8) continue;
        held -= 8;
        bytes.push_back(static_cast<char>(bits >> held & 0xff));
        bits &= (1u << held) - 1;
    }
    if (bits != 0) return std::nullopt;
    return bytes;
}

}  // namespace

struct Hasher::State {
    State() : context(EVP_MD_CTX_new()) {
        if (!context) throw std::bad_alloc();
    }
    ~State() { EVP_MD_CTX_free(context); }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    EVP_MD_CTX* context;
    Digest digest = Digest::sha256;
    bool finished = false;
};

Hasher::Hasher(Digest digest) : state_(std::make_unique<State>()) {
    state_->digest = digest;
    if (EVP_DigestInit_ex2(state_->context, algorithm(digest), nullptr) != 1)
        throw Failure(Fault::io, "starting a digest");
}

Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::update(std::string_view bytes) {
    CHECK(!state_->finished);
    if (EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) != 1)
        throw Failure(Fault::io, "computing a digest");
}

std::string Hasher::finish() {
    CHECK(!state_->finished);
    state_->finished = true;
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    if (EVP_DigestFinal_ex(state_->context, raw, &length) != 1) throw Failure(Fault::io, "finishing a digest");
    return std::string(reinterpret_cast<const char*>(raw), length);
}

Hash Hasher::finish_sha256() {
    CHECK(state_->digest == Digest::sha256);
    return *hash_from(finish());
}

Hash sha256(std::string_view bytes) {
    Hash hash;
    unsigned int length = 0;
    if (EVP_Digest(bytes.data(), bytes.size(), hash.bytes.data(), &length, algorithm(Digest::sha256), nullptr) != 1)
        throw Failure(Fault::io, "computing a SHA-256");
    return hash;
}

Hash hmac_sha256(std::string_view key, std::string_view bytes) {
    CHECK(key.size() <= 4096);
    Hash hash;
    unsigned int length = 0;
    const unsigned char no_key = 0;  // OpenSSL takes a null key as "reuse the last one"
    if (!HMAC(algorithm(Digest::sha256), key.empty() ? &no_key : octets(key), static_cast<int>(key.size()),
              octets(bytes), bytes.size(), hash.bytes.data(), &length))
        throw Failure(Fault::io, "computing an HMAC");
    return hash;
}

std::optional<Hash> hash_from(std::string_view raw) {
    Hash hash;
    if (raw.size() != hash.bytes.size()) return std::nullopt;
    std::copy(raw.begin(), raw.end(), hash.bytes.begin());
    return hash;
}

std::optional<Id128> id_from(std::string_view raw) {
    Id128 id;
    if (raw.size() != id.bytes.size()) return std::nullopt;
    std::copy(raw.begin(), raw.end(), id.bytes.begin());
    return id;
}

std::string hex(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const char c : bytes) {
        const auto octet = static_cast<unsigned char>(c);
        text.push_back(digits[octet >> 4]);
        text.push_back(digits[octet & 15]);
    }
    return text;
}

std::optional<std::string> unhex(std::string_view text) {
    if (text.size() % 2 != 0) return std::nullopt;
    const auto nibble = [](char c) {
        if (c >= '0' && c <= '9') return c - '0';
        if (c >= 'a' && c <= 'f') return c - 'a' + 10;
        if (c >= 'A' && c <= 'F') return c - 'A' + 10;
        return -1;
    };
    std::string bytes;
    bytes.reserve(text.size() / 2);
    for (std::size_t at = 0; at < text.size(); at += 2) {
        const int high = nibble(text[at]);
        const int low = nibble(text[at + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        bytes.push_back(static_cast<char>(high << 4 | low));
    }
    return bytes;
}

std::string base64url(std::string_view bytes) {
    return encode64(bytes, "-_", false);
}
std::optional<std::string> unbase64url(std::string_view text) {
    return decode64(text, "-_");
}
std::string base64(std::string_view bytes) {
    return encode64(bytes, "+/", true);
}

std::optional<std::string> unbase64(std::string_view text) {
    if (text.size() % 4 != 0) return std::nullopt;
    for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) text.remove_suffix(1);
    return decode64(text, "+/");
}

bool constant_time_equal(std::string_view a, std::string_view b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

Id128 new_object_id(const Clock& clock, Rng& rng) {
    Id128 id;
    rng.fill(std::span(id.bytes).subspan(6));
    const auto ms = static_cast<std::uint64_t>(std::max<std::int64_t>(0, clock.now_ms()));
    for (std::size_t i = 0; i < 6; ++i) id.bytes[i] = static_cast<std::uint8_t>(ms >> (40 - 8 * i));
    id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0f) | 0x70);
    id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3f) | 0x80);
    return id;
}

Id128 new_random_id(Rng& rng) {
    Id128 id;
    rng.fill(id.bytes);
    id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0f) | 0x40);
    id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3f) | 0x80);
    return id;
}

std::string uuid_text(const Id128& id) {
    std::string text = hex(id.view());
    for (const std::size_t at : {8u, 13u, 18u, 23u}) text.insert(at, 1, '-');
    return text;
}

}  // namespace base
