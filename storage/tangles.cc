#include "storage/tangles.h"

#include "storage/sql.h"

namespace storage {

namespace {

void insert(sql::Connection& db, SpaceId space, const Oid& oid, const std::optional<Oid>& shown) {
    auto query = db.query("INSERT INTO tangle (space, oid, shown) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING");
    query.bind(space).bind_blob(oid.view());
    if (shown)
        query.bind_blob(shown->view());
    else
        query.bind_null();
    query.run();
}

}  // namespace

void Tangles::load(sql::Connection& db) {
    spaces_.clear();
    auto query = db.query("SELECT space, oid, shown FROM tangle");
    while (query.next()) {
        spaces_[query.integer(0)][base::id_from(query.blob(1)).value_or(Oid{})] = base::id_from(query.blob(2));
    }
}

bool Tangles::contains(SpaceId space, const Oid& oid) const {
    const auto found = spaces_.find(space);
    return found != spaces_.end() && found->second.contains(oid);
}

bool Tangles::is_unseen(SpaceId space, const Oid& oid) const {
    const auto found = spaces_.find(space);
    if (found == spaces_.end()) return false;
    const auto at = found->second.find(oid);
    return at != found->second.end() && !at->second;
}

std::vector<Oid> Tangles::hidden_behind(SpaceId space, const Oid& shown) const {
    std::vector<Oid> hidden;
    const auto found = spaces_.find(space);
    if (found == spaces_.end()) return hidden;
    for (const auto& [oid, behind] : found->second) {
        if (behind == shown) hidden.push_back(oid);
    }
    return hidden;
}

void Tangles::add(sql::Connection& db, SpaceId space, const Oid& oid) {
    if (spaces_[space].try_emplace(oid).second) insert(db, space, oid, std::nullopt);
}

void Tangles::replace(sql::Connection& db, SpaceId space, OfSpace tangles) {
    const auto before = spaces_.find(space);
    if (before == spaces_.end() ? tangles.empty() : before->second == tangles) return;
    db.query("DELETE FROM tangle WHERE space = ?1").bind(space).run();
    for (const auto& [oid, shown] : tangles) insert(db, space, oid, shown);
    if (tangles.empty())
        spaces_.erase(space);
    else
        spaces_[space] = std::move(tangles);
}

}  // namespace storage
