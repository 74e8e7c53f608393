#pragma once

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "storage/store.h"

namespace storage {

// A folder that goes with the test.
class TempDir {
  public:
    explicit TempDir(std::string pattern = "/tmp/hearth-store-XXXXXX") { path_ = ::mkdtemp(pattern.data()); }
    ~TempDir() {
        std::error_code ignored;  // a leftover in /tmp fails no test
        std::filesystem::remove_all(path_, ignored);
    }
    TempDir(const TempDir&) = delete;
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

inline std::unique_ptr<Store> open_store(const std::string& root, base::Clock& clock = base::system_clock()) {
    Store::Options options;
    options.root = root;
    return Store::open(std::move(options), {clock, base::system_rng(), system_fs(), base::system_exec()});
}

// Says what a test sets; waits of real threads keep working.
class SetClock final : public base::Clock {
  public:
    explicit SetClock(std::int64_t now_ms) : now_ms_(now_ms) {}
    void advance(std::int64_t ms) { now_ms_ += ms; }
    std::int64_t now_ms() const override { return now_ms_; }
    std::int64_t monotonic_ms() const override { return base::system_clock().monotonic_ms(); }

  private:
    std::atomic<std::int64_t> now_ms_;
};

inline Content text_content(std::string text) {
    const base::Hash hash = base::sha256(text);
    return Content::inlined(std::move(text), hash);
}

inline Retention keep_nothing() {
    return {0, 0, 0, 0, 0, 100};
}

// A store with one files space and one space of contacts.
struct Home {
    explicit Home(const std::string& root, base::Clock& clock = base::system_clock()) : store(open_store(root, clock)) {
        store->write([&](WriteTxn& txn) {
            const auto have = txn.space_of(SpaceKind::files, owner);
            files = have ? *have : txn.make_space(SpaceKind::files, owner, "files/ana", {});
            const auto pims = txn.space_of(SpaceKind::contacts, owner);
            pim = pims ? *pims : txn.make_space(SpaceKind::contacts, owner, "", {});
        });
    }
    Node put(NodeId parent, const std::string& name, const std::string& text, NodeKind kind = NodeKind::file) {
        return store->write([&](WriteTxn& txn) {
            return txn.put({parent, name, kind, {}, {}}, text_content(text), no_index(), {}).node;
        });
    }
    Node make(NodeId parent, const std::string& name, NodeKind kind = NodeKind::folder) {
        return store->write([&](WriteTxn& txn) { return txn.make({parent, name, kind, {}}, {}); });
    }
    void remove(NodeId id) {
        store->write([&](WriteTxn& txn) { txn.remove(id, {}); });
    }
    Node place(NodeId id, NodeId parent, const std::string& name) {
        return store->write([&](WriteTxn& txn) { return txn.place(id, parent, name, {}); });
    }
    Node node(NodeId id) {
        return store->read([&](ReadTxn& txn) { return txn.node(id).value(); });
    }
    std::string etag(NodeId id) { return etag_of(node(id)); }

    base::Id128 owner{{1, 2, 3}};
    std::unique_ptr<Store> store;
    Space files;
    Space pim;
};

}  // namespace storage
