// The If header. What is accepted can be written out and read again as the same, is within its limits, and always says
// whether it holds.
#include "dav/if_header.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "dav/lock_headers.h"
#include "storage/base/failure.h"

namespace if_fuzz {

// One list's resource stands before it every time: lists of one tag may, so the meaning is the same.
std::string written(const dav::IfHeader& header) {
    std::string out;
    for (const dav::IfList& list : header.lists) {
        if (!list.resource.empty()) out += "<" + list.resource + ">";
        out += "(";
        for (const dav::IfCondition& condition : list.conditions) {
            if (condition.negated) out += "Not ";
            if (condition.tag)
                out += "[" + std::string(condition.tag->weak ? "W/" : "") + condition.tag->value + "]";
            else
                out += "<" + condition.token + ">";
        }
        out += ")";
    }
    return out;
}

}  // namespace if_fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const auto header = dav::parse_if(input);
    if (!header) return 0;
    CHECK(input.size() <= dav::kIfBytesMax);
    CHECK(!header->lists.empty() && header->lists.size() <= dav::kIfListsMax);
    std::size_t conditions = 0;
    for (const dav::IfList& list : header->lists) {
        CHECK(!list.conditions.empty());
        CHECK(list.resource.empty() == header->lists.front().resource.empty());
        conditions += list.conditions.size();
        for (const dav::IfCondition& condition : list.conditions) {
            CHECK(condition.tag.has_value() != dav::is_absolute_uri(condition.token));
        }
    }
    CHECK(conditions <= dav::kIfConditionsMax);
    const std::string text = if_fuzz::written(*header);
    if (const auto again = dav::parse_if(text)) {
        CHECK(if_fuzz::written(*again) == text);
    } else {
        CHECK(text.size() > dav::kIfBytesMax);  // a tag repeated before each of its lists
    }
    // Where nothing is, only what is denied holds.
    const bool nothing = dav::holds(*header, [](const std::string&) { return dav::IfState{}; });
    bool denied = false;
    for (const dav::IfList& list : header->lists) {
        bool all = true;
        for (const dav::IfCondition& condition : list.conditions) all = all && condition.negated;
        denied = denied || all;
    }
    CHECK(nothing == denied);
    return 0;
}
