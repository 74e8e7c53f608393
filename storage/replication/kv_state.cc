#include "storage/replication/kv_state.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "storage/base/failure.h"

namespace storage {

namespace {

struct RuleOf {
    std::string_view table, field;
    KvRule rule;
};
constexpr std::array kRules = {
    RuleOf{"user", "disabled", KvRule::one},
    RuleOf{"user", "admin", KvRule::other},
    RuleOf{"app_password", "expires", KvRule::earliest},
    RuleOf{"share", "expires", KvRule::earliest},
    // Taking a limit away gives more than it takes.
    RuleOf{"quota", "bytes", KvRule::last_wins},
};

// What can not be read allows nothing.
std::int64_t time_of(const KvHead& head) {
    if (!head.value) return std::numeric_limits<std::int64_t>::max();
    std::int64_t ms = 0;
    const char* end = head.value->data() + head.value->size();
    const auto [stop, fault] = std::from_chars(head.value->data(), end, ms);
    return fault == std::errc() && stop == end ? ms : 0;
}

// The more a value withdraws, the higher.
std::int64_t withdrawn(KvRule rule, const KvHead& head) {
    switch (rule) {
        case KvRule::removed: return head.value ? 0 : 1;
        case KvRule::one: return head.value == "1" ? 1 : 0;
        case KvRule::other: return head.value == "1" ? 0 : 1;
        case KvRule::earliest: return -time_of(head);
        case KvRule::last_wins: return 0;
    }
    return 0;
}

}  // namespace

KvRule kv_rule(std::string_view table, std::string_view field) {
    for (const RuleOf& row : kRules) {
        if (row.table == table && row.field == field) return row.rule;
    }
    return KvRule::removed;
}

void take(KvHeads& heads, const KvFacet& record, const Rank& rank) {
    std::erase_if(heads, [&](const KvHead& head) {
        return std::find(record.parents.begin(), record.parents.end(), head.rank.dot) != record.parents.end();
    });
    heads.push_back({rank, record.value});
}

std::size_t shown(KvRule rule, const KvHeads& heads) {
    CHECK(!heads.empty());
    const auto best = std::max_element(heads.begin(), heads.end(), [rule](const KvHead& a, const KvHead& b) {
        return std::pair(withdrawn(rule, a), a.rank) < std::pair(withdrawn(rule, b), b.rank);
    });
    return static_cast<std::size_t>(best - heads.begin());
}

}  // namespace storage
