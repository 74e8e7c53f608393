#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dav/http/headers.h"
#include "storage/base/hash.h"

namespace http {

// A sum the client promises for the body it sends.
struct ExpectedSum {
    base::Digest digest = base::Digest::sha256;
    std::string raw;  // octets of the digest
    bool operator==(const ExpectedSum&) const = default;
};

// Repr-Digest and Content-Digest (RFC 9530: sha-256, sha-512), Content-MD5 (RFC 1864) and OC-Checksum (SHA1, MD5,
// SHA256 in hexadecimal). Algorithms we do not know are ignored; empty optional: malformed, 400. A PUT carries the
// whole representation without a coding, so Repr-Digest and Content-Digest are the same thing.
std::optional<std::vector<ExpectedSum>> parse_digest_fields(const Headers& headers);

}  // namespace http
