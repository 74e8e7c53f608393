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

// What one href of a multiget leads to.
struct Asked {
    std::string href;  // as sent
    storage::NodeId node = 0;
};

// Where the path lies directly in the collection, its name.
const std::string* member_of(const base::Segments& collection, const base::Segments& url) {
    const bool inside =
        url.size() == collection.size() + 1 && std::equal(collection.begin(), collection.end(), url.begin());
    return inside ? &url.back() : nullptr;
}

const ItemSource* source_of(const std::vector<ItemSource>& sources, const std::string& name) {
    const auto found = std::find_if(sources.begin(), sources.end(),
                                    [&](const ItemSource& one) { return name.starts_with(one.prefix); });
    return found == sources.end() ? nullptr : &*found;
}

const ItemSource& sources_or_none(const std::vector<ItemSource>& sources) {
    static const ItemSource none;
    return sources.empty() ? none : sources.front();
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
        const ItemSource* from = &sources_or_none(sources);
        std::vector<storage::NodeId> here;  // members of `from`, written together
        std::unordered_set<storage::NodeId> told;
        const auto flush = [&] {
            answer.write(here, from->prefix);
            here.clear();
        };
        for (const std::string& href : hrefs) {
            auto parsed = http::parse_reference(href, origin);
            const auto* path = std::get_if<http::Path>(&parsed);
            const std::string* name = path ? member_of(target.url, path->segments) : nullptr;
            if (name) {
                const ItemSource* source = source_of(sources, *name);
                const auto node = path->trailing_slash || !source
                                      ? std::nullopt
                                      : txn.child(source->collection.id, name->substr(source->prefix.size()));
                if (node && storage::is_item(node->kind)) {
                    if (source != from) flush();
                    from = source;
                    if (told.insert(node->id).second) here.push_back(node->id);
                    continue;
                }
            } else if (path && path->segments == target.url && !target.is_collection()) {
                if (told.insert(target.node().id).second) here.push_back(target.node().id);
                continue;
            }
            flush();
            answer.missing(href);
        }
        flush();
        return answer.finish();
    });
}

}  // namespace dav
