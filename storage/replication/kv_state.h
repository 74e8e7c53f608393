#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/replication/state.h"

// What a set of kv records says about one row (table, key, field). Pure. A record names the heads that its writer saw;
// those that no record names are the heads of the row, in whatever order the records came. Mostly there is one. Homes
// that wrote without knowing of each other leave several, at most one each, and the row shows one of them: a withdrawal
// before what was written beside it, or else the last written. A withdrawal ends when a record names it, and no other
// way: what had not seen it brings nothing back, however late it was written and whatever its clock said.
namespace storage {

struct KvHead {
    Rank rank;
    std::optional<std::string> value;  // empty = removed
    bool operator==(const KvHead&) const = default;
};
using KvHeads = std::vector<KvHead>;

// Which values withdraw. The rule of a row is the same in every version of this program, or homes would not agree.
enum class KvRule : std::uint8_t {
    removed,    // revoked, deleted, no member any more
    one,        // "1" takes away: disabled
    other,      // anything but "1" takes away: a right that "1" gives
    earliest,   // a time in ms after which nothing is allowed; removed = never
    last_wins,  // nothing does
};
KvRule kv_rule(std::string_view table, std::string_view field);

// Takes a record in after all those it names. None may come twice: once it is named, it is not remembered.
void take(KvHeads& heads, const KvFacet& record, const Rank& rank);

// The index of the head that the row shows. There is at least one.
std::size_t shown(KvRule rule, const KvHeads& heads);

}  // namespace storage
