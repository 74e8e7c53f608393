#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "storage/base/clock.h"
#include "storage/base/hash.h"

namespace server {

// Account passwords are Argon2id in PHC form ("$argon2id$v=19$m=19456,t=2,p=1$salt$hash"); app passwords are random and
// long enough (120 bits) that one SHA-256 keeps them. libargon2 is behind this file only. Both sides see text in NFC,
// so a password with an accent typed on another keyboard is the same one.
struct Argon2Cost {
    std::uint32_t memory_kib = 19'456;
    std::uint32_t passes = 2;
    bool operator==(const Argon2Cost&) const = default;
};

// Slow on purpose (tens of milliseconds). Throws base::Failure when memory is short.
std::string hash_password(std::string_view password, const Argon2Cost& cost, base::Rng& rng);
// False also for text that is no PHC string of ours. Takes what the string's own cost takes.
bool verify_password(const std::string& phc, std::string_view password);
// Whether the string was made at this cost, by this version of Argon2id.
bool is_of_cost(std::string_view phc, const Argon2Cost& cost);

inline constexpr std::size_t kPasswordLengthMin = 10;  // characters
inline constexpr std::size_t kPasswordLengthMax = 256;
// Why a person may not choose it, as one line for them; empty = fine. No composition rules. `own`: words anybody would
// try here, the user's name first.
std::optional<std::string> password_fault(std::string_view password, std::span<const std::string> own);

// Random account password, four groups of five easy characters (100 bits): "k3f9x-…".
std::string new_account_password(base::Rng& rng);

// Random app password as shown once: 24 Crockford base32 characters (120 bits), "xxxx-xxxx-xxxx-xxxx-xxxx-xxxx".
std::string new_app_password(base::Rng& rng);
// What people type is what was shown: dashes, spaces and case do not count, I and L are 1, O is 0. Empty: it can not be
// one.
std::optional<std::string> normalised_app_password(std::string_view typed);
// What is stored and looked up; `normalised` comes from the function above.
base::Hash app_password_hash(std::string_view normalised);

}  // namespace server
