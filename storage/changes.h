#pragma once

#include <map>
#include <utility>

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
    // A record of another home, with its own dot and clock value. The caller has made sure that it is the next of its
    // origin (`known`).
    Stamp append_foreign(SpaceId space, const LogRecord& record);
    Lsn bare_lsn() { return ++lsn_; }  // for file steps beyond those of a record, or that follow from none
    void flush();                      // seq, vector, used bytes, hlc, lsn; inside the transaction

    Lsn lsn() const { return lsn_; }
    std::int64_t origin() const { return origin_; }
    NodeId next_node() { return ++last_node_; }
    const Space& space(SpaceId id) const;  // throws Failure when there is none
    const Space* find(SpaceId id) const;
    std::int64_t last_seq(SpaceId id) const;
    std::int64_t known(SpaceId id, std::int64_t origin);  // the last record of that origin in the space; 0 = none
    const Stamp& last(SpaceId id) const {
        return spaces_.at(id).last;
    }  // the last record of this transaction or before
    SpaceId sys() const { return sys_; }
    void add_space(const Space& space);
    void move_space(SpaceId id, const std::string& dir) { spaces_.at(id).space.dir = dir; }
    void forget_space(SpaceId id) { spaces_.erase(id); }
    void use(SpaceId id, std::int64_t more_bytes);
    // Whether, since asked last, something was recorded that must not be lost at any level of durability: what is not
    // about files (accounts, passwords, contacts, calendars), and what another home counts as told.
    bool take_must_last() { return std::exchange(must_last_, false); }

  private:
    struct Counters {
        Space space;
        std::int64_t next_seq = 1;
        Stamp last;       // of the records since load
        Lsn own_lsn = 0;  // of those of this server
        bool dirty = false;
        struct Foreign {
            std::int64_t seq = 0;
            Lsn lsn = 0;
            bool dirty = false;
        };
        std::map<std::int64_t, Foreign> foreign;  // by origin; those that were asked for
    };
    void insert(Lsn lsn, SpaceId space, const LogRecord& record);

    sql::Connection& db_;
    base::Clock& clock_;
    std::map<SpaceId, Counters> spaces_;
    SpaceId sys_ = 0;
    std::int64_t origin_ = 0;
    Lsn lsn_ = 0;
    Lsn flushed_lsn_ = 0;
    std::int64_t hlc_ = 0;
    NodeId last_node_ = 0;
    bool must_last_ = false;
};

}  // namespace storage
