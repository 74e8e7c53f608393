#include "storage/history.h"

#include <algorithm>
#include <charconv>

#include "storage/sync_changes.h"
#include "storage/writing.h"

namespace storage {

namespace {

constexpr int kDiscardsPerLsn = 16;
constexpr std::string_view kForgotten = "forgotten";  // positions in `gone`
constexpr std::string_view kPlaces = "places";

std::int64_t number_from(std::string_view text) {
    std::int64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

// By halving, since ids grow with the lsn. `at_or_after` gives id and lsn of the first row with that id or a later one.
std::int64_t first_row(sql::Connection& db, const char* bounds, const char* at_or_after, Lsn from) {
    std::int64_t low = 0;
    std::int64_t high = 0;
    {
        auto query = db.query(bounds);
        if (query.next()) {
            low = query.integer(0);
            high = query.integer(1);
        }
    }
    std::int64_t found = 0;
    while (low != 0 && low <= high) {
        const std::int64_t middle = low + (high - low) / 2;
        auto query = db.query(at_or_after);
        query.bind(middle);
        if (!query.next()) break;
        if (query.integer(1) < from) {
            low = query.integer(0) + 1;
        } else {
            found = query.integer(0);
            high = middle - 1;
        }
    }
    return found;
}

bool is_being_drained(sql::Connection& db, Lsn removal) {
    auto query = db.query("SELECT 1 FROM node WHERE parent IS NULL AND placed_lsn = ?1 AND name <> '' LIMIT 1");
    query.bind(removal);
    return query.next();
}

}  // namespace

bool holds_versions(sql::Connection& db, std::string_view path) {
    const std::string end = std::string(path) + '0';  // after '/'
    auto query = db.query("SELECT 1 FROM version WHERE place >= ?1 AND place < ?2 AND place IS NOT NULL LIMIT 1");
    query.bind_text(path).bind_text(end);
    return query.next();
}

Position position_from(std::string_view text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) return {};
    return {number_from(text.substr(0, colon)), number_from(text.substr(colon + 1))};
}

std::string text_of(const Position& at) {
    return std::to_string(at.lsn) + ":" + std::to_string(at.row);
}

Lsn removal_of(std::string_view name) {
    constexpr std::size_t kDigits = 16;
    Lsn lsn = 0;
    if (name.size() < kDigits) return 0;
    const auto end = std::from_chars(name.data(), name.data() + kDigits, lsn, 16);
    return end.ec == std::errc() && end.ptr == name.data() + kDigits ? lsn : 0;
}

std::int64_t first_version(sql::Connection& db, Lsn from) {
    return first_row(db, "SELECT coalesce(min(rowid), 0), coalesce(max(rowid), 0) FROM version",
                     "SELECT rowid, to_lsn FROM version WHERE rowid >= ?1 ORDER BY rowid LIMIT 1", from);
}

std::vector<Lsn> expired_trash(sql::Connection& db, std::vector<DirEntry> trash, std::size_t limit) {
    Lsn done = 0;
    {
        auto query = db.query("SELECT value FROM local WHERE tbl = ?1 AND key = ?2");
        query.bind_text(kHistory).bind_text(kTrash);
        if (query.next()) done = position_from(query.blob(0)).lsn;
    }
    std::vector<Lsn> removals;
    std::sort(trash.begin(), trash.end(), [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; });
    for (const DirEntry& entry : trash) {
        const Lsn lsn = removal_of(entry.name);
        if (removals.size() == limit || lsn > done) break;
        if (lsn == 0 || trash_path(lsn).substr(kTrashFolder.size() + 1) != entry.name) continue;
        if (!holds_versions(db, trash_path(lsn)) && !is_being_drained(db, lsn)) removals.push_back(lsn);
    }
    return removals;
}

// lsn grows with time as far as the clock does, so halving finds the place; the log has no index by time.
Lsn last_before(sql::Connection& db, std::int64_t at_ms) {
    const auto bound = [&db](const char* statement) {
        auto query = db.query(statement);
        return query.next() ? query.integer(0) : 0;
    };
    Lsn low = bound("SELECT min(lsn) FROM log");
    Lsn high = bound("SELECT max(lsn) FROM log");
    Lsn found = 0;
    while (low != 0 && low <= high) {
        const Lsn middle = low + (high - low) / 2;
        auto query = db.query("SELECT lsn, at_ms FROM log WHERE lsn <= ?1 ORDER BY lsn DESC LIMIT 1");
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

Lsn ReadView::last_before(std::int64_t at_ms) {
    return storage::last_before(db_, at_ms);
}

void Writing::discard(std::string path, Stamp& stamp) {
    const bool room = stamp.lsn != 0 && step_lsn_ == stamp.lsn && step_ < kDiscardsPerLsn;
    if (!room) stamp.lsn = ledger_.bare_lsn();
    FileStep& step = queue(stamp, StepOp::discard, ledger_.sys(), 0);
    step.src = std::move(path);
    save(step);
}

std::size_t Writing::discard_trash(std::span<const Lsn> removals) {
    Stamp stamp;
    std::size_t gone = 0;
    for (const Lsn removal : removals) {
        if (holds_versions(db_, trash_path(removal)) || is_being_drained(db_, removal)) continue;
        begin_verb();
        discard(trash_path(removal), stamp);
        ++gone;
    }
    return gone;
}

std::size_t Writing::forget_removals(Lsn removals, Lsn places, std::size_t limit) {
    // What is in trash still wants its name.
    const auto trash = local(kHistory, kTrash);
    const Position done = trash ? position_from(*trash) : Position{};
    const Lsn expired = done.row == Position::kAllRows ? done.lsn : done.lsn - 1;
    struct Left {
        Position at;
        SpaceId space = 0;
        Dot removal;
        bool there = false;
    };
    struct Sweep {
        std::string_view key;
        Lsn up_to;
        bool all;  // places of what is there too
    };
    std::size_t looked = 0;
    for (const Sweep& sweep :
         {Sweep{kForgotten, std::min(removals, expired), false}, Sweep{kPlaces, std::min(places, expired), true}}) {
        const auto kept = local(kHistory, sweep.key);
        const Position before = kept ? position_from(*kept) : Position{};
        const std::int64_t first = sweep.up_to < before.lsn ? 0 : first_gone(db_, before.lsn);
        std::vector<Left> rows;
        if (first != 0) {
            auto query = db_.query(
                "SELECT g.id, g.to_lsn, g.space, g.r_origin, g.r_seq,"
                " EXISTS (SELECT 1 FROM node AS n WHERE n.space = g.space AND n.oid = g.oid) FROM gone AS g"
                " WHERE g.id >= ?1 AND NOT (g.to_lsn = ?2 AND g.id <= ?3) ORDER BY g.id LIMIT ?4");
            query.bind(first).bind(before.lsn).bind(before.row).bind(static_cast<std::int64_t>(limit - looked));
            while (query.next() && query.integer(1) <= sweep.up_to) {
                rows.push_back({{query.integer(1), query.integer(0)},
                                query.integer(2),
                                {query.integer(3), query.integer(4)},
                                query.integer(5) != 0});
            }
        }
        for (const Left& row : rows) {
            if (row.there && !sweep.all) continue;
            begin_verb();
            db_.query("DELETE FROM gone WHERE id = ?1").bind(row.at.row).run();
            // Whoever has not seen this removal can not be told of it any more.
            db_.query(
                   "UPDATE vector SET floor_token = max(floor_token, ?3), floor_lsn = max(floor_lsn, ?4)"
                   " WHERE space = ?1 AND origin = ?2")
                .bind(row.space)
                .bind(row.removal.origin)
                .bind(row.removal.seq)
                .bind(row.at.lsn)
                .run();
        }
        if (!rows.empty()) set_local(kHistory, sweep.key, text_of(rows.back().at));
        looked += rows.size();
    }
    return looked;
}

void Writing::pin_version(SpaceId space, const Oid& oid, Lsn to_lsn, Pin pin) {
    begin_verb();
    db_.query("UPDATE version SET pinned = ?4 WHERE space = ?1 AND oid = ?2 AND to_lsn = ?3")
        .bind(space)
        .bind_blob(oid.view())
        .bind(to_lsn)
        .bind(std::int64_t{pin == Pin::on})
        .run();
    if (pin == Pin::on) return;
    // The job was past it, and looks again.
    const Position before{to_lsn - 1, Position::kAllRows};
    for (const std::string_view key : kExpiryPositions) {
        const auto kept = local(kHistory, key);
        if (kept && position_from(*kept) > before) set_local(kHistory, key, text_of(before));
    }
}

}  // namespace storage
