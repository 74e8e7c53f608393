// Conditional and digest fields: each line of the input is a field, "Name: value". What is accepted is well formed, and
// a request that demands nothing is never refused.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "dav/http/conditional.h"
#include "dav/http/digest_fields.h"
#include "storage/base/failure.h"

namespace conditional_fuzz {

http::Headers headers_of(std::string_view input) {
    http::Headers headers;
    while (!input.empty()) {
        const auto line = input.substr(0, input.find('\n'));
        input.remove_prefix(std::min(input.size(), line.size() + 1));
        const auto colon = line.find(':');
        if (colon != std::string_view::npos) headers.add(line.substr(0, colon), line.substr(colon + 1));
    }
    return headers;
}

void check_tags(const std::optional<http::TagList>& list) {
    if (!list) return;
    CHECK(list->any != !list->tags.empty());
    CHECK(list->tags.size() <= http::kTagsMax);
    for (const auto& tag : list->tags) {
        const auto again = http::parse_entity_tag((tag.weak ? "W/" : "") + tag.value);
        CHECK(again.has_value());
        CHECK(*again == tag);
    }
}

}  // namespace conditional_fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto headers = conditional_fuzz::headers_of({reinterpret_cast<const char*>(data), size});
    constexpr std::int64_t kNow = 1'790'000'000;
    const http::Current there{"\"v1\"", 784111777};
    if (const auto conditions = http::parse_conditions(headers, kNow)) {
        conditional_fuzz::check_tags(conditions->if_match);
        conditional_fuzz::check_tags(conditions->if_none_match);
        const auto read = http::evaluate(*conditions, http::Access::read, there);
        const auto write = http::evaluate(*conditions, http::Access::write, there);
        CHECK(write != http::Outcome::not_modified);
        if (conditions->empty()) CHECK(read == http::Outcome::proceed);
        // With nothing there, "*" and every tag of If-Match fail and no If-None-Match does.
        const auto nothing = http::evaluate(*conditions, http::Access::write, {});
        CHECK((nothing == http::Outcome::precondition_failed) == conditions->if_match.has_value());
    }
    if (!headers.has("If-Range")) CHECK(http::range_applies(headers, there, kNow));
    http::range_applies(headers, there, kNow);
    if (const auto sums = http::parse_digest_fields(headers)) {
        for (const auto& sum : *sums) CHECK(!sum.raw.empty());
    }
    return 0;
}
