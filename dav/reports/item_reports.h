#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dav/methods/methods.h"
#include "dav/multistatus.h"
#include "dav/prop_plan.h"

// What the reports of address books and calendars share.
namespace dav {

// What a multiget or a query asks of each object: the children of `prop`, or allprop, propname, or nothing (allprop).
PropRequest asked_of_items(const xml::Element& body, const Limits& limits);

// Members of one collection being written into a 207, in one transaction that the answer does not outlive.
class ItemAnswer {
  public:
    // The target is located in `txn` and there.
    ItemAnswer(Call& call, storage::ReadTxn& txn, const Target& target, PropRequest asked);

    PropPlan& plan() { return plan_; }
    Multistatus& out() { return out_; }
    // These in this order, with what was asked and the octets where `needs` says so too. Each once.
    // `prefix`: before their names (merged.h).
    void write(std::span<const storage::NodeId> ids, std::string_view prefix);
    void write(const storage::Row& row, std::string_view prefix);
    void missing(std::string_view href) { out_.status(href, http::Status::not_found); }
    // RFC 5323 §5.17.3 and RFC 6352 §8.6.1: there is more than was asked for, or is given at once.
    void truncated();
    http::Response finish();

  private:
    Call& call_;
    storage::ReadTxn& txn_;
    const Target& target_;
    PropPlan plan_;
    View view_;
    const Rights rights_;
    const std::string base_;  // href of the collection, or of the one object
    const bool minimal_;
    std::vector<storage::Lock> over_;
    Multistatus out_;
};

// addressbook-multiget and calendar-multiget (RFC 6352 §8.7, RFC 4791 §7.9): the objects of the hrefs in `body`, 404
// for those that are not there, or not the caller's to see.
http::Response multiget(Call& call, Target& target, const xml::Element& body);

}  // namespace dav
