#include "carddav/card_rule.h"

#include <algorithm>
#include <array>
#include <utility>

#include "carddav/conversion.h"
#include "carddav/index.h"
#include "carddav/names.h"
#include "dav/error.h"

namespace carddav {
namespace {

using dav::DavError;

// What a client calls its body. Nothing, and what many call everything, is looked into.
bool may_be_card(std::string_view type) {
    constexpr std::array<std::string_view, 7> kTypes = {"",
                                                        "text/vcard",
                                                        "text/x-vcard",
                                                        "text/directory",
                                                        "text/plain",
                                                        "application/octet-stream",
                                                        "application/x-www-form-urlencoded"};
    type = type.substr(0, type.find_first_of("; \t"));
    return std::any_of(kTypes.begin(), kTypes.end(), [&](std::string_view one) { return equal_names(one, type); });
}

bool begins_with_another_component(std::string_view octets) {
    constexpr std::string_view kBegin = "BEGIN:";
    const std::size_t first = octets.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return false;
    octets.remove_prefix(first);
    if (!equal_names(octets.substr(0, kBegin.size()), kBegin)) return false;
    octets = octets.substr(kBegin.size(), octets.find_first_of("\r\n") - kBegin.size());
    return !equal_names(octets.substr(0, octets.find_last_not_of(" \t") + 1), "VCARD");
}

DavError invalid(const std::string& why) {
    return DavError(cond::valid_address_data).detail(why);
}

// The first of these that a card has is what people call it.
std::string name_found_in(const Card& card) {
    if (const ContentLine* n = card.find("N")) {
        // Prefix, given, additional, family, suffix.
        constexpr std::array<std::size_t, 5> kOrder = {3, 1, 2, 0, 4};
        const auto parts = components(n->value);
        std::string name;
        for (const std::size_t part : kOrder) {
            if (part >= parts.size()) continue;
            for (const std::string& one : parts[part])
                if (!one.empty()) name += (name.empty() ? "" : " ") + one;
        }
        if (!name.empty()) return name;
    }
    for (const char* property : {"NICKNAME", "ORG", "EMAIL", "TEL"}) {
        const ContentLine* line = card.find(property);
        const auto parts = line ? components(line->value) : std::vector<std::vector<std::string>>();
        if (!parts.empty() && !parts.front().empty() && !parts.front().front().empty()) return parts.front().front();
    }
    return {};
}

ContentLine line_of(std::string_view name, std::string value) {
    ContentLine line;
    line.name = name;
    line.value = std::move(value);
    return line;
}

// vCard 2.1 is stored as 3.0: the versions that clients are told of are what they get.
void bring_up_to_date(Card& card, dav::PreparedItem& item) {
    if (card.version != Version::v2_1) return;
    card = converted(std::move(card), Version::v3_0);
    if (card.find("FN") == nullptr)  // which 2.1 did not ask for
        if (std::string name = name_found_in(card); !name.empty()) card.lines.push_back(line_of("FN", escaped(name)));
    item.rewritten = print_card(card);
}

std::string where_in_card(const BadCard& bad) {
    return bad.line() == 0 ? std::string() : " (line " + std::to_string(bad.line()) + " of the card)";
}

void read_into(const Card& card, dav::PreparedItem& item) {
    const auto uids = card.all("UID");
    if (uids.size() != 1) throw invalid(uids.empty() ? "no UID" : "two UIDs");
    if (card.find("FN") == nullptr) throw invalid("no FN");
    auto entry = std::make_unique<CardEntry>(card);
    if (entry->uid().empty()) throw invalid("an empty UID");
    item.uid = entry->uid();
    item.index = std::move(entry);
}

dav::PreparedItem prepare(std::string_view type, std::string_view octets) {
    if (!may_be_card(type)) throw DavError(cond::supported_address_data).detail("a body of another type");
    if (begins_with_another_component(octets))
        throw DavError(cond::supported_address_data).detail("a component that is no vCard");
    dav::PreparedItem item;
    try {
        Card card = parse_card(octets);
        bring_up_to_date(card, item);
        read_into(card, item);
    } catch (const BadVersion& bad) {  // told to the client as the condition that it is
        throw DavError(cond::supported_address_data).detail(bad.what());
    } catch (const BadCard& bad) {
        throw invalid(bad.what() + where_in_card(bad));
    }
    return item;
}

// What a phone of 2005, or a SIM card, did not write: a name, and what tells the card from others. The latter is made
// of the octets: the same file again is the same cards.
bool complete(Card& card, std::string_view octets) {
    bool made = false;
    if (card.find("FN") == nullptr) {
        const std::string name = name_found_in(card);
        if (name.empty()) throw invalid("no FN, and nothing to make one of");
        card.lines.insert(card.lines.begin(), line_of("FN", escaped(name)));
        made = true;
    }
    const ContentLine* uid = card.find("UID");
    if (uid == nullptr || uid->value.empty()) {
        std::erase_if(card.lines, [](const ContentLine& line) { return line.is("UID"); });
        const base::Hash hash = base::sha256(octets);
        const auto id = base::id_from(hash.view().substr(0, sizeof(base::Id128::bytes)));
        card.lines.insert(card.lines.begin(), line_of("UID", "urn:uuid:" + base::uuid_text(id.value())));
        made = true;
    }
    return made;
}

dav::PreparedItem admit(std::string_view octets) {
    if (octets.size() > kCardBytesMax) throw DavError(cond::max_resource_size).detail("longer than 4 MiB");
    dav::PreparedItem item;
    try {
        Card card = parse_card(octets);
        const bool old = card.version == Version::v2_1;
        if (old) card = converted(std::move(card), Version::v3_0);
        if (complete(card, octets) || old) item.rewritten = print_card(card);
        read_into(card, item);
    } catch (const BadCard& bad) {  // told by who imports
        throw invalid(std::string(bad.what()) + where_in_card(bad));
    }
    return item;
}

}  // namespace

const dav::ItemRule kCardRule{
    .kind_name = "contacts",
    .collection_name = "address book",
    .home = storage::SpaceKind::contacts,
    .collection = storage::NodeKind::addressbook,
    .item = storage::NodeKind::card,
    .type = name::addressbook,
    .media_type = "text/vcard; charset=utf-8",
    .name_suffix = ".vcf",
    .bytes_max = kCardBytesMax,
    .max_resource_size = cond::max_resource_size,
    .no_uid_conflict = cond::no_uid_conflict,
    .collection_location_ok = cond::addressbook_collection_location_ok,
    .prepare = prepare,
    .admit = admit,
    .begin_line = "BEGIN:VCARD",
    .end_line = "END:VCARD",
    .indexer = {storage::NodeKind::card, card_entry, merged_cards},
    .uid_of = uid_of,
    .holders = cards_of_uid,
    .default_name = "contacts",
    .default_title = "Contacts",
};

}  // namespace carddav
