#include "carddav/card_rule.h"

#include <algorithm>
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

// vCard 2.1 is stored as 3.0: the versions that clients are told of are what they get.
void bring_up_to_date(Card& card, dav::PreparedItem& item) {
    if (card.version != Version::v2_1) return;
    card = converted(std::move(card), Version::v3_0);
    item.rewritten = print_card(card);
}

dav::PreparedItem prepare(std::string_view type, std::string_view octets) {
    if (!may_be_card(type)) throw DavError(cond::supported_address_data).detail("a body of another type");
    if (begins_with_another_component(octets))
        throw DavError(cond::supported_address_data).detail("a component that is no vCard");
    dav::PreparedItem item;
    try {
        Card card = parse_card(octets);
        bring_up_to_date(card, item);
        const auto uids = card.all("UID");
        if (uids.size() != 1) throw invalid(uids.empty() ? "no UID" : "two UIDs");
        if (card.find("FN") == nullptr) throw invalid("no FN");
        auto entry = std::make_unique<CardEntry>(card);
        if (entry->uid().empty()) throw invalid("an empty UID");
        item.uid = entry->uid();
        item.index = std::move(entry);
    } catch (const BadVersion& bad) {  // told to the client as the condition that it is
        throw DavError(cond::supported_address_data).detail(bad.what());
    } catch (const BadCard& bad) {
        throw invalid("line " + std::to_string(bad.line()) + ": " + bad.what());
    }
    return item;
}

}  // namespace

const dav::ItemRule kCardRule{
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
    .indexer = {storage::NodeKind::card, card_entry, merged_cards},
    .uid_of = uid_of,
    .holders = cards_of_uid,
    .default_name = "contacts",
    .default_title = "Contacts",
};

}  // namespace carddav
