#include <algorithm>
#include <array>
#include <charconv>
#include <utility>
#include <vector>

#include "dav/described.h"
#include "dav/error.h"
#include "dav/http/uri.h"
#include "dav/methods/methods.h"
#include "dav/multistatus.h"
#include "dav/names.h"
#include "dav/preconditions.h"
#include "dav/prop_plan.h"
#include "dav/reports/reports.h"
#include "dav/request_headers.h"
#include "storage/store.h"

namespace dav {

namespace {

using http::Status;
using storage::SyncLevel;

struct Asked {
    bool first = true;                        // everything, without a token
    std::optional<storage::SyncToken> token;  // empty, and not `first`: one that this server never gave
    SyncLevel level = SyncLevel::one;
    std::size_t limit = 0;
    PropRequest props;
};

DavError malformed(const char* why) {
    return DavError(Status::bad_request).detail(why);
}

std::size_t limit_of(const xml::Element& limit, std::size_t most) {
    const xml::Element* results = limit.child(name::nresults);
    const std::string text = results ? results->trimmed_text() : std::string();
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc::result_out_of_range) return most;
    if (error != std::errc() || end != text.data() + text.size()) throw malformed("nresults is no number");
    // RFC 6578 §3.7: what can not be cut down to the limit fails, and a page of nothing leads nowhere.
    if (number == 0) throw DavError(cond::number_of_matches_within_limits);
    return std::min(number, most);
}

// RFC 6578 §6.1.
Asked parse(const xml::Element& body, const Limits& limits) {
    Asked asked;
    const xml::Element* token = body.child(name::sync_token);
    const xml::Element* level = body.child(name::sync_level);
    const xml::Element* prop = body.child(name::prop);
    if (!token || !level || !prop) throw malformed("a sync-collection has a sync-token, a sync-level and a prop");
    asked.props = parse_prop(*prop, limits);
    const std::string depth = level->trimmed_text();
    if (depth != "1" && depth != "infinite") throw malformed("sync-level is neither 1 nor infinite");
    if (depth == "infinite") asked.level = SyncLevel::infinite;
    const xml::Element* limit = body.child(name::limit);
    asked.limit = limit ? limit_of(*limit, limits.sync_page_max) : limits.sync_page_max;
    if (const std::string text = token->trimmed_text(); !text.empty()) {
        asked.first = false;
        asked.token = storage::decode_sync_token(text);
    }
    return asked;
}

// RFC 6578 §3.2: Depth 0 or none. Its drafts had Depth 1 where it has sync-level 1; Thunderbird's address books (seen:
// 153, 2026-11) say both, and where that is refused they list and fetch a whole book at each sync.
void require_depth(const http::RequestHead& head, SyncLevel level) {
    const Depth depth = depth_of(head).value_or(Depth::zero);
    if (depth == Depth::zero || (depth == Depth::one && level == SyncLevel::one)) return;
    throw malformed("this report is of Depth 0");
}

// RFC 6578 §3.2: 403, and clients begin again, also those that send a token which is not ours. Thunderbird's address
// books (seen: 153, 2026-11) do that when the answer is 400, and after a 403 fail at each sync from then on.
DavError unknown_token(const Call& call, const Target& target) {
    const bool thunderbird = call.head.headers.get("User-Agent").find(" Thunderbird/") != std::string_view::npos;
    if (!thunderbird || kind_of(target) != Kinds::addressbook) return DavError(cond::valid_sync_token);
    return DavError(Condition{cond::valid_sync_token.element, Status::bad_request});
}

// One sync-collection being answered, in one transaction.
class Answer {
  public:
    Answer(Call& call, Target& target, const Asked& asked, PropPlan& plan, storage::ReadTxn& txn)
        : call_(call),
          target_(target),
          asked_(asked),
          plan_(plan),
          txn_(txn),
          view_(call.context, call.registry, call.caller, *target.book, target.owner, target.home,
                target.space.used_bytes),
          state_(txn.sync_state(target.space.id)),
          rights_(target.rights.of_member({})),
          base_(href_of(call.context, target)),
          minimal_(wants_minimal(call.head)) {
        view_.know(state_);
        if (!has(plan.needs(), storage::Need::locks)) return;
        over_ = locks_over(txn, target);
        below_ = txn.locks_below(target.node().id, call.context.limits.locks_max);
        const auto one = [](const storage::Lock& lock) { return lock.depth == storage::LockDepth::zero; };
        std::erase_if(over_, one);
        std::erase_if(below_, one);
    }

    http::Response run() {
        if (asked_.first && list()) return finish(token_of(state_, target_.node().oid));
        out_.emplace(call_.context);
        const auto place = asked_.first   ? first_place(state_)
                           : asked_.token ? place_of(txn_, target_.node(), *asked_.token)
                                          : std::nullopt;
        if (!place) throw unknown_token(call_, target_);
        const storage::SyncPage page =
            txn_.sync_changes({target_.space.id, target_.node().id, asked_.level, *place, asked_.limit});
        write(page.changes);
        if (!page.next) return finish(token_of(state_, target_.node().oid));
        // RFC 6578 §3.6. What this answer did not tell is not in the token: elsewhere it is the one that came.
        out_->response(base_, [](xml::Writer& writer) {
            writer.text(name::status, http::status_line(Status::insufficient_storage));
            const auto error = writer.element(name::error);
            writer.empty(cond::number_of_matches_within_limits.element);
        });
        return finish(storage::sync_token(target_.node().oid, state_.epoch,
                                          asked_.token ? asked_.token->vector : std::vector<storage::Dot>(),
                                          page.next));
    }

  private:
    // A first sync that fits: folder by folder, straight from the listings. False: it does not fit.
    bool list() {
        out_.emplace(call_.context);
        struct Folder {
            storage::NodeId id;
            std::size_t above;  // octets of the href of what it is in
            std::string name;
        };
        std::vector<Folder> folders{{target_.node().id, base_.size(), ""}};
        std::size_t left = asked_.limit;
        bool fits = true;
        // Folders in the vector are members of the last one taken, or of one above it: all begin as its href does.
        std::string href = base_;
        while (fits && !folders.empty()) {
            const Folder folder = std::move(folders.back());
            folders.pop_back();
            href.resize(folder.above);
            href += folder.name;
            const std::size_t length = href.size();
            txn_.list(folder.id, plan_.needs(), "", left + 1, [&](const storage::Row& row) {
                fits = left > 0;
                if (!fits) return;
                --left;
                href.resize(length);
                http::append_encoded(href, row.node.name);
                if (storage::is_collection(row.node.kind)) href += '/';
                write(row, href);
                if (storage::is_collection(row.node.kind) && asked_.level == SyncLevel::infinite)
                    folders.push_back({row.node.id, length, href.substr(length)});
            });
        }
        return fits;
    }

    std::string href_of_change(const storage::SyncChange& change) const {
        std::string href = base_;
        std::string_view rest = change.path;
        for (;;) {
            const std::size_t slash = rest.find('/');
            http::append_encoded(href, rest.substr(0, slash));
            if (slash == std::string_view::npos) break;
            href += '/';
            rest.remove_prefix(slash + 1);
        }
        if (change.collection) href += '/';
        return href;
    }

    void write(const std::vector<storage::SyncChange>& changes) {
        std::vector<storage::NodeId> ids;
        for (const storage::SyncChange& change : changes) {
            if (!change.removed) ids.push_back(change.node);
        }
        auto next = changes.begin();
        const auto removals = [&] {
            for (; next != changes.end() && next->removed; ++next)
                out_->status(href_of_change(*next), Status::not_found);
        };
        txn_.rows(ids, plan_.needs(), [&](const storage::Row& row) {
            removals();
            CHECK(next != changes.end() && next->node == row.node.id);
            write(row, href_of_change(*next));
            ++next;
        });
        removals();
    }

    void write(const storage::Row& row, const std::string& href) {
        Resource resource;
        resource.kind = kind_of(row.node.kind);
        resource.name = row.node.name;
        resource.href = href;
        resource.rights = &rights_;
        resource.row = &row;
        resource.inherited = &over_;
        std::vector<storage::Lock> inherited;
        if (!below_.empty()) {
            inherited = over_;
            for (const storage::Lock& lock : below_) {
                const std::string root = call_.context.base_path + lock.href;
                if (href != root && root.ends_with('/') && href.starts_with(root)) inherited.push_back(lock);
            }
            resource.inherited = &inherited;
        }
        if (plan_.wants_etag() && !row.disk && !row.node.hash && !storage::is_collection(row.node.kind)) {
            storage::Row with_disk = row;
            with_disk.disk = txn_.disk(row.node.id);
            resource.row = &with_disk;
            out_->row(resource, view_, plan_, minimal_);
            return;
        }
        out_->row(resource, view_, plan_, minimal_);
    }

    http::Response finish(const storage::SyncToken& token) {
        out_->text(name::sync_token, encode(token));
        http::Response response = out_->finish();
        add_listing_fields(response, call_, target_);
        return response;
    }

    Call& call_;
    Target& target_;
    const Asked& asked_;
    PropPlan& plan_;
    storage::ReadTxn& txn_;
    View view_;
    const storage::SyncState state_;
    const Rights rights_;  // on the members: the report is offered only where all are alike
    const std::string base_;
    const bool minimal_;
    std::vector<storage::Lock> over_;   // of infinite depth, on the collection or above
    std::vector<storage::Lock> below_;  // of infinite depth
    std::optional<Multistatus> out_;
};

http::Response sync_collection(Call& call, Target& target, const xml::Element& body) {
    const Asked asked = parse(body, call.context.limits);
    require_depth(call.head, asked.level);
    PropPlan plan(call.registry, asked.props);
    return call.context.store.read([&](storage::ReadTxn& txn) {
        locate(txn, target);
        require_found(target);
        if (!target.is_collection()) throw DavError(cond::supported_report);
        return Answer(call, target, asked, plan, txn).run();
    });
}

constexpr std::array kSyncReports = {
    ReportDef{name::sync_collection, Kinds::stored_collection, Depths::any, Sees::all, sync_collection},
};

}  // namespace

std::span<const ReportDef> sync_reports() {
    return kSyncReports;
}

}  // namespace dav
