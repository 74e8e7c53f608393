#include "storage/reading.h"

#include "storage/base/failure.h"
#include "storage/past.h"
#include "storage/sync_changes.h"

namespace storage {

namespace {

constexpr int kDepthMax = 4096;  // a chain of parents longer than this is a circle: the index is corrupt

base::Id128 id128(std::string_view octets) {
    return base::id_from(octets).value_or(base::Id128{});
}

KvRow kv_row(const sql::Query& query) {
    return {{std::string(query.text(0)), std::string(query.text(1)), std::string(query.text(2))},
            std::string(query.blob(3))};
}

std::string lsn_text(Lsn lsn) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string text(16, '0');
    auto number = static_cast<std::uint64_t>(lsn);
    for (std::size_t i = 16; i-- > 0; number >>= 4) text[i] = kDigits[number & 15];
    return text;
}

}  // namespace

void shown_from(const sql::Query& query, Node& node) {
    node.id = query.integer(0);
    node.oid = id128(query.blob(1));
    node.space = query.integer(2);
    node.parent = query.integer(3);
    node.name.assign(query.text(4));
    node.kind = static_cast<NodeKind>(query.integer(5));
    node.created_ms = query.integer(6);
    node.mtime_ns = query.integer(7);
    node.exec = query.integer(8) != 0;
    node.size = query.integer(9);
    node.hash = base::hash_from(query.blob(10));
    node.tree = base::hash_from(query.blob(11)).value_or(base::Hash{});
}

void node_from(const sql::Query& query, Node& node) {
    shown_from(query, node);
    node.content = {query.integer(12), query.integer(13)};
    node.place = {query.integer(14), query.integer(15)};
    node.content_lsn = query.integer(16);
    node.placed_lsn = query.integer(17);
    node.changed_lsn = query.integer(18);
}

Space space_from(const sql::Query& query) {
    Space space;
    space.id = query.integer(0);
    space.uid = id128(query.blob(1));
    space.kind = static_cast<SpaceKind>(query.integer(2));
    space.owner = id128(query.blob(3));
    space.root = query.integer(4);
    space.dir = query.text(5);
    space.epoch = static_cast<std::uint32_t>(query.integer(6));
    space.used_bytes = query.integer(7);
    return space;
}

std::string trash_path(Lsn lsn) {
    return ".hearth/trash/" + lsn_text(lsn);
}

std::string version_path(const base::Hash& hash) {
    const std::string text = base::hex(hash.view());
    return ".hearth/versions/" + text.substr(0, 2) + "/" + text;
}

std::string hidden_path(const Oid& oid, std::string_view name, Lsn placed_lsn) {
    return name.empty() ? ".hearth/staging/" + base::hex(oid.view()) : trash_path(placed_lsn);
}

template <typename Base>
Lsn Reading<Base>::lsn() const {
    if (!lsn_) {
        auto query = db_.query("SELECT value FROM meta WHERE key = 'lsn_last'");
        lsn_ = query.next() ? query.integer(0) : 0;
    }
    return *lsn_;
}

template <typename Base>
std::optional<Space> Reading<Base>::space(SpaceId id) {
    auto query = db_.query("SELECT " SPACE_COLUMNS " FROM space WHERE id = ?1");
    query.bind(id);
    if (!query.next()) return std::nullopt;
    Space space = space_from(query);
    adjust(space);
    return space;
}

template <typename Base>
std::optional<Space> Reading<Base>::space_of(SpaceKind kind, const base::Id128& owner) {
    auto query = db_.query("SELECT " SPACE_COLUMNS " FROM space WHERE kind = ?1 AND owner = ?2 ORDER BY id LIMIT 1");
    query.bind(static_cast<std::int64_t>(kind)).bind_blob(owner.view());
    if (!query.next()) return std::nullopt;
    Space space = space_from(query);
    adjust(space);
    return space;
}

template <typename Base>
std::vector<Space> Reading<Base>::spaces() {
    std::vector<Space> spaces;
    auto query = db_.query("SELECT " SPACE_COLUMNS " FROM space ORDER BY id");
    while (query.next()) {
        spaces.push_back(space_from(query));
        adjust(spaces.back());
    }
    return spaces;
}

template <typename Base>
std::optional<Node> Reading<Base>::first(sql::Query& query) const {
    if (!query.next()) return std::nullopt;
    std::optional<Node> node(std::in_place);
    node_from(query, *node);
    adjust(*node);
    return node;
}

template <typename Base>
std::optional<Node> Reading<Base>::node(NodeId id) {
    auto query = db_.query("SELECT " NODE_COLUMNS " FROM node AS n WHERE n.id = ?1");
    query.bind(id);
    return first(query);
}

template <typename Base>
std::optional<Node> Reading<Base>::by_oid(SpaceId space, const Oid& oid) {
    auto query = db_.query("SELECT " NODE_COLUMNS " FROM node AS n WHERE n.space = ?1 AND n.oid = ?2");
    query.bind(space).bind_blob(oid.view());
    return first(query);
}

template <typename Base>
std::optional<Node> Reading<Base>::child(NodeId parent, std::string_view name) {
    static constexpr const char* kByName = "SELECT " NODE_COLUMNS " FROM node AS n WHERE n.parent = ?1 AND n.name = ?2";
    {
        auto query = db_.query(kByName);
        query.bind(parent).bind_text(name);
        if (auto node = first(query)) return node;
    }
    if (!base::is_utf8(name)) return std::nullopt;
    const std::string key = base::name_key(name);
    if (key != name) {
        auto query = db_.query(kByName);
        query.bind(parent).bind_text(key);
        if (auto node = first(query)) return node;
    }
    // Names found on disk keep their bytes; several may share a key, then the first in name order is the one.
    auto query = db_.query("SELECT " NODE_COLUMNS
                           " FROM node AS n INDEXED BY node_key WHERE n.parent = ?1 AND n.name_key = ?2"
                           " AND n.name_key IS NOT NULL ORDER BY n.name LIMIT 1");
    query.bind(parent).bind_text(key);
    return first(query);
}

template <typename Base>
std::vector<NodeId> Reading<Base>::children(NodeId parent, std::span<const std::string> names) {
    std::vector<NodeId> ids;
    ids.reserve(names.size());
    auto query = db_.query("SELECT id FROM node WHERE parent = ?1 AND name = ?2");  // from the index alone
    for (const std::string& name : names) {
        query.bind(parent).bind_text(name);
        NodeId id = query.next() ? query.integer(0) : 0;
        query.again();
        if (id == 0)
            if (const auto node = child(parent, name)) id = node->id;
        ids.push_back(id);
    }
    return ids;
}

template <typename Base>
Walk Reading<Base>::walk(NodeId root, std::span<const std::string> names) {
    Walk walk;
    auto at = node(root);
    if (!at) throw base::Failure(base::Fault::corrupt, "no root with id " + std::to_string(root));
    walk.chain.reserve(names.size() + 1);
    walk.chain.push_back(*std::move(at));
    for (std::size_t i = 0; i < names.size(); ++i) {
        std::optional<Node> next;
        if (is_collection(walk.last().kind)) next = child(walk.last().id, names[i]);
        if (!next) {
            walk.missing = names.size() - i;
            break;
        }
        walk.chain.push_back(*std::move(next));
    }
    return walk;
}

template <typename Base>
base::Segments Reading<Base>::path_of(NodeId id) {
    base::Segments names;
    for (int depth = 0; depth < kDepthMax; ++depth) {
        auto query = db_.query("SELECT parent, name FROM node WHERE id = ?1");
        query.bind(id);
        if (!query.next() || query.is_null(0)) {
            std::reverse(names.begin(), names.end());
            return names;
        }
        names.emplace_back(query.text(1));
        id = query.integer(0);
    }
    throw base::Failure(base::Fault::corrupt, "a circle of parents above node " + std::to_string(id));
}

template <typename Base>
std::string Reading<Base>::disk_path(const Node& node) {
    base::Segments names;
    NodeId id = node.parent;
    NodeId top = node.id;
    Oid top_oid = node.oid;
    std::string top_name = node.name;
    Lsn top_placed = node.placed_lsn;
    if (id != 0) names.push_back(node.name);
    for (int depth = 0; id != 0; ++depth) {
        if (depth == kDepthMax) throw base::Failure(base::Fault::corrupt, "a circle of parents above " + node.name);
        auto query = db_.query("SELECT parent, name, oid, placed_lsn FROM node WHERE id = ?1");
        query.bind(id);
        if (!query.next()) throw base::Failure(base::Fault::corrupt, "no parent with id " + std::to_string(id));
        top = id;
        id = query.integer(0);
        if (id != 0) {
            names.emplace_back(query.text(1));
            continue;
        }
        top_name = query.text(1);
        top_oid = id128(query.blob(2));
        top_placed = query.integer(3);
    }
    const auto where = space(node.space);
    std::string path = where && where->root == top ? where->dir : hidden_path(top_oid, top_name, top_placed);
    for (auto name = names.rbegin(); name != names.rend(); ++name) (path += '/') += *name;
    return path;
}

template <typename Base>
std::optional<std::string> Reading<Base>::body(const base::Hash& hash) {
    auto query = db_.query("SELECT bytes FROM body WHERE hash = ?1");
    query.bind_blob(hash.view());
    if (!query.next()) return std::nullopt;
    return std::string(query.blob(0));
}

template <typename Base>
std::vector<Prop> Reading<Base>::props(NodeId id) {
    std::vector<Prop> props;
    auto query = db_.query("SELECT ns, name, value FROM prop WHERE node = ?1 AND value IS NOT NULL AND ns <> char(1)");
    query.bind(id);
    while (query.next()) {
        props.push_back({std::string(query.text(0)), std::string(query.text(1)), std::string(query.text(2))});
    }
    return props;
}

template <typename Base>
std::optional<std::string> Reading<Base>::kv(const KvKey& at) {
    auto query = db_.query("SELECT value FROM kv WHERE tbl = ?1 AND key = ?2 AND field = ?3 AND value IS NOT NULL");
    query.bind_text(at.table).bind_text(at.key).bind_text(at.field);
    if (!query.next()) return std::nullopt;
    return std::string(query.blob(0));
}

template <typename Base>
std::vector<KvRow> Reading<Base>::kv_rows(std::string_view table) {
    std::vector<KvRow> rows;
    auto query =
        db_.query("SELECT tbl, key, field, value FROM kv WHERE tbl = ?1 AND value IS NOT NULL ORDER BY key, field");
    query.bind_text(table);
    while (query.next()) rows.push_back(kv_row(query));
    return rows;
}

template <typename Base>
std::vector<KvRow> Reading<Base>::kv_rows(std::string_view table, std::string_view key) {
    std::vector<KvRow> rows;
    auto query = db_.query(
        "SELECT tbl, key, field, value FROM kv WHERE tbl = ?1 AND key = ?2 AND value IS NOT NULL ORDER BY field");
    query.bind_text(table).bind_text(key);
    while (query.next()) rows.push_back(kv_row(query));
    return rows;
}

template <typename Base>
std::vector<KvMark> Reading<Base>::kv_marks(std::string_view table) {
    std::vector<KvMark> marks;
    auto query = db_.query(
        "SELECT tbl, key, field, origin, seq FROM kv WHERE tbl = ?1"
        " UNION ALL SELECT tbl, key, field, origin, seq FROM kv_beside WHERE tbl = ?1"
        " ORDER BY key, field, origin, seq");
    query.bind_text(table);
    while (query.next()) {
        KvKey at{std::string(query.text(0)), std::string(query.text(1)), std::string(query.text(2))};
        marks.push_back({std::move(at), {query.integer(3), query.integer(4)}});
    }
    return marks;
}

template <typename Base>
std::optional<std::string> Reading<Base>::local(std::string_view table, std::string_view key) {
    auto query = db_.query("SELECT value FROM local WHERE tbl = ?1 AND key = ?2");
    query.bind_text(table).bind_text(key);
    if (!query.next()) return std::nullopt;
    return std::string(query.blob(0));
}

template <typename Base>
Past Reading<Base>::past() {
    return Past(db_);
}

template <typename Base>
std::vector<Dot> Reading<Base>::vector(SpaceId space) {
    std::vector<Dot> dots;
    auto query = db_.query("SELECT origin, seq FROM vector WHERE space = ?1 ORDER BY origin");
    query.bind(space);
    while (query.next()) dots.push_back({query.integer(0), query.integer(1)});
    return dots;
}

template <typename Base>
SyncState Reading<Base>::sync_state(SpaceId id) {
    SyncState state;
    {
        auto query =
            db_.query("SELECT s.epoch, m.value FROM space AS s JOIN meta AS m ON m.key = 'origin' WHERE s.id = ?1");
        query.bind(id);
        if (!query.next()) throw base::Failure(base::Fault::corrupt, "no space with id " + std::to_string(id));
        state.epoch = static_cast<std::uint32_t>(query.integer(0));
        state.origin = query.integer(1);
    }
    auto query =
        db_.query("SELECT origin, seq, floor_token, lsn, floor_lsn FROM vector WHERE space = ?1 ORDER BY origin");
    query.bind(id);
    while (query.next()) {
        state.vector.push_back({query.integer(0), query.integer(1)});
        state.floors.push_back({query.integer(0), query.integer(2)});
        state.lsn = std::max(state.lsn, query.integer(3));
        state.floor_lsn = std::max(state.floor_lsn, query.integer(4));
    }
    will_tell(state.lsn);
    return state;
}

template <typename Base>
Feed Reading<Base>::records(SpaceId space, std::span<const Dot> known, Lsn from, const FeedLimits& limits) {
    return records_beyond(db_, space, known, from, told_up_to(), limits);
}

template <typename Base>
SyncPage Reading<Base>::sync_changes(const SyncAsk& ask) {
    return storage::sync_changes(db_, ask);
}

template <typename Base>
Lsn Reading<Base>::first_not_covered(SpaceId space, const SyncToken& token) {
    auto query = db_.query("SELECT lsn, origin, seq FROM log WHERE space = ?1 ORDER BY lsn");
    query.bind(space);
    Lsn last = 0;
    while (query.next()) {
        last = query.integer(0);
        if (!token.covers({query.integer(1), query.integer(2)})) return last;
    }
    return last + 1;
}

// What another home or a client keeps outlives a crash here: a record that is lost must not be among it, for its number
// is given to another one then.
Lsn ReadView::told_up_to() const {
    return log_sync_ ? log_sync_->durable() : Reading::told_up_to();
}

void ReadView::will_tell(Lsn lsn) const {
    if (log_sync_) log_sync_->require(lsn);
}

template class Reading<ReadTxn>;
template class Reading<WriteTxn>;

}  // namespace storage
