#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dav/conditions.h"
#include "dav/http/message.h"
#include "storage/accounts.h"
#include "storage/indexer.h"
#include "storage/txn.h"

namespace dav {

// What a client sent, read before the writer is asked.
struct PreparedItem {
    std::unique_ptr<storage::IndexEntry> index;
    std::string uid;
    std::optional<std::string> rewritten;  // what is stored instead of what was sent: the answer has no entity tag
};

// Items whose octets are kept in the index, and the collections that hold them (RFC 6352 section 5, RFC 4791
// section 4). These collections are members of their homes, the items members of these, and nothing else is in either.
struct ItemRule {
    std::string_view kind_name;        // "contacts": of its homes, for people
    std::string_view collection_name;  // "address book"
    storage::SpaceKind home;
    storage::NodeKind collection;
    storage::NodeKind item;
    xml::QName type;               // what resourcetype says beside `collection`
    std::string_view media_type;   // of GET and getcontenttype
    std::string_view name_suffix;  // of names that the server chooses
    std::uint64_t bytes_max;

    Condition max_resource_size;
    Condition no_uid_conflict;
    Condition collection_location_ok;

    // Reads what a client sent; throws DavError with the condition it does not meet. `type`: its Content-Type.
    PreparedItem (*prepare)(std::string_view type, std::string_view octets);
    // The same of an item in a file that is imported, where what is merely missing is made up.
    PreparedItem (*admit)(std::string_view octets);
    std::string_view begin_line, end_line;  // of each item in such a file
    storage::Indexer indexer;               // of the stored ones
    // Of what is stored; empty: it can not be read.
    std::string (*uid_of)(storage::ReadTxn& txn, storage::NodeId item);
    std::vector<storage::NodeId> (*holders)(storage::ReadTxn& txn, storage::NodeId collection, std::string_view uid);

    // What every user and group has from the start.
    std::string_view default_name;
    std::string_view default_title;
};

// A name for a new item that is free in its collection: made of its UID, as most clients name what they put. The same
// wherever the item is new.
std::string free_item_name(storage::ReadTxn& txn, storage::NodeId collection, const ItemRule& rule,
                           const std::string& uid);

}  // namespace dav
