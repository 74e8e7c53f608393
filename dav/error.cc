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

void write_members(xml::Writer& writer, const DavError& error) {
    const auto multistatus = writer.element(name::multistatus);
    for (const DavError::Member& member : error.members()) {
        const auto response = writer.element(name::response);
        writer.text(name::href, member.href);
        writer.text(name::status, http::status_line(member.status));
        if (!member.condition) continue;
        const auto outer = writer.element(name::error);
        const auto condition = writer.element(member.condition->element);
        for (const std::string& href : member.hrefs) writer.text(name::href, href);
    }
}

}  // namespace

http::Response answer_of(const DavError& error) {
    http::Response response(error.status());
    for (const auto& [name, value] : error.headers()) response.headers.add(name, value);
    if (!error.condition() && error.members().empty()) return response;
    xml::StringSink sink;
    xml::Writer writer(sink, kPrefixes);
    if (error.members().empty()) {
        write_condition(writer, error);
    } else {
        write_members(writer, error);
    }
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
        case base::Fault::denied: return http::Response(http::Status::forbidden);
        default: return http::Response(http::Status::internal_server_error);
    }
}

}  // namespace dav
