#include "server/password.h"

#include <argon2.h>

#include <algorithm>
#include <array>
#include <vector>

#include "server/guessable.h"
#include "storage/base/failure.h"
#include "storage/base/path.h"

namespace server {
namespace {

constexpr std::string_view kCrockford = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr std::size_t kAppPasswordLength = 24;
constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kHashBytes = 32;
constexpr std::uint32_t kLanes = 1;

// 256 is a multiple of 32: every character is equally likely.
std::string random_groups(base::Rng& rng, std::size_t groups, std::size_t per_group) {
    std::vector<std::uint8_t> random(groups * per_group);
    rng.fill(random);
    std::string text;
    for (std::size_t i = 0; i < random.size(); ++i) {
        if (i > 0 && i % per_group == 0) text.push_back('-');
        text.push_back(kCrockford[random[i] % kCrockford.size()]);
    }
    return text;
}

std::size_t characters_in(std::string_view utf8) {
    const auto starts_one = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; };
    return static_cast<std::size_t>(std::ranges::count_if(utf8, starts_one));
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
char upper(char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

// Text that is not UTF-8 has no normal form; it is hashed as it is and can not match anything that was ever set.
std::string normal_form(std::string_view password) {
    return base::is_utf8(password) ? base::to_nfc(password) : std::string(password);
}

}  // namespace

std::string hash_password(std::string_view password, const Argon2Cost& cost, base::Rng& rng) {
    const std::string secret = normal_form(password);
    std::array<std::uint8_t, kSaltBytes> salt{};
    rng.fill(salt);
    std::string phc(argon2_encodedlen(cost.passes, cost.memory_kib, kLanes, kSaltBytes, kHashBytes, Argon2_id), '\0');
    const int result = argon2id_hash_encoded(cost.passes, cost.memory_kib, kLanes, secret.data(), secret.size(),
                                             salt.data(), salt.size(), kHashBytes, phc.data(), phc.size());
    if (result != ARGON2_OK) {
        throw base::Failure(result == ARGON2_MEMORY_ALLOCATION_ERROR ? base::Fault::busy : base::Fault::io,
                            std::string("hash a password: ") + argon2_error_message(result));
    }
    phc.resize(phc.find('\0'));
    return phc;
}

bool verify_password(const std::string& phc, std::string_view password) {
    const std::string secret = normal_form(password);
    const int result = argon2id_verify(phc.c_str(), secret.data(), secret.size());
    if (result == ARGON2_MEMORY_ALLOCATION_ERROR) throw base::Failure(base::Fault::busy, "verify a password");
    return result == ARGON2_OK;
}

bool is_of_cost(std::string_view phc, const Argon2Cost& cost) {
    return phc.starts_with("$argon2id$v=" + std::to_string(ARGON2_VERSION_NUMBER) +
                           "$m=" + std::to_string(cost.memory_kib) + ",t=" + std::to_string(cost.passes) +
                           ",p=" + std::to_string(kLanes) + "$");
}

std::optional<std::string> password_fault(std::string_view password, std::span<const std::string> own) {
    if (!base::is_utf8(password)) return "the password is not UTF-8 text";
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (std::ranges::any_of(password, is_control)) return "the password holds a control character";
    const std::size_t length = characters_in(password);
    if (length < kPasswordLengthMin)
        return "the password needs at least " + std::to_string(kPasswordLengthMin) + " characters";
    if (length > kPasswordLengthMax)
        return "the password may have at most " + std::to_string(kPasswordLengthMax) + " characters";
    if (guessing_worth(password, own) < kGuessingWorthMin) {
        return "the password is one of the first that are tried: common words, names of this house, years, rows of "
               "keys and "
               "repetitions count for little; add something nobody expects";
    }
    return std::nullopt;
}

std::string new_account_password(base::Rng& rng) {
    return random_groups(rng, 4, 5);
}

std::string new_app_password(base::Rng& rng) {
    return random_groups(rng, 6, 4);
}

std::optional<std::string> normalised_app_password(std::string_view typed) {
    std::string normal;
    for (const char as_typed : typed) {
        char c = lower(as_typed);
        if (c == '-' || c == ' ') continue;
        if (c == 'i' || c == 'l') c = '1';
        if (c == 'o') c = '0';
        if (kCrockford.find(c) == std::string_view::npos || normal.size() == kAppPasswordLength) return std::nullopt;
        normal.push_back(upper(c));
    }
    if (normal.size() != kAppPasswordLength) return std::nullopt;
    return normal;
}

base::Hash app_password_hash(std::string_view normalised) {
    return base::sha256(normalised);
}

}  // namespace server
