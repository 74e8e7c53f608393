#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "storage/replication/pull.h"
#include "storage/store.h"
#include "tests/sim/machine.h"

namespace sim {

// What another home has told: its records of the space, and the octets they name.
struct Heard {
    std::vector<storage::LogRecord> records;
    std::map<base::Hash, std::string> octets;
};

// Does to a store what the methods of DAV and the keeper do, one verb of a client each. Paths are below the one space
// of files. Borrows all it is given.
class Client {
  public:
    Client(Machine& machine, storage::Store& store, const Heard* heard = nullptr)
        : machine_(machine), store_(store), heard_(heard) {}

    storage::Store& store() { return store_; }
    Machine& machine() { return machine_; }

    struct Space {
        storage::SpaceId id = 0;
        storage::NodeId root = 0;
    };
    Space space();  // makes it where it is not there

    struct Put {
        std::optional<std::int64_t> mtime_ns = {};
        std::optional<bool> exec = {};
    };
    void put(const std::string& path, const std::string& bytes, const Put& how);
    void put(const std::string& path, const std::string& bytes) { put(path, bytes, Put{}); }
    void make(const std::string& path);
    void move(const std::string& from, const std::string& to);  // over what is there, as DAV does it
    void remove(const std::string& path);
    void copy_file(const std::string& from, const std::string& to);
    void copy_folder(const std::string& from, const std::string& to);
    void change(const std::string& path, const storage::PropChanges& changes);
    void put_back(const std::string& path, storage::Lsn at);
    void expire();  // all of history
    void hear();    // what was heard

    storage::Lsn now();
    storage::Node at(storage::ReadTxn& txn, const std::string& path);

  private:
    storage::NodeId folder_at(storage::ReadTxn& txn, const std::string& path);
    void take_away(storage::WriteTxn& txn, const std::string& path);
    void copy_members(storage::NodeId from, storage::NodeId to, const std::string& to_path);

    Machine& machine_;
    storage::Store& store_;
    const Heard* heard_;
};

inline const storage::SpaceName kClientSpace{storage::SpaceKind::files, base::Id128{{1, 2, 3}}};

}  // namespace sim
