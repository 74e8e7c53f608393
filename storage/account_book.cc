#include "storage/account_book.h"

#include <algorithm>
#include <charconv>

#include "storage/base/log.h"
#include "storage/base/path.h"

namespace storage {
namespace {

constexpr std::size_t kPrincipalNameMax = 32;
constexpr std::size_t kNameTailMin = 4;

std::optional<std::uint64_t> number_from(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::int64_t time_from(std::string_view text) {
    return static_cast<std::int64_t>(number_from(text).value_or(0));
}

base::Segments segments_from(std::string_view joined) {
    base::Segments segments;
    while (!joined.empty()) {
        const std::size_t slash = std::min(joined.find('/'), joined.size());
        segments.emplace_back(joined.substr(0, slash));
        joined.remove_prefix(std::min(slash + 1, joined.size()));
    }
    return segments;
}

// The rows of one principal.
struct Facts {
    Principal principal;
    std::string renewed;  // "<SHA-256 of a password's PHC string> <another PHC string of that password>"
};

// No name has a slash in it.
std::vector<std::string> names_from(const std::string& value) {
    return segments_from(value);
}

void read_fact(Facts& facts, const std::string& field, const std::string& value) {
    Principal& into = facts.principal;
    if (field == "name") into.given_name = value;
    if (field == "kind") into.kind = value == "group" ? PrincipalKind::group : PrincipalKind::user;
    if (field == "admin") into.admin = value == "1";
    if (field == "disabled") into.disabled = value == "1";
    if (field == "password") into.password = value;
    if (field == "created") into.created_ms = time_from(value);
    if (field == "renewed") facts.renewed = value;
    if (field == "books") into.books = names_from(value);
    if (field == "card") into.card = value;
}

void read_fact(AppPassword& into, const std::string& field, const std::string& value) {
    if (field == "user") into.user = uid_from(value).value_or(base::Id128{});
    if (field == "label") into.label = value;
    // A scope this version does not know opens nothing it does: the narrowest known one would still be wrong, so the
    // row is dropped with its secret (see load_app_passwords).
    if (field == "scope") into.scope = scope_from(value).value_or(static_cast<Scope>(0));
    if (field == "read_only") into.read_only = value == "1";
    if (field == "subtree") into.subtree = segments_from(value);
    if (field == "books") into.books = names_from(value);
    if (field == "created") into.created_ms = time_from(value);
    if (field == "secret") {
        const auto raw = base::unhex(value);
        into.secret = (raw ? base::hash_from(*raw) : std::nullopt).value_or(base::Hash{});
    }
}

// Rows come in key order, so the facts of one thing stand together.
template <typename Thing, typename Done>
void each_thing(const std::vector<KvRow>& rows, const Done& done) {
    for (std::size_t first = 0; first < rows.size();) {
        Thing thing;
        std::size_t next = first;
        for (; next < rows.size() && rows[next].at.key == rows[first].at.key; ++next)
            read_fact(thing, rows[next].at.field, rows[next].value);
        done(rows[first].at.key, std::move(thing));
        first = next;
    }
}

// Any record about the password, the epoch or the state counts, also one that is not shown: two homes that each changed
// a credential may have counted alike.
std::map<std::string, std::uint64_t> epochs(ReadTxn& txn) {
    std::map<std::string, std::string> marks;
    for (const KvMark& mark : txn.kv_marks(kv_table::kUser)) {
        if (mark.at.field != "password" && mark.at.field != "epoch" && mark.at.field != "disabled") continue;
        marks[mark.at.key] += std::to_string(mark.dot.origin) + '.' + std::to_string(mark.dot.seq) + ' ';
    }
    std::map<std::string, std::uint64_t> found;
    for (const auto& [key, text] : marks) {
        const base::Hash hash = base::sha256(text);
        std::uint64_t epoch = 0;
        for (std::size_t i = 0; i < sizeof epoch; ++i) epoch = epoch << 8 | hash.bytes[i];
        found.emplace(key, epoch);
    }
    return found;
}

// A renewed hash holds for the password it was made of only: it must not bring that back where another home changed it.
void use_renewed(Facts& facts) {
    const std::string of = renewed_fact(facts.principal.password, {});
    if (facts.renewed.starts_with(of)) facts.principal.password = facts.renewed.substr(of.size());
}

void load_principals(ReadTxn& txn, AccountBook& book) {
    std::map<base::Id128, Principal> all;
    std::vector<NameClaim> claims;
    const auto epoch_of = epochs(txn);
    each_thing<Facts>(txn.kv_rows(kv_table::kUser), [&](const std::string& key, Facts facts) {
        Principal& principal = facts.principal;
        const auto uid = uid_from(key);
        if (!uid || !is_principal_name(principal.given_name)) {
            // Without a name: what another home wrote while this one removed it.
            if (!principal.given_name.empty()) {
                base::log_warn("accounts", "ignored principal key=" + base::printable(key) +
                                               " name=" + base::printable(principal.given_name));
            }
            return;
        }
        principal.uid = *uid;
        if (const auto epoch = epoch_of.find(key); epoch != epoch_of.end()) principal.epoch = epoch->second;
        use_renewed(facts);
        claims.push_back({*uid, principal.given_name, principal.created_ms});
        all.emplace(*uid, std::move(principal));
    });
    for (auto& [uid, name] : names_of(std::move(claims))) {
        Principal& principal = all.at(uid);
        principal.name = name;
        book.name_of.emplace(uid, name);
        book.by_name.emplace(std::move(name), std::move(principal));
    }
    for (const KvRow& row : txn.kv_rows(kv_table::kQuota)) {
        const auto uid = uid_from(row.at.key);
        if (!uid || !book.name_of.contains(*uid)) continue;
        book.by_name.find(book.name_of.at(*uid))->second.quota_bytes = number_from(row.value);
    }
}

void load_members(ReadTxn& txn, AccountBook& book) {
    for (const KvRow& row : txn.kv_rows(kv_table::kMember)) {
        const auto group = uid_from(row.at.key);
        const auto user = uid_from(row.at.field);
        if (!group || !user || !book.name_of.contains(*group) || !book.name_of.contains(*user)) continue;
        book.groups_of[*user].insert(*group);
        book.members_of[*group].insert(*user);
    }
}

void load_app_passwords(ReadTxn& txn, AccountBook& book) {
    each_thing<AppPassword>(txn.kv_rows(kv_table::kAppPassword), [&](const std::string& key, AppPassword password) {
        const bool usable = book.name_of.contains(password.user) && password.secret != base::Hash{} &&
                            !scope_name(password.scope).empty();
        if (!usable) return;
        password.id = key;
        if (const auto used = txn.local(kLastUseTable, key)) password.last_used_ms = time_from(*used);
        book.app_passwords.emplace(password.secret, std::move(password));
    });
}

// Crockford's letters and digits, lower case: 26 for 128 bits.
std::string letters_of(const base::Id128& uid) {
    constexpr std::string_view alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
    std::string text;
    std::uint32_t bits = 0;
    int count = 0;
    for (const std::uint8_t octet : uid.bytes) {
        bits = (bits << 8 | octet) & 0xffff;
        for (count += 8; count >= 5; count -= 5) text.push_back(alphabet[bits >> (count - 5) & 31]);
    }
    if (count > 0) text.push_back(alphabet[bits << (5 - count) & 31]);
    return text;
}

}  // namespace

std::string_view scope_name(Scope scope) {
    switch (scope) {
        case Scope::all: return "all";
        case Scope::files: return "files";
        case Scope::calendars: return "calendars";
        case Scope::contacts: return "contacts";
    }
    return "";
}

std::optional<Scope> scope_from(std::string_view name) {
    for (const Scope scope : {Scope::all, Scope::files, Scope::calendars, Scope::contacts})
        if (scope_name(scope) == name) return scope;
    return std::nullopt;
}

bool is_principal_name(std::string_view name) {
    const auto is_plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    const auto is_inner = [&](char c) { return is_plain(c) || c == '.' || c == '_' || c == '-'; };
    return !name.empty() && name.size() <= kPrincipalNameMax && is_plain(name[0]) &&
           std::ranges::all_of(name, is_inner);
}

std::map<base::Id128, std::string> names_of(std::vector<NameClaim> claims) {
    std::ranges::sort(claims, {}, [](const NameClaim& one) { return std::pair(one.created_ms, one.uid); });
    std::map<base::Id128, std::string> names;
    std::set<std::string> taken;
    // Given names first: nobody loses the own name to somebody else's other one.
    for (const NameClaim& one : claims) {
        if (taken.insert(one.name).second) names.emplace(one.uid, one.name);
    }
    for (const NameClaim& one : claims) {
        if (names.contains(one.uid)) continue;
        const std::string letters = letters_of(one.uid);
        for (std::size_t tail = kNameTailMin; tail <= letters.size(); ++tail) {
            const std::string name = one.name.substr(0, kPrincipalNameMax - 1 - tail) + "-" + letters.substr(0, tail);
            if (!taken.insert(name).second) continue;
            names.emplace(one.uid, name);
            break;
        }
    }
    return names;
}

const Principal* AccountBook::find(std::string_view name) const {
    const auto found = by_name.find(name);
    return found == by_name.end() ? nullptr : &found->second;
}

const Principal* AccountBook::find(const base::Id128& uid) const {
    const auto found = name_of.find(uid);
    return found == name_of.end() ? nullptr : find(found->second);
}

bool AccountBook::in_group(const base::Id128& user, const base::Id128& group) const {
    const auto found = groups_of.find(user);
    return found != groups_of.end() && found->second.contains(group);
}

AccountBook load_book(ReadTxn& txn) {
    AccountBook book;
    load_principals(txn, book);
    load_members(txn, book);
    load_app_passwords(txn, book);
    return book;
}

std::string kv_key(const base::Id128& uid) {
    return base::hex(uid.view());
}

std::optional<base::Id128> uid_from(std::string_view kv_key) {
    const auto raw = base::unhex(kv_key);
    return raw ? base::id_from(*raw) : std::nullopt;
}

std::string renewed_fact(std::string_view password, std::string_view renewed) {
    return base::hex(base::sha256(password).view()) + ' ' + std::string(renewed);
}

}  // namespace storage
