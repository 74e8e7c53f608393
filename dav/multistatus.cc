#include "dav/multistatus.h"

#include "dav/names.h"
#include "storage/store.h"

namespace dav {

namespace {

constexpr xml::Prefix kPrefixes[] = {{"D", kDav}, {"A", kApache}, {"oc", kOwncloud}};

}  // namespace

Multistatus::Multistatus(const Context& context)
    : spool_(context.store.root() + "/.hearth/staging"), writer_(spool_, kPrefixes) {
    root_.emplace(writer_.element(name::multistatus));
}

void Multistatus::row(const Resource& resource, const View& view, PropPlan& plan, bool minimal) {
    const auto response = writer_.element(name::response);
    writer_.text(name::href, resource.href);
    plan.write(resource, view, minimal, writer_);
}

void Multistatus::status(std::string_view href, http::Status status) {
    const auto response = writer_.element(name::response);
    writer_.text(name::href, href);
    writer_.text(name::status, http::status_line(status));
}

http::Response Multistatus::finish() {
    root_.reset();
    writer_.finish();
    http::Response response(http::Status::multi_status);
    response.headers.add("Content-Type", "application/xml; charset=utf-8");
    response.body = spool_.finish();
    return response;
}

}  // namespace dav
