#include "storage/node.h"

#include "storage/indexer.h"
#include "storage/txn.h"

namespace storage {

namespace {

std::string quoted(std::string_view kind, std::string_view text) {
    std::string tag;
    tag.reserve(kind.size() + text.size() + 2);
    tag += '"';
    tag += kind;
    tag += text;
    tag += '"';
    return tag;
}

}  // namespace

std::string etag_of(const Node& node) {
    if (is_collection(node.kind)) return quoted("t-", base::base64url(node.tree.view()));
    if (node.hash) return quoted("", base::base64url(node.hash->view().substr(0, 16)));
    return quoted(
        "p-", std::to_string(node.size) + "-" + std::to_string(node.mtime_ns) + "-" + std::to_string(node.content_lsn));
}

std::string pending_etag(const FileFacts& facts) {
    return quoted("p-", std::to_string(facts.ino) + "-" + std::to_string(facts.size) + "-" +
                            std::to_string(facts.mtime_ns) + "-" + std::to_string(facts.ctime_ns));
}

Lsn Walk::settled_after() const {
    Lsn lsn = 0;
    for (const Node& node : chain) lsn = std::max({lsn, node.placed_lsn, node.content_lsn});
    return lsn;
}

std::string Walk::disk_path(const Space& space) const {
    std::string path = space.dir;
    for (std::size_t i = 1; i < chain.size(); ++i) (path += '/') += chain[i].name;
    return path;
}

namespace {

class NoIndex final : public IndexEntry {
  public:
    void store(sql::Connection&, NodeId) const override {}
    bool is_stored(sql::Connection&, NodeId) const override { return true; }
};

}  // namespace

const IndexEntry& no_index() {
    static const NoIndex none;
    return none;
}

std::unique_ptr<IndexEntry> make_no_index() {
    return std::make_unique<NoIndex>();
}

std::vector<PropChange> as_set(const std::vector<Prop>& props) {
    std::vector<PropChange> changes;
    changes.reserve(props.size());
    for (const Prop& prop : props) changes.push_back({prop.ns, prop.name, prop.value});
    return changes;
}

}  // namespace storage
