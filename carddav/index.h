#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "carddav/dates.h"
#include "carddav/filter.h"
#include "storage/indexer.h"
#include "storage/txn.h"

// What is asked of cards without reading them: the tables of 10-cards.sql.
namespace carddav {

extern const storage::SchemaPart kCardSchema;

// The rows of one card.
class CardEntry final : public storage::IndexEntry {
  public:
    explicit CardEntry(const Card& card);
    explicit CardEntry(const BadCard& bad);  // set aside: only that it is there

    void store(sql::Connection& connection, storage::NodeId node) const override;
    bool is_stored(sql::Connection& connection, storage::NodeId node) const override;
    std::string fault() const override { return fault_; }
    const std::string& uid() const { return uid_; }

  private:
    std::string fault_;
    std::string uid_;
    std::vector<std::optional<std::string>> texts_;  // in the order of the columns
    std::vector<CardDate> dates_;
};

// Total: of octets that are no card, an entry that says so.
std::unique_ptr<storage::IndexEntry> card_entry(std::string_view octets);

// One card of two that homes made of `before`; the octets of one of them where that has all of both. Empty: one can not
// be read, or they are not of one object (merge.h).
std::optional<std::string> merged_cards(const std::string* before, std::string_view later, std::string_view earlier);

// Empty: it can not be read.
std::string uid_of(storage::ReadTxn& txn, storage::NodeId card);
std::vector<storage::NodeId> cards_of_uid(storage::ReadTxn& txn, storage::NodeId book, std::string_view uid);

// What the index alone says of the cards of a book, each list in the order of ids. In neither: it does not match, or
// can not be read.
struct Candidates {
    std::vector<storage::NodeId> matched;
    std::vector<storage::NodeId> unsure;  // their octets tell
};
Candidates candidates(storage::ReadTxn& txn, storage::NodeId book, const Filter& filter);

// The days that the cards of a book name, in the order of their ids.
struct DateOfCard {
    storage::NodeId card = 0;
    CardDate date;
};
std::vector<DateOfCard> dates_of_book(storage::ReadTxn& txn, storage::NodeId book);

}  // namespace carddav
