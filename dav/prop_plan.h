#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dav/property.h"
#include "dav/registry.h"

namespace dav {

// What a client asks for in a PROPFIND body (RFC 4918 §14.20).
struct PropRequest {
    enum class Ask : std::uint8_t { named, allprop, propname };
    Ask ask = Ask::allprop;
    std::vector<xml::Name> names;  // of `prop`, or of `include` beside allprop
    // Of a report: the children of its `prop`, for what asks in more than its name.
    std::vector<xml::Element> elements = {};
};

// An empty body is allprop. Throws DavError: 400 for what is no propfind, 403 no-external-entities, 413 for more names
// or octets than allowed.
PropRequest parse_propfind(std::string_view body, const Limits& limits);

// The names inside a `prop` of a report; throws as above.
PropRequest parse_prop(const xml::Element& prop, const Limits& limits);

// A request laid out once for all the resources of an answer.
class PropPlan {
  public:
    PropPlan(const Registry& registry, PropRequest request);

    storage::Need needs() const { return needs_; }
    // Entity tags of files that are not hashed yet are made of what stat says.
    bool wants_etag() const { return wants_etag_; }
    // The propstats of one resource: 200 before 404 (some clients look at the first only). `minimal` leaves out the
    // 404.
    void write(const Resource& resource, const View& view, bool minimal, xml::Writer& writer);

  private:
    struct Column {
        xml::QName name;
        const PropertyDef* definition;         // null: stored by a client, or unknown
        bool named;                            // by the client, so its absence is told
        std::unique_ptr<AskedProperty> asked;  // Flags::report_only
        Kinds same_kind = Kinds::none;         // of the resource that `same` was written for (Flags::same_for_kind)
        std::string same;
    };
    static Read write_value(Column& column, const Resource& resource, const View& view, xml::Writer& writer);
    void write_values(const Resource& resource, const View& view, xml::Writer& writer);
    void write_names(const Resource& resource, const View& view, xml::Writer& writer);
    bool has_column(xml::QName name) const;

    const Registry& registry_;
    PropRequest request_;  // owns the names the columns point to
    std::vector<Column> columns_;
    storage::Need needs_ = storage::Need::none;
    bool wants_etag_ = false;
    std::vector<xml::QName> missing_;  // of the resource at hand; kept to reuse its memory
};

}  // namespace dav
