#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "storage/replication/record.h"

// What a set of records says: content, place, existence, properties. Pure: no clock, no disk, no database. The state
// is a function of the set: records may be applied in any order in which each comes after those it names, and whoever
// has the same records has the same state. Source: the rules of replication (edit beats delete, last place wins,
// concurrent contents are all kept).
namespace storage {

// The order of all records of a space, the same everywhere. A record outranks all that its writer had seen, since the
// hybrid clock never goes back; between records whose writers did not know of each other it only breaks the tie.
struct Rank {
    std::int64_t hlc = 0;
    Dot dot;
    auto operator<=>(const Rank&) const = default;
};

// A record of a node or a removal, as far as the state needs it.
struct NodeRecord {
    Rank rank;
    Oid oid;  // of the node its facets are about; `removed` names its own
    RecordBody body;
};

struct ContentHead {
    Rank rank;
    std::optional<base::Hash> hash;  // empty: a collection, or not hashed when it was written
    std::int64_t size = 0;
    std::int64_t mtime_ns = 0;
    bool exec = false;
    bool operator==(const ContentHead&) const = default;
};
struct PlaceHead {
    Rank rank;
    Oid parent;  // zero: the root of its space, or hidden
    std::string name;
    bool operator==(const PlaceHead&) const = default;
};
struct MetaHead {
    Rank rank;
    std::optional<std::string> value;  // empty = removed
    bool operator==(const MetaHead&) const = default;
};

// One object. Content and place are separate registers; each facet written is alive until a record names it as replaced
// or seen by a remover. The object is there while any is alive, so an edit or a move that a remover had not seen brings
// it back. Properties never do.
class ObjectState {
  public:
    bool alive() const { return !contents_.empty() || !live_places_.empty(); }
    NodeKind kind() const { return kind_; }
    std::int64_t created_ms() const { return created_ms_; }
    Rank created() const { return created_.value_or(Rank{}); }

    // Where it is: the place of the highest rank, also when a remover had seen that. A place without a folder (a copy
    // that is being built, a big removal on its way) hides it from its own server only and is not one. Null: never had
    // one.
    const PlaceHead* place() const { return place_ ? &*place_ : nullptr; }
    // All its places, for folders only, in rank order: what decides between moves that would close a circle.
    std::span<const PlaceHead> places() const { return places_; }

    // What it shows: of the contents alive the one of the highest rank, or else (it lives by its place) the last ever.
    const ContentHead* content() const;
    // Contents alive that are neither shown nor equal to one of higher rank: of a file each is a conflict copy, of an
    // item what is to be merged into what shows. Rank order.
    std::vector<ContentHead> losers() const;

    // What who writes a new content names as replaced: the content shown and those equal to it. A remover names these
    // and `live_places` as seen, after it made objects of the conflict copies, which would else take the place of what
    // is removed: they can not be told from an edit that the remover had not heard of.
    std::vector<Dot> shown_contents() const;
    std::span<const Dot> live_places() const { return live_places_; }
    std::vector<Dot> live_contents() const;  // shown or not

    // Nothing was written about it without knowledge of the rest: what is shown is what the last records say.
    bool is_plain() const;

    using MetaKey = std::pair<std::string, std::string>;  // namespace, name
    const std::map<MetaKey, MetaHead>& meta() const { return meta_; }

    bool operator==(const ObjectState&) const = default;

  private:
    friend class SpaceState;

    std::optional<Rank> created_;
    NodeKind kind_ = NodeKind::file;
    std::int64_t created_ms_ = 0;
    std::vector<ContentHead> contents_;  // alive, rank order
    std::optional<ContentHead> last_content_;
    std::vector<Dot> live_places_;  // sorted
    std::optional<PlaceHead> place_;
    std::vector<PlaceHead> places_;
    std::optional<Dot> hidden_;  // its last place without a folder
    std::map<MetaKey, MetaHead> meta_;
};

// All objects of one space.
class SpaceState {
  public:
    // False, and nothing is done: it names a record as replaced or seen that was not applied yet. A record that was
    // applied before changes nothing.
    bool apply(const NodeRecord& record);

    const ObjectState* find(const Oid& oid) const;
    const std::map<Oid, ObjectState>& objects() const { return objects_; }

    bool operator==(const SpaceState& other) const { return objects_ == other.objects_; }

  private:
    bool knows_all(const RecordBody& body) const;
    void end_content(const Dot& dot);
    void end_place(const Dot& dot);

    std::map<Oid, ObjectState> objects_;
    std::map<Dot, Oid> applied_;  // records are known by their dot; a copy's first record replaces another object's dot
};

// The time and the x bit of what an object shows: of its content, or as set later by a property record.
struct Facts {
    std::int64_t mtime_ns = 0;
    bool exec = false;
};
Facts facts_of(const ObjectState& object, const ContentHead& content);

// The state of a set of records, given in any order. Records whose causes are missing are left out.
SpaceState state_of(std::span<const NodeRecord> records);

}  // namespace storage
