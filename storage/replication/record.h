#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/node.h"

namespace storage {

// The body of a log record: version byte, then tag, length, value with varints; a facet's value is again such a list.
// What is on the wire is a pure function of the row's columns and this body. Tags a reader does not know are kept and
// relayed, so an older server can stand between two newer ones. Numbers are stored: never renumber.
enum class RecordKind : std::uint8_t { node = 1, remove = 2, kv = 3, member = 4 };

using UnknownTags = std::vector<std::pair<std::uint64_t, std::string>>;  // in the order they came

struct CreateFacet {
    NodeKind kind = NodeKind::file;
    std::int64_t created_ms = 0;
    std::optional<Oid> moved_from;
    UnknownTags unknown;
};
struct PlaceFacet {
    Oid parent;  // zero: the root of its space, or hidden
    std::string name;
    std::vector<Dot> parents;  // dots this facet replaces
    UnknownTags unknown;
};
struct ContentFacet {
    std::optional<base::Hash> hash;  // SHA-256; empty = not hashed yet
    std::int64_t size = 0;
    std::int64_t mtime_ns = 0;
    bool exec = false;
    std::vector<Dot> parents;
    UnknownTags unknown;
};
using MetaEntry = PropChange;
struct MetaFacet {
    std::vector<MetaEntry> entries;
    std::vector<Dot> parents;
    UnknownTags unknown;
};
struct Removed {
    Oid oid;
    std::vector<Dot> seen;  // what the remover saw of it; anything newer survives
};
struct KvFacet {
    std::string table, key, field;
    std::optional<std::string> value;  // empty = removed
    std::vector<Dot> parents;
    UnknownTags unknown;
};

struct RecordBody {
    std::optional<CreateFacet> create;
    std::optional<PlaceFacet> place;
    std::optional<ContentFacet> content;
    std::optional<MetaFacet> meta;
    std::vector<Removed> removed;
    std::optional<KvFacet> kv;
    UnknownTags unknown;
};

// Facts about a node itself travel as meta entries of this namespace ("mtime_ns", "exec"). No property can have it: XML
// has no U+0001. The empty namespace would not do, properties without a namespace have that.
inline constexpr std::string_view kFactNamespace = "\x01";
inline constexpr const char* kMtimeFact = "mtime_ns";  // decimal
inline constexpr const char* kExecFact = "exec";       // "1" or "0"

// One record as it travels between homes: what its row in `log` says wherever it is, and the octets of its body.
struct LogRecord {
    Dot dot;
    std::int64_t hlc = 0;
    RecordKind kind = RecordKind::node;  // also one that this version does not know: kept and relayed
    Oid oid;                             // zero: none
    Author author;
    std::int64_t at_ms = 0;  // the writer's clock, for people
    std::string body;
};

inline constexpr std::size_t kRecordBytesMax = 4 * 1024 * 1024;

std::string encode(const RecordBody& body);
// Empty: malformed, longer than kRecordBytesMax, or of another version.
std::optional<RecordBody> decode(std::string_view octets);

}  // namespace storage
