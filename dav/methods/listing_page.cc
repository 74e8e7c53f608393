#include "dav/methods/listing_page.h"

#include <string>
#include <string_view>

#include "dav/error.h"
#include "dav/http/date.h"
#include "dav/http/spool.h"
#include "dav/http/uri.h"
#include "dav/xml/writer.h"
#include "storage/store.h"

namespace dav {

namespace {

constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;
// Nothing on the page is active; a name can bring neither script nor frame.
constexpr std::string_view kPolicy =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
constexpr std::string_view kStyle =
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}td,th{padding:.2rem .6rem;text-align:left}"
    "td+td,th+th{white-space:nowrap;text-align:right}a{overflow-wrap:anywhere}";

// A page is written line by line into a spool: text and attributes are escaped as in XML.
class Page {
  public:
    Page(const Context& context, std::string_view title) : spool_(context.store.root() + "/.hearth/staging") {
        std::string head = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">";
        head += "<meta name=\"viewport\" content=\"width=device-width\"><title>";
        xml::append_text(head, title);
        head.append("</title><style>").append(kStyle).append("</style></head><body><h1>");
        xml::append_text(head, title);
        head += "</h1>\n<table><thead><tr><th>Name</th><th>Size</th><th>Changed</th></tr></thead><tbody>\n";
        spool_.write(head);
    }

    void member(std::string_view href, std::string_view name, bool collection, const storage::Node* node) {
        line_ = "<tr><td><a href=\"";
        xml::append_attribute(line_, href);
        line_ += "\">";
        xml::append_text(line_, name);
        if (collection) line_ += '/';
        line_ += "</a></td><td>";
        if (node && !collection) line_ += std::to_string(node->size);
        line_ += "</td><td>";
        if (node) line_ += http::iso_8601(node->mtime_ns / kNanosecondsPerSecond);
        line_ += "</td></tr>\n";
        spool_.write(line_);
    }

    http::Response finish(const std::string& note) {
        spool_.write("</tbody></table>" + note + "</body></html>\n");
        http::Response response;
        response.headers.add("Content-Type", "text/html; charset=utf-8");
        response.headers.add("Content-Security-Policy", kPolicy);
        response.headers.add("X-Content-Type-Options", "nosniff");
        response.headers.add("Cross-Origin-Resource-Policy", "same-origin");
        response.headers.add("Referrer-Policy", "no-referrer");
        response.headers.add("Cache-Control", "private, no-cache");
        response.headers.add("Vary", "Authorization, Cookie");
        response.body = spool_.finish();
        return response;
    }

  private:
    http::Spool spool_;
    std::string line_;
};

// The name after which a page starts: `?after=NAME`, as the note of the page before it says.
std::string page_start(const http::RequestHead& head) {
    constexpr std::string_view kKey = "after=";
    if (!head.query.starts_with(kKey)) return {};
    const auto name = http::percent_decode(std::string_view(head.query).substr(kKey.size()));
    if (!name) throw DavError(http::Status::bad_request).detail("the query has a broken escape");
    return *name;
}

std::string title_of(const Target& target) {
    return target.url.empty() ? "/" : "/" + base::join(target.url) + "/";
}

}  // namespace

http::Response listing_page(Call& call, Target& target) {
    const std::string base = href_of(call.context, target);
    Page page(call.context, title_of(target));
    if (target.place != Place::tree) {
        for_each_member(call.context, call.caller, target, [&](const std::string& name, const storage::Principal*) {
            page.member(base + http::encode_segment(name) + "/", name, true, nullptr);
        });
        return page.finish("");
    }
    std::string last;
    const std::size_t given = call.context.store.read([&](storage::ReadTxn& txn) {
        locate(txn, target);
        require_found(target);
        if (!target.is_collection()) throw DavError(http::Status::not_found).detail("it became a file just now");
        return txn.list(target.node().id, storage::Need::none, page_start(call.head), kPageMembersMax,
                        [&](const storage::Row& row) {
                            last = row.node.name;
                            if (!target.rights.shows(row.node.name)) return;
                            const bool collection = storage::is_collection(row.node.kind);
                            std::string href = base;
                            http::append_encoded(href, row.node.name);
                            if (collection) href += '/';
                            page.member(href, row.node.name, collection, &row.node);
                        });
    });
    if (given < kPageMembersMax) return page.finish("");
    std::string note = "<p><a href=\"";
    xml::append_attribute(note, base + "?after=" + http::encode_segment(last));
    note += "\">More than " + std::to_string(kPageMembersMax) + " members: the next page</a></p>";
    return page.finish(note);
}

}  // namespace dav
