#include <algorithm>
#include <array>
#include <charconv>

#include "carddav/extension.h"
#include "carddav/filter.h"
#include "carddav/index.h"
#include "carddav/names.h"
#include "dav/error.h"
#include "dav/merged.h"
#include "dav/names.h"
#include "dav/reports/item_reports.h"
#include "dav/request_headers.h"
#include "storage/store.h"

namespace carddav {
namespace {

using dav::Call;
using dav::DavError;
using dav::Depths;
using dav::Kinds;
using dav::ReportDef;
using dav::Sees;
using dav::Target;

// RFC 6352 section 10.6: of the client's own wish; above ours it is ours.
std::size_t limit_of(const xml::Element& body, std::size_t most) {
    const xml::Element* limit = body.child(name::limit);
    if (!limit) return most;
    const xml::Element* results = limit->child(name::nresults);
    const std::string text = results ? results->trimmed_text() : std::string();
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc::result_out_of_range) return most;
    if (error != std::errc() || end != text.data() + text.size())
        throw DavError(http::Status::bad_request).detail("nresults is no number");
    return std::min(number, most);
}

bool is_match(const Filter& filter, const std::string& octets) {
    try {
        return matches(filter, parse_card(octets));
    } catch (const BadCard&) {  // the index knew it as readable: `check` tells
        return false;
    }
}

// The cards of a book that match, as far as `limit`; one more says that there are more.
std::vector<storage::NodeId> matching(storage::ReadTxn& txn, storage::NodeId book, const Filter& filter,
                                      std::size_t limit) {
    Candidates found = candidates(txn, book, filter);
    std::vector<storage::NodeId> cards = std::move(found.matched);
    // The octets are asked for as far as they decide something.
    constexpr std::size_t kReadAtOnce = 256;
    for (std::size_t done = 0; done < found.unsure.size() && cards.size() <= limit; done += kReadAtOnce) {
        const auto some = std::span(found.unsure).subspan(done, std::min(kReadAtOnce, found.unsure.size() - done));
        txn.rows(some, storage::Need::octets, [&](const storage::Row& row) {
            if (is_match(filter, row.octets)) cards.push_back(row.node.id);
        });
    }
    std::sort(cards.begin(), cards.end());
    return cards;
}

// RFC 6352 section 8.6. Without a Depth the members are meant: there is nothing else to search, and clients forget it.
http::Response addressbook_query(Call& call, Target& target, const xml::Element& body) {
    const xml::Element* element = body.child(name::filter);
    if (!element) throw DavError(cond::supported_filter).detail("a query without a filter");
    const Filter filter = parse_filter(*element);
    const std::size_t limit = limit_of(body, call.context.limits.sync_page_max);
    const dav::Depth depth = dav::depth_of(call.head).value_or(dav::Depth::one);
    dav::PropRequest asked = dav::asked_of_items(body, call.context.limits);
    return call.context.store.read([&](storage::ReadTxn& txn) {
        dav::locate(txn, target);
        dav::require_found(target);
        dav::ItemAnswer answer(call, txn, target, std::move(asked));
        if (!target.is_collection()) {
            const auto octets = txn.body(*target.node().hash);
            if (octets && is_match(filter, *octets)) answer.write(std::array{target.node().id}, {});
            return answer.finish();
        }
        std::size_t left = limit;
        bool truncated = false;
        for (const dav::ItemSource& source : dav::item_sources(txn, target)) {
            if (depth == dav::Depth::zero || truncated) break;
            std::vector<storage::NodeId> cards = matching(txn, source.collection.id, filter, left);
            truncated = cards.size() > left;
            if (truncated) cards.resize(left);
            left -= cards.size();
            answer.write(cards, source.prefix);
        }
        if (truncated) answer.truncated();
        return answer.finish();
    });
}

constexpr std::array kReports = {
    ReportDef{name::addressbook_query, Kinds::addressbook | Kinds::card, Depths::any, Sees::some, addressbook_query},
    ReportDef{name::addressbook_multiget, Kinds::addressbook | Kinds::card, Depths::any, Sees::some, dav::multiget},
};

}  // namespace

std::span<const ReportDef> reports() {
    return kReports;
}

}  // namespace carddav
