#include "storage/replication/layout.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <deque>
#include <set>

#include "storage/base/path.h"

namespace storage {

namespace {

constexpr int kCopyNumbersMax = 10'000;  // copies of one minute and origin whose names are traced
constexpr int kLogicalBits = 16;         // of a hybrid clock value, below its milliseconds

void append_number(std::string& out, std::uint64_t number) {
    for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(number >> shift & 0xff));
}

std::string minute_of(std::int64_t hlc) {
    const std::time_t seconds = (hlc >> kLogicalBits) / 1000;
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    std::array<char, 32> text{};
    const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%d %H%M", &utc);
    return {text.data(), length};
}

std::string_view cut_between_code_points(std::string_view text, std::size_t octets) {
    if (text.size() <= octets) return text;
    while (octets > 0 && (static_cast<unsigned char>(text[octets]) & 0xc0) == 0x80) --octets;
    return text.substr(0, octets);
}

// Something that wants to be shown in one folder.
struct Candidate {
    Oid oid;
    Rank rank;  // who keeps a name: the lower one
    Shown shown;
    bool renamed = false;  // it has to take a conflict name of `shown.name`
    Rank loser;            // what the conflict name is made of
};

// One folder's names: folders of one name become one, then the file that was there first keeps the name, files equal to
// it hide behind it, and the others take conflict names.
class Folder {
  public:
    Folder(Layout& layout, const OriginName& origin_name) : layout_(layout), origin_name_(origin_name) {}

    void show(std::vector<Candidate> candidates) {
        std::map<std::string, std::vector<Candidate*>> by_name;
        std::vector<Candidate*> renamed;
        for (Candidate& one : candidates) {
            if (one.renamed) {
                renamed.push_back(&one);
            } else {
                by_name[base::name_key(one.shown.name)].push_back(&one);
            }
        }
        for (auto& [key, same] : by_name) {
            taken_.insert(key);
            settle(same, renamed);
        }
        std::sort(renamed.begin(), renamed.end(),
                  [](const Candidate* a, const Candidate* b) { return a->loser < b->loser; });
        for (Candidate* one : renamed) rename(*one);
    }

  private:
    void settle(std::vector<Candidate*>& same, std::vector<Candidate*>& renamed) {
        const auto is_folder = [](const Candidate* one) { return is_collection(one->shown.kind); };
        std::sort(same.begin(), same.end(), [&](const Candidate* a, const Candidate* b) {
            if (is_folder(a) != is_folder(b)) return is_folder(a);
            // Folders by id: their members show there, whoever moved which one last.
            return is_folder(a) ? a->oid < b->oid : std::pair(a->rank, a->oid) < std::pair(b->rank, b->oid);
        });
        const Candidate& first = *same.front();
        std::vector<const Candidate*> files;
        for (Candidate* one : same) {
            if (one == &first) {
                layout_.shown.emplace(one->oid, one->shown);
            } else if (is_folder(one)) {
                layout_.aliases.emplace(one->oid, first.oid);
                continue;
            } else if (const Candidate* twin = equal_to(*one, files)) {
                layout_.aliases.emplace(one->oid, twin->oid);
                continue;
            } else {
                renamed.push_back(one);
            }
            if (!is_folder(one)) files.push_back(one);
        }
    }

    static const Candidate* equal_to(const Candidate& one, const std::vector<const Candidate*>& files) {
        const auto& hash = one.shown.content.hash;
        const auto found = std::find_if(files.begin(), files.end(), [&](const Candidate* other) {
            return hash && other->shown.content.hash == hash;
        });
        return found == files.end() ? nullptr : *found;
    }

    void rename(Candidate& one) {
        const std::string origin = origin_name_(one.loser.dot.origin);
        std::string name;
        // Ends: each round asks for another name, and only finitely many are taken.
        for (int number = 1;; ++number) {
            name = conflict_name(one.shown.name, one.loser.hlc, origin, number);
            if (taken_.insert(base::name_key(name)).second) break;
        }
        one.shown.name = std::move(name);
        layout_.shown.emplace(one.oid, one.shown);
    }

    Layout& layout_;
    const OriginName& origin_name_;
    std::set<std::string> taken_;
};

}  // namespace

Oid copy_oid(const Dot& dot) {
    std::string octets = "cc";
    append_number(octets, static_cast<std::uint64_t>(dot.origin));
    append_number(octets, static_cast<std::uint64_t>(dot.seq));
    const base::Hash hash = base::sha256(octets);
    return *base::id_from(hash.view().substr(0, sizeof(Oid::bytes)));
}

std::string conflict_name(std::string_view name, std::int64_t hlc, std::string_view origin, int number) {
    const std::size_t dot = name.rfind('.');
    const bool has_extension = dot != std::string_view::npos && dot > 0;
    std::string_view stem = has_extension ? name.substr(0, dot) : name;
    std::string_view extension = has_extension ? name.substr(dot) : std::string_view();

    std::string mark = " (conflict " + minute_of(hlc) + " ";
    mark += cut_between_code_points(origin, base::kNameBytesMax / 4);
    if (number > 1) mark += " " + std::to_string(number);
    mark += ")";
    // An "extension" that leaves no room is none.
    if (mark.size() + extension.size() >= base::kNameBytesMax) {
        stem = name;
        extension = {};
    }
    std::string text(cut_between_code_points(stem, base::kNameBytesMax - mark.size() - extension.size()));
    return text + mark + std::string(extension);
}

std::map<Oid, PlaceHead> folder_places(const SpaceState& state) {
    struct Move {
        const Oid* folder;
        const PlaceHead* place;
    };
    std::vector<Move> moves;
    for (const auto& [oid, object] : state.objects()) {
        for (const PlaceHead& place : object.places()) moves.push_back({&oid, &place});
    }
    std::sort(moves.begin(), moves.end(), [](const Move& a, const Move& b) { return a.place->rank < b.place->rank; });
    std::map<Oid, PlaceHead> places;
    const auto is_at_or_below = [&](Oid oid, const Oid& top) {
        // There is no circle yet, so this ends at the root.
        for (;;) {
            if (oid == top) return true;
            const auto above = places.find(oid);
            if (above == places.end()) return false;
            oid = above->second.parent;
        }
    };
    for (const Move& move : moves) {
        if (!is_at_or_below(move.place->parent, *move.folder)) places.insert_or_assign(*move.folder, *move.place);
    }
    return places;
}

Layout lay_out(const SpaceState& state, const Oid& root, const OriginName& origin_name) {
    const std::map<Oid, PlaceHead> folders = folder_places(state);
    const auto place_of = [&](const Oid& oid, const ObjectState& object) -> const PlaceHead* {
        if (!is_collection(object.kind())) return object.place();
        const auto found = folders.find(oid);
        return found == folders.end() ? nullptr : &found->second;
    };

    // What is alive brings the folders above it back.
    std::set<Oid> there;
    for (const auto& [oid, object] : state.objects()) {
        if (!object.alive()) continue;
        const PlaceHead* place = place_of(oid, object);
        if (place == nullptr || !there.insert(oid).second) continue;
        for (auto above = folders.find(place->parent); above != folders.end() && there.insert(above->first).second;) {
            above = folders.find(above->second.parent);
        }
    }
    std::map<Oid, std::vector<Oid>> members;
    for (const Oid& oid : there) {
        if (oid == root) continue;
        members[place_of(oid, *state.find(oid))->parent].push_back(oid);
    }

    Layout layout;
    // From the root down: folders of one name show their members together.
    struct Union {
        Oid shown;
        std::vector<Oid> folders;
    };
    std::deque<Union> open{{root, {root}}};
    while (!open.empty()) {
        const Union here = std::move(open.front());
        open.pop_front();
        std::vector<Candidate> candidates;
        std::vector<Oid> below;
        for (const Oid& folder : here.folders) {
            for (const Oid& oid : members[folder]) {
                const ObjectState& object = *state.find(oid);
                const PlaceHead& place = *place_of(oid, object);
                Candidate one{oid, place.rank, {here.shown, place.name, object.kind(), {}, std::nullopt}, false, {}};
                if (is_collection(object.kind())) {
                    below.push_back(oid);
                } else if (const ContentHead* content = object.content()) {
                    one.shown.content = *content;
                    one.loser = content->rank;
                }
                candidates.push_back(one);
                if (is_item(object.kind())) continue;  // merged: no phone shows two of one person
                for (const ContentHead& loser : object.losers()) {
                    Candidate copy = one;
                    copy.oid = copy_oid(loser.rank.dot);
                    copy.shown.content = loser;
                    copy.shown.copy_of = oid;
                    copy.renamed = true;
                    copy.loser = loser.rank;
                    candidates.push_back(std::move(copy));
                }
            }
        }
        Folder(layout, origin_name).show(std::move(candidates));
        std::map<Oid, Union> unions;
        for (const Oid& oid : below) {
            const auto alias = layout.aliases.find(oid);
            const Oid& shown = alias == layout.aliases.end() ? oid : alias->second;
            unions[shown].folders.push_back(oid);
        }
        for (auto& [shown, one] : unions) {
            one.shown = shown;
            open.push_back(std::move(one));
        }
    }
    return layout;
}

std::string short_origin(std::int64_t origin) {
    constexpr std::string_view kAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";
    std::string text;
    for (int i = 0; i < 4; ++i) text += kAlphabet[static_cast<std::size_t>(origin >> (5 * i) & 31)];
    return text;
}

namespace {

// What an object asks for: its last place, in a folder that shows there.
bool stands_where_it_asks(const ObjectState& object, const Shown& shown) {
    const PlaceHead* place = object.place();
    return place != nullptr && place->parent == shown.parent && place->name == shown.name;
}

}  // namespace

std::map<Oid, std::optional<Oid>> tangles_of(const SpaceState& state, const Layout& layout, const Oid& root,
                                             const OriginName& origin_name) {
    std::map<Oid, std::optional<Oid>> tangles;
    std::map<std::pair<Oid, std::string>, Oid> at;  // by folder and key of the name
    for (const auto& [oid, shown] : layout.shown) at.emplace(std::pair(shown.parent, base::name_key(shown.name)), oid);
    const auto holder = [&](const Oid& folder, const std::string& name) {
        const auto found = at.find({folder, base::name_key(name)});
        if (found != at.end()) tangles.try_emplace(found->second);
    };
    for (const auto& [oid, object] : state.objects()) {
        if (oid == root) continue;
        const auto found = layout.shown.find(oid);
        if (found == layout.shown.end()) {
            if (object.alive() && !layout.aliases.contains(oid)) tangles.try_emplace(oid);
            continue;
        }
        const Shown& shown = found->second;
        if (!object.is_plain() || !stands_where_it_asks(object, shown)) tangles.try_emplace(oid);
    }
    for (const auto& [oid, shown] : layout.shown) {
        const ObjectState* object = state.find(oid);
        const bool is_copy = shown.copy_of.has_value();
        if (is_copy) {
            tangles.try_emplace(oid);
            tangles.try_emplace(*shown.copy_of);
        }
        const PlaceHead* place = is_copy ? state.find(*shown.copy_of)->place() : object->place();
        if (place == nullptr || place->name == shown.name) continue;
        // Who has the name that it asked for, and who those that it was refused after that.
        holder(shown.parent, place->name);
        const ContentHead& content = shown.content;
        for (int number = 1; number < kCopyNumbersMax; ++number) {
            const std::string name =
                conflict_name(place->name, content.rank.hlc, origin_name(content.rank.dot.origin), number);
            if (name == shown.name) break;
            holder(shown.parent, name);
        }
    }
    for (const auto& [alias, shown] : layout.aliases) {
        tangles.insert_or_assign(alias, shown);
        tangles.try_emplace(shown);
    }
    return tangles;
}

}  // namespace storage
