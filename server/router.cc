#include "server/router.h"

namespace server {
namespace {

struct Exact {
    std::string_view path;
    Part part;
};
constexpr Exact kAlsoAtRoot[] = {
    {"/healthz", Part::health},
    {"/readyz", Part::ready},
    {"/.well-known/caldav", Part::caldav},
    {"/.well-known/caldav/", Part::caldav},
    {"/.well-known/carddav", Part::carddav},
    {"/.well-known/carddav/", Part::carddav},
};
constexpr Exact kBelowBase[] = {
    {"/", Part::home},          {"/ca.crt", Part::authority}, {"/dav", Part::dav},
    {"/principals", Part::dav}, {"/principals/", Part::dav},
};

template <std::size_t size>
const Exact* find(const Exact (&table)[size], std::string_view path) {
    for (const Exact& row : table)
        if (row.path == path) return &row;
    return nullptr;
}

}  // namespace

Route route_of(std::string_view raw_path, std::string_view base_path) {
    if (const Exact* row = find(kAlsoAtRoot, raw_path)) return {row->part, row->path};
    if (!raw_path.starts_with(base_path)) return {};
    std::string_view path = raw_path.substr(base_path.size());
    if (path.empty()) path = "/";        // "/cloud" is "/cloud/"
    if (path.front() != '/') return {};  // "/cloudy"
    if (const Exact* row = find(kAlsoAtRoot, path)) return {row->part, path};
    if (const Exact* row = find(kBelowBase, path)) return {row->part, path};
    if (path.starts_with("/dav/")) return {Part::dav, path};
    return {Part::unknown, path};
}

bool is_offered(Part part, http::Method method, std::uint8_t roles, const dav::Services& services) {
    const auto has_role = [&](unsigned wanted) { return (roles & wanted) != 0; };
    const bool is_page = method == http::Method::get || method == http::Method::head;
    switch (part) {
        case Part::outside: return false;
        case Part::health:
        case Part::ready: return true;
        case Part::authority: return has_role(http::role_dav | http::role_web | http::role_guests);
        case Part::home: return is_page ? has_role(http::role_web) && services.web : has_role(http::role_dav);
        case Part::caldav: return has_role(http::role_dav) && services.calendars;
        case Part::carddav: return has_role(http::role_dav) && services.contacts;
        case Part::dav:
        case Part::unknown: return has_role(http::role_dav);
    }
    return false;
}

bool is_dav_method(http::Method method) {
    switch (method) {
        case http::Method::put:
        case http::Method::delete_:
        case http::Method::mkcol:
        case http::Method::copy:
        case http::Method::move:
        case http::Method::propfind:
        case http::Method::proppatch:
        case http::Method::lock:
        case http::Method::unlock:
        case http::Method::report:
        case http::Method::acl:
        case http::Method::mkcalendar: return true;
        default: return false;
    }
}

bool is_safe_method(http::Method method) {
    switch (method) {
        case http::Method::get:
        case http::Method::head:
        case http::Method::options:
        case http::Method::propfind:
        case http::Method::report: return true;
        default: return false;
    }
}

}  // namespace server
