#include "dav/http/digest_fields.h"

#include <array>
#include <string_view>

namespace http {
namespace {

// Every list of sums is short; one that is not is no list of sums.
constexpr std::size_t kSumsMax = 16;

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

std::size_t octets_of(base::Digest digest) {
    switch (digest) {
        case base::Digest::md5: return 16;
        case base::Digest::sha1: return 20;
        case base::Digest::sha256: return 32;
        case base::Digest::sha512: return 64;
    }
    return 0;
}

struct Algorithm {
    std::string_view name;
    base::Digest digest;
};
constexpr std::array kStructured = {Algorithm{"sha-256", base::Digest::sha256},
                                    Algorithm{"sha-512", base::Digest::sha512}};
constexpr std::array kOwnCloud = {Algorithm{"SHA1", base::Digest::sha1}, Algorithm{"MD5", base::Digest::md5},
                                  Algorithm{"SHA256", base::Digest::sha256}};

bool add(std::vector<ExpectedSum>& sums, base::Digest digest, const std::optional<std::string>& raw) {
    if (!raw || raw->size() != octets_of(digest) || sums.size() == kSumsMax) return false;
    sums.push_back({digest, *raw});
    return true;
}

bool is_key_octet(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '*';
}

// RFC 9530: a Dictionary of RFC 8941 whose members are Byte Sequences, `sha-256=:base64:`, perhaps with parameters,
// which mean nothing here.
bool parse_dictionary(std::string_view field, std::vector<ExpectedSum>& sums) {
    std::size_t members = 0;
    while (true) {
        field = trim(field);
        const auto equals = field.find('=');
        if (equals == std::string_view::npos || equals == 0 || ++members > kSumsMax) return false;
        const auto key = field.substr(0, equals);
        for (const char c : key) {
            if (!is_key_octet(c)) return false;
        }
        field.remove_prefix(equals + 1);
        if (field.empty() || field.front() != ':') return false;
        const auto end = field.find(':', 1);
        if (end == std::string_view::npos) return false;
        const auto coded = field.substr(1, end - 1);
        for (const auto& algorithm : kStructured) {
            if (algorithm.name == key && !add(sums, algorithm.digest, base::unbase64(coded))) return false;
        }
        field = trim(field.substr(end + 1));
        const auto comma = field.find(',');
        if (!field.empty() && field.front() != ';' && field.front() != ',') return false;
        if (comma == std::string_view::npos) return true;
        field.remove_prefix(comma + 1);
    }
}

// "SHA1:hex", several separated by spaces as ownCloud stores them.
bool parse_oc_checksum(std::string_view field, std::vector<ExpectedSum>& sums) {
    field = trim(field);
    while (!field.empty()) {
        const auto item = field.substr(0, field.find_first_of(" ,"));
        const auto colon = item.find(':');
        if (colon == std::string_view::npos || colon == 0 || colon + 1 == item.size()) return false;
        for (const auto& algorithm : kOwnCloud) {
            if (equal_ignoring_case(algorithm.name, item.substr(0, colon)) &&
                !add(sums, algorithm.digest, base::unhex(item.substr(colon + 1))))
                return false;
        }
        field.remove_prefix(item.size());
        while (!field.empty() && (field.front() == ' ' || field.front() == ',')) field.remove_prefix(1);
    }
    return true;
}

}  // namespace

std::optional<std::vector<ExpectedSum>> parse_digest_fields(const Headers& headers) {
    std::vector<ExpectedSum> sums;
    for (const auto& [name, value] : headers.fields()) {
        bool good = true;
        if (equal_ignoring_case(name, "Repr-Digest") || equal_ignoring_case(name, "Content-Digest")) {
            good = parse_dictionary(value, sums);
        } else if (equal_ignoring_case(name, "Content-MD5")) {
            good = add(sums, base::Digest::md5, base::unbase64(trim(value)));
        } else if (equal_ignoring_case(name, "OC-Checksum")) {
            good = parse_oc_checksum(value, sums);
        }
        if (!good) return std::nullopt;
    }
    return sums;
}

}  // namespace http
