#include "storage/base/log.h"
#include "storage/sync_changes.h"
#include "storage/writing.h"

namespace storage {

namespace {

constexpr int kDiscardsPerLsn = 16;
constexpr std::string_view kTrash = ".hearth/trash/";
constexpr std::string_view kHistory = "history";      // in `local`
constexpr std::string_view kTrashDone = "trash_lsn";  // trash of removals up to that record is gone

}  // namespace

// lsn grows with time as far as the clock does, so halving finds the place; the log has no index by time.
Lsn ReadView::last_before(std::int64_t at_ms) {
    const auto bound = [this](const char* statement) {
        auto query = db_.query(statement);
        return query.next() ? query.integer(0) : 0;
    };
    Lsn low = bound("SELECT min(lsn) FROM log");
    Lsn high = bound("SELECT max(lsn) FROM log");
    Lsn found = 0;
    while (low != 0 && low <= high) {
        const Lsn middle = low + (high - low) / 2;
        auto query = db_.query("SELECT lsn, at_ms FROM log WHERE lsn <= ?1 ORDER BY lsn DESC LIMIT 1");
        query.bind(middle);
        if (!query.next()) break;
        if (query.integer(1) < at_ms) {
            found = query.integer(0);
            low = middle + 1;
        } else {
            high = query.integer(0) - 1;
        }
    }
    return found;
}

void Writing::discard(std::string path, Stamp& stamp) {
    const bool room = stamp.lsn != 0 && step_lsn_ == stamp.lsn && step_ < kDiscardsPerLsn;
    if (!room) stamp.lsn = ledger_.bare_lsn();
    FileStep& step = queue(stamp, StepOp::discard, ledger_.sys(), 0);
    step.src = std::move(path);
    save(step);
}

std::size_t Writing::expire_history(Lsn up_to, std::size_t limit) {
    struct Old {
        std::int64_t row = 0;
        std::string hash, place;
    };
    std::vector<Old> versions;
    {
        // Rows were added in the order of to_lsn, so the oldest are first.
        auto query =
            db_.query("SELECT rowid, hash, place, to_lsn FROM version WHERE pinned = 0 ORDER BY rowid LIMIT ?1");
        query.bind(static_cast<std::int64_t>(limit));
        while (query.next() && query.integer(3) <= up_to) {
            versions.push_back({query.integer(0), std::string(query.blob(1)), std::string(query.text(2))});
        }
    }
    begin_verb();
    Stamp stamp;
    for (const Old& old : versions) {
        db_.query("DELETE FROM version WHERE rowid = ?1").bind(old.row).run();
        if (!old.place.empty()) {
            // Inside a removed folder: goes with it. Alone in trash (it was never hashed): goes now.
            if (old.place.find('/', kTrash.size()) == std::string::npos) discard(old.place, stamp);
            continue;
        }
        if (old.hash.empty()) continue;
        {
            auto query = db_.query("SELECT 1 FROM version WHERE hash = ?1 AND place IS NULL LIMIT 1");
            query.bind_blob(old.hash);
            if (query.next()) continue;
        }
        {
            auto query =
                db_.query("SELECT 1 FROM node INDEXED BY node_body WHERE hash = ?1 AND kind IN (5, 6) LIMIT 1");
            query.bind_blob(old.hash);
            if (query.next()) continue;
        }
        db_.query("DELETE FROM body WHERE hash = ?1").bind_blob(old.hash).run();
        const auto hash = base::hash_from(old.hash);
        if (db_.changes() == 0 && hash) discard(version_path(*hash), stamp);
    }
    if (versions.size() == limit) return limit;  // folders go after the rows that point into them

    // Trash goes in the order of removals, from where the last look ended; the rows themselves are wanted for longer.
    Lsn done = 0;
    if (const auto kept = local(kHistory, kTrashDone)) done = std::stoll(*kept);
    struct Removal {
        Lsn lsn = 0;
        bool folder = false;  // the first row of a removal is that of what was removed
    };
    std::vector<Removal> removals;
    const std::size_t left = limit - versions.size();
    if (const std::int64_t first = first_gone(db_, done + 1); first != 0) {
        auto query = db_.query("SELECT kind, to_lsn FROM gone WHERE id >= ?1 ORDER BY id");
        query.bind(first);
        while (query.next() && query.integer(1) <= up_to) {
            if (!removals.empty() && removals.back().lsn == query.integer(1)) continue;
            if (removals.size() == left) break;
            removals.push_back({query.integer(1), is_collection(static_cast<NodeKind>(query.integer(0)))});
        }
    }
    for (const Removal& removal : removals) {
        if (!removal.folder) continue;
        // A folder that only moved has nothing in trash.
        const std::string path = trash_path(removal.lsn);
        if (tree_.stat(path)) discard(path, stamp);
    }
    if (!removals.empty()) set_local(kHistory, kTrashDone, std::to_string(removals.back().lsn));
    return versions.size() + removals.size();
}

std::size_t Writing::forget_removals(Lsn up_to, std::size_t limit) {
    // Where history expires later than that, its trash is still to be found.
    if (const auto done = local(kHistory, kTrashDone))
        up_to = std::min<Lsn>(up_to, std::stoll(*done));
    else
        return 0;
    struct Forgotten {
        std::int64_t row = 0;
        SpaceId space = 0;
        Lsn lsn = 0;
        Dot removal;
    };
    std::vector<Forgotten> rows;
    {
        auto query = db_.query("SELECT id, space, to_lsn, r_origin, r_seq FROM gone ORDER BY id LIMIT ?1");
        query.bind(static_cast<std::int64_t>(limit));
        while (query.next() && query.integer(2) <= up_to) {
            rows.push_back(
                {query.integer(0), query.integer(1), query.integer(2), {query.integer(3), query.integer(4)}});
        }
    }
    if (rows.empty()) return 0;
    begin_verb();
    for (const Forgotten& one : rows) {
        db_.query("DELETE FROM gone WHERE id = ?1").bind(one.row).run();
        // Whoever has not seen this removal can not be told of it any more.
        db_.query(
               "UPDATE vector SET floor_token = max(floor_token, ?3), floor_lsn = max(floor_lsn, ?4)"
               " WHERE space = ?1 AND origin = ?2")
            .bind(one.space)
            .bind(one.removal.origin)
            .bind(one.removal.seq)
            .bind(one.lsn)
            .run();
    }
    return rows.size();
}

}  // namespace storage
