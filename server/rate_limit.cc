#include "server/rate_limit.h"

#include <arpa/inet.h>

#include <algorithm>
#include <optional>

namespace server {
namespace {

constexpr std::size_t kWideBudget = 8;  // a /48 is one site: eight times what one /64 gets
constexpr std::int64_t kFirstWaitMs = 1000;
constexpr int kDoublingsMax = 20;  // far beyond any wait_max_ms; keeps the shift defined

// The /48 around an IPv6 address: whoever has one has 65,536 prefixes to rotate through.
std::optional<std::string> wide_prefix(const http::Remote& from) {
    in6_addr address{};
    if (inet_pton(AF_INET6, from.address.c_str(), &address) != 1) return std::nullopt;
    const std::string_view octets(reinterpret_cast<const char*>(address.s6_addr), sizeof address.s6_addr);
    return "wide " + base::hex(octets.substr(0, 6));
}

}  // namespace

RateLimit::RateLimit(const base::Clock& clock, Options options) : clock_(clock), options_(options) {}

void RateLimit::use(const Options& options) {
    const std::lock_guard hold(guard_);
    options_ = options;
}

std::int64_t RateLimit::wait_s(const http::Remote& from) {
    const std::lock_guard hold(guard_);
    const std::int64_t now = clock_.monotonic_ms();
    if (now >= last_block_ends_ms_) return 0;  // the usual case: nobody has to wait
    std::int64_t until = 0;
    if (const Entry* entry = find(from.prefix)) until = entry->blocked_until_ms;
    if (const auto wide = wide_prefix(from))
        if (const Entry* entry = find(*wide)) until = std::max(until, entry->blocked_until_ms);
    return until > now ? (until - now + 999) / 1000 : 0;
}

RateLimit::Counted RateLimit::failure(const http::Remote& from, const base::Hash& pair) {
    const std::lock_guard hold(guard_);
    const std::int64_t now = clock_.monotonic_ms();
    if (counted_lately(from.prefix, pair, now)) return Counted::no;
    count(touch(from.prefix), options_.free_failures, now);
    if (const auto wide = wide_prefix(from)) count(touch(*wide), options_.free_failures * kWideBudget, now);
    return Counted::yes;
}

void RateLimit::success(const http::Remote& from) {
    const std::lock_guard hold(guard_);
    if (Entry* entry = find(from.prefix); entry && entry->failures > 0) --entry->failures;
}

RateLimit::Entry* RateLimit::find(const std::string& prefix) {
    const auto found = by_prefix_.find(prefix);
    return found == by_prefix_.end() ? nullptr : &*found->second;
}

RateLimit::Entry& RateLimit::touch(const std::string& prefix) {
    if (const auto found = by_prefix_.find(prefix); found != by_prefix_.end()) {
        entries_.splice(entries_.begin(), entries_, found->second);
        return entries_.front();
    }
    if (entries_.size() == kEntriesMax) {
        by_prefix_.erase(entries_.back().prefix);
        entries_.pop_back();
    }
    entries_.push_front({.prefix = prefix});
    by_prefix_.emplace(entries_.front().prefix, entries_.begin());
    return entries_.front();
}

bool RateLimit::counted_lately(const std::string& prefix, const base::Hash& pair, std::int64_t now) {
    // Per prefix: else a stranger who tries an owner's old password would get it for free.
    const base::Hash of = base::sha256(prefix + '\n' + std::string(pair.view()));
    if (const auto found = by_pair_.find(of.view()); found != by_pair_.end()) {
        if (now < found->second->counts_again_ms) return true;
        const Pairs::iterator old = found->second;
        by_pair_.erase(found);  // before the text its key points to
        pairs_.erase(old);
    }
    if (pairs_.size() == kEntriesMax) {
        by_pair_.erase(pairs_.back().of.view());
        pairs_.pop_back();
    }
    pairs_.push_front({of, now + kSamePairMs});
    by_pair_.emplace(pairs_.front().of.view(), pairs_.begin());
    return false;
}

void RateLimit::count(Entry& entry, std::size_t free_failures, std::int64_t now) {
    if (now >= entry.window_ends_ms) entry.failures = 0;
    if (entry.failures == 0) entry.window_ends_ms = now + options_.window_ms;
    ++entry.failures;
    if (entry.failures <= free_failures) return;
    const auto doublings = static_cast<int>(std::min<std::size_t>(entry.failures - free_failures - 1, kDoublingsMax));
    entry.blocked_until_ms = now + std::min(options_.wait_max_ms, kFirstWaitMs << doublings);
    last_block_ends_ms_ = std::max(last_block_ends_ms_, entry.blocked_until_ms);
    // Whoever had to wait starts anew only after a quiet window: else a wait longer than the window would forgive
    // itself.
    entry.window_ends_ms = entry.blocked_until_ms + options_.window_ms;
}

}  // namespace server
