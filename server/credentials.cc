#include "server/credentials.h"

#include <algorithm>
#include <array>
#include <list>
#include <mutex>
#include <unordered_map>

#include "server/argon2_queue.h"
#include "server/basic.h"
#include "server/in_flight.h"
#include "server/password.h"
#include "server/rate_limit.h"
#include "server/sip_hash.h"
#include "storage/base/log.h"

namespace server {
namespace {

constexpr std::size_t kRememberedMax = 256;       // verified account passwords
constexpr std::size_t kRememberedWrongMax = 256;  // apart, so that guesses never push out what was right
constexpr std::size_t kRememberedHeadersMax = 1024;
constexpr std::int64_t kBusyRetryS = 2;
constexpr std::string_view kCountersTable = "throttle";
constexpr std::string_view kCountersKey = "counters";

// What was learnt about a keyed hash, until a time; the oldest leaves when it is full.
template <typename Key, typename Value, typename HashOf>
class Memory {
  public:
    explicit Memory(std::size_t capacity) : capacity_(capacity) {}

    const Value* find(const Key& key, std::int64_t now) const {
        const auto found = by_key_.find(key);
        return found == by_key_.end() || now >= found->second->until_ms ? nullptr : &found->second->value;
    }
    void keep(const Key& key, Value value, std::int64_t until_ms) {
        if (const auto found = by_key_.find(key); found != by_key_.end()) {
            items_.erase(found->second);
            by_key_.erase(found);
        }
        if (items_.size() >= capacity_) {
            by_key_.erase(items_.back().key);
            items_.pop_back();
        }
        items_.push_front({key, std::move(value), until_ms});
        by_key_.emplace(key, items_.begin());
    }
    void clear() {
        by_key_.clear();
        items_.clear();
    }

  private:
    struct Item {
        Key key;
        Value value;
        std::int64_t until_ms;
    };
    const std::size_t capacity_;
    std::list<Item> items_;  // latest first
    std::unordered_map<Key, typename std::list<Item>::iterator, HashOf> by_key_;
};

struct HashOfSum {
    std::size_t operator()(const SipSum& sum) const noexcept { return sum[0]; }
};
struct HashOfHash {
    std::size_t operator()(const base::Hash& hash) const noexcept { return std::hash<std::string_view>{}(hash.view()); }
};

// A header that was right: whose it is, and whether it holds a secret nobody can guess.
struct KnownHeader {
    std::shared_ptr<const dav::Caller> caller;
    bool guessable = true;
};

RateLimit::Options limit_options(const AuthOptions& options) {
    return {options.free_failures, options.window_ms, options.wait_max_ms, options.account_failures};
}

Argon2Cost cost_of(const AuthOptions& options) {
    return {options.argon2_memory_kib, options.argon2_passes};
}

std::string process_key(base::Rng& rng) {
    std::array<std::uint8_t, 32> random{};
    rng.fill(random);
    return {reinterpret_cast<const char*>(random.data()), random.size()};
}

// One fixed form, for fail2ban and CrowdSec: the address stands last, where nothing a client sends can be mistaken for
// it.
void log_event(std::string_view event, std::string_view user, const http::Remote& from) {
    base::log_info("auth", std::string(event) + " user=\"" + base::printable(user, 64) +
                               "\" from=" + base::printable(from.address, 64));
}

// The principal who may log in under this name.
const storage::Principal* active_user(const storage::AccountBook& book, std::string_view name) {
    const storage::Principal* found = book.find(name);
    return found && found->kind == storage::PrincipalKind::user && !found->disabled ? found : nullptr;
}

const storage::AppPassword* find_app_password(const storage::AccountBook& book, const storage::Principal& user,
                                              std::string_view secret) {
    const auto normal = normalised_app_password(secret);
    if (!normal) return nullptr;
    const auto found = book.app_passwords.find(app_password_hash(*normal));
    return found != book.app_passwords.end() && found->second.user == user.uid ? &found->second : nullptr;
}

std::shared_ptr<dav::Caller> caller_of(const storage::Principal& user) {
    auto caller = std::make_shared<dav::Caller>();
    caller->kind = dav::CallerKind::user;
    caller->uid = user.uid;
    caller->name = user.name;
    caller->admin = user.admin;
    caller->books = user.books;
    return caller;
}

std::shared_ptr<dav::Caller> caller_of(const storage::Principal& user, const storage::AppPassword& password) {
    auto caller = caller_of(user);
    // A secret made for one purpose does not administer.
    caller->admin =
        user.admin && password.scope == storage::Scope::all && !password.read_only && password.subtree.empty();
    caller->scope = password.scope;
    caller->read_only = password.read_only;
    caller->subtree = password.subtree;
    caller->books = password.books;
    caller->device = password.label;
    return caller;
}

}  // namespace

// A well-formed header on its way through a check.
struct Credentials::Attempt {
    std::string_view authorization;
    const http::Remote& from;
    BasicPair pair;
    std::shared_ptr<const storage::AccountBook> book;  // by which all of it is judged
    const storage::Principal* user = nullptr;          // in the book; null: nobody may log in under that name
};

struct Credentials::State {
    State(storage::Store& opened, storage::Accounts& all, const AuthOptions& chosen)
        : store(opened),
          accounts(all),
          seams(opened.seams()),
          options(chosen),
          dummy_phc(make_dummy(chosen)),
          key(process_key(seams.rng)),
          header_key{seams.rng.next_u64(), seams.rng.next_u64()},
          limit(seams.clock, limit_options(chosen)),
          argon2(seams) {
        const auto saved = store.read([](storage::ReadTxn& txn) { return txn.local(kCountersTable, kCountersKey); });
        if (saved && !limit.restore(*saved)) base::log_warn("auth", "the saved counters of failures are not readable");
    }

    // Stands for the password of everybody who has none, so that an unknown user takes as long as a known one.
    std::string make_dummy(const AuthOptions& chosen) const {
        return hash_password(base::hex(process_key(seams.rng)), cost_of(chosen), seams.rng);
    }

    // With guard held: nothing that was remembered survives a change of accounts. False: `book` is no longer the
    // current one, and what was found out by it must not be kept.
    bool is_current(const std::shared_ptr<const storage::AccountBook>& book) {
        if (book != accounts.book()) return false;
        if (book == seen_book) return true;
        right.clear();
        wrong.clear();
        headers.clear();
        seen_book = book;
        return true;
    }

    Check accept_app_password(const Attempt& attempt, const storage::AppPassword& password);
    Check check_account_password(const Attempt& attempt);
    Check accept_account_password(const Attempt& attempt, std::int64_t until_ms);
    Check refuse(const Attempt& attempt, const base::Hash& question, std::string_view event = "failure");
    base::Hash question_of(const Attempt& attempt) const;
    bool still_holds(const Attempt& attempt) const;
    void renew_hash(const storage::Principal& user, const std::string& phc);
    void touch(const storage::AppPassword& password);

    storage::Store& store;
    storage::Accounts& accounts;
    const storage::Seams seams;

    std::mutex guard;  // of what follows down to `headers`; held for moments
    AuthOptions options;
    std::string dummy_phc;
    std::shared_ptr<const storage::AccountBook> seen_book;
    Memory<base::Hash, std::int64_t, HashOfHash> right{kRememberedMax};  // question -> until when it is remembered
    Memory<base::Hash, std::int64_t, HashOfHash> wrong{kRememberedWrongMax};
    Memory<SipSum, KnownHeader, HashOfSum> headers{kRememberedHeadersMax};

    const std::string key;
    const SipKey header_key;
    RateLimit limit;
    InFlight verifying;
    Argon2Queue argon2;
};

Credentials::Credentials(storage::Store& store, storage::Accounts& accounts, const AuthOptions& options)
    : state_(std::make_unique<State>(store, accounts, options)) {}
Credentials::~Credentials() = default;

Check Credentials::check(std::string_view authorization, const http::Remote& from) {
    auto pair = parse_basic(authorization);
    if (!pair) return {};
    Attempt attempt{authorization, from, std::move(*pair), state_->accounts.book()};
    attempt.user = active_user(*attempt.book, attempt.pair.user);

    // Before the throttle: 120 random bits are not guessed, and the devices of a home go on while somebody in it
    // guesses.
    if (attempt.user)
        if (const auto* password = find_app_password(*attempt.book, *attempt.user, attempt.pair.secret))
            return state_->accept_app_password(attempt, *password);

    // Before anything that is remembered: what is remembered must not answer guesses faster than the throttle does.
    if (const std::int64_t wait_s = state_->limit.wait_s(from, attempt.pair.user); wait_s > 0) {
        base::log_debug("auth", "refused, has to wait seconds=" + std::to_string(wait_s) + " from=" + from.address);
        return {Check::Outcome::throttled, nullptr, wait_s};
    }
    return state_->check_account_password(attempt);
}

std::shared_ptr<const dav::Caller> Credentials::remembered(std::string_view authorization, const http::Remote& from) {
    const SipSum sum = sip_hash(state_->header_key, authorization);
    const auto book = state_->accounts.book();
    std::shared_ptr<const dav::Caller> caller;
    bool guessable = true;
    {
        const std::lock_guard hold(state_->guard);
        if (book != state_->seen_book) return nullptr;
        const KnownHeader* known = state_->headers.find(sum, state_->seams.clock.monotonic_ms());
        if (!known) return nullptr;
        caller = known->caller;
        guessable = known->guessable;
    }
    if (guessable && state_->limit.wait_s(from, caller->name) > 0) return nullptr;
    return caller;
}

std::string Credentials::hash(std::string_view password) const {
    Argon2Cost cost;
    {
        const std::lock_guard hold(state_->guard);
        cost = cost_of(state_->options);
    }
    return hash_password(password, cost, state_->seams.rng);
}

void Credentials::use(const AuthOptions& options) {
    std::string dummy = state_->make_dummy(options);
    state_->limit.use(limit_options(options));
    const std::lock_guard hold(state_->guard);
    state_->options = options;
    state_->dummy_phc = std::move(dummy);
    state_->seen_book = nullptr;  // what was remembered may not be allowed any more
}

void Credentials::save_counters() {
    const auto counters = state_->limit.save();
    if (!counters) return;
    state_->store.write([&](storage::WriteTxn& txn) { txn.set_local(kCountersTable, kCountersKey, *counters); });
}

Check Credentials::State::accept_app_password(const Attempt& attempt, const storage::AppPassword& password) {
    touch(password);
    std::shared_ptr<const dav::Caller> caller = caller_of(*attempt.user, password);
    const SipSum sum = sip_hash(header_key, attempt.authorization);
    bool is_new = true;
    {
        const std::lock_guard hold(guard);
        const std::int64_t now = seams.clock.monotonic_ms();
        if (is_current(attempt.book)) {
            is_new = headers.find(sum, now) == nullptr;
            headers.keep(sum, {caller, false}, now + options.remember_ms);
        }
    }
    // Not at every request: a busy phone would forgive whoever guesses from the same address.
    if (is_new) limit.success(attempt.from, attempt.pair.user);
    return {Check::Outcome::ok, std::move(caller), 0};
}

Check Credentials::State::check_account_password(const Attempt& attempt) {
    const base::Hash question = question_of(attempt);
    std::string phc;
    std::size_t queue_max = 0;
    std::size_t prefix_max = 0;
    Argon2Cost cost;
    std::int64_t until = 0;
    {
        std::unique_lock hold(guard);
        const std::int64_t now = seams.clock.monotonic_ms();
        if (!options.account_password_on_dav) {
            hold.unlock();
            return refuse(attempt, question, "failure, only app passwords are allowed,");
        }
        if (is_current(attempt.book)) {
            if (const std::int64_t* known_until = right.find(question, now)) {
                until = *known_until;
                hold.unlock();
                return accept_account_password(attempt, until);
            }
            if (wrong.find(question, now)) {
                hold.unlock();
                return refuse(attempt, question);
            }
        }
        phc = attempt.user && !attempt.user->password.empty() ? attempt.user->password : dummy_phc;
        queue_max = options.argon2_queue_max;
        prefix_max = options.verifying_per_prefix_max;
        cost = cost_of(options);
    }

    const InFlight::Turn turn(verifying, attempt.from, prefix_max);
    if (!turn) return {Check::Outcome::busy, nullptr, kBusyRetryS};
    const Argon2Queue::Answer answer = argon2.verify(question, {std::move(phc), attempt.pair.secret, cost}, queue_max);
    if (answer.outcome == Argon2Queue::Outcome::busy) return {Check::Outcome::busy, nullptr, kBusyRetryS};
    const bool is_right = answer.outcome == Argon2Queue::Outcome::right && still_holds(attempt);
    if (is_right && !answer.renewed.empty()) renew_hash(*attempt.user, answer.renewed);
    {
        const std::lock_guard hold(guard);
        const std::int64_t now = seams.clock.monotonic_ms();
        until = now + (is_right ? options.remember_ms : options.remember_wrong_ms);
        if (is_current(attempt.book)) (is_right ? right : wrong).keep(question, until, until);
    }
    if (!is_right) return refuse(attempt, question);
    return accept_account_password(attempt, until);
}

Check Credentials::State::accept_account_password(const Attempt& attempt, std::int64_t until_ms) {
    limit.success(attempt.from, attempt.pair.user);
    std::shared_ptr<const dav::Caller> caller = caller_of(*attempt.user);
    const std::lock_guard hold(guard);
    if (is_current(attempt.book)) headers.keep(sip_hash(header_key, attempt.authorization), {caller, true}, until_ms);
    return {Check::Outcome::ok, std::move(caller), 0};
}

Check Credentials::State::refuse(const Attempt& attempt, const base::Hash& question, std::string_view event) {
    if (limit.failure(attempt.from, attempt.pair.user, question) == RateLimit::Counted::no) return {};
    log_event(event, attempt.pair.user, attempt.from);
    const std::int64_t wait_s = limit.wait_s(attempt.from, attempt.pair.user);
    if (wait_s == 0) return {};
    log_event("throttled", attempt.pair.user, attempt.from);
    return {Check::Outcome::throttled, nullptr, wait_s};
}

// The epoch and the random uid are in it: an answer about an old password, or about somebody who had the name before,
// can not be found under it.
base::Hash Credentials::State::question_of(const Attempt& attempt) const {
    std::string text(attempt.user ? attempt.user->uid.view() : std::string_view());
    text += '\n' + std::to_string(attempt.user ? attempt.user->epoch : 0) + '\n';
    text += attempt.pair.user + ':' + attempt.pair.secret;
    return base::hmac_sha256(key, text);
}

// Argon2 took its time: the user may be gone, disabled or have another password by now.
bool Credentials::State::still_holds(const Attempt& attempt) const {
    const auto now = accounts.book();
    if (!attempt.user) return false;
    const storage::Principal* user = active_user(*now, attempt.pair.user);
    return user && user->uid == attempt.user->uid && user->epoch == attempt.user->epoch;
}

// The stored hash was made at another cost than the one that is configured now.
void Credentials::State::renew_hash(const storage::Principal& user, const std::string& phc) {
    // The old hash is as good as it was: nobody is kept out because the disk is full.
    try {
        accounts.renew_password_hash(user, phc);
    } catch (const base::Failure& failure) {
        base::log_warn("auth", std::string("could not store a renewed password hash: ") + failure.what());
    }
}

void Credentials::State::touch(const storage::AppPassword& password) {
    // The time of last use is for lists; a full disk must not lock out who wants to make room.
    try {
        accounts.touch_app_password(password, seams.clock.now_ms());
    } catch (const base::Failure& failure) {
        base::log_warn("auth", std::string("could not note the use of an app password: ") + failure.what());
    }
}

}  // namespace server
