#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "storage/disk.h"
#include "storage/node.h"
#include "storage/retention.h"

namespace sql {
class Connection;
}

namespace storage {

inline constexpr std::string_view kTrashFolder = ".hearth/trash";

// What one turn of thinning history goes by.
struct HistoryTurn {
    Retention policy;
    std::int64_t now_ms = 0;
    std::int64_t share_bytes = 0;        // 0 = no bound
    std::array<Lsn, kAges> passed = {};  // for each of ages_of(policy): the last record older than that
};

// How far a job got in a table whose rows grow with their lsn: what is in `local` for it. Rowids of rows that are gone
// are used again, so the row alone would not do.
struct Position {
    static constexpr std::int64_t kAllRows = std::numeric_limits<std::int64_t>::max();
    Lsn lsn = 0;
    std::int64_t row = 0;  // rows of that lsn up to this one are done
    auto operator<=>(const Position&) const = default;
};
Position position_from(std::string_view text);
std::string text_of(const Position& at);

inline constexpr std::string_view kHistory = "history";  // the jobs' table in `local`
inline constexpr std::string_view kTrash = "trash";      // the position whose age is that of trash
// All that move over `version` and may be set back.
inline constexpr std::array<std::string_view, 7> kExpiryPositions = {"all",    "trash",  "hourly",     "daily",
                                                                     "weekly", "others", "last_states"};

// The lsn in the name of what a removal put into trash; 0 = somebody else's.
Lsn removal_of(std::string_view name);

// Whether the octets of any state are there, or below it.
bool holds_versions(sql::Connection& db, std::string_view path);

// The last record older than that; 0 = none.
Lsn last_before(sql::Connection& db, std::int64_t at_ms);

// The first row of `version` that ended at or after that record; 0 = none. By halving: to_lsn has no index.
std::int64_t first_version(sql::Connection& db, Lsn from);

// Removals whose time in trash is over and whose folder or file there no row needs any more, the oldest first.
std::vector<Lsn> expired_trash(sql::Connection& db, std::vector<DirEntry> trash, std::size_t limit);

// Octets that history takes, as counted by the job so far.
std::int64_t history_bytes(sql::Connection& db);

}  // namespace storage
