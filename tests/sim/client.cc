#include "tests/sim/client.h"

#include <algorithm>

#include "storage/restoring.h"
#include "storage/retention.h"
#include "storage/staging.h"
#include "tests/sim/home.h"

namespace sim {

namespace {

using storage::Node;
using storage::NodeKind;
using storage::ReadTxn;
using storage::WriteTxn;

constexpr std::uint64_t kBytesMax = 1 << 20;
constexpr std::size_t kPiece = 12'000;  // a big content comes in two
constexpr std::size_t kExpireAtOnce = 100;

class HeardSource final : public storage::Source {
  public:
    explicit HeardSource(const Heard& heard) : heard_(heard) {}
    storage::Feed records(const storage::SpaceName&, std::span<const storage::Dot> known, storage::Lsn,
                          const storage::FeedLimits&) override {
        storage::Feed feed;
        for (const storage::LogRecord& record : heard_.records) {
            const auto knows = [&](const storage::Dot& dot) {
                return dot.origin == record.dot.origin && dot.seq >= record.dot.seq;
            };
            if (std::none_of(known.begin(), known.end(), knows)) feed.records.push_back(record);
        }
        return feed;
    }
    bool content(const storage::SpaceName&, const storage::WantedContent& wanted, base::ByteSink& to) override {
        const auto found = heard_.octets.find(wanted.hash);
        if (found == heard_.octets.end()) return false;
        to.write(found->second);
        return true;
    }

  private:
    const Heard& heard_;
};

}  // namespace

Client::Space Client::space() {
    const auto found = [&](ReadTxn& txn) { return txn.space_of(kClientSpace.kind, kClientSpace.owner); };
    auto there = store_.read(found);
    if (!there) {
        there = store_.write(
            [&](WriteTxn& txn) { return txn.make_space(kClientSpace.kind, kClientSpace.owner, "files/home", {}); });
    }
    return {there->id, there->root};
}

Node Client::at(ReadTxn& txn, const std::string& path) {
    std::vector<std::string> names = names_of("", path);
    names.erase(names.begin());
    const auto space = txn.space_of(kClientSpace.kind, kClientSpace.owner);
    const storage::Walk walk = txn.walk(space->root, names);
    if (!walk.found()) throw base::Failure(base::Fault::corrupt, "a client names what is not there: " + path);
    return walk.last();
}

storage::NodeId Client::folder_at(ReadTxn& txn, const std::string& path) {
    return at(txn, folder_of(path)).id;
}

storage::Lsn Client::now() {
    return store_.read([](ReadTxn& txn) { return txn.lsn(); });
}

void Client::put(const std::string& path, const std::string& bytes, const Put& how) {
    storage::Upload upload(store_.tree(), machine_.rng, {bytes.size(), kBytesMax, false, false, false});
    for (std::size_t from = 0; from < bytes.size(); from += kPiece) upload.write(bytes.substr(from, kPiece));
    upload.close();
    storage::Content content = upload.finish(how.mtime_ns);
    store_.write([&](WriteTxn& txn) {
        txn.put({folder_at(txn, path), name_of(path), NodeKind::file, how.mtime_ns, how.exec, {}}, std::move(content),
                storage::no_index(), {});
    });
}

void Client::make(const std::string& path) {
    store_.write([&](WriteTxn& txn) { txn.make({folder_at(txn, path), name_of(path), NodeKind::folder, {}, {}}, {}); });
}

void Client::take_away(WriteTxn& txn, const std::string& path) {
    const auto there = txn.child(folder_at(txn, path), name_of(path));
    if (there) txn.remove(there->id, {});
}

void Client::move(const std::string& from, const std::string& to) {
    store_.write([&](WriteTxn& txn) {
        take_away(txn, to);
        txn.place(at(txn, from).id, folder_at(txn, to), name_of(to), {});
    });
}

void Client::remove(const std::string& path) {
    store_.write([&](WriteTxn& txn) { txn.remove(at(txn, path).id, {}); });
}

// A big file as DAV copies it; a small one is a PUT of its octets.
void Client::copy_file(const std::string& from, const std::string& to) {
    const Node source = store_.read([&](ReadTxn& txn) { return at(txn, from); });
    const std::string path = store_.read([&](ReadTxn& txn) { return txn.disk_path(source); });
    const std::string staged = ".hearth/staging/" + base::hex(base::new_random_id(machine_.rng).view());
    const auto facts = store_.tree().copy_file(path, staged);
    if (!facts) throw base::Failure(base::Fault::io, "nothing to copy at " + path);
    storage::Content content = storage::Content::staged(store_.tree(), staged, facts->copy, *source.hash);
    store_.tree().open(staged)->sync();
    storage::keep_staged(store_.tree(), staged);
    store_.write([&](WriteTxn& txn) {
        txn.put({folder_at(txn, to), name_of(to), NodeKind::file, source.mtime_ns, source.exec, {}}, std::move(content),
                storage::no_index(), {});
    });
}

void Client::copy_folder(const std::string& from, const std::string& to) {
    const Node source = store_.read([&](ReadTxn& txn) { return at(txn, from); });
    const Node top = store_.write([&](WriteTxn& txn) { return txn.make_hidden(source.space, {}); });
    copy_members(source.id, top.id, store_.read([&](ReadTxn& txn) { return txn.disk_path(top); }));
    store_.tree().sync_all();
    store_.write([&](WriteTxn& txn) {
        take_away(txn, to);
        txn.place(top.id, folder_at(txn, to), name_of(to), {});
    });
}

void Client::copy_members(storage::NodeId from, storage::NodeId to, const std::string& to_path) {
    std::vector<storage::Row> rows;
    std::string from_path;
    store_.read([&](ReadTxn& txn) {
        from_path = txn.disk_path(*txn.node(from));
        txn.list(from, storage::Need::none, "", storage::kListPageMax,
                 [&](const storage::Row& row) { rows.push_back(row); });
    });
    std::vector<WriteTxn::Copied> group;
    for (const storage::Row& row : rows) {
        const std::string path = to_path + "/" + row.node.name;
        WriteTxn::Copied copied;
        copied.parent = to;
        copied.name = row.node.name;
        copied.kind = row.node.kind;
        copied.mtime_ns = row.node.mtime_ns;
        copied.exec = row.node.exec;
        if (storage::is_collection(row.node.kind)) {
            store_.tree().make_folder(path);
            copied.facts = store_.tree().stat(path);
        } else {
            copied.facts = store_.tree().copy_file(from_path + "/" + row.node.name, path)->copy;
            copied.size = row.node.size;
            copied.hash = row.node.hash;
        }
        group.push_back(std::move(copied));
    }
    if (group.empty()) return;
    const auto ids = store_.write([&](WriteTxn& txn) { return txn.add_copied(group, {}); });
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const Node& member = rows[i].node;
        if (storage::is_collection(member.kind)) copy_members(member.id, ids[i], to_path + "/" + member.name);
    }
}

void Client::change(const std::string& path, const storage::PropChanges& changes) {
    store_.write([&](WriteTxn& txn) { txn.set_props(at(txn, path).id, changes, {}); });
}

void Client::put_back(const std::string& path, storage::Lsn at_lsn) {
    const Space home = space();
    std::vector<std::string> names = names_of("", path);
    names.erase(names.begin());
    const auto was = store_.read([&](ReadTxn& txn) { return txn.past().walk(home.root, names, at_lsn); });
    storage::PutBack what;
    what.space = home.id;
    what.oid = was->oid;
    what.at = at_lsn;
    storage::put_back(store_, what, {});
}

void Client::expire() {
    const std::int64_t year_ms = 365 * storage::Retention::kDayMs;
    machine_.clock.jump(3 * year_ms);
    while (store_.expire_history({}, machine_.clock.now_ms(), kExpireAtOnce) > 0) {
    }
}

void Client::hear() {
    CHECK(heard_ != nullptr);
    HeardSource source(*heard_);
    const storage::Pulled pulled = storage::pull(store_, kClientSpace, source);
    CHECK(pulled.waiting.empty());
}

}  // namespace sim
