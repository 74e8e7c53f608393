#include "carddav/merge.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "carddav/conversion.h"
#include "carddav/merge_rules.h"

namespace carddav {
namespace {

using Rule = MergeRule;

bool is_single(Rule rule) {
    return rule == Rule::one || rule == Rule::some || rule == Rule::greatest;
}

// A line of one of the cards; of a list, where it is one, a value.
struct Line : ContentLine {
    explicit Line(ContentLine line) : ContentLine(std::move(line)), row(&merge_row_of(*this)) {}
    const MergeRow* row;

    bool is_list() const { return group.empty() && parameters.empty() && row->rule == Rule::list; }
};

// ---- how lines are compared ----

// Clients print a card anew with every edit. What differs by their habits alone must not look like an edit, or it
// would win against a removal, or against a true edit.

constexpr char kEndOfPart = '\0';  // stands in no value

std::string comparable_value(const Line& line) {
    std::string_view value = line.value;
    std::string out;
    std::size_t said = 0;  // of `out`, up to the last part that is not empty
    for (std::size_t i = 0; i < value.size(); ++i) {
        const bool escape = value[i] == '\\';
        if (!escape) {
            out += value[i];
        } else if (i + 1 == value.size()) {
            out += "\\\\";  // at the end it means itself
        } else if (value[++i] == ':') {
            out += ':';
        } else {
            out += '\\';
            out += value[i] == 'N' ? 'n' : value[i];
        }
        if (escape || value[i] != ';') said = out.size();
    }
    if (line.row->form == MergeForm::parts) out.resize(said);
    if (line.row->rule == Rule::list) {
        out.erase(0, std::min(out.find_first_not_of(" \t"), out.size()));
        out.erase(out.find_last_not_of(" \t") + 1);
    }
    return out;
}

// Sorted, each type for itself.
std::vector<std::string> comparable_parameters(const Line& line) {
    std::vector<std::string> out;
    for (const Parameter& one : line.parameters) {
        const std::string name = one.name.empty() ? "TYPE" : upper(one.name);
        std::string together = name;
        for (const std::string& value : one.values) {
            if (name != "TYPE")
                (together += kEndOfPart) += value;
            else if (!(line.is("EMAIL") && equal_names(value, "internet")))  // says nothing, and not all write it
                out.push_back("TYPE=" + upper(value));
        }
        if (name != "TYPE") out.push_back(std::move(together));
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

// All of it but its group.
std::string comparable(const Line& line) {
    std::string text = upper(line.name);
    for (const std::string& one : comparable_parameters(line)) (text += kEndOfPart) += one;
    ((text += kEndOfPart) += ':') += comparable_value(line);
    return text;
}

// The greater of two dates, in the basic form or the extended one.
bool is_greater(const Line& a, const Line& b) {
    const auto digits = [](std::string text) {
        std::erase_if(text, [](char c) { return c < '0' || c > '9'; });
        return text;
    };
    return digits(a.value) > digits(b.value);
}

// ---- a card as what can be changed in it ----

// Lines that stay or go together: one, or those of a group.
struct Unit {
    std::vector<std::size_t> lines;
    std::size_t main = 0;  // the line that the others of its group are about
    std::string slot;      // units with the same one are the same property or entry, in all three cards
    std::string text;      // the same: nothing was changed
};

struct Side {
    std::vector<Line> lines;  // of a list one for each value, all with the same number
    std::vector<Unit> units;  // in the order of their first lines

    const Line& main(const Unit& unit) const { return lines[unit.main]; }
};

// Of a list, as they are written; no more than one more than a card can have lines.
std::vector<std::string> values_in(std::string_view list) {
    std::vector<std::string> values(1);
    for (std::size_t i = 0; i < list.size() && values.size() <= kLinesMax; ++i) {
        if (list[i] == ',') {
            values.emplace_back();
            continue;
        }
        values.back() += list[i];
        if (list[i] == '\\' && i + 1 < list.size()) values.back() += list[++i];
    }
    return values;
}

// `number`: of its first line; the numbers of two sides must differ. Nothing: more than kLinesMax.
std::optional<Side> side_of(Card card, std::size_t number) {
    Side side;
    side.lines.reserve(card.lines.size());
    for (ContentLine& one : card.lines) {
        one.number = number++;
        Line& line = side.lines.emplace_back(std::move(one));
        if (!line.is_list()) continue;
        Line list = std::move(line);
        side.lines.pop_back();
        for (std::string& value : values_in(std::exchange(list.value, {}))) {
            if (side.lines.size() > kLinesMax) return std::nullopt;
            side.lines.push_back(list);
            side.lines.back().value = std::move(value);
        }
    }
    if (side.lines.size() > kLinesMax) return std::nullopt;
    return side;
}

// A group is about its first entry, else its first single property, else its first line, and what is not known belongs
// to that. Single properties in it stand for themselves: that N and UID share a group does not make them one.
void find_units(Side& side) {
    const auto importance = [&](std::size_t i) {
        const Rule rule = side.lines[i].row->rule;
        return rule == Rule::unknown ? 0 : is_single(rule) ? 1 : 2;
    };
    std::map<std::string, std::size_t> mains;
    for (std::size_t i = 0; i < side.lines.size(); ++i) {
        if (side.lines[i].group.empty()) continue;
        const auto [there, is_new] = mains.emplace(upper(side.lines[i].group), i);
        if (!is_new && importance(i) > importance(there->second)) there->second = i;
    }
    std::map<std::size_t, std::size_t> unit_of;  // by the main line
    for (std::size_t i = 0; i < side.lines.size(); ++i) {
        std::size_t main = i;
        if (!side.lines[i].group.empty() && importance(i) != 1) main = mains[upper(side.lines[i].group)];
        const auto [there, is_new] = unit_of.emplace(main, side.units.size());
        if (is_new) side.units.push_back({{}, main, "", ""});
        side.units[there->second].lines.push_back(i);
    }
}

void find_texts(Side& side) {
    for (Unit& unit : side.units) {
        std::vector<std::string> about;
        for (const std::size_t i : unit.lines)
            if (i != unit.main) about.push_back(comparable(side.lines[i]));
        std::sort(about.begin(), about.end());
        unit.text = comparable(side.main(unit));
        for (const std::string& one : about) ((unit.text += kEndOfPart) += kEndOfPart) += one;
    }
}

using Sides = std::array<Side, 3>;
enum : std::size_t { kBase, kEarlier, kLater };

void find_slots(Sides& sides) {
    for (Side& side : sides)
        for (Unit& unit : side.units) unit.slot = upper(side.main(unit).name);
    std::set<std::string> several;  // properties that one card or another has more than once
    for (const Side& side : sides) {
        std::set<std::string> seen;
        for (const Unit& unit : side.units)
            if (!seen.insert(unit.slot).second) several.insert(unit.slot);
    }
    for (Side& side : sides) {
        for (Unit& unit : side.units) {
            const Line& main = side.main(unit);
            const Rule rule = main.row->rule;
            if (rule == Rule::unknown) unit.slot = comparable(main);
            if (rule == Rule::unknown || rule == Rule::one || rule == Rule::greatest) continue;
            if (rule == Rule::some && !several.contains(unit.slot)) continue;
            for (const std::string& one : comparable_parameters(main))
                if (one.starts_with("TYPE=") && one != "TYPE=PREF") (unit.slot += kEndOfPart) += one;
            ((unit.slot += kEndOfPart) += main.is_list() ? ',' : ':') += comparable_value(main);
        }
    }
}

// ---- the decision ----

struct Slot {
    std::array<std::vector<std::size_t>, 3> units;       // of each side
    std::array<std::vector<std::string_view>, 3> texts;  // sorted; empty: it has none
    const Line* first(const Sides& sides, std::size_t side) const {
        return units[side].empty() ? nullptr : &sides[side].main(sides[side].units[units[side].front()]);
    }
};

std::map<std::string, Slot> slots_of(const Sides& sides) {
    std::map<std::string, Slot> slots;
    for (const std::size_t side : {kBase, kEarlier, kLater}) {
        for (std::size_t i = 0; i < sides[side].units.size(); ++i) {
            Slot& slot = slots[sides[side].units[i].slot];
            slot.units[side].push_back(i);
            slot.texts[side].emplace_back(sides[side].units[i].text);
        }
    }
    for (auto& [key, slot] : slots)
        for (auto& texts : slot.texts) std::sort(texts.begin(), texts.end());
    return slots;
}

struct Decision {
    std::size_t kept = kLater;  // of which head; it may have none
    bool lost = false;
};

Decision decision_on(const Slot& slot, const Sides& sides) {
    const Line *earlier = slot.first(sides, kEarlier), *later = slot.first(sides, kLater);
    const auto& texts = slot.texts;
    if (texts[kEarlier] == texts[kLater] || texts[kEarlier] == texts[kBase]) return {kLater, false};
    if (texts[kLater] == texts[kBase]) return {kEarlier, false};
    if (!later) return {kEarlier, false};  // an edit is worth more than a removal
    if (!earlier) return {kLater, false};
    if (later->row->rule == Rule::greatest) return {is_greater(*earlier, *later) ? kEarlier : kLater, false};
    return {kLater, true};
}

// ---- the result ----

// Names for groups that come from `earlier`: their own, unless `later` has something else under it.
class GroupNames {
  public:
    explicit GroupNames(const Sides& sides) {
        for (const std::size_t side : {kEarlier, kLater})
            for (const Line& line : sides[side].lines) known_.insert(upper(line.group));
    }

    void take(const std::string& name) { taken_.insert(upper(name)); }

    std::string name_for(const std::string& group) {
        if (group.empty() || taken_.insert(upper(group)).second) return group;
        const std::string stem = group.substr(0, group.find_last_not_of("0123456789") + 1);
        std::size_t& number = numbers_[upper(stem)];
        for (;;) {
            const std::string name = (stem.empty() ? "item" : stem) + std::to_string(++number);
            if (known_.contains(upper(name)) || !taken_.insert(upper(name)).second) continue;
            return name;
        }
    }

  private:
    std::set<std::string> known_;                 // in one head or the other
    std::set<std::string> taken_;                 // in the result
    std::map<std::string, std::size_t> numbers_;  // the last tried, by stem
};

bool ends_in_an_escape(std::string_view value) {
    const std::size_t count = value.size() - (value.find_last_not_of('\\') + 1);
    return count % 2 == 1;
}

// The lines of a list that are beside each other are one again.
std::vector<ContentLine> joined(std::vector<Line> lines) {
    std::vector<ContentLine> out;
    out.reserve(lines.size());
    for (Line& line : lines) {
        if (out.empty() || !line.is_list() || out.back().number != line.number) {
            out.push_back(std::move(line));
            continue;
        }
        if (ends_in_an_escape(out.back().value)) out.back().value += '\\';  // it would take the comma
        (out.back().value += ',') += line.value;
    }
    for (ContentLine& line : out) line.number = 0;  // it is of no text yet
    return out;
}

class Weaver {
  public:
    explicit Weaver(const Sides& sides) : sides_(sides), names_(sides), places_(sides[kLater].lines.size() + 1) {
        for (std::size_t i = 0; i < sides[kLater].lines.size(); ++i)
            if (sides[kLater].lines[i].is_list()) lists_[upper(sides[kLater].lines[i].name)] = i;
    }

    void keep(const Slot& slot, std::size_t head) {
        const std::size_t place =
            slot.units[kLater].empty() ? behind() : later().units[slot.units[kLater].front()].lines.front();
        for (const std::size_t unit : slot.units[head]) {
            if (head == kEarlier) added_.emplace(unit, place);
            if (head == kLater) keep(later().units[unit]);
        }
    }

    std::vector<Line> lines() {
        for (const auto& [unit, place] : added_) add(sides_[kEarlier].units[unit], place);
        std::vector<Line> all;
        for (auto& place : places_) std::move(place.begin(), place.end(), std::back_inserter(all));
        return all;
    }

  private:
    const Side& later() const { return sides_[kLater]; }
    std::size_t behind() const { return places_.size() - 1; }

    void keep(const Unit& unit) {
        for (const std::size_t i : unit.lines) {
            places_[i].push_back(later().lines[i]);
            names_.take(later().lines[i].group);
        }
    }

    // Each unit has a group of its own, so that it is the same unit when the result is read.
    void add(const Unit& unit, std::size_t place) {
        const std::string group = names_.name_for(sides_[kEarlier].main(unit).group);
        for (const std::size_t i : unit.lines) {
            Line line = sides_[kEarlier].lines[i];
            line.group = group;
            if (line.is_list()) {
                const auto list = lists_.find(upper(line.name));
                if (place == behind() && comparable_value(line).empty()) continue;
                if (place == behind() && list != lists_.end()) place = list->second;
                if (place != behind()) line.number = later().lines[place].number;
            }
            places_[place].push_back(std::move(line));
        }
    }

    const Sides& sides_;
    GroupNames names_;
    std::vector<std::vector<Line>> places_;     // what stands for each line of `later`, and behind them
    std::map<std::string, std::size_t> lists_;  // the last line of each in `later`, by name
    std::map<std::size_t, std::size_t> added_;  // units of `earlier` in their order: where they go
};

std::optional<std::string> uid_of(const Card& card) {
    const ContentLine* uid = card.find("UID");
    return uid ? std::optional(unescaped(uid->value)) : std::nullopt;
}

// 2.1 is never written, so it counts as what it is read as.
Card as_read(const Card& card) {
    return card.version == Version::v2_1 ? converted(card, Version::v3_0) : card;
}

bool is_same(const Card& a, const Card& b) {
    const auto same_line = [](const ContentLine& x, const ContentLine& y) {
        return x.group == y.group && x.name == y.name && x.value == y.value && x.parameters == y.parameters;
    };
    return a.version == b.version &&
           std::equal(a.lines.begin(), a.lines.end(), b.lines.begin(), b.lines.end(), same_line);
}

}  // namespace

std::optional<Merged> merged(const Fork& fork) {
    if (uid_of(fork.earlier) != uid_of(fork.later) || uid_of(fork.base) != uid_of(fork.later)) return std::nullopt;
    std::array<Card, 3> cards = {as_read(fork.base), as_read(fork.earlier), as_read(fork.later)};
    if (is_same(cards[kEarlier], cards[kBase])) return Merged{fork.later, {}};
    if (is_same(cards[kEarlier], cards[kLater])) return Merged{fork.later, {}};
    if (is_same(cards[kLater], cards[kBase])) return Merged{fork.earlier, {}};

    const Version version = cards[kLater].version;
    Sides sides;
    std::size_t number = 1;
    for (const std::size_t side : {kBase, kEarlier, kLater}) {
        Card card = converted(std::move(cards[side]), version);
        const std::size_t count = card.lines.size();
        std::optional<Side> found = side_of(std::move(card), std::exchange(number, number + count));
        if (!found) return std::nullopt;
        sides[side] = *std::move(found);
        find_units(sides[side]);
        find_texts(sides[side]);
    }
    find_slots(sides);

    Weaver weaver(sides);
    std::set<std::string> lost;
    for (const auto& [key, slot] : slots_of(sides)) {
        const Decision decision = decision_on(slot, sides);
        weaver.keep(slot, decision.kept);
        if (decision.lost) lost.insert(upper(slot.first(sides, kLater)->name));
    }
    std::vector<Line> lines = weaver.lines();
    constexpr std::size_t kFrame = 3;  // BEGIN, VERSION, END
    if (lines.size() + kFrame > kLinesMax) return std::nullopt;
    return Merged{{version, joined(std::move(lines))}, {lost.begin(), lost.end()}};
}

}  // namespace carddav
