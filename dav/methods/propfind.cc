#include <string>
#include <utility>
#include <vector>

#include "dav/error.h"
#include "dav/http/uri.h"
#include "dav/merged.h"
#include "dav/methods/methods.h"
#include "dav/multistatus.h"
#include "dav/preconditions.h"
#include "dav/prop_plan.h"
#include "dav/request_headers.h"
#include "storage/store.h"

namespace dav {

void for_each_member(const Context& context, const Caller& caller, const Target& target,
                     const std::function<void(const std::string&, const storage::Principal*)>& each) {
    const storage::AccountBook& book = *target.book;
    const auto each_principal = [&](const auto& allowed) {
        for (const auto& [name, principal] : book.by_name) {
            if (allowed(principal)) each(name, &principal);
        }
    };
    switch (target.place) {
        case Place::root: each("dav", nullptr); return;
        case Place::dav:
            for (const HomeKind& home : kHomeKinds)
                if (context.services.*home.service) each(std::string(home.segment), nullptr);
            each("principals", nullptr);
            return;
        case Place::principals:
            each("groups", nullptr);
            each("users", nullptr);
            return;
        case Place::homes:
            each_principal([&](const storage::Principal& principal) {
                return rights_in_home(*target.home, caller, book, &principal, {}).read;
            });
            return;
        case Place::users:
        case Place::groups:
            each_principal([&](const storage::Principal& principal) {
                const bool user = principal.kind == storage::PrincipalKind::user;
                return user == (target.place == Place::users) && rights_on_principal(caller, book, &principal).read;
            });
            return;
        default: return;
    }
}

void add_listing_fields(http::Response& response, const Call& call, const Target& target, Root root) {
    if (!target.slash && target.is_collection()) {
        response.headers.add("Content-Location", href_of(call.context, target));
    }
    response.headers.add("Cache-Control", "private, no-cache");
    std::string vary = "Authorization, Cookie";
    std::string applied;
    if (wants_minimal(call.head)) {
        vary += ", Brief, Prefer";
        if (did_as_preferred(call.head)) applied = "return=minimal";
    }
    if (root == Root::left_out) {
        if (!wants_minimal(call.head)) vary += ", Prefer";
        applied += applied.empty() ? "depth-noroot" : ", depth-noroot";
    }
    response.headers.add("Vary", vary);
    if (!applied.empty()) response.headers.add("Preference-Applied", applied);
}

namespace method {

namespace {

using http::Status;

// One PROPFIND being answered.
class Answer {
  public:
    Answer(Call& call, Target& target, PropPlan& plan)
        : call_(call), target_(target), plan_(plan), minimal_(wants_minimal(call.head)), out_(call.context) {}

    // "/", principals and what leads to them.
    void synthetic(Depth depth) {
        const View view(call_.context, call_.registry, call_.caller, *target_.book, nullptr, nullptr, 0);
        const std::string base = href_of(call_.context, target_);
        Resource self;
        self.kind = target_.place == Place::principal ? Kinds::principal : Kinds::synthetic;
        self.principal = target_.place == Place::principal ? target_.owner : nullptr;
        self.name = target_.url.empty() ? std::string_view() : std::string_view(target_.url.back());
        self.href = base;
        self.rights = &target_.rights;
        if (!leaves_out(depth)) out_.row(self, view, plan_, minimal_);
        if (depth == Depth::zero || target_.place == Place::principal) return;
        if (target_.place == Place::homes) {
            homes(base);
            return;
        }
        for_each_member(call_.context, call_.caller, target_,
                        [&](const std::string& name, const storage::Principal* principal) {
                            const std::string href = base + http::encode_segment(name) + "/";
                            Resource member;
                            member.kind = principal ? Kinds::principal : Kinds::synthetic;
                            member.principal = principal;
                            member.name = name;
                            member.href = href;
                            member.rights = &target_.rights;
                            out_.row(member, view, plan_, minimal_);
                        });
    }

    // A file or folder, and the members of a folder: one transaction, every row straight into the spool.
    void tree(Depth depth) {
        call_.context.store.read([&](storage::ReadTxn& txn) {
            locate(txn, target_);
            require_found(target_);
            View view(call_.context, call_.registry, call_.caller, *target_.book, target_.owner, target_.home,
                      target_.space.used_bytes);
            if (storage::has(plan_.needs(), storage::Need::sync)) view.know(txn.sync_state(target_.space.id));
            const std::string base = href_of(call_.context, target_);
            check_if(call_, txn, target_);
            const bool collection = target_.is_collection();
            if (storage::has(plan_.needs(), storage::Need::locks)) find_inherited(txn);
            if (leaves_out(depth)) {
                // Only its members.
            } else if (auto row = row_of(txn, target_, plan_.needs())) {
                write(txn, *std::move(row), target_.url.back(), base, target_.rights, view);
            }
            if (!collection || depth == Depth::zero) return;
            inherited_.insert(inherited_.end(), own_.begin(), own_.end());
            for (const ItemSource& source : item_sources(txn, target_)) members(txn, source, base, view);
            if (target_.path.empty()) derived_members(txn, base, view);
        });
    }

    http::Response finish() {
        http::Response response = out_.finish();
        add_listing_fields(response, call_, target_, root_);
        return response;
    }

  private:
    // RFC 8144 §2: where there are members to tell of, and nothing else.
    bool leaves_out(Depth depth) {
        const bool members = depth != Depth::zero && target_.place != Place::principal && target_.is_collection();
        if (members && wants_no_root(call_.head)) root_ = Root::left_out;
        return root_ == Root::left_out;
    }

    // Homes are stored folders, each in a space of its own.
    void homes(const std::string& base) {
        call_.context.store.read([&](storage::ReadTxn& txn) {
            for_each_member(
                call_.context, call_.caller, target_, [&](const std::string& name, const storage::Principal* owner) {
                    const auto space = txn.space_of(target_.home->space, owner->uid);
                    if (!space) return;
                    auto row = txn.row(space->root, plan_.needs());
                    if (!row) return;
                    View view(call_.context, call_.registry, call_.caller, *target_.book, owner, target_.home,
                              space->used_bytes);
                    if (storage::has(plan_.needs(), storage::Need::sync)) view.know(txn.sync_state(space->id));
                    const Rights rights = rights_in_home(*target_.home, call_.caller, *target_.book, owner, {});
                    write(txn, *std::move(row), name, base + http::encode_segment(name) + "/", rights, view);
                });
        });
    }

    // Locks of infinite depth: above the target, and its own, which its members inherit.
    void find_inherited(storage::ReadTxn& txn) {
        for (storage::Lock& lock : locks_over(txn, target_)) {
            if (lock.depth == storage::LockDepth::zero) continue;
            (lock.node == target_.node().id ? own_ : inherited_).push_back(std::move(lock));
        }
    }

    void members(storage::ReadTxn& txn, const ItemSource& source, const std::string& base, const View& view) {
        // Above a subtree only the way to it is shown, and that may be the subtree itself.
        Rights rights = target_.rights.of_member({});
        if (!target_.rights.only.empty()) {
            base::Segments path = target_.path;
            path.push_back(target_.rights.only.front());
            rights = rights_in_home(*target_.home, call_.caller, *target_.book, target_.owner, path);
        }
        std::string href = base;
        txn.list(source.collection.id, plan_.needs(), "", storage::kListPageMax, [&](const storage::Row& row) {
            if (!target_.rights.shows(row.node.name)) return;
            href.resize(base.size());
            http::append_encoded(href, source.prefix);
            http::append_encoded(href, row.node.name);
            if (storage::is_collection(row.node.kind)) href += '/';
            if (needs_stat(row)) {
                write(txn, row, row.node.name, href, rights, view);
                return;
            }
            write(row, row.node.name, href, rights, view);
        });
    }

    // In a home of items: the collections of the groups that its owner is in, and where it is wanted that of all.
    void derived_members(storage::ReadTxn& txn, const std::string& base, const View& view) {
        if (!call_.registry.rule_of(target_.home->space)) return;
        if (const std::string merged(kMergedName); !target_.rights.only.empty() && target_.rights.shows(merged)) {
            Target all = target_;
            all.merged = true;
            storage::Row row;
            row.node = merged_node(txn, all, target_.node());
            Rights rights = target_.rights;
            rights.only.clear();
            rights.write = rights.unbind = false;
            rights.derived = true;
            write(txn, row, merged, base + http::encode_segment(merged) + "/", rights, view);
        }
        for (const auto& entry : target_.book->by_name) {
            // Named: clang 14 captures no structured binding.
            const storage::Principal& group = entry.second;
            if (!target_.book->in_group(target_.owner->uid, group.uid)) continue;
            const auto space = txn.space_of(target_.home->space, group.uid);
            if (!space) continue;
            View of_group(call_.context, call_.registry, call_.caller, *target_.book, &group, target_.home,
                          space->used_bytes);
            if (storage::has(plan_.needs(), storage::Need::sync)) of_group.know(txn.sync_state(space->id));
            const Rights rights = rights_in_home(*target_.home, call_.caller, *target_.book, &group, {}).of_member({});
            txn.list(space->root, plan_.needs(), "", storage::kListPageMax, [&](const storage::Row& row) {
                const std::string name = shown_name(row.node.name, group);
                if (!target_.rights.shows(name)) return;
                write(row, name, base + http::encode_segment(name) + "/", rights, of_group);
            });
        }
    }

    bool needs_stat(const storage::Row& row) const {
        return plan_.wants_etag() && !row.disk && !row.node.hash && !storage::is_collection(row.node.kind);
    }

    void write(storage::ReadTxn& txn, storage::Row row, std::string_view name, std::string_view href,
               const Rights& rights, const View& view) {
        if (needs_stat(row)) row.disk = txn.disk(row.node.id);
        write(row, name, href, rights, view);
    }

    void write(const storage::Row& row, std::string_view name, std::string_view href, const Rights& rights,
               const View& view) {
        Resource resource;
        resource.kind = kind_of(row.node.kind);
        resource.name = name;
        resource.href = href;
        resource.rights = &rights;
        resource.row = &row;
        resource.inherited = &inherited_;
        out_.row(resource, view, plan_, minimal_);
    }

    Call& call_;
    Target& target_;
    PropPlan& plan_;
    const bool minimal_;
    Root root_ = Root::described;
    std::vector<storage::Lock> inherited_;  // by the row being written
    std::vector<storage::Lock> own_;
    Multistatus out_;
};

}  // namespace

http::Response propfind(Call& call, http::Request& request) {
    Target target = aim(call.context, call.caller, call.head);
    if (call.head.headers.has("Content-Encoding")) throw DavError(Status::unsupported_media_type);
    const std::optional<Depth> asked = depth_of(call.head);
    PropPlan plan(call.registry, parse_propfind(request.body, call.context.limits));
    Answer answer(call, target, plan);
    // RFC 4918 §9.1: without the header it is infinity, which is refused on collections.
    if (asked.value_or(Depth::infinity) == Depth::infinity) {
        call.context.store.read([&](storage::ReadTxn& txn) { locate(txn, target); });
        require_found(target);
        if (target.is_collection()) throw DavError(cond::propfind_finite_depth);
    }
    const Depth depth = asked.value_or(Depth::zero);
    if (target.place == Place::tree) {
        answer.tree(depth);
    } else {
        if (call.head.headers.has("If")) {
            call.context.store.read([&](storage::ReadTxn& txn) { check_if(call, txn, target); });
        }
        answer.synthetic(depth);
    }
    return answer.finish();
}

}  // namespace method
}  // namespace dav
