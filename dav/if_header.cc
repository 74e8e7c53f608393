#include "dav/if_header.h"

#include <algorithm>
#include <utility>

#include "dav/lock_headers.h"

namespace dav {

namespace {

constexpr std::string_view kNoLock = "DAV:no-lock";

// One pass over the field. Every `take` moves on or fails.
class Parser {
  public:
    explicit Parser(std::string_view text) : rest_(text) {}

    std::optional<IfHeader> parse() {
        IfHeader header;
        std::string resource;
        bool fresh_tag = false;  // a Resource-Tag without a list yet
        for (skip_space(); !rest_.empty(); skip_space()) {
            if (rest_.front() == '<') {
                auto tag = take_bracketed();
                // Behind lists without a tag there can be no tag (§10.4.2: either form, not both), and a tag has lists.
                const bool mixed = !header.lists.empty() && header.lists.back().resource.empty();
                if (!tag || mixed || fresh_tag || !(tag->starts_with('/') || is_absolute_uri(*tag)))
                    return std::nullopt;
                resource = *std::move(tag);
                fresh_tag = true;
                continue;
            }
            if (header.lists.size() == kIfListsMax) return std::nullopt;
            IfList list;
            list.resource = resource;
            if (!take_list(list)) return std::nullopt;
            header.lists.push_back(std::move(list));
            fresh_tag = false;
        }
        if (header.lists.empty() || fresh_tag) return std::nullopt;
        return header;
    }

  private:
    void skip_space() {
        while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) rest_.remove_prefix(1);
    }

    bool take(char c) {
        skip_space();
        if (rest_.empty() || rest_.front() != c) return false;
        rest_.remove_prefix(1);
        return true;
    }

    bool take_not() {
        skip_space();
        if (!http::equal_ignoring_case(rest_.substr(0, 3), "Not")) return false;
        rest_.remove_prefix(3);
        return true;
    }

    std::optional<std::string> take_bracketed() {
        if (!take('<')) return std::nullopt;
        const std::size_t end = rest_.find('>');
        if (end == std::string_view::npos) return std::nullopt;
        std::string inside(rest_.substr(0, end));
        rest_.remove_prefix(end + 1);
        return inside;
    }

    // The tag ends at its second quote: a bracket may stand inside it.
    std::optional<http::EntityTag> take_tag() {
        if (!take('[')) return std::nullopt;
        skip_space();
        const std::size_t open = rest_.find('"');
        if (open == std::string_view::npos) return std::nullopt;
        const std::size_t close = rest_.find('"', open + 1);
        if (close == std::string_view::npos) return std::nullopt;
        auto tag = http::parse_entity_tag(rest_.substr(0, close + 1));
        rest_.remove_prefix(close + 1);
        return tag && take(']') ? tag : std::nullopt;
    }

    bool take_list(IfList& list) {
        if (!take('(')) return false;
        while (!take(')')) {
            if (conditions_++ == kIfConditionsMax) return false;
            IfCondition condition;
            condition.negated = take_not();
            skip_space();
            if (rest_.starts_with('[')) {
                condition.tag = take_tag();
                if (!condition.tag) return false;
            } else {
                auto token = take_bracketed();
                if (!token || !is_absolute_uri(*token)) return false;
                condition.token = *std::move(token);
            }
            list.conditions.push_back(std::move(condition));
        }
        return !list.conditions.empty();
    }

    std::string_view rest_;
    std::size_t conditions_ = 0;
};

// RFC 4918 §10.4.4: tokens octet by octet, tags by strong comparison.
bool matches(const IfCondition& condition, const IfState& state) {
    if (!condition.tag)
        return std::find(state.tokens.begin(), state.tokens.end(), condition.token) != state.tokens.end();
    const auto current = state.etag ? http::parse_entity_tag(*state.etag) : std::nullopt;
    return current && !current->weak && !condition.tag->weak && current->value == condition.tag->value;
}

}  // namespace

std::vector<std::string> IfHeader::tokens() const {
    std::vector<std::string> found;
    for (const IfList& list : lists) {
        for (const IfCondition& condition : list.conditions) {
            if (!condition.tag && condition.token != kNoLock) found.push_back(condition.token);
        }
    }
    return found;
}

std::optional<IfHeader> parse_if(std::string_view field) {
    if (field.size() > kIfBytesMax) return std::nullopt;
    return Parser(field).parse();
}

bool holds(const IfHeader& header, const std::function<IfState(const std::string&)>& state_of) {
    const std::string* resource = nullptr;
    IfState state;
    return std::any_of(header.lists.begin(), header.lists.end(), [&](const IfList& list) {
        // Lists of one tag stand together.
        if (!resource || *resource != list.resource) state = state_of(list.resource);
        resource = &list.resource;
        return std::all_of(list.conditions.begin(), list.conditions.end(), [&](const IfCondition& condition) {
            return matches(condition, state) != condition.negated;
        });
    });
}

}  // namespace dav
