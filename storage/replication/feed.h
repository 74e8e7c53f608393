#pragma once

#include <span>
#include <vector>

#include "storage/replication/record.h"

namespace sql {
class Connection;
}

namespace storage {

// How much of a log is given at once.
struct FeedLimits {
    std::size_t records = 1000;
    std::size_t bytes = 4 * 1024 * 1024;  // of bodies; one record always fits
};

struct Feed {
    std::vector<LogRecord> records;
    // Where to look from the next time, when these were applied: nothing before it is missing. A hint that saves work;
    // 0 is always right.
    Lsn next = 0;
    bool more = false;  // there was no room for all
};

// The records of `space` at or after `from` that are not in the vector `known` (at most one dot for an origin), in the
// order in which they were applied here: each comes after those it names. None after `last`.
Feed records_beyond(sql::Connection& db, SpaceId space, std::span<const Dot> known, Lsn from, Lsn last,
                    const FeedLimits& limits);

}  // namespace storage
