#include "storage/base/hash.h"
#include "storage/check.h"
#include "storage/sql.h"

namespace storage {

std::vector<NodeId> check_index(sql::Connection& db, std::span<const Indexer> indexers,
                                std::vector<Store::Finding>& findings) {
    std::vector<NodeId> wrong;
    const auto add = [&](std::string_view what, std::string where) {
        if (findings.size() < kFindingsMax) findings.push_back({std::string(what), std::move(where), false});
    };
    for (const Indexer& indexer : indexers) {
        auto items = db.query(
            "SELECT n.id, n.name, p.name, b.bytes, b.hash IS NULL FROM node AS n LEFT JOIN node AS p ON p.id = n.parent"
            " LEFT JOIN body AS b ON b.hash = n.hash WHERE n.kind = ?1 ORDER BY n.id");
        items.bind(static_cast<std::int64_t>(indexer.kind));
        while (items.next()) {
            const std::string where = std::string(items.text(2)) + "/" + std::string(items.text(1));
            if (items.integer(4) != 0) {
                add("missing-body", where);
                continue;
            }
            const auto entry = indexer.entry(items.blob(3));
            if (!entry->fault().empty()) add(Store::Finding::kUnreadable, where + ": " + entry->fault());
            if (entry->is_stored(db, items.integer(0))) continue;
            add("index", where);
            wrong.push_back(items.integer(0));
        }
    }
    return wrong;
}

}  // namespace storage
