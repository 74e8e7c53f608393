#include "dav/multistatus.h"

#include "dav/names.h"
#include "storage/store.h"

namespace dav {

namespace {

constexpr xml::Prefix kPrefixes[] = {{"D", kDav}, {"A", kApache}, {"oc", kOwncloud}};

http::Response answer_of(http::Status status, xml::Writer& writer, http::Spool& spool) {
    writer.finish();
    http::Response response(status);
    response.headers.add("Content-Type", "application/xml; charset=utf-8");
    response.body = spool.finish();
    return response;
}

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
    response(href, [&](xml::Writer& writer) { writer.text(name::status, http::status_line(status)); });
}

void Multistatus::response(std::string_view href, const std::function<void(xml::Writer&)>& inside) {
    const auto response = writer_.element(name::response);
    writer_.text(name::href, href);
    inside(writer_);
}

http::Response Multistatus::finish() {
    root_.reset();
    return answer_of(http::Status::multi_status, writer_, spool_);
}

http::Response xml_answer(const Context& context, http::Status status, xml::QName root,
                          const std::function<void(xml::Writer&)>& inside) {
    http::Spool spool(context.store.root() + "/.hearth/staging");
    xml::Writer writer(spool, kPrefixes);
    {
        const auto element = writer.element(root);
        inside(writer);
    }
    return answer_of(status, writer, spool);
}

}  // namespace dav
