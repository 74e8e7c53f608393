#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/node.h"

namespace sql {
class Connection;
}

namespace storage {

class Store;

// Who changed something, when and why: of the record `lsn`.
struct Change {
    Lsn lsn = 0;
    std::int64_t at_ms = 0;  // when this server heard of it
    Cause cause = Cause::dav;
    base::Id128 actor;  // zero = the system
};

// A content an object had, as far as it is kept.
struct PastContent {
    std::optional<base::Hash> hash;  // empty: it was never hashed
    std::int64_t size = 0;
    std::int64_t mtime_ns = 0;
    std::string place;  // where below the storage root its octets are, if neither current nor in versions/ or `body`
    bool pinned = false;
    Change written;
    std::optional<Change> ended;  // by what it was replaced or removed; empty: the object has it still
};

// Where an object was. Names of folders are their ids of then: find() leads on.
struct PastPlace {
    NodeId parent = 0;
    std::string name;
    Change put;
    std::optional<Change> ended;  // empty: it is there still
    bool removed = false;         // it went from there to nowhere
};

// An object as this server showed it at some record.
struct PastNode {
    NodeId id = 0;  // of then: an object that was put back has another
    Oid oid;
    SpaceId space = 0;
    NodeId parent = 0;
    std::string name;
    NodeKind kind = NodeKind::file;
    std::optional<PastContent> content;  // empty: a collection, or history does not have it any more
};

// What was: the state of the tree after any record `at` that history reaches, seen from a view of now. What this server
// showed at a time is its own timeline: a change that came from elsewhere counts from when it came. Lives as long as
// the transaction that gave it. Reads what is kept and never the files; open_past does.
class Past {
  public:
    explicit Past(sql::Connection& db) : db_(db) {}

    Lsn at(std::int64_t at_ms);  // what was shown at that time: the last record not later; 0 = none

    std::optional<PastNode> find(SpaceId space, const Oid& oid, Lsn at);
    std::optional<PastNode> child(NodeId parent, std::string_view name, Lsn at);  // exact octets
    std::optional<PastNode> walk(NodeId root, std::span<const std::string> names, Lsn at);
    // Members of a folder in name order, in one query, after the name `after`, at most `limit`. Says how many.
    std::size_t list(NodeId parent, Lsn at, std::string_view after, std::size_t limit,
                     const std::function<void(const PastNode&)>& each);

    // The states of one object that ended after no record or one before `before` (0 = all), the latest first, at most
    // `limit`. Contents that history dropped are not among them.
    std::vector<PastContent> contents(SpaceId space, const Oid& oid, Lsn before, std::size_t limit);
    std::vector<PastPlace> places(SpaceId space, const Oid& oid, Lsn before, std::size_t limit);

    // The object that had this id, whether it is there or not.
    std::optional<Oid> oid_of(NodeId id);

  private:
    sql::Connection& db_;
};

// What the log alone knows of an object at a record: what its row would have held.
struct PastFacts {
    std::int64_t created_ms = 0;
    std::optional<std::int64_t> mtime_ns;
    bool exec = false;
    // By namespace and name. Empty value: it did not have it, but did at another time.
    std::map<std::pair<std::string, std::string>, std::optional<std::string>> props;
};

// Reads the log of the space once, however many objects are asked for, in pieces of kLogPiece records a transaction.
// Those the log has nothing of are left out.
std::map<Oid, PastFacts> past_facts(Store& store, SpaceId space, std::span<const Oid> oids, Lsn at);
inline constexpr Lsn kLogPiece = 50'000;

// The octets of a content: an open file or, of a card or an event, its text. Neither: they are not there any more, or
// not as they were. What a file holds is not compared with the hash: who puts it somewhere does that while reading.
struct PastOctets {
    std::unique_ptr<File> file;
    std::string path;  // of the file, below the storage root
    std::optional<std::string> text;
    explicit operator bool() const { return file || text; }
};
PastOctets open_past(Store& store, const PastNode& node);

}  // namespace storage
