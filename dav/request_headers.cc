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

// The preference `return` among the comma-separated preferences of one field (RFC 7240 §2): the first one counts, and
// parameters after a semicolon do not change it.
Return named_return(std::string_view field) {
    while (!field.empty()) {
        const std::size_t comma = field.find(',');
        std::string_view preference = field.substr(0, comma);
        preference = trimmed(preference.substr(0, preference.find(';')));
        const std::size_t equals = preference.find('=');
        if (equals != std::string_view::npos &&
            http::equal_ignoring_case(trimmed(preference.substr(0, equals)), "return")) {
            std::string_view value = trimmed(preference.substr(equals + 1));
            if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
                value = value.substr(1, value.size() - 2);
            if (http::equal_ignoring_case(value, "minimal")) return Return::minimal;
            if (http::equal_ignoring_case(value, "representation")) return Return::representation;
        }
        if (comma == std::string_view::npos) break;
        field.remove_prefix(comma + 1);
    }
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
    const auto field = head.headers.combined("Prefer");
    return field ? named_return(*field) : Return::unsaid;
}

void add_preference_applied(http::Headers& headers, const http::RequestHead& head) {
    const Return asked = return_of(head);
    if (asked == Return::unsaid) return;
    headers.add("Vary", "Brief, Prefer");
    if (!head.headers.has("Prefer")) return;
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
