#include "dav/prop_plan.h"

#include <algorithm>
#include <utility>

#include "dav/error.h"
#include "dav/xml_body.h"

namespace dav {

namespace {

using http::Status;

constexpr std::string_view kOk = "HTTP/1.1 200 OK";
constexpr std::string_view kNotFound = "HTTP/1.1 404 Not Found";

void add_names(const xml::Element& list, const Limits& limits, std::vector<xml::Name>& names) {
    for (const xml::Element& child : list.children()) {
        if (names.size() >= limits.propfind_names_max) {
            throw DavError(Status::content_too_large).detail("more property names than allowed");
        }
        names.emplace_back(child.name());
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
}

}  // namespace

PropRequest parse_propfind(std::string_view body, const Limits& limits) {
    PropRequest request;
    if (body.empty()) return request;
    const xml::Element root = parse_xml_body(body, limits);
    if (!root.is(name::propfind)) throw DavError(Status::bad_request).detail("the body is no propfind");
    const xml::Element* prop = root.child(name::prop);
    const xml::Element* allprop = root.child(name::allprop);
    const xml::Element* propname = root.child(name::propname);
    if ((prop != nullptr) + (allprop != nullptr) + (propname != nullptr) != 1) {
        throw DavError(Status::bad_request).detail("a propfind asks for one of prop, allprop, propname");
    }
    const xml::Element* include = root.child(name::include);
    if (prop) {
        request.ask = PropRequest::Ask::named;
        add_names(*prop, limits, request.names);
    } else if (propname) {
        request.ask = PropRequest::Ask::propname;
    } else if (include) {
        add_names(*include, limits, request.names);
    }
    return request;
}

PropRequest parse_prop(const xml::Element& prop, const Limits& limits) {
    PropRequest request;
    request.ask = PropRequest::Ask::named;
    add_names(prop, limits, request.names);
    request.elements = prop.children();
    return request;
}

PropPlan::PropPlan(const Registry& registry, PropRequest request) : registry_(registry), request_(std::move(request)) {
    if (request_.ask != PropRequest::Ask::named) {
        const bool all = request_.ask == PropRequest::Ask::allprop;
        for (const PropertyDef* definition : registry.properties()) {
            if (has(definition->flags, Flags::report_only) || (all && !has(definition->flags, Flags::allprop)))
                continue;
            columns_.push_back({definition->name, definition, false, nullptr, Kinds::none, {}});
        }
        needs_ = storage::Need::props;
    }
    for (const xml::Name& asked : request_.names) {
        const PropertyDef* definition = registry.find(asked);
        std::unique_ptr<AskedProperty> in_report;
        if (definition && has(definition->flags, Flags::report_only)) {
            const auto element = std::find_if(request_.elements.begin(), request_.elements.end(),
                                              [&](const xml::Element& one) { return one.is(asked); });
            if (element == request_.elements.end())
                definition = nullptr;
            else
                in_report = definition->asked(*element);
        }
        if (!definition) needs_ = needs_ | storage::Need::props;
        const auto column =
            std::find_if(columns_.begin(), columns_.end(), [&](const Column& c) { return c.name == asked; });
        if (column == columns_.end()) {
            columns_.push_back({asked, definition, true, std::move(in_report), Kinds::none, {}});
        } else {
            column->named = true;
        }
    }
    for (const Column& column : columns_) {
        if (column.definition) needs_ = needs_ | column.definition->need;
        if (column.name == name::getetag) wants_etag_ = true;
    }
}

bool PropPlan::has_column(xml::QName name) const {
    return std::any_of(columns_.begin(), columns_.end(), [&](const Column& column) { return column.name == name; });
}

void PropPlan::write(const Resource& resource, const View& view, bool minimal, xml::Writer& writer) {
    missing_.clear();
    {
        xml::Writer::Mark mark = writer.mark();
        bool any = false;
        {
            const auto propstat = writer.element(name::propstat);
            {
                const auto prop = writer.element(name::prop);
                const xml::Writer::Mark inside = writer.mark();
                if (request_.ask == PropRequest::Ask::propname) {
                    write_names(resource, view, writer);
                } else {
                    write_values(resource, view, writer);
                }
                any = !inside.written().empty();
            }
            writer.text(name::status, kOk);
        }
        if (!any && !missing_.empty() && !minimal) mark.rewind();
    }
    if (missing_.empty() || minimal) return;
    const auto propstat = writer.element(name::propstat);
    {
        const auto prop = writer.element(name::prop);
        for (const xml::QName absent : missing_) writer.empty(absent);
    }
    writer.text(name::status, kNotFound);
}

void PropPlan::write_values(const Resource& resource, const View& view, xml::Writer& writer) {
    const bool all = request_.ask == PropRequest::Ask::allprop;
    for (Column& column : columns_) {
        if (column.definition) {
            if (write_value(column, resource, view, writer) == Read::written) continue;
        } else if (const storage::Prop* prop = stored_prop(resource, column.name)) {
            writer.raw(prop->value);
            continue;
        }
        if (column.named) missing_.push_back(column.name);
    }
    if (!all || !resource.row) return;
    for (const storage::Prop& prop : resource.row->props) {
        const xml::QName name{prop.ns, prop.name};
        // What has a row of its own was written by its reader, or is not part of allprop.
        if (registry_.find(name) || (!request_.names.empty() && has_column(name))) continue;
        writer.raw(prop.value);
    }
}

// What is the same for all resources of a kind is made once and then copied.
Read PropPlan::write_value(Column& column, const Resource& resource, const View& view, xml::Writer& writer) {
    const PropertyDef& definition = *column.definition;
    if (!covers(definition.kinds, resource.kind)) return Read::missing;
    if (column.asked) return column.asked->write(resource, view, column.name, writer);
    if (!has(definition.flags, Flags::same_for_kind)) return definition.read(resource, view, column.name, writer);
    if (column.same_kind != resource.kind) {
        const xml::Writer::Mark mark = writer.mark();
        if (definition.read(resource, view, column.name, writer) == Read::missing) return Read::missing;
        column.same = mark.written();
        column.same_kind = resource.kind;
        return Read::written;
    }
    writer.raw(column.same);
    return Read::written;
}

void PropPlan::write_names(const Resource& resource, const View& view, xml::Writer& writer) {
    for (const Column& column : columns_) {
        if (!covers(column.definition->kinds, resource.kind)) continue;
        // Only the reader knows whether this resource has it: what it writes is thrown away.
        Read outcome = Read::missing;
        {
            xml::Writer::Mark mark = writer.mark();
            outcome = column.definition->read(resource, view, column.name, writer);
            mark.rewind();
        }
        if (outcome == Read::written) writer.empty(column.name);
    }
    if (!resource.row) return;
    for (const storage::Prop& prop : resource.row->props) {
        if (!registry_.find({prop.ns, prop.name})) writer.empty({prop.ns, prop.name});
    }
}

}  // namespace dav
