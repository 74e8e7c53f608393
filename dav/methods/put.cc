#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dav/error.h"
#include "dav/http/date.h"
#include "dav/http/digest_fields.h"
#include "dav/methods/methods.h"
#include "dav/preconditions.h"
#include "dav/request_headers.h"
#include "storage/staging.h"
#include "storage/store.h"

namespace dav::method {

namespace {

using http::Status;

constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;

// What accept found in the head and run checks against the body.
struct Promise {
    std::vector<http::ExpectedSum> sums;
    std::optional<std::uint64_t> length;  // Content-Length, or what Finder announces for a chunked body
    std::optional<std::int64_t> mtime_ns;
    bool quota_is_limit = false;  // what ends the body first: the quota, or the largest file allowed
};

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

std::uint64_t replaced_bytes(const Target& target) {
    return target.exists() && target.node().size > 0 ? static_cast<std::uint64_t>(target.node().size) : 0;
}

// All that can be said without the body; in accept for the answer before it comes, in the write because things change.
void check_target(Call& call, storage::ReadTxn& txn, const Target& target) {
    if (target.exists() && target.is_collection()) refuse_method(target);
    if (target.slash) {
        throw DavError(Status::method_not_allowed)
            .header("Allow", target.exists() ? "OPTIONS" : "OPTIONS, MKCOL")
            .detail("only collections end in a slash");
    }
    if (!target.exists()) require_creatable(target);
    check_preconditions(call, txn, {{target, Touch::content}});
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

storage::Upload::Options upload_options(Call& call, const Target& target, Promise& promise) {
    storage::Upload::Options options{promise.length, call.context.limits.file_bytes_max};
    const auto quota = quota_left(target, replaced_bytes(target));
    if (quota && *quota < options.limit) {
        options.limit = *quota;
        promise.quota_is_limit = true;
    }
    for (const http::ExpectedSum& expected : promise.sums) {
        options.want_sha1 |= expected.digest == base::Digest::sha1;
        options.want_md5 |= expected.digest == base::Digest::md5;
        options.want_sha512 |= expected.digest == base::Digest::sha512;
    }
    return options;
}

storage::WriteTxn::PutResult write_content(Call& call, Target& target, storage::Content& content,
                                           const Promise& promise) {
    return call.context.store.write([&](storage::WriteTxn& txn) {
        locate(txn, target);
        check_target(call, txn, target);
        check_room(call.context, target, static_cast<std::uint64_t>(content.size()), replaced_bytes(target));
        storage::WriteTxn::PutContent what;
        what.parent = target.parent().id;
        what.name = target.exists() ? target.node().name : target.new_name();
        what.mtime_ns = promise.mtime_ns;
        // The function may run again: octets in memory are copied, a staged file stays ours until the commit.
        if (content.is_inline()) {
            return txn.put(what, storage::Content::inlined(content.bytes(), content.hash()), storage::no_index(),
                           call.author());
        }
        return txn.put(what, std::move(content), storage::no_index(), call.author());
    });
}

}  // namespace

http::Verdict accept_put(Call& call) {
    Target target = aim(call.context, call.caller, call.head);
    if (target.place != Place::tree) refuse_method(target);
    // RFC 9110 §14.4: a partial PUT must not be taken for a whole one.
    if (call.head.headers.has("Content-Range")) throw DavError(Status::bad_request).detail("PUT with Content-Range");
    const std::string_view coding = call.head.headers.get("Content-Encoding");
    if (!coding.empty() && !http::equal_ignoring_case(coding, "identity")) {
        throw DavError(Status::unsupported_media_type).header("Accept-Encoding", "identity");
    }
    require(call.context, target, Privilege::write);
    const auto promise = std::make_shared<Promise>();
    auto sums = http::parse_digest_fields(call.head.headers);
    if (!sums) throw DavError(Status::bad_request).detail("a digest field is malformed");
    promise->sums = *std::move(sums);
    promise->length = promised_length(call.head);
    promise->mtime_ns = oc_mtime_ns(call.head);
    call.context.store.read([&](storage::ReadTxn& txn) {
        locate(txn, target);
        check_target(call, txn, target);
    });
    const std::uint64_t length = promise->length.value_or(0);
    if (length > call.context.limits.file_bytes_max) throw DavError(Status::content_too_large);
    check_room(call.context, target, length, replaced_bytes(target));

    http::Verdict verdict;
    verdict.sink = std::make_unique<UploadSink>(call.context.store.tree(), call.context.store.seams().rng,
                                                upload_options(call, target, *promise));
    verdict.state = promise;
    return verdict;
}

http::Response put(Call& call, http::Request& request) {
    const auto promise = std::static_pointer_cast<Promise>(request.state);
    auto* sink = dynamic_cast<UploadSink*>(request.sink.get());
    CHECK(promise && sink);
    if (!sink->upload()) {
        if (promise->quota_is_limit) throw DavError(cond::quota_not_exceeded);
        throw DavError(Status::content_too_large);
    }
    storage::Upload& upload = *sink->upload();
    const storage::Upload::Sums& sums = upload.close();
    if (promise->length && *promise->length != upload.size()) {
        throw DavError(Status::bad_request).detail("the body is not as long as announced");
    }
    check_sums(*promise, sums);
    storage::Content content = upload.finish(promise->mtime_ns);

    Target target = aim(call.context, call.caller, call.head);
    const auto result = write_content(call, target, content, *promise);
    const bool created = result.outcome == storage::Put::created;
    http::Response response(created ? Status::created : Status::no_content);
    const std::string etag = storage::etag_of(result.node);
    response.headers.add("ETag", etag);
    response.headers.add("OC-ETag", etag);
    response.headers.add("OC-FileId", base::hex(result.node.oid.view()));
    response.headers.add("Last-Modified", http::http_date(result.node.mtime_ns / kNanosecondsPerSecond));
    if (promise->mtime_ns) response.headers.add("X-OC-MTime", "accepted");
    return response;
}

}  // namespace dav::method
