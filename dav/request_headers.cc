#include "dav/request_headers.h"

#include <string_view>

#include "dav/error.h"
#include "dav/times.h"

namespace dav {

namespace {

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

// Where the first element of a list ends: at a comma outside quotes, or nowhere.
std::size_t end_of_element(std::string_view list) {
    bool quoted = false;
    for (std::size_t at = 0; at < list.size(); ++at) {
        if (quoted && list[at] == '\\') {
            ++at;
        } else if (list[at] == '"') {
            quoted = !quoted;
        } else if (list[at] == ',' && !quoted) {
            return at;
        }
    }
    return std::string_view::npos;
}

// The first of the comma-separated preferences of that name (RFC 7240 §2): its value without quotes, "" when it has
// none; parameters after a semicolon do not change it. Empty: it is not among them.
std::optional<std::string> preference(const http::RequestHead& head, std::string_view name) {
    const auto field = head.headers.combined("Prefer");
    std::string_view rest = field ? std::string_view(*field) : std::string_view();
    while (!rest.empty()) {
        const std::size_t comma = end_of_element(rest);
        std::string_view one = rest.substr(0, comma);
        one = trimmed(one.substr(0, one.find(';')));
        const std::size_t equals = one.find('=');
        if (http::equal_ignoring_case(trimmed(one.substr(0, equals)), name)) {
            if (equals == std::string_view::npos) return std::string();
            std::string_view value = trimmed(one.substr(equals + 1));
            if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
                value = value.substr(1, value.size() - 2);
            return std::string(value);
        }
        if (comma == std::string_view::npos) break;
        rest.remove_prefix(comma + 1);
    }
    return std::nullopt;
}

// What Prefer itself says.
Return preferred_return(const http::RequestHead& head) {
    const auto asked = preference(head, "return");
    if (asked && http::equal_ignoring_case(*asked, "minimal")) return Return::minimal;
    if (asked && http::equal_ignoring_case(*asked, "representation")) return Return::representation;
    return Return::unsaid;
}

}  // namespace

std::optional<Depth> depth_of(const http::RequestHead& head) {
    const auto field = head.headers.combined("Depth");
    if (!field) return std::nullopt;
    if (*field == "0") return Depth::zero;
    if (*field == "1") return Depth::one;
    if (http::equal_ignoring_case(*field, "infinity")) return Depth::infinity;
    throw DavError(http::Status::bad_request).detail("Depth is none of 0, 1, infinity");
}

Overwrite overwrite_of(const http::RequestHead& head) {
    const auto field = head.headers.combined("Overwrite");
    if (!field || http::equal_ignoring_case(*field, "T")) return Overwrite::yes;
    if (http::equal_ignoring_case(*field, "F")) return Overwrite::no;
    throw DavError(http::Status::bad_request).detail("Overwrite is neither T nor F");
}

Return return_of(const http::RequestHead& head) {
    if (http::equal_ignoring_case(head.headers.get("Brief"), "t")) return Return::minimal;
    return preferred_return(head);
}

bool did_as_preferred(const http::RequestHead& head) {
    const Return asked = preferred_return(head);
    return asked != Return::unsaid && asked == return_of(head);
}

bool wants_no_root(const http::RequestHead& head) {
    return preference(head, "depth-noroot").has_value();
}

void add_preference_applied(http::Headers& headers, const http::RequestHead& head) {
    const Return asked = return_of(head);
    if (asked == Return::unsaid) return;
    headers.add("Vary", "Brief, Prefer");
    if (!did_as_preferred(head)) return;
    headers.add("Preference-Applied", asked == Return::minimal ? "return=minimal" : "return=representation");
}

std::optional<std::int64_t> oc_mtime_ns(const http::RequestHead& head) {
    const auto field = head.headers.find("X-OC-Mtime");
    if (!field) return std::nullopt;
    const auto mtime_ns = unix_time_ns(trimmed(*field));
    if (!mtime_ns) throw DavError(http::Status::bad_request).detail("X-OC-Mtime is no time");
    return mtime_ns;
}

}  // namespace dav
