#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/base/hash.h"
#include "storage/disk.h"
#include "storage/locks.h"

namespace storage {

using NodeId = std::int64_t;   // local rowid; never leaves this server
using SpaceId = std::int64_t;  // local rowid
using Lsn = std::int64_t;      // local apply order of log records
using Oid = base::Id128;       // the same object on every peer, for life

// (origin, seq): one record, anywhere. seq starts at 1 and has no holes per (space, origin).
struct Dot {
    std::int64_t origin = 0;  // 63 random bits minted per life of a database
    std::int64_t seq = 0;
    auto operator<=>(const Dot&) const = default;
};

// Numbers are stored in the database and in records: never renumber.
enum class SpaceKind : std::uint8_t { sys = 1, files = 2, contacts = 3, calendars = 4 };
enum class NodeKind : std::uint8_t { folder = 1, file = 2, calendar = 3, addressbook = 4, event = 5, card = 6 };
inline bool is_collection(NodeKind kind) {
    return kind == NodeKind::folder || kind == NodeKind::calendar || kind == NodeKind::addressbook;
}

inline bool is_item(NodeKind kind) {  // its octets are in `body`, not on disk
    return kind == NodeKind::event || kind == NodeKind::card;
}

enum class Cause : std::uint8_t { dav = 1, scan = 2, import = 3, merge = 4, restore = 5, admin = 6, recovery = 7 };

// Who did it and why; goes into the log record of every change.
struct Author {
    Cause cause = Cause::dav;
    base::Id128 actor{};       // principal's uid; zero = the system
    base::Id128 request_id{};  // zero = none
};

struct Space {
    SpaceId id = 0;
    base::Id128 uid;
    SpaceKind kind = SpaceKind::files;
    base::Id128 owner;  // principal's uid; zero for sys
    NodeId root = 0;    // its root folder; 0 for sys
    std::string dir;    // below the storage root ("files/ana"); empty = no files on disk
    std::uint32_t epoch = 0;
    std::int64_t used_bytes = 0;  // sum of the sizes of current files, and of names and values of properties
};

// One row of `node`: an object at its place.
struct Node {
    NodeId id = 0;
    Oid oid;
    SpaceId space = 0;
    NodeId parent = 0;  // 0: root of a space, or hidden (a copy being built, a tree being removed)
    std::string name;   // exact octets
    NodeKind kind = NodeKind::file;
    std::int64_t created_ms = 0;
    std::int64_t mtime_ns = 0;
    bool exec = false;
    std::int64_t size = 0;
    std::optional<base::Hash> hash;  // of the content; empty = not hashed yet (pending), or a collection
    base::Hash tree;                 // collections: digest of what is below
    Dot content;                     // record that set the content (creation for collections)
    Dot place;                       // record that put it here
    Lsn content_lsn = 0;
    Lsn placed_lsn = 0;
    Lsn changed_lsn = 0;
};

// Strong entity tag with its quotes, the same on every peer: "b64url(hash[0..16])" of content, "t-…" of a collection.
// A file that is not hashed yet has a local "p-…" made of what stat says.
std::string etag_of(const Node& node);
std::string pending_etag(const FileFacts& facts);

// One property row. `ns` and `name` are a property's expanded name; `value` is for dav to understand.
struct Prop {
    std::string ns;
    std::string name;
    std::string value;
};

inline std::uint64_t bytes_of(const Prop& prop) {
    return prop.ns.size() + prop.name.size() + prop.value.size();
}

// One property to set (`value`) or to remove (empty).
struct PropChange {
    std::string ns;
    std::string name;
    std::optional<std::string> value;
};

// The properties of one node as what sets them on another.
std::vector<PropChange> as_set(const std::vector<Prop>& props);

// What changes about a node beside its content and place, all at once.
struct PropChanges {
    std::vector<PropChange> props;         // each name once
    std::optional<std::int64_t> mtime_ns;  // what DAV says the time is
    std::optional<bool> exec;              // files only
    bool empty() const { return props.empty() && !mtime_ns && !exec; }
};

// What a listing fetches beside the node, in one query each for the whole set. `sync` is the same for all rows of a
// space: ReadTxn::sync_state.
enum class Need : std::uint8_t { none = 0, props = 1, disk = 2, octets = 4, locks = 8, sync = 16 };
constexpr Need operator|(Need a, Need b) {
    return static_cast<Need>(static_cast<std::uint8_t>(a) | static_cast<std::uint8_t>(b));
}
constexpr bool has(Need set, Need one) {
    return (static_cast<std::uint8_t>(set) & static_cast<std::uint8_t>(one)) != 0;
}

struct Row {
    Node node;                      // of a listing without what records did to it: `content`, `place` and the lsns
    std::vector<Prop> props;        // Need::props
    std::optional<FileFacts> disk;  // Need::disk: what we last saw
    std::vector<Lock> locks;        // Need::locks: rooted here
    std::string octets;             // Need::octets: of a card or an event
};

}  // namespace storage
