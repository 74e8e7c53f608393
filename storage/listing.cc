#include "storage/reading.h"

namespace storage {

namespace {

// With Need::octets. One look for a node and its octets: a second query would find each node again.
#define OCTETS_COLUMN ", b.bytes"
#define OCTETS_JOIN " LEFT JOIN body AS b ON b.hash = n.hash AND n.kind IN (5, 6)"

#define DISK_COLUMNS "d.node, d.dev, d.ino, d.size, d.mtime_ns, d.ctime_ns"

FileFacts facts_from(const sql::Query& query, bool folder, bool exec) {
    FileFacts facts;
    facts.kind = folder ? DiskKind::folder : DiskKind::file;
    facts.dev = static_cast<std::uint64_t>(query.integer(1));
    facts.ino = static_cast<std::uint64_t>(query.integer(2));
    facts.size = query.integer(3);
    facts.mtime_ns = query.integer(4);
    facts.ctime_ns = query.integer(5);
    facts.links = 1;
    facts.exec = exec;
    return facts;
}

}  // namespace

// One need of a listing: a query in the same order as the nodes, its rows taken as their node comes by.
class Beside {
  public:
    void open(sql::Query query) {
        query_.emplace(std::move(query));
        step();
    }
    // Gives the rows of `node` to `take`. Rows of nodes that were left out are not there: both read one snapshot.
    template <typename Take>
    void rows_of(NodeId node, const Take& take) {
        for (; at_ == node; step()) take(*query_);
    }

  private:
    void step() { at_ = query_->next() ? query_->integer(0) : 0; }

    std::optional<sql::Query> query_;
    NodeId at_ = 0;  // no node has id 0
};

struct ListingQueries {
    sql::Query& nodes;
    Beside& props;
    Beside& disk;
    Beside& locks;
};

template <typename Base>
std::size_t Reading<Base>::list(NodeId parent, Need needs, std::string_view after, std::size_t limit,
                                const std::function<void(const Row&)>& each) {
    Beside props;
    Beside disk;
    Beside locks;
    if (has(needs, Need::props)) {
        auto query = db_.query(
            "SELECT p.node, p.ns, p.name, p.value FROM node AS n CROSS JOIN prop AS p ON p.node = n.id"
            " WHERE n.parent = ?1 AND n.name > ?2 AND p.value IS NOT NULL AND p.ns <> char(1) ORDER BY n.name");
        query.bind(parent).bind_text(after);
        props.open(std::move(query));
    }
    if (has(needs, Need::disk)) {
        auto query = db_.query("SELECT " DISK_COLUMNS
                               " FROM node AS n CROSS JOIN disk AS d ON d.node = n.id"
                               " WHERE n.parent = ?1 AND n.name > ?2 ORDER BY n.name");
        query.bind(parent).bind_text(after);
        disk.open(std::move(query));
    }
    if (has(needs, Need::locks)) {
        // From the locks to their nodes: there are few of the former.
        auto query = db_.query(
            "SELECT l.node, " LOCK_COLUMNS
            " FROM lock_above AS a CROSS JOIN lock AS l ON l.token = a.token CROSS JOIN node AS n ON n.id = l.node"
            " WHERE a.node = ?1 AND a.distance = 1 AND n.name > ?2 AND l.expires_ms > ?3 ORDER BY n.name");
        query.bind(parent).bind_text(after).bind(clock_.now_ms());
        locks.open(std::move(query));
    }
    auto query =
        db_.query(has(needs, Need::octets) ? "SELECT " SHOWN_COLUMNS OCTETS_COLUMN " FROM node AS n" OCTETS_JOIN
                                             " WHERE n.parent = ?1 AND n.name > ?2 ORDER BY n.name"
                                           : "SELECT " SHOWN_COLUMNS
                                             " FROM node AS n WHERE n.parent = ?1 AND n.name > ?2 ORDER BY n.name");
    query.bind(parent).bind_text(after);
    return give({query, props, disk, locks}, needs, std::min(limit, kListPageMax), each);
}

template <typename Base>
void Reading<Base>::rows(std::span<const NodeId> ids, Need needs, const std::function<void(const Row&)>& each) {
    std::string list = "[";
    for (const NodeId id : ids) (list += list.size() == 1 ? "" : ",") += std::to_string(id);
    list += ']';
    Beside props;
    Beside disk;
    Beside locks;
    if (has(needs, Need::props)) {
        auto query = db_.query(
            "SELECT p.node, p.ns, p.name, p.value FROM json_each(?1) AS j CROSS JOIN prop AS p ON p.node = j.value"
            " WHERE p.value IS NOT NULL AND p.ns <> char(1)");
        query.bind_text(list);
        props.open(std::move(query));
    }
    if (has(needs, Need::disk)) {
        auto query =
            db_.query("SELECT " DISK_COLUMNS " FROM json_each(?1) AS j CROSS JOIN disk AS d ON d.node = j.value");
        query.bind_text(list);
        disk.open(std::move(query));
    }
    if (has(needs, Need::locks)) {
        auto query = db_.query("SELECT l.node, " LOCK_COLUMNS
                               " FROM json_each(?1) AS j CROSS JOIN lock AS l ON l.node = j.value"
                               " WHERE l.expires_ms > ?2");
        query.bind_text(list).bind(clock_.now_ms());
        locks.open(std::move(query));
    }
    auto query =
        db_.query(has(needs, Need::octets)
                      ? "SELECT " SHOWN_COLUMNS OCTETS_COLUMN
                        " FROM json_each(?1) AS j CROSS JOIN node AS n ON n.id = j.value" OCTETS_JOIN
                      : "SELECT " SHOWN_COLUMNS " FROM json_each(?1) AS j CROSS JOIN node AS n ON n.id = j.value");
    query.bind_text(list);
    give({query, props, disk, locks}, needs, ids.size(), each);
}

template <typename Base>
std::size_t Reading<Base>::give(const ListingQueries& from, Need needs, std::size_t limit,
                                const std::function<void(const Row&)>& each) {
    const Lsn view = has(needs, Need::disk) ? lsn() : 0;
    Row row;
    std::size_t given = 0;
    while (given < limit && from.nodes.next()) {
        shown_from(from.nodes, row.node);
        adjust(row.node);
        std::size_t count = 0;  // the memory of the row before is used again
        row.disk.reset();
        row.locks.clear();
        from.props.rows_of(row.node.id, [&](const sql::Query& prop) {
            if (count == row.props.size()) row.props.emplace_back();
            Prop& to = row.props[count++];
            to.ns = prop.text(1);
            to.name = prop.text(2);
            to.value = prop.text(3);
        });
        row.props.resize(count);
        from.disk.rows_of(row.node.id, [&](const sql::Query& facts) {
            row.disk = facts_from(facts, is_collection(row.node.kind), row.node.exec);
        });
        if (has(needs, Need::octets)) row.octets = from.nodes.blob(kShownColumns);
        from.locks.rows_of(row.node.id, [&](const sql::Query& lock) { row.locks.push_back(lock_from(lock, 1)); });
        if (has(needs, Need::disk)) {
            const auto look = fresh_.look(row.node.id, view);
            if (look.state == FreshFacts::State::flying) row.disk.reset();
            if (look.state == FreshFacts::State::facts) row.disk = look.facts;
        }
        each(row);
        ++given;
    }
    return given;
}

template <typename Base>
std::size_t Reading<Base>::count_children(NodeId parent) {
    auto query = db_.query("SELECT count(*) FROM node WHERE parent = ?1");
    query.bind(parent);
    return query.next() ? static_cast<std::size_t>(query.integer(0)) : 0;
}

template <typename Base>
std::optional<Row> Reading<Base>::row(NodeId id, Need needs) {
    auto found = node(id);
    if (!found) return std::nullopt;
    Row row{*std::move(found), {}, {}, {}, {}};
    if (has(needs, Need::props)) row.props = props(id);
    if (has(needs, Need::disk)) row.disk = disk(id);
    if (has(needs, Need::locks)) row.locks = locks_at(std::span(&row.node, 1));
    if (has(needs, Need::octets) && is_item(row.node.kind) && row.node.hash)
        row.octets = body(*row.node.hash).value_or(std::string());
    return row;
}

template <typename Base>
bool Reading<Base>::subtree(NodeId root, std::size_t limit, const std::function<void(const Node&)>& each) {
    const auto top = node(root);
    if (!top) return true;
    if (limit == 0) return false;
    each(*top);
    std::size_t given = 1;
    std::vector<NodeId> folders;  // bounded by `limit`
    if (is_collection(top->kind)) folders.push_back(root);
    Node member;
    while (!folders.empty()) {
        const NodeId folder = folders.back();
        folders.pop_back();
        auto query = db_.query("SELECT " NODE_COLUMNS " FROM node AS n WHERE n.parent = ?1 ORDER BY n.name");
        query.bind(folder);
        while (query.next()) {
            if (given == limit) return false;
            node_from(query, member);
            adjust(member);
            if (is_collection(member.kind)) folders.push_back(member.id);
            each(member);
            ++given;
        }
    }
    return true;
}

template <typename Base>
bool Reading<Base>::changed_below(const Node& root, Lsn since) {
    auto changed =
        db_.query("SELECT id, parent FROM node INDEXED BY node_changed WHERE space = ?1 AND changed_lsn > ?2");
    auto above = db_.query("SELECT parent FROM node WHERE id = ?1");
    changed.bind(root.space).bind(since);
    while (changed.next()) {
        if (changed.integer(0) == root.id) return true;
        for (NodeId at = changed.integer(1); at != 0;) {
            if (at == root.id) return true;
            above.bind(at);
            at = above.next() ? above.integer(0) : 0;
            above.again();
        }
    }
    return false;
}

template <typename Base>
std::optional<FileFacts> Reading<Base>::disk(NodeId id) {
    const auto look = fresh_.look(id, lsn());
    if (look.state == FreshFacts::State::flying) return std::nullopt;
    if (look.state == FreshFacts::State::facts) return look.facts;
    auto query = db_.query("SELECT " DISK_COLUMNS
                           ", n.kind, n.exec FROM disk AS d JOIN node AS n ON n.id = d.node WHERE d.node = ?1");
    query.bind(id);
    if (!query.next()) return std::nullopt;
    return facts_from(query, is_collection(static_cast<NodeKind>(query.integer(6))), query.integer(7) != 0);
}

// The class itself is instantiated in reading.cc.
using Each = std::function<void(const Row&)>;
template std::size_t Reading<ReadTxn>::list(NodeId, Need, std::string_view, std::size_t, const Each&);
template std::size_t Reading<WriteTxn>::list(NodeId, Need, std::string_view, std::size_t, const Each&);
using Ids = std::span<const NodeId>;
template void Reading<ReadTxn>::rows(Ids, Need, const Each&);
template void Reading<WriteTxn>::rows(Ids, Need, const Each&);
template std::size_t Reading<ReadTxn>::count_children(NodeId);
template std::size_t Reading<WriteTxn>::count_children(NodeId);
template std::optional<Row> Reading<ReadTxn>::row(NodeId, Need);
template std::optional<Row> Reading<WriteTxn>::row(NodeId, Need);
template bool Reading<ReadTxn>::subtree(NodeId, std::size_t, const std::function<void(const Node&)>&);
template bool Reading<WriteTxn>::subtree(NodeId, std::size_t, const std::function<void(const Node&)>&);
template bool Reading<ReadTxn>::changed_below(const Node&, Lsn);
template bool Reading<WriteTxn>::changed_below(const Node&, Lsn);
template std::optional<FileFacts> Reading<ReadTxn>::disk(NodeId);
template std::optional<FileFacts> Reading<WriteTxn>::disk(NodeId);

}  // namespace storage
