#include "dav/methods/upload.h"

#include <charconv>
#include <memory>
#include <string>
#include <utility>

#include "dav/error.h"
#include "dav/http/date.h"
#include "dav/methods/representation.h"
#include "dav/oc_checksums.h"
#include "dav/preconditions.h"
#include "dav/request_headers.h"
#include "storage/store.h"

namespace dav::method {

namespace {

using http::Status;

constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;

// An upload that survives a body that is too long: it drops what it has and swallows the rest, so that the answer can
// say why instead of a broken connection.
class UploadSink final : public base::ByteSink {
  public:
    UploadSink(storage::Tree& root, base::Rng& rng, const storage::Upload::Options& options)
        : upload_(std::make_unique<storage::Upload>(root, rng, options)) {}

    void write(std::string_view bytes) override {
        if (!upload_) return;
        try {
            upload_->write(bytes);
        } catch (const storage::Upload::TooLarge&) {  // run answers 413 or 507
            upload_.reset();
        }
    }

    storage::Upload* upload() { return upload_.get(); }  // null: too large

  private:
    std::unique_ptr<storage::Upload> upload_;
};

// X-Expected-Entity-Length: Finder sends it with a chunked body; a shorter body is a broken upload (webdavfs).
std::optional<std::uint64_t> promised_length(const http::RequestHead& head) {
    if (head.content_length) return head.content_length;
    const auto field = head.headers.find("X-Expected-Entity-Length");
    if (!field) return std::nullopt;
    std::uint64_t length = 0;
    const auto [end, error] = std::from_chars(field->data(), field->data() + field->size(), length);
    if (error != std::errc() || end != field->data() + field->size()) {
        throw DavError(Status::bad_request).detail("X-Expected-Entity-Length is no number");
    }
    return length;
}

void check_sums(const Promise& promise, const storage::Upload::Sums& sums) {
    for (const http::ExpectedSum& expected : promise.sums) {
        const auto raw = [&]() -> std::string_view {
            switch (expected.digest) {
                case base::Digest::sha256: return sums.sha256.view();
                case base::Digest::sha1: return sums.sha1;
                case base::Digest::md5: return sums.md5;
                case base::Digest::sha512: return sums.sha512;
            }
            return {};
        };
        if (raw() != expected.raw)
            throw DavError(Status::bad_request).detail("the body does not have the sum it promised");
    }
}

[[noreturn]] void throw_too_large(const Promise& promise) {
    if (promise.item) throw DavError(promise.item->max_resource_size);
    throw DavError(Status::content_too_large);
}

// Items are small: they are read as a whole, outside the writer, and stored from memory.
void read_item(Call& call, const ItemRule& rule, Arrived& body) {
    std::string octets =
        body.content.is_inline() ? body.content.bytes() : storage::read_staged(call.context.store.tree(), body.content);
    body.item = rule.prepare(body.promise.type, octets);
    if (body.item.rewritten) octets = *body.item.rewritten;
    const base::Hash hash = base::sha256(octets);
    body.content = storage::Content::inlined(std::move(octets), hash);
}

}  // namespace

Promise promise_of(const http::RequestHead& head, const ItemRule* item) {
    // RFC 9110 §14.4: a partial PUT must not be taken for a whole one.
    if (head.headers.has("Content-Range")) throw DavError(Status::bad_request).detail("an upload with Content-Range");
    const std::string_view coding = head.headers.get("Content-Encoding");
    if (!coding.empty() && !http::equal_ignoring_case(coding, "identity")) {
        throw DavError(Status::unsupported_media_type).header("Accept-Encoding", "identity");
    }
    Promise promise;
    auto sums = http::parse_digest_fields(head.headers);
    if (!sums) throw DavError(Status::bad_request).detail("a digest field is malformed");
    promise.sums = *std::move(sums);
    promise.length = promised_length(head);
    promise.item = item;
    promise.type = head.headers.get("Content-Type");
    if (!item) promise.mtime_ns = oc_mtime_ns(head);
    return promise;
}

http::Verdict take_upload(Call& call, const Target& target, const Promise& promise, std::uint64_t replaced) {
    const std::uint64_t length = promise.length.value_or(0);
    const std::uint64_t longest = promise.item ? promise.item->bytes_max : call.context.limits.file_bytes_max;
    if (length > longest) throw_too_large(promise);
    check_room(call.context, target, length, replaced);

    const auto kept = std::make_shared<Promise>(promise);
    storage::Upload::Options options{promise.length, longest};
    const auto quota = quota_left(target, replaced);
    if (quota && *quota < options.limit) {
        options.limit = *quota;
        kept->quota_is_limit = true;
    }
    for (const http::ExpectedSum& expected : promise.sums) {
        options.want_sha1 |= expected.digest == base::Digest::sha1;
        options.want_md5 |= expected.digest == base::Digest::md5;
        options.want_sha512 |= expected.digest == base::Digest::sha512;
    }
    http::Verdict verdict;
    verdict.sink = std::make_unique<UploadSink>(call.context.store.tree(), call.context.store.seams().rng, options);
    verdict.state = kept;
    return verdict;
}

Arrived arrived(Call& call, http::Request& request) {
    const auto promise = std::static_pointer_cast<Promise>(request.state);
    auto* sink = dynamic_cast<UploadSink*>(request.sink.get());
    CHECK(promise && sink);
    if (!sink->upload()) {
        if (promise->quota_is_limit) throw DavError(cond::quota_not_exceeded);
        throw_too_large(*promise);
    }
    storage::Upload& upload = *sink->upload();
    const storage::Upload::Sums& sums = upload.close();
    if (promise->length && *promise->length != upload.size()) {
        throw DavError(Status::bad_request).detail("the body is not as long as announced");
    }
    check_sums(*promise, sums);
    Arrived body{*promise, upload.finish(promise->mtime_ns), {}, {}};
    if (promise->item) {
        read_item(call, *promise->item, body);
        return body;
    }
    if (auto kept = oc_checksums_to_keep(body.content.hash(), promise->sums)) body.props.push_back(*std::move(kept));
    return body;
}

storage::WriteTxn::PutResult put_arrived(storage::WriteTxn& txn, storage::WriteTxn::PutContent what, Arrived& body,
                                         const storage::Author& author) {
    what.mtime_ns = body.promise.mtime_ns;
    what.props = body.props;
    storage::Content& content = body.content;
    const storage::IndexEntry& index = body.item.index ? *body.item.index : storage::no_index();
    // The function may run again: octets in memory are copied, a staged file stays ours until the commit.
    if (content.is_inline()) {
        return txn.put(what, storage::Content::inlined(content.bytes(), content.hash()), index, author);
    }
    return txn.put(what, std::move(content), index, author);
}

http::Response stored(Call& call, Target& target, const storage::WriteTxn::PutResult& result, const Arrived& body) {
    const bool created = result.outcome == storage::Put::created;
    const std::string etag = storage::etag_of(result.node);
    http::Response response(created ? Status::created : Status::no_content);
    const Return asked = return_of(call.head);
    // RFC 6352 section 6.3.2.3: who does not hear the tag asks for what was stored.
    if (body.item.rewritten && asked != Return::representation) return response;
    const Promise& promise = body.promise;
    if (asked == Return::minimal) add_preference_applied(response.headers, call.head);
    if (asked == Return::representation) {
        http::Response whole = representation(call, target);
        // Another upload may have come between: then only what is true of ours is said.
        if (whole.headers.get("ETag") == etag) {
            whole.status = created ? Status::created : Status::ok;
            response = std::move(whole);
        }
    }
    response.headers.set("ETag", etag);
    response.headers.add("OC-ETag", etag);
    response.headers.add("OC-FileId", base::hex(result.node.oid.view()));
    response.headers.set("Last-Modified", http::http_date(result.node.mtime_ns / kNanosecondsPerSecond));
    if (promise.mtime_ns) response.headers.add("X-OC-MTime", "accepted");
    return response;
}

}  // namespace dav::method
