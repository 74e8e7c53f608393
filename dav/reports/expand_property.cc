#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "dav/described.h"
#include "dav/error.h"
#include "dav/http/uri.h"
#include "dav/methods/methods.h"
#include "dav/multistatus.h"
#include "dav/names.h"
#include "dav/reports/reports.h"
#include "dav/request_headers.h"
#include "dav/xml/reader.h"
#include "storage/store.h"

namespace dav {

namespace {

using http::Status;

constexpr std::size_t kExpandLevelsMax = 2;  // hrefs that are followed, one behind the other
constexpr std::size_t kExpandedMax = 1000;   // resources in one answer
constexpr std::string_view kNameAttribute = "name";
constexpr std::string_view kNamespaceAttribute = "namespace";

// A `property` element: what is asked of a resource, and of those that the property's value points to.
struct Wanted {
    xml::Name name;
    std::vector<Wanted> inside;
};

// RFC 3253 §3.8. `left` counts names over the whole body. A name that stands twice in one place is one property: else a
// large value could be asked for as often as there are names.
void parse(const xml::Element& parent, std::size_t level, std::size_t& left, std::vector<Wanted>& wanted) {
    for (const xml::Element& child : parent.children()) {
        if (!child.is(name::property)) continue;
        const std::string* local = child.attribute(kNameAttribute);
        if (!local || local->empty()) throw DavError(Status::bad_request).detail("a property without a name");
        if (level > kExpandLevelsMax) throw DavError(Status::bad_request).detail("properties nested too deep");
        if (left-- == 0) throw DavError(Status::content_too_large).detail("more property names than allowed");
        const std::string* ns = child.attribute(kNamespaceAttribute);
        xml::Name asked(ns ? *ns : std::string(kDav), *local);
        if (!xml::is_element_name(asked)) throw DavError(Status::bad_request).detail("a property with no XML name");
        const auto same = [&](const Wanted& one) { return one.name == asked; };
        auto at = std::find_if(wanted.begin(), wanted.end(), same);
        if (at == wanted.end()) at = wanted.insert(at, {std::move(asked), {}});
        parse(child, level + 1, left, at->inside);
    }
}

// Writes resources, and in the place of each href in their values the resource that it names.
class Expansion {
  public:
    Expansion(Call& call, storage::ReadTxn& txn) : call_(call), txn_(txn), minimal_(wants_minimal(call.head)) {}

    // The propstats of one resource; those that are there come first.
    void write(const Described& described, const std::vector<Wanted>& wanted, xml::Writer& writer) {
        std::vector<xml::QName> missing;
        {
            const auto propstat = writer.element(name::propstat);
            {
                const auto prop = writer.element(name::prop);
                for (const Wanted& one : wanted) {
                    const auto value = described.value_of(one.name);
                    if (!value) {
                        missing.push_back(one.name);
                    } else if (one.inside.empty()) {
                        writer.raw(value->source());
                    } else {
                        expand(*value, one.inside, writer);
                    }
                }
            }
            writer.text(name::status, http::status_line(Status::ok));
        }
        if (missing.empty() || minimal_) return;
        const auto propstat = writer.element(name::propstat);
        {
            const auto prop = writer.element(name::prop);
            for (const xml::QName absent : missing) writer.empty(absent);
        }
        writer.text(name::status, http::status_line(Status::not_found));
    }

  private:
    void expand(const xml::Element& element, const std::vector<Wanted>& inside, xml::Writer& writer) {
        if (element.is(name::href)) {
            follow(element.trimmed_text(), inside, writer);
            return;
        }
        const auto copy = writer.element(element.name());
        if (element.children().empty()) writer.text(element.text());
        for (const xml::Element& child : element.children()) expand(child, inside, writer);
    }

    void follow(const std::string& href, const std::vector<Wanted>& inside, xml::Writer& writer) {
        auto target = aim_tag(call_.context, call_.caller, call_.head, href);
        if (!target) {
            // A URN, or another server's: what it names is not ours to describe.
            const auto path = http::parse_reference(href, http::origin_of(call_.head, call_.context.base_path));
            if (!std::holds_alternative<http::Path>(path)) {
                writer.text(name::href, href);
                return;
            }
        } else {
            locate(txn_, *target);
        }
        if (++expanded_ > kExpandedMax) throw DavError(cond::number_of_matches_within_limits);
        const auto response = writer.element(name::response);
        writer.text(name::href, href);
        if (!target || !target->exists()) {
            writer.text(name::status, http::status_line(Status::not_found));
            return;
        }
        write(Described(call_, txn_, *target), inside, writer);
    }

    Call& call_;
    storage::ReadTxn& txn_;
    const bool minimal_;
    std::size_t expanded_ = 0;
};

http::Response expand_property(Call& call, Target& target, const xml::Element& body) {
    std::size_t left = call.context.limits.propfind_names_max;
    std::vector<Wanted> wanted;
    parse(body, 0, left, wanted);
    return call.context.store.read([&](storage::ReadTxn& txn) {
        locate(txn, target);
        require_found(target);
        const Described described(call, txn, target);
        Multistatus out(call.context);
        out.response(described.resource().href,
                     [&](xml::Writer& writer) { Expansion(call, txn).write(described, wanted, writer); });
        http::Response response = out.finish();
        add_listing_fields(response, call, target);
        return response;
    });
}

constexpr std::array kExpandReports = {
    ReportDef{name::expand_property, Kinds::any, Depths::zero, Sees::some, expand_property},
};

}  // namespace

std::span<const ReportDef> expand_reports() {
    return kExpandReports;
}

}  // namespace dav
