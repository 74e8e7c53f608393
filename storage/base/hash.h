#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "storage/base/clock.h"

namespace base {

// 16 bytes that are equal on all peers: object ids, space ids, user ids.
struct Id128 {
    std::array<std::uint8_t, 16> bytes{};
    auto operator<=>(const Id128&) const = default;
    bool is_zero() const { return *this == Id128{}; }
    std::string_view view() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
};

// SHA-256 of some octets. The algorithm byte in records is kSha256.
struct Hash {
    std::array<std::uint8_t, 32> bytes{};
    auto operator<=>(const Hash&) const = default;
    std::string_view view() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
};
inline constexpr std::uint8_t kSha256 = 1;

// A digest being computed; one thread at a time. `finish` may be called once.
enum class Digest { sha256, sha1, md5, sha512 };
class Hasher {
  public:
    explicit Hasher(Digest digest = Digest::sha256);
    ~Hasher();
    Hasher(Hasher&&) noexcept;
    Hasher& operator=(Hasher&&) noexcept;
    void update(std::string_view bytes);
    std::string finish();  // raw octets of the digest
    Hash finish_sha256();  // only for Digest::sha256

  private:
    struct State;
    std::unique_ptr<State> state_;
};

Hash sha256(std::string_view bytes);
Hash hmac_sha256(std::string_view key, std::string_view bytes);
std::optional<Hash> hash_from(std::string_view raw);  // exactly 32 octets
std::optional<Id128> id_from(std::string_view raw);   // exactly 16 octets

std::string hex(std::string_view bytes);  // lower case
std::optional<std::string> unhex(std::string_view text);
std::string base64url(std::string_view bytes);  // RFC 4648 §5, no padding
std::optional<std::string> unbase64url(std::string_view text);
std::string base64(std::string_view bytes);  // RFC 4648 §4, padded
std::optional<std::string> unbase64(std::string_view text);  // strict: padding required, no white space

// Takes as long for a difference at the start as at the end. Lengths are not secret.
bool constant_time_equal(std::string_view a, std::string_view b);

// UUIDv7 (RFC 9562 §5.7): 48 bits of milliseconds, then random.
Id128 new_object_id(const Clock& clock, Rng& rng);
Id128 new_random_id(Rng& rng);  // UUIDv4 layout
std::string uuid_text(const Id128& id);

}  // namespace base

template <>
struct std::hash<base::Id128> {
    std::size_t operator()(const base::Id128& id) const noexcept {
        return std::hash<std::string_view>{}(id.view());
    }
};
