#include "storage/kv_rows.h"

#include "storage/sql.h"

namespace storage {

namespace {

KvHead head_from(const sql::Query& query) {
    KvHead head{{query.integer(0), {query.integer(1), query.integer(2)}}, std::nullopt};
    if (!query.is_null(3)) head.value = query.blob(3);
    return head;
}

sql::Query& bind(sql::Query& query, const KvFacet& at) {
    return query.bind_text(at.table).bind_text(at.key).bind_text(at.field);
}

sql::Query& bind(sql::Query& query, const KvHead& head) {
    if (head.value)
        query.bind_blob(*head.value);
    else
        query.bind_null();
    return query.bind(head.rank.hlc).bind(head.rank.dot.origin).bind(head.rank.dot.seq);
}

}  // namespace

KvHeads kv_heads(sql::Connection& db, const KvKey& at) {
    KvHeads heads;
    auto query = db.query(
        "SELECT hlc, origin, seq, value FROM kv WHERE tbl = ?1 AND key = ?2 AND field = ?3"
        " UNION ALL SELECT hlc, origin, seq, value FROM kv_beside WHERE tbl = ?1 AND key = ?2 AND field = ?3");
    query.bind_text(at.table).bind_text(at.key).bind_text(at.field);
    while (query.next()) heads.push_back(head_from(query));
    return heads;
}

void take_kv(sql::Connection& db, const KvFacet& record, const Rank& rank) {
    KvHeads heads = kv_heads(db, {record.table, record.key, record.field});
    const bool were_beside = heads.size() > 1;
    take(heads, record, rank);
    const std::size_t best = shown(kv_rule(record.table, record.field), heads);
    auto show = db.query(
        "INSERT INTO kv (tbl, key, field, value, hlc, origin, seq) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
        " ON CONFLICT (tbl, key, field) DO UPDATE SET value = ?4, hlc = ?5, origin = ?6, seq = ?7");
    bind(bind(show, record), heads[best]).run();
    if (were_beside) {
        auto clear = db.query("DELETE FROM kv_beside WHERE tbl = ?1 AND key = ?2 AND field = ?3");
        bind(clear, record).run();
    }
    for (std::size_t i = 0; i < heads.size(); ++i) {
        if (i == best) continue;
        auto keep = db.query(
            "INSERT INTO kv_beside (tbl, key, field, value, hlc, origin, seq) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
        bind(bind(keep, record), heads[i]).run();
    }
}

}  // namespace storage
