#include "server/rate_limit.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <vector>

#include "storage/base/varint.h"

namespace server {
namespace {

constexpr std::size_t kWideBudget = 8;  // a /48 is one site: eight times what one /64 gets
constexpr std::int64_t kFirstWaitMs = 1000;
constexpr int kDoublingsMax = 20;  // far beyond any wait_max_ms; keeps the shift defined
constexpr std::size_t kAccountKeyBytes = 16;
constexpr char kSavedVersion = 1;
constexpr std::int64_t kPlaceStepMs = 24 * 60 * 60'000;  // a place known for 30 days may be forgotten one early
constexpr std::size_t kKeyBytesMax = 128;                // of a saved row; a prefix is text of an address

// The /48 around an IPv6 address: whoever has one has 65,536 prefixes to rotate through.
std::optional<std::string> wide_prefix(const http::Remote& from) {
    in6_addr address{};
    if (inet_pton(AF_INET6, from.address.c_str(), &address) != 1) return std::nullopt;
    const std::string_view octets(reinterpret_cast<const char*>(address.s6_addr), sizeof address.s6_addr);
    return "wide " + base::hex(octets.substr(0, 6));
}

// Of one length, whatever was typed; and a copy of the counters does not name anybody.
std::string account_key(std::string_view user) {
    return std::string(base::sha256(user).view().substr(0, kAccountKeyBytes));
}

// Rows of a saved table: how many, then of each its key and its numbers.
template <typename Value, typename Put>
void put_rows(std::string& out, const Recent<Value>& table, const Put& put) {
    base::put_varint(out, std::min(table.items().size(), RateLimit::kSavedMax));
    std::size_t rows = 0;
    for (const auto& [key, value] : table.items()) {
        if (rows++ == RateLimit::kSavedMax) return;
        base::put_varint(out, key.size());
        out += key;
        put(value);
    }
}

struct SavedRow {
    std::string key;
    std::array<std::int64_t, 3> numbers{};
};

// The rows of one table off the front, oldest first. Empty: these are no such rows.
std::optional<std::vector<SavedRow>> take_rows(std::string_view& octets, std::size_t numbers) {
    const auto count = base::take_varint(octets);
    if (!count || *count > RateLimit::kSavedMax) return std::nullopt;
    std::vector<SavedRow> rows(static_cast<std::size_t>(*count));
    for (auto row = rows.rbegin(); row != rows.rend(); ++row) {
        const auto length = base::take_varint(octets);
        if (!length || *length > kKeyBytesMax || *length > octets.size()) return std::nullopt;
        row->key = octets.substr(0, static_cast<std::size_t>(*length));
        octets.remove_prefix(static_cast<std::size_t>(*length));
        for (std::size_t i = 0; i < numbers; ++i) {
            const auto number = base::take_varint(octets);
            if (!number) return std::nullopt;
            row->numbers[i] = base::unzigzag(*number);
        }
    }
    return rows;
}

}  // namespace

RateLimit::RateLimit(const base::Clock& clock, Options options) : clock_(clock), options_(options) {}

void RateLimit::use(const Options& options) {
    const std::lock_guard hold(guard_);
    options_ = options;
}

std::int64_t RateLimit::wait_s(const http::Remote& from, std::string_view user) {
    const std::lock_guard hold(guard_);
    const std::int64_t now = clock_.monotonic_ms();
    if (now >= last_block_ends_ms_) return 0;  // the usual case: nobody has to wait
    std::int64_t until = 0;
    if (const Entry* entry = prefixes_.find(from.prefix)) until = entry->blocked_until_ms;
    if (const auto wide = wide_prefix(from))
        if (const Entry* entry = prefixes_.find(*wide)) until = std::max(until, entry->blocked_until_ms);
    const std::string account = account_key(user);
    if (const Entry* entry = accounts_.find(account); entry && !is_known_place(account, from.prefix))
        until = std::max(until, entry->blocked_until_ms);
    return until > now ? (until - now + 999) / 1000 : 0;
}

RateLimit::Counted RateLimit::failure(const http::Remote& from, std::string_view user, const base::Hash& pair) {
    const std::lock_guard hold(guard_);
    const std::int64_t now = clock_.monotonic_ms();
    if (counted_lately(from.prefix, pair, now)) return Counted::no;
    changed_ = true;
    const Budget narrow{options_.free_failures, options_.window_ms};
    count(prefixes_.touch(from.prefix), narrow, now);
    if (const auto wide = wide_prefix(from))
        count(prefixes_.touch(*wide), {narrow.failures * kWideBudget, narrow.window_ms}, now);
    if (const std::string account = account_key(user); !is_known_place(account, from.prefix))
        count(accounts_.touch(account), {options_.account_failures, kAccountWindowMs}, now);
    return Counted::yes;
}

void RateLimit::success(const http::Remote& from, std::string_view user) {
    const std::lock_guard hold(guard_);
    if (Entry* entry = prefixes_.find(from.prefix); entry && entry->failures > 0) {
        --entry->failures;
        changed_ = true;
    }
    std::int64_t& last = places_.touch(account_key(user) + from.prefix);
    const std::int64_t now = clock_.now_ms();
    // Not a write to the disk for each device that signs in.
    if (last != 0 && now >= last && now - last < kPlaceStepMs) return;
    last = now;
    changed_ = true;
}

bool RateLimit::is_known_place(std::string_view account, const std::string& prefix) {
    const std::int64_t* last = places_.find(std::string(account) + prefix);
    return last && clock_.now_ms() - *last < kKnownPlaceMs;
}

bool RateLimit::counted_lately(const std::string& prefix, const base::Hash& pair, std::int64_t now) {
    // Per prefix: else a stranger who tries an owner's old password would get it for free.
    const base::Hash of = base::sha256(prefix + '\n' + std::string(pair.view()));
    if (const std::int64_t* again = pairs_.find(of.view()); again && now < *again) return true;
    pairs_.touch(of.view()) = now + kSamePairMs;
    return false;
}

void RateLimit::count(Entry& entry, const Budget& budget, std::int64_t now) {
    if (now >= entry.window_ends_ms) entry.failures = 0;
    if (entry.failures == 0) entry.window_ends_ms = now + budget.window_ms;
    ++entry.failures;
    if (entry.failures <= budget.failures) return;
    const auto doublings = static_cast<int>(std::min<std::size_t>(entry.failures - budget.failures - 1, kDoublingsMax));
    entry.blocked_until_ms = now + std::min(options_.wait_max_ms, kFirstWaitMs << doublings);
    last_block_ends_ms_ = std::max(last_block_ends_ms_, entry.blocked_until_ms);
    // Whoever had to wait starts anew only after a quiet window: else a wait longer than the window would forgive
    // itself.
    entry.window_ends_ms = entry.blocked_until_ms + budget.window_ms;
}

std::optional<std::string> RateLimit::save() {
    const std::lock_guard hold(guard_);
    if (!changed_) return std::nullopt;
    changed_ = false;
    // The monotonic clock begins anew with the machine; the wall clock goes on.
    const std::int64_t to_wall = clock_.now_ms() - clock_.monotonic_ms();
    std::string out(1, kSavedVersion);
    const auto put_entry = [&](const Entry& entry) {
        base::put_varint(out, base::zigzag(static_cast<std::int64_t>(entry.failures)));
        base::put_varint(out, base::zigzag(entry.window_ends_ms + to_wall));
        base::put_varint(out, base::zigzag(entry.blocked_until_ms + to_wall));
    };
    put_rows(out, prefixes_, put_entry);
    put_rows(out, accounts_, put_entry);
    put_rows(out, places_, [&](std::int64_t last) { base::put_varint(out, base::zigzag(last)); });
    return out;
}

bool RateLimit::restore(std::string_view saved) {
    if (saved.empty() || saved.front() != kSavedVersion) return false;
    saved.remove_prefix(1);
    const auto prefixes = take_rows(saved, 3);
    const auto accounts = prefixes ? take_rows(saved, 3) : std::nullopt;
    const auto places = accounts ? take_rows(saved, 1) : std::nullopt;
    if (!places || !saved.empty()) return false;

    const std::lock_guard hold(guard_);
    const std::int64_t now = clock_.monotonic_ms();
    const std::int64_t wall = clock_.now_ms();
    const auto take_entries = [&](const std::vector<SavedRow>& rows, Recent<Entry>& table, std::int64_t window_ms) {
        for (const SavedRow& row : rows) {
            // A wall clock that was set back in between must not block anybody for longer than a failure does.
            const std::int64_t blocked_ms =
                std::clamp<std::int64_t>(row.numbers[2], 0, wall + options_.wait_max_ms) - wall;
            const std::int64_t window_left_ms =
                std::clamp<std::int64_t>(row.numbers[1], 0, wall + options_.wait_max_ms + window_ms) - wall;
            Entry& entry = table.touch(row.key);
            entry.failures = static_cast<std::size_t>(std::max<std::int64_t>(row.numbers[0], 0));
            entry.window_ends_ms = now + window_left_ms;
            entry.blocked_until_ms = now + blocked_ms;
            last_block_ends_ms_ = std::max(last_block_ends_ms_, entry.blocked_until_ms);
        }
    };
    take_entries(*prefixes, prefixes_, options_.window_ms);
    take_entries(*accounts, accounts_, kAccountWindowMs);
    for (const SavedRow& row : *places) places_.touch(row.key) = std::min(row.numbers[0], wall);
    return true;
}

}  // namespace server
