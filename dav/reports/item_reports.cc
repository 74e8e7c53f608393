#include "dav/reports/item_reports.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "dav/described.h"
#include "dav/error.h"
#include "dav/http/uri.h"
#include "dav/merged.h"
#include "dav/names.h"
#include "dav/preconditions.h"
#include "dav/request_headers.h"
#include "storage/store.h"

namespace dav {

namespace {

using http::Status;

constexpr std::size_t kRowsAtOnce = 256;  // their octets are in memory

bool is_directly_in(const base::Segments& collection, const base::Segments& url) {
    return url.size() == collection.size() + 1 && std::equal(collection.begin(), collection.end(), url.begin());
}

// What one href of a multiget leads to; no node: nothing that it may ask for.
struct Asked {
    storage::NodeId node = 0;
    std::string_view prefix;  // of its name in the answer
};

// Members of one source, looked up together.
struct Wanted {
    std::vector<std::string> names;
    std::vector<std::size_t> hrefs;  // by which of the hrefs
};

// Members of the collections that are asked so are items, all of them.
std::vector<Asked> asked_by(storage::ReadTxn& txn, const Target& target, const std::vector<ItemSource>& sources,
                            std::span<const std::string> hrefs, const http::Origin& origin) {
    std::vector<Asked> asked(hrefs.size());
    std::vector<Wanted> wanted(sources.size());
    for (std::size_t i = 0; i < hrefs.size(); ++i) {
        auto parsed = http::parse_reference(hrefs[i], origin);
        auto* path = std::get_if<http::Path>(&parsed);
        if (!path) continue;
        if (is_directly_in(target.url, path->segments)) {
            if (path->trailing_slash) continue;
            std::string& name = path->segments.back();
            const auto source = std::find_if(sources.begin(), sources.end(),
                                             [&](const ItemSource& one) { return name.starts_with(one.prefix); });
            if (source == sources.end()) continue;
            name.erase(0, source->prefix.size());
            Wanted& of_source = wanted[static_cast<std::size_t>(source - sources.begin())];
            of_source.names.push_back(std::move(name));
            of_source.hrefs.push_back(i);
        } else if (path->segments == target.url && !target.is_collection()) {
            asked[i].node = target.node().id;
        }
    }
    for (std::size_t i = 0; i < sources.size(); ++i) {
        const auto members = txn.children(sources[i].collection.id, wanted[i].names);
        for (std::size_t k = 0; k < members.size(); ++k) asked[wanted[i].hrefs[k]] = {members[k], sources[i].prefix};
    }
    return asked;
}

}  // namespace

PropRequest asked_of_items(const xml::Element& body, const Limits& limits) {
    PropRequest asked;
    if (const xml::Element* prop = body.child(name::prop)) return parse_prop(*prop, limits);
    if (body.child(name::propname)) asked.ask = PropRequest::Ask::propname;
    return asked;
}

ItemAnswer::ItemAnswer(Call& call, storage::ReadTxn& txn, const Target& target, PropRequest asked)
    : call_(call),
      txn_(txn),
      target_(target),
      plan_(call.registry, std::move(asked)),
      view_(call.context, call.registry, call.caller, *target.book, target.owner, target.home, target.space.used_bytes),
      rights_(target.is_collection() ? target.rights.of_member({}) : target.rights),
      base_(href_of(call.context, target)),
      minimal_(wants_minimal(call.head)),
      out_(call.context) {
    if (has(plan_.needs(), storage::Need::sync)) view_.know(txn.sync_state(target.space.id));
    if (!has(plan_.needs(), storage::Need::locks)) return;
    over_ = locks_over(txn, target);
    std::erase_if(over_, [](const storage::Lock& lock) { return lock.depth == storage::LockDepth::zero; });
}

void ItemAnswer::write(std::span<const storage::NodeId> ids, std::string_view prefix) {
    while (!ids.empty()) {
        const auto some = ids.first(std::min(kRowsAtOnce, ids.size()));
        ids = ids.subspan(some.size());
        txn_.rows(some, plan_.needs(), [&](const storage::Row& row) { write(row, prefix); });
    }
}

void ItemAnswer::write(const storage::Row& row, std::string_view prefix) {
    std::string href = base_;
    if (row.node.id != target_.node().id) {
        http::append_encoded(href, prefix);
        http::append_encoded(href, row.node.name);
    }
    Resource resource;
    resource.kind = kind_of(row.node.kind);
    resource.name = row.node.name;
    resource.href = href;
    resource.rights = &rights_;
    resource.row = &row;
    resource.inherited = &over_;
    out_.row(resource, view_, plan_, minimal_);
}

void ItemAnswer::truncated() {
    out_.response(base_, [](xml::Writer& writer) {
        writer.text(name::status, http::status_line(Status::insufficient_storage));
        const auto error = writer.element(name::error);
        writer.empty(cond::number_of_matches_within_limits.element);
    });
}

http::Response ItemAnswer::finish() {
    http::Response response = out_.finish();
    add_listing_fields(response, call_, target_);
    return response;
}

http::Response multiget(Call& call, Target& target, const xml::Element& body) {
    std::vector<std::string> hrefs;
    for (const xml::Element& child : body.children()) {
        if (!child.is(name::href)) continue;
        if (hrefs.size() == call.context.limits.multiget_hrefs_max)
            throw DavError(cond::number_of_matches_within_limits).detail("more hrefs than one multiget may name");
        hrefs.push_back(child.trimmed_text());
    }
    if (hrefs.empty()) throw DavError(Status::bad_request).detail("a multiget without an href");
    PropRequest asked = asked_of_items(body, call.context.limits);
    const http::Origin origin = http::origin_of(call.head, call.context.base_path);
    return call.context.store.read([&](storage::ReadTxn& txn) {
        locate(txn, target);
        require_found(target);
        ItemAnswer answer(call, txn, target, std::move(asked));
        const std::vector<ItemSource> sources = item_sources(txn, target);
        std::vector<storage::NodeId> here;  // of one source, written together
        std::string_view prefix;
        std::unordered_set<storage::NodeId> told;
        const auto flush = [&] {
            answer.write(here, prefix);
            here.clear();
        };
        const std::vector<Asked> nodes = asked_by(txn, target, sources, hrefs, origin);
        for (std::size_t i = 0; i < nodes.size(); ++i) {
            if (nodes[i].node == 0 || nodes[i].prefix != prefix) flush();
            if (nodes[i].node == 0) {
                answer.missing(hrefs[i]);
                continue;
            }
            prefix = nodes[i].prefix;
            if (told.insert(nodes[i].node).second) here.push_back(nodes[i].node);
        }
        flush();
        return answer.finish();
    });
}

}  // namespace dav
