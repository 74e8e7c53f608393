#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "dav/described.h"
#include "dav/error.h"
#include "dav/methods/methods.h"
#include "dav/multistatus.h"
#include "dav/names.h"
#include "dav/prop_plan.h"
#include "dav/reports/reports.h"
#include "dav/request_headers.h"
#include "storage/base/path.h"
#include "storage/store.h"

namespace dav {

namespace {

using http::Status;
using storage::Principal;

DavError malformed(const char* why) {
    return DavError(Status::bad_request).detail(why);
}

PropRequest props_of(const xml::Element& body, const Limits& limits) {
    const xml::Element* prop = body.child(name::prop);
    return prop ? parse_prop(*prop, limits) : PropRequest{PropRequest::Ask::named, {}};
}

// Whether principals of that kind are members, at any depth, of a synthetic collection.
bool holds_principals(Place place, const Principal& principal) {
    switch (place) {
        case Place::users: return principal.kind == storage::PrincipalKind::user;
        case Place::groups: return principal.kind == storage::PrincipalKind::group;
        case Place::root:
        case Place::dav:
        case Place::principals:
        case Place::probe: return true;
        default: return false;
    }
}

// Goes through the principals that the caller may see, in name order: others do not exist for it.
template <typename Each>
void for_each_principal(Call& call, const storage::AccountBook& book, const Each& each) {
    for (const auto& [name, principal] : book.by_name) {
        if (!rights_on_principal(call.caller, book, &principal).read) continue;
        auto target = aim_tag(call.context, call.caller, call.head, principal_href(call.context, principal));
        if (target) each(principal, *target);
    }
}

// Writes one row for each principal that `wanted` says yes to.
template <typename IsWanted>
http::Response answer(Call& call, const Target& target, PropRequest props, const IsWanted& is_wanted) {
    PropPlan plan(call.registry, std::move(props));
    Multistatus out(call.context);
    const bool minimal = wants_minimal(call.head);
    call.context.store.read([&](storage::ReadTxn& txn) {
        for_each_principal(call, *target.book, [&](const Principal& principal, const Target& there) {
            const Described described(call, txn, there);
            if (is_wanted(principal, described)) out.row(described.resource(), described.view(), plan, minimal);
        });
    });
    http::Response response = out.finish();
    add_listing_fields(response, call, target);
    return response;
}

std::string text_of(const xml::Element& element) {
    std::string text = element.text();
    for (const xml::Element& child : element.children()) text += text_of(child);
    return text;
}

void hrefs_of(const xml::Element& element, std::vector<std::string>& hrefs) {
    if (element.is(name::href)) hrefs.push_back(element.trimmed_text());
    for (const xml::Element& child : element.children()) hrefs_of(child, hrefs);
}

// RFC 3744 §9.2: the principals that the ACL names. There is one: the owner.
http::Response acl_principal_prop_set(Call& call, Target& target, const xml::Element& body) {
    const Principal* owner = target.owner;
    return answer(call, target, props_of(body, call.context.limits),
                  [&](const Principal& principal, const Described&) { return &principal == owner; });
}

// RFC 3744 §9.3.
http::Response principal_match(Call& call, Target& target, const xml::Element& body) {
    const xml::Element* by_property = body.child(name::principal_property);
    if ((by_property != nullptr) + (body.child(name::self) != nullptr) != 1) {
        throw malformed("a principal-match has self or a principal-property");
    }
    if (by_property && by_property->children().size() != 1) throw malformed("a principal-property names one property");
    std::vector<std::string> mine;  // the principals that the caller is, or belongs to
    const storage::AccountBook& book = *target.book;
    const auto is_me = [&](const Principal& principal) {
        return principal.uid == call.caller.uid || book.in_group(call.caller.uid, principal.uid);
    };
    for (const auto& [name, principal] : book.by_name) {
        if (is_me(principal)) mine.push_back(principal_href(call.context, principal));
    }
    return answer(call, target, props_of(body, call.context.limits),
                  [&](const Principal& principal, const Described& described) {
                      if (!holds_principals(target.place, principal)) return false;
                      if (!by_property) return is_me(principal);
                      const auto value = described.value_of(by_property->children().front().name());
                      if (!value) return false;
                      std::vector<std::string> hrefs;
                      hrefs_of(*value, hrefs);
                      return std::find_first_of(hrefs.begin(), hrefs.end(), mine.begin(), mine.end()) != hrefs.end();
                  });
}

// One property-search: each of the properties holds the text.
struct Search {
    std::vector<xml::Name> properties;
    std::string match;  // as caseless_key makes it
};

bool matches(const Search& search, const Described& described) {
    return std::all_of(search.properties.begin(), search.properties.end(), [&](const xml::Name& property) {
        const auto value = described.value_of(property);
        return value && base::caseless_key(text_of(*value)).find(search.match) != std::string::npos;
    });
}

std::vector<Search> searches_of(const xml::Element& body, const Limits& limits) {
    std::vector<Search> searches;
    std::size_t names = 0;  // over the whole body: each is looked at for each principal
    for (const xml::Element& child : body.children()) {
        if (!child.is(name::property_search)) continue;
        const xml::Element* prop = child.child(name::prop);
        const xml::Element* match = child.child(name::match);
        if (!prop || prop->children().empty() || !match) throw malformed("a property-search has a prop and a match");
        searches.push_back({parse_prop(*prop, limits).names, base::caseless_key(match->text())});
        names += searches.back().properties.size();
        if (names > limits.propfind_names_max)
            throw DavError(Status::content_too_large).detail("too much to search by");
    }
    if (searches.empty()) throw malformed("a principal-property-search has a property-search");
    return searches;
}

// RFC 3744 §9.4. Several searches must all hold; Apple's clients may ask that any does.
http::Response principal_property_search(Call& call, Target& target, const xml::Element& body) {
    const std::vector<Search> searches = searches_of(body, call.context.limits);
    const std::string* test = body.attribute("test");
    const bool any = test && *test == "anyof";
    const bool everywhere = body.child(name::apply_to_principal_collection_set) != nullptr;
    return answer(call, target, props_of(body, call.context.limits),
                  [&](const Principal& principal, const Described& described) {
                      if (!everywhere && !holds_principals(target.place, principal)) return false;
                      const auto holds = [&](const Search& search) { return matches(search, described); };
                      return any ? std::any_of(searches.begin(), searches.end(), holds)
                                 : std::all_of(searches.begin(), searches.end(), holds);
                  });
}

// RFC 3744 §9.5: what to search by.
http::Response principal_search_property_set(Call& call, Target& target, const xml::Element&) {
    struct Searchable {
        xml::QName property;
        std::string_view description;
    };
    static constexpr std::array kSearchable = {Searchable{name::displayname, "Name"}};
    http::Response response =
        xml_answer(call.context, Status::ok, name::principal_search_property_set, [](xml::Writer& writer) {
            for (const Searchable& one : kSearchable) {
                const auto row = writer.element(name::principal_search_property);
                {
                    const auto prop = writer.element(name::prop);
                    writer.empty(one.property);
                }
                const auto description = writer.element(name::description);
                writer.attribute(kXmlLang, "en");
                writer.text(one.description);
            }
        });
    add_listing_fields(response, call, target);
    return response;
}

constexpr Kinds kCollections = Kinds::synthetic;

constexpr std::array kPrincipalReports = {
    // RFC 3744 §9.2 to §9.5
    ReportDef{name::acl_principal_prop_set, Kinds::any, Depths::zero, Sees::some, acl_principal_prop_set},
    ReportDef{name::principal_match, kCollections, Depths::zero, Sees::some, principal_match},
    ReportDef{name::principal_property_search, kCollections, Depths::zero, Sees::some, principal_property_search},
    ReportDef{name::principal_search_property_set, kCollections, Depths::zero, Sees::some,
              principal_search_property_set},
};

}  // namespace

std::span<const ReportDef> principal_reports() {
    return kPrincipalReports;
}

}  // namespace dav
