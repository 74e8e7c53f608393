#include "storage/replication/kv_state.h"

#include <algorithm>
#include <random>
#include <set>

#include "storage/kv_rows.h"
#include "storage/schema.h"
#include "storage/sql.h"
#include "tests/storage/store_support.h"

// Last: Catch and ours both define CHECK.
#include <catch2/catch.hpp>

namespace {

using storage::Dot;
using storage::KvFacet;
using storage::KvHead;
using storage::KvHeads;
using storage::KvRule;
using storage::Rank;

struct Written {
    Rank rank;
    KvFacet facet;
    std::set<std::size_t> seen;  // what its writer knew: indices into the history
};

// Homes that write one row and hear of each other now and then. Which records each knows is kept apart from what it
// names, so that the rule can be judged by what was known.
class History {
  public:
    History(std::size_t homes, KvRule rule) : rule_(rule), homes_(homes) {}

    void write(std::size_t home, std::optional<std::string> value) {
        Home& at = homes_[home];
        Written one;
        one.rank = {++at.hlc, {static_cast<std::int64_t>(home) + 1, ++at.seq}};
        one.facet.value = std::move(value);
        for (const KvHead& head : at.heads) one.facet.parents.push_back(head.rank.dot);
        one.seen = at.known;
        at.known.insert(all_.size());
        take(at.heads, one.facet, one.rank);
        all_.push_back(std::move(one));
    }
    void hear(std::size_t home, std::size_t from) {
        Home& at = homes_[home];
        for (const std::size_t index : homes_[from].known) {
            if (!at.known.insert(index).second) continue;
            take(at.heads, all_[index].facet, all_[index].rank);
        }
        if (clocks_are_told_) at.hlc = std::max(at.hlc, homes_[from].hlc);
    }
    void jump(std::size_t home, std::int64_t ticks) { homes_[home].hlc += ticks; }
    // As no clock should be: a home does not move its clock on when it hears of a later time.
    void clocks_are_deaf() { clocks_are_told_ = false; }

    const std::vector<Written>& all() const { return all_; }
    const KvHead& at(std::size_t home) const {
        const KvHeads& heads = homes_[home].heads;
        return heads[shown(rule_, heads)];
    }
    bool has(std::size_t home) const { return !homes_[home].heads.empty(); }

    // The rule in words: withdrawn while there is a withdrawal that nobody who wrote later knew of; else the last.
    template <typename Withdraws>
    void judge(const KvHead& found, const std::set<std::size_t>& known, const Withdraws& withdraws) const {
        bool withdrawn = false;
        const Written* last = nullptr;
        for (const std::size_t index : known) {
            const bool outdated = std::any_of(known.begin(), known.end(),
                                              [&](std::size_t later) { return all_[later].seen.contains(index); });
            if (!outdated && withdraws(all_[index].facet.value)) withdrawn = true;
            if (!last || last->rank < all_[index].rank) last = &all_[index];
        }
        REQUIRE(withdraws(found.value) == withdrawn);
        if (!withdrawn && clocks_are_told_) REQUIRE(found.rank == last->rank);
    }
    template <typename Withdraws>
    void judge_homes(const Withdraws& withdraws) const {
        for (std::size_t home = 0; home < homes_.size(); ++home) {
            if (has(home)) judge(at(home), homes_[home].known, withdraws);
        }
    }
    std::set<std::size_t> everything() const {
        std::set<std::size_t> known;
        for (std::size_t index = 0; index < all_.size(); ++index) known.insert(index);
        return known;
    }

    // The heads after all records, in every order in which each comes after those it names, or in some such order.
    template <typename Each>
    void each_order(const Each& each) const {
        std::vector<bool> done(all_.size());
        KvHeads heads;
        extend(done, heads, 0, each);
    }
    template <typename Rng>
    KvHeads in_some_order(Rng& rng) const {
        std::vector<bool> done(all_.size());
        KvHeads heads;
        for (std::size_t count = 0; count < all_.size(); ++count) {
            std::vector<std::size_t> next;
            for (std::size_t index = 0; index < all_.size(); ++index) {
                if (!done[index] && may_come(done, index)) next.push_back(index);
            }
            const std::size_t index = next[rng() % next.size()];
            done[index] = true;
            take(heads, all_[index].facet, all_[index].rank);
        }
        return sorted(std::move(heads));
    }
    static KvHeads sorted(KvHeads heads) {
        std::sort(heads.begin(), heads.end(), [](const KvHead& a, const KvHead& b) { return a.rank < b.rank; });
        return heads;
    }

  private:
    struct Home {
        KvHeads heads;
        std::set<std::size_t> known;
        std::int64_t hlc = 0;
        std::int64_t seq = 0;
    };
    bool may_come(const std::vector<bool>& done, std::size_t index) const {
        const auto& named = all_[index].facet.parents;
        return std::all_of(named.begin(), named.end(), [&](const Dot& dot) {
            for (std::size_t other = 0; other < all_.size(); ++other) {
                if (all_[other].rank.dot == dot) return static_cast<bool>(done[other]);
            }
            return false;
        });
    }
    template <typename Each>
    void extend(std::vector<bool>& done, const KvHeads& heads, std::size_t count, const Each& each) const {
        if (count == all_.size()) return each(sorted(heads));
        for (std::size_t index = 0; index < all_.size(); ++index) {
            if (done[index] || !may_come(done, index)) continue;
            KvHeads more = heads;
            take(more, all_[index].facet, all_[index].rank);
            done[index] = true;
            extend(done, more, count + 1, each);
            done[index] = false;
        }
    }

    KvRule rule_;
    std::vector<Home> homes_;
    std::vector<Written> all_;
    bool clocks_are_told_ = true;
};

bool is_removed(const std::optional<std::string>& value) {
    return !value;
}
bool is_one(const std::optional<std::string>& value) {
    return value == "1";
}
bool is_not_one(const std::optional<std::string>& value) {
    return value != "1";
}
bool never(const std::optional<std::string>&) {
    return false;
}

struct Kind {
    KvRule rule;
    bool (*withdraws)(const std::optional<std::string>&);
};
constexpr Kind kKinds[] = {
    {KvRule::removed, is_removed},
    {KvRule::one, is_one},
    {KvRule::other, is_not_one},
    {KvRule::last_wins, never},
};

KvHead head(std::int64_t hlc, std::int64_t origin, std::optional<std::string> value) {
    return {{hlc, {origin, 1}}, std::move(value)};
}

}  // namespace

TEST_CASE("every short history of two homes means the same in every order") {
    // 0..3: home A or B gives or takes, 4 and 5: one hears of the other.
    constexpr int kLength = 5;
    constexpr int kHistories = 6 * 6 * 6 * 6 * 6;
    std::size_t orders = 0;
    for (const std::int64_t ahead : {0, 10}) {
        for (int number = 0; number < kHistories; ++number) {
            History history(2, KvRule::removed);
            history.jump(1, ahead);
            int rest = number;
            for (int step = 0; step < kLength; ++step, rest /= 6) {
                const int what = rest % 6;
                const auto home = static_cast<std::size_t>(what % 2);
                if (what < 4)
                    history.write(home, what < 2 ? std::optional<std::string>("given") : std::nullopt);
                else
                    history.hear(home, 1 - home);
                history.judge_homes(is_removed);
            }
            if (history.all().empty()) continue;
            std::optional<KvHeads> first;
            history.each_order([&](const KvHeads& heads) {
                ++orders;
                if (!first) {
                    first = heads;
                    history.judge(heads[shown(KvRule::removed, heads)], history.everything(), is_removed);
                }
                REQUIRE(heads == *first);
            });
        }
    }
    CHECK(orders > 50'000);
}

TEST_CASE("homes that heard the same show the same, and nothing withdrawn comes back unseen") {
    for (std::uint32_t seed = 1; seed <= 1500; ++seed) {
        std::mt19937 rng(seed);
        const std::size_t homes = 2 + rng() % 3;
        const Kind& kind = kKinds[rng() % std::size(kKinds)];
        INFO("seed " << seed);
        History history(homes, kind.rule);
        for (std::size_t home = 0; home < homes; ++home) history.jump(home, rng() % 20);
        for (int step = 0; step < 16; ++step) {
            const std::size_t home = rng() % homes;
            if (rng() % 2 == 0)
                history.hear(home, rng() % homes);
            else
                history.write(home, rng() % 3 == 0 ? std::nullopt : std::optional<std::string>(rng() % 2 ? "1" : "0"));
            history.judge_homes(kind.withdraws);
        }
        if (history.all().empty()) continue;
        const KvHeads first = history.in_some_order(rng);
        CHECK(first.size() <= homes);
        history.judge(first[shown(kind.rule, first)], history.everything(), kind.withdraws);
        for (int order = 0; order < 8; ++order) REQUIRE(history.in_some_order(rng) == first);
    }
}

// I13: no clock brings back what was withdrawn.
TEST_CASE("withdrawals do not need clocks that know of each other") {
    for (std::uint32_t seed = 1; seed <= 300; ++seed) {
        std::mt19937 rng(seed);
        INFO("seed " << seed);
        History history(3, KvRule::removed);
        history.clocks_are_deaf();
        for (std::size_t home = 0; home < 3; ++home) history.jump(home, rng() % 1000);
        for (int step = 0; step < 14; ++step) {
            const std::size_t home = rng() % 3;
            if (rng() % 2 == 0)
                history.hear(home, rng() % 3);
            else
                history.write(home, rng() % 3 == 0 ? std::nullopt : std::optional<std::string>("given"));
            history.judge_homes(is_removed);
        }
        if (history.all().empty()) continue;
        const KvHeads first = history.in_some_order(rng);
        for (int order = 0; order < 4; ++order) REQUIRE(history.in_some_order(rng) == first);
    }
}

TEST_CASE("which of two values that knew nothing of each other is shown") {
    const struct {
        const char *table, *field;
        std::optional<std::string> earlier, later;
        std::size_t wins;  // 0: the earlier written
    } table[] = {
        {"user", "password", "one", "two", 1},
        {"user", "name", std::nullopt, "ana", 0},
        {"user", "disabled", "1", "0", 0},
        {"user", "disabled", "1", std::nullopt, 0},
        {"user", "disabled", "0", "1", 1},
        {"user", "admin", "0", "1", 0},
        {"user", "admin", std::nullopt, "1", 0},
        {"member", "some user", std::nullopt, "1", 0},
        {"member", "some user", "1", std::nullopt, 1},
        {"app_password", "secret", std::nullopt, "5e", 0},
        {"app_password", "expires", "1000", "2000", 0},
        {"app_password", "expires", "1000", std::nullopt, 0},
        {"share", "expires", "900", "1000", 0},
        {"share", "expires", "1000", "900", 1},
        {"share", "expires", "soon", "900", 0},
        {"share", "token", std::nullopt, "x", 0},
        {"quota", "bytes", std::nullopt, "5", 1},
        {"quota", "bytes", "5", std::nullopt, 1},
        {"not known yet", "x", std::nullopt, "y", 0},
    };
    for (const auto& row : table) {
        INFO(row.table << " " << row.field << " " << row.earlier.value_or("-") << " " << row.later.value_or("-"));
        const KvRule rule = storage::kv_rule(row.table, row.field);
        CHECK(shown(rule, {head(1, 9, row.earlier), head(2, 5, row.later)}) == row.wins);
        CHECK(shown(rule, {head(2, 5, row.later), head(1, 9, row.earlier)}) == 1 - row.wins);
    }
}

TEST_CASE("one record that names several heads replaces them all") {
    KvHeads heads;
    take(heads, {}, {5, {1, 1}});
    take(heads, {}, {9, {2, 1}});
    CHECK(heads.size() == 2);
    KvFacet given;
    given.value = "x";
    given.parents = {{1, 1}, {2, 1}};
    take(heads, given, {3, {3, 1}});
    CHECK(heads == KvHeads{{{3, {3, 1}}, "x"}});
}

TEST_CASE("the rows of the database are the heads") {
    storage::TempDir dir;
    sql::Connection db(dir.path() + "/x.db", sql::Access::writer, nullptr);
    REQUIRE(storage::apply_schema(db, {}).empty());
    const auto number = [&](const char* statement) {
        auto query = db.query(statement);
        REQUIRE(query.next());
        return query.integer(0);
    };
    for (std::uint32_t seed = 1; seed <= 40; ++seed) {
        std::mt19937 rng(seed);
        INFO("seed " << seed);
        const storage::KvKey at{"user", std::to_string(seed), "disabled"};
        KvHeads heads;
        std::vector<Dot> dots;
        for (std::int64_t step = 1; step <= 12; ++step) {
            KvFacet facet;
            facet.table = at.table;
            facet.key = at.key;
            facet.field = at.field;
            if (rng() % 3 != 0) facet.value = rng() % 2 ? "1" : "";
            for (const KvHead& one : heads) {
                if (rng() % 2 == 0) facet.parents.push_back(one.rank.dot);
            }
            const Rank rank{step, {static_cast<std::int64_t>(1 + rng() % 3), step}};
            take(heads, facet, rank);
            storage::take_kv(db, facet, rank);
            const KvHeads kept = storage::kv_heads(db, at);
            REQUIRE(History::sorted(kept) == History::sorted(heads));
            REQUIRE(kept[0] == heads[shown(KvRule::one, heads)]);
        }
    }
    CHECK(number("SELECT count(*) FROM kv") == 40);
    CHECK(number("SELECT count(*) FROM kv_beside") > 0);
}
