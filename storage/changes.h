#pragma once

#include <map>

#include "storage/base/clock.h"
#include "storage/replication/record.h"

namespace sql {
class Connection;
}

namespace storage {

// What one record is known by.
struct Stamp {
    Lsn lsn = 0;
    Dot dot;
    std::int64_t hlc = 0;
    std::int64_t at_ms = 0;
};

// The counters every record takes from, and the log itself. They live in memory and reach their rows once per commit;
// after a ROLLBACK they are loaded again. Writer thread only.
class Ledger {
  public:
    Ledger(sql::Connection& db, base::Clock& clock) : db_(db), clock_(clock) {}
    void load();

    Stamp append(SpaceId space, RecordKind kind, const Oid& oid, const Author& author, const RecordBody& body);
    Lsn bare_lsn() { return ++lsn_; }  // for file steps that follow from no record
    void flush();                      // seq, vector, used bytes, hlc; inside the transaction

    Lsn lsn() const { return lsn_; }
    std::int64_t origin() const { return origin_; }
    NodeId next_node() { return ++last_node_; }
    const Space& space(SpaceId id) const;  // throws Failure when there is none
    const Space* find(SpaceId id) const;
    std::int64_t last_seq(SpaceId id) const;
    SpaceId sys() const { return sys_; }
    void add_space(const Space& space);
    void move_space(SpaceId id, const std::string& dir) { spaces_.at(id).space.dir = dir; }
    void forget_space(SpaceId id) { spaces_.erase(id); }
    void use(SpaceId id, std::int64_t more_bytes);

  private:
    struct Counters {
        Space space;
        std::int64_t next_seq = 1;
        Lsn last_lsn = 0;  // of the records since load
        bool dirty = false;
    };

    sql::Connection& db_;
    base::Clock& clock_;
    std::map<SpaceId, Counters> spaces_;
    SpaceId sys_ = 0;
    std::int64_t origin_ = 0;
    Lsn lsn_ = 0;
    Lsn flushed_lsn_ = 0;
    std::int64_t hlc_ = 0;
    NodeId last_node_ = 0;
};

}  // namespace storage
