#include "dav/item_rule.h"

#include <algorithm>

#include "storage/base/failure.h"
#include "storage/base/hash.h"

namespace dav {

namespace {

constexpr std::size_t kNameBytesMax = 200;  // without the suffix
constexpr std::size_t kHashDigits = 32;
constexpr int kNamesMax = 16;

bool is_plain(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
           c == '.';
}

}  // namespace

std::string free_item_name(storage::ReadTxn& txn, storage::NodeId collection, const ItemRule& rule,
                           const std::string& uid) {
    std::string name = uid.substr(0, kNameBytesMax);
    std::replace_if(
        name.begin(), name.end(), [](char c) { return !is_plain(c); }, '-');
    name.erase(0, name.find_first_not_of('.'));
    if (!name.empty()) {
        name += rule.name_suffix;
        if (!txn.child(collection, name)) return name;
    }
    // Who has that name has it by a chance that nobody meets, or means to: each further one is as far from him.
    std::string digits = base::hex(base::sha256(uid).view());
    for (int tries = 0; tries < kNamesMax; ++tries) {
        name = digits.substr(0, kHashDigits) + std::string(rule.name_suffix);
        if (!txn.child(collection, name)) return name;
        digits = base::hex(base::sha256(digits).view());
    }
    throw base::Failure(base::Fault::busy, "no free name for an item");
}

}  // namespace dav
