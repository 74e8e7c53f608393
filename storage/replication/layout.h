#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/replication/state.h"

// Where the objects of a space are shown: one tree in which each name of a folder is there once, made of places that
// were written without knowledge of each other. Pure, and the same on every server that has the same records.
namespace storage {

// A short name of an origin for people: part of the names of conflict copies. The same on every server.
using OriginName = std::function<std::string(std::int64_t origin)>;

// Four characters made of the number, until homes have names.
std::string short_origin(std::int64_t origin);

// The id under which the losing content `dot` of some object is shown, until a record makes it an object of its own.
Oid copy_oid(const Dot& dot);

// "stem (conflict 2026-11-20 1455 attic).ext", with `number` from 2 on " 2" before the parenthesis closes. UTC. At most
// kNameBytesMax octets: the stem is cut between code points.
std::string conflict_name(std::string_view name, std::int64_t hlc, std::string_view origin, int number);

// The places of folders when a move that would put a folder into itself or below itself is passed over: all places in
// rank order, each done if it closes no circle at that point.
std::map<Oid, PlaceHead> folder_places(const SpaceState& state);

struct Shown {
    Oid parent;  // of the folder it is shown in
    std::string name;
    NodeKind kind = NodeKind::file;
    ContentHead content;         // files
    std::optional<Oid> copy_of;  // a conflict copy: the object whose losing content it is
    bool operator==(const Shown&) const = default;
};
struct Layout {
    std::map<Oid, Shown> shown;
    // Not shown on their own: folders whose members show in another of the same name, files equal to one of the same
    // name.
    std::map<Oid, Oid> aliases;
    bool operator==(const Layout&) const = default;
};

// What lies below `root` (itself not in it). An object is shown when it is alive, a folder also when something below it
// is.
Layout lay_out(const SpaceState& state, const Oid& root, const OriginName& origin_name);

// The objects of which the rows of a store do not say all there is to say: every other one is alive, shown at its last
// place with its only content, and no other object has a claim on its name. The value: behind which one it hides.
// Whoever changes one of these lays the space out anew.
std::map<Oid, std::optional<Oid>> tangles_of(const SpaceState& state, const Layout& layout, const Oid& root,
                                             const OriginName& origin_name);

}  // namespace storage
