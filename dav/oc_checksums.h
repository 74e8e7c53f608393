#pragma once

#include <optional>
#include <span>
#include <string>

#include "dav/http/digest_fields.h"
#include "storage/base/hash.h"
#include "storage/node.h"

namespace dav {

// Sums that an upload was checked against, kept for clients of ownCloud and rclone. They are stored under the
// property's own name, which nothing else can write, together with the hash of the content they were made of: whatever
// changes the content later, sums of other octets are never shown.
std::optional<storage::PropChange> oc_checksums_to_keep(const base::Hash& content,
                                                        std::span<const http::ExpectedSum> sums);

// "SHA1:… MD5:… SHA256:…" of a file as it is, in hexadecimal; empty: it is not hashed yet. Needs its props.
std::string oc_checksums(const storage::Row& row);

// The best of those that every client understands ("SHA1:…" or "MD5:…"), for the field OC-Checksum; empty: none known.
std::string oc_checksum(const storage::Node& node, const std::vector<storage::Prop>& props);

}  // namespace dav
