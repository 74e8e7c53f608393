#include "dav/methods/items.h"

#include <algorithm>

#include "dav/error.h"
#include "dav/homes.h"
#include "dav/http/uri.h"

namespace dav::method {

namespace {

using http::Status;

base::Segments above(const base::Segments& url) {
    return {url.begin(), url.end() - 1};
}

}  // namespace

const ItemRule* rule_of(const Call& call, const Target& target) {
    return target.home ? call.registry.rule_of(target.home->space) : nullptr;
}

void require_item_place(const ItemRule& rule, const Target& target) {
    if (target.exists() ? target.node().kind == rule.item : target.parent().kind == rule.collection) return;
    throw DavError(Status::forbidden).detail("items are members of their collections, and of nothing else");
}

void require_unmarked(const Target& target) {
    if (is_marked(target.new_name())) throw DavError(Status::forbidden).detail("a name with the mark of groups");
}

void require_uid_free(const Call& call, storage::ReadTxn& txn, const ItemRule& rule, const base::Segments& collection,
                      storage::NodeId id, const std::string& uid, std::span<const storage::NodeId> leaving) {
    if (uid.empty()) return;
    for (const storage::NodeId holder : rule.holders(txn, id, uid)) {
        if (std::find(leaving.begin(), leaving.end(), holder) != leaving.end()) continue;
        const auto node = txn.node(holder);
        if (!node) continue;
        base::Segments url = collection;
        url.push_back(node->name);
        throw DavError(rule.no_uid_conflict).href(http::href(call.context.base_path, url, http::Slash::none));
    }
}

void require_uid_fits(const Call& call, storage::ReadTxn& txn, const ItemRule& rule, const Target& target,
                      const std::string& uid, std::vector<storage::NodeId> leaving) {
    if (target.exists()) {
        leaving.push_back(target.node().id);
        const std::string before = rule.uid_of(txn, target.node().id);
        if (!before.empty() && before != uid) {
            throw DavError(rule.no_uid_conflict).href(href_of(call.context, target)).detail("an object keeps its UID");
        }
    }
    require_uid_free(call, txn, rule, above(target.url), target.parent().id, uid, leaving);
}

}  // namespace dav::method
