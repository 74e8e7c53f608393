#include "dav/error.h"

#include "dav/names.h"
#include "dav/xml/writer.h"

namespace dav {

namespace {

constexpr xml::Prefix kPrefixes[] = {{"D", kDav}};

void write_condition(xml::Writer& writer, const DavError& error) {
    const auto outer = writer.element(name::error);
    const auto condition = writer.element(error.condition()->element);
    for (const std::string& href : error.hrefs()) {
        if (!error.needed()) {
            writer.text(name::href, href);
            continue;
        }
        // RFC 3744 §7.1.1: which privilege is lacking on which resource.
        const auto resource = writer.element(name::resource);
        writer.text(name::href, href);
        const auto privilege = writer.element(name::privilege);
        writer.empty(*error.needed() == Privilege::read ? name::read : name::write);
    }
}

}  // namespace

http::Response answer_of(const DavError& error) {
    http::Response response(error.status());
    for (const auto& [name, value] : error.headers()) response.headers.add(name, value);
    if (!error.condition()) return response;
    xml::StringSink sink;
    xml::Writer writer(sink, kPrefixes);
    write_condition(writer, error);
    writer.finish();
    response.headers.add("Content-Type", "application/xml; charset=utf-8");
    response.body = std::move(sink.text);
    return response;
}

http::Response answer_of(const base::Failure& failure) {
    switch (failure.fault()) {
        case base::Fault::disk_full: return answer_of(DavError(cond::sufficient_disk_space));
        case base::Fault::busy:
        case base::Fault::unavailable: {
            http::Response response(http::Status::service_unavailable);
            response.headers.add("Retry-After", "5");
            return response;
        }
        default: return http::Response(http::Status::internal_server_error);
    }
}

}  // namespace dav
