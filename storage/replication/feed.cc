#include "storage/replication/feed.h"

#include <map>

#include "storage/sql.h"

namespace storage {

namespace {

LogRecord record_from(const sql::Query& query) {
    LogRecord record;
    record.dot = {query.integer(0), query.integer(1)};
    record.hlc = query.integer(2);
    record.kind = static_cast<RecordKind>(query.integer(3));
    record.oid = base::id_from(query.blob(4)).value_or(Oid{});
    record.author.cause = static_cast<Cause>(query.integer(5));
    record.author.actor = base::id_from(query.blob(6)).value_or(base::Id128{});
    record.author.request_id = base::id_from(query.blob(7)).value_or(base::Id128{});
    record.at_ms = query.integer(8);
    record.body = query.blob(9);
    return record;
}

}  // namespace

Feed records_beyond(sql::Connection& db, SpaceId space, std::span<const Dot> known, Lsn from, Lsn last,
                    const FeedLimits& limits) {
    std::map<std::int64_t, std::int64_t> seen;
    for (const Dot& dot : known) seen[dot.origin] = dot.seq;
    Feed feed;
    feed.next = from;
    std::size_t bytes = 0;
    auto query = db.query(
        "SELECT origin, seq, hlc, kind, oid, cause, actor, request_id, at_ms, body, lsn FROM log"
        " WHERE space = ?1 AND lsn >= ?2 AND lsn <= ?3 ORDER BY lsn");
    query.bind(space).bind(from).bind(last);
    while (query.next()) {
        const auto at = seen.find(query.integer(0));
        if (at == seen.end() || query.integer(1) > at->second) {
            bytes += query.blob(9).size();
            feed.more = feed.records.size() == limits.records || (!feed.records.empty() && bytes > limits.bytes);
            if (feed.more) break;
            feed.records.push_back(record_from(query));
        }
        feed.next = query.integer(10) + 1;
    }
    return feed;
}

}  // namespace storage
