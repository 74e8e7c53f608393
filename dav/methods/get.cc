#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>

#include "dav/error.h"
#include "dav/http/conditional.h"
#include "dav/http/date.h"
#include "dav/http/media_type.h"
#include "dav/http/range.h"
#include "dav/methods/copying.h"
#include "dav/methods/listing_page.h"
#include "dav/methods/methods.h"
#include "dav/methods/representation.h"
#include "dav/oc_checksums.h"
#include "dav/preconditions.h"
#include "dav/request_headers.h"
#include "storage/root_state.h"
#include "storage/store.h"

namespace dav::method {

namespace {

using http::Status;

constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr std::int64_t kMillisecondsPerSecond = 1000;
// Looks at row and disk again when they differ: the row was older than the file, or the other way round.
constexpr int kLooksMax = 3;
// A writer of ours that replaces the file faster than it is looked at is no outside change: each of its rows is looked
// at anew, this often.
constexpr int kRacesMax = 100;

// A file and what is known about its octets.
struct Found {
    storage::Node node;
    std::shared_ptr<const storage::File> file;
    storage::FileFacts facts;
    std::string etag;
    std::int64_t mtime_ns = 0;         // DAV's of what the row describes, else the file's own
    std::string oc_checksum;           // known of these octets
    bool as_known = false;             // the octets are those the row describes
    std::optional<std::string> bytes;  // of a small one
};

struct Look {
    storage::Node node;
    std::vector<storage::Prop> props;
    std::optional<storage::FileFacts> disk;
    std::string path;
    storage::Lsn settled_after = 0;
    std::optional<std::string> octets;  // of an item
};

std::optional<std::string> read_small(const storage::File& file, const storage::FileFacts& facts) {
    if (facts.size > static_cast<std::int64_t>(HotFiles::kBodyBytesMax)) return std::nullopt;
    std::string bytes(static_cast<std::size_t>(facts.size), '\0');
    std::size_t done = 0;
    while (done < bytes.size()) {
        const std::size_t got = file.read_at(bytes.data() + done, bytes.size() - done, done);
        if (got == 0) break;
        done += got;
    }
    bytes.resize(done);
    return bytes;
}

// Opens what `look` says. False: not there, or changed while it was read.
bool open_as(const Context& context, const Look& look, bool want_bytes, Found& found) {
    context.store.settle(look.settled_after);
    context.store.state().require_readable();
    std::shared_ptr<const storage::File> file = context.store.tree().open(look.path);
    if (!file) {
        require_on_disk(context, look.path);
        return false;
    }
    found.node = look.node;
    found.facts = file->facts();
    // Where a step failed the index is ahead of the file: these octets are not what its tag speaks of.
    found.as_known = look.disk && found.facts.same_version(*look.disk) && !context.store.behind(look.path);
    found.mtime_ns = found.as_known ? look.node.mtime_ns : found.facts.mtime_ns;
    found.oc_checksum = found.as_known ? oc_checksum(look.node, look.props) : std::string();
    found.bytes.reset();
    if (want_bytes) found.bytes = read_small(*file, found.facts);
    const bool still = !found.bytes || file->facts().same_version(found.facts);
    found.file = std::move(file);
    found.etag = found.as_known && look.node.hash ? storage::etag_of(look.node) : storage::pending_etag(found.facts);
    return still;
}

// An item has nothing on disk: one view says it all.
Found found_item(Look look) {
    Found found;
    found.node = std::move(look.node);
    found.facts.size = found.node.size;
    found.etag = storage::etag_of(found.node);
    found.mtime_ns = found.node.mtime_ns;
    found.as_known = true;
    found.bytes = std::move(look.octets);
    return found;
}

Found find_file(const Context& context, Target& target, bool want_bytes) {
    Found found;
    storage::Lsn seen_lsn = 0;
    int looks = 0;  // at one and the same row
    for (int attempt = 0; attempt < kRacesMax && looks < kLooksMax; ++attempt) {
        Look look = context.store.read([&](storage::ReadTxn& txn) {
            locate(txn, target);
            require_found(target);
            Look seen;
            seen.node = target.node();
            if (target.is_collection()) return seen;
            if (storage::is_item(seen.node.kind)) {
                seen.octets = txn.body(*seen.node.hash);
                if (!seen.octets) throw base::Failure(base::Fault::corrupt, "an item has no octets");
                return seen;
            }
            seen.disk = txn.disk(seen.node.id);
            seen.props = txn.props(seen.node.id);
            seen.path = target.walk.disk_path(target.space);
            seen.settled_after = target.walk.settled_after();
            return seen;
        });
        if (target.is_collection()) return found;
        if (look.octets) return found_item(std::move(look));
        const storage::Lsn lsn = std::max(look.node.content_lsn, look.settled_after);
        looks = lsn == seen_lsn ? looks + 1 : 1;
        seen_lsn = lsn;
        if (open_as(context, look, want_bytes, found) && found.as_known) return found;
    }
    // Something beside us changed it and it is not hashed yet: its octets as they are, under a tag of their own. Not
    // there at all: removed outside, the index will follow.
    if (!found.file) throw DavError(Status::not_found);
    return found;
}

http::Headers headers_of(const Call& call, const Found& found) {
    http::Headers headers;
    const ItemRule* rule = call.registry.rule_of(found.node.kind);
    const std::string_view type = rule ? rule->media_type : http::media_type_of(found.node.name);
    http::add_content_headers(headers, type, found.node.name);
    headers.add("ETag", found.etag);
    headers.add("Last-Modified", http::http_date(found.mtime_ns / kNanosecondsPerSecond));
    if (!found.oc_checksum.empty()) headers.add("OC-Checksum", found.oc_checksum);
    headers.add("Accept-Ranges", "bytes");
    headers.add("Cache-Control", "private, no-cache");
    headers.add("Vary", "Authorization, Cookie");
    return headers;
}

http::Response not_modified(const Found& found) {
    http::Response response(Status::not_modified);
    response.headers.add("ETag", found.etag);
    response.headers.add("Last-Modified", http::http_date(found.mtime_ns / kNanosecondsPerSecond));
    response.headers.add("Cache-Control", "private, no-cache");
    response.headers.add("Vary", "Authorization, Cookie");
    return response;
}

http::Body body_of(const Found& found, const http::Range& range) {
    if (!found.bytes) return http::FileSlice{found.file, range.first, range.length};
    return found.bytes->substr(static_cast<std::size_t>(range.first), static_cast<std::size_t>(range.length));
}

http::Response answer_file(Call& call, const Found& found, const HotFiles::Ticket& ticket) {
    const std::int64_t now_s = call.context.store.seams().clock.now_ms() / kMillisecondsPerSecond;
    const http::Current current{found.etag, found.mtime_ns / kNanosecondsPerSecond};
    switch (http::evaluate(conditions_of(call.context, call.head), http::Access::read, current)) {
        case http::Outcome::not_modified: return not_modified(found);
        case http::Outcome::precondition_failed: throw DavError(Status::precondition_failed);
        case http::Outcome::proceed: break;
    }
    const std::uint64_t size = static_cast<std::uint64_t>(found.facts.size);
    http::Range range{http::Range::Kind::whole, 0, size};
    const bool get = call.head.method == http::Method::get;
    if (get && call.head.headers.has("Range") && http::range_applies(call.head.headers, current, now_s)) {
        range = http::resolve_range(call.head.headers.combined("Range").value_or(""), size);
    }
    if (range.kind == http::Range::Kind::unsatisfiable) {
        throw DavError(Status::range_not_satisfiable).header("Content-Range", http::content_range(range, size));
    }
    http::Response response;
    response.headers = headers_of(call, found);
    if (range.kind == http::Range::Kind::part) {
        response.status = Status::partial_content;
        response.headers.add("Content-Range", http::content_range(range, size));
    }
    if (get && range.kind == http::Range::Kind::whole && found.file && found.bytes && found.as_known &&
        found.node.hash) {
        auto bytes = std::make_shared<const std::string>(*found.bytes);
        call.hot.keep(call.head, call.caller, ticket, found.node.parent,
                      HotFile{found.file, found.facts, response.headers, bytes});
        response.body = std::move(bytes);
        return response;
    }
    response.body = body_of(found, range);
    return response;
}

}  // namespace

http::Response get(Call& call, http::Request&) {
    const HotFiles::Ticket ticket = call.hot.begin(call.head, call.caller);
    Target target = aim(call.context, call.caller, call.head);
    if (target.place != Place::tree) return listing_page(call, target);
    const Found found = find_file(call.context, target, call.head.method == http::Method::get);
    if (call.head.headers.has("If")) {
        call.context.store.read([&](storage::ReadTxn& txn) {
            locate(txn, target);
            check_if(call, txn, target);
        });
    }
    if (target.is_collection()) return listing_page(call, target);
    return answer_file(call, found, ticket);
}

http::Response representation(Call& call, Target& target) {
    const Found found = find_file(call.context, target, false);
    if (target.is_collection()) throw DavError(Status::not_found);
    http::Response response;
    response.headers = headers_of(call, found);
    response.headers.set("Vary", "Authorization, Cookie, Prefer");
    response.headers.add("Content-Location", href_of(call.context, target));
    response.headers.add("Preference-Applied", "return=representation");
    response.body = body_of(found, {http::Range::Kind::whole, 0, static_cast<std::uint64_t>(found.facts.size)});
    return response;
}

}  // namespace dav::method
