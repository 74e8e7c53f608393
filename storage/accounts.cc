#include "storage/accounts.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "storage/base/log.h"
#include "storage/base/path.h"

namespace storage {
namespace {

constexpr std::size_t kPrincipalNameMax = 32;
constexpr std::size_t kPrincipalsMax = 10'000;
constexpr std::size_t kAppPasswordsPerUserMax = 100;
constexpr std::size_t kLabelBytesMax = 100;
constexpr std::int64_t kTouchEveryMs = 60'000;

// Tables of `kv`. user: key = uid in hex, one row per fact of a principal. quota: the same key, field bytes.
// app_password: key = id. member: key = group's uid, field = user's uid. All values are text.
constexpr const char* kUserTable = "user";
constexpr const char* kQuotaTable = "quota";
constexpr const char* kAppPasswordTable = "app_password";
constexpr const char* kMemberTable = "member";
constexpr const char* kLastUseTable = "app_password_used";  // local: when a secret was used says nothing to other peers

std::optional<std::uint64_t> number_from(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::int64_t time_from(std::string_view text) {
    return static_cast<std::int64_t>(number_from(text).value_or(0));
}

std::optional<base::Id128> uid_from(std::string_view text) {
    const auto raw = base::unhex(text);
    return raw ? base::id_from(*raw) : std::nullopt;
}

std::string key_of(const base::Id128& uid) {
    return base::hex(uid.view());
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

void read_fact(Principal& into, const std::string& field, const std::string& value) {
    if (field == "name") into.name = value;
    if (field == "kind") into.kind = value == "group" ? PrincipalKind::group : PrincipalKind::user;
    if (field == "admin") into.admin = value == "1";
    if (field == "disabled") into.disabled = value == "1";
    if (field == "password") into.password = value;
    if (field == "epoch") into.epoch = number_from(value).value_or(0);
    if (field == "created") into.created_ms = time_from(value);
}

void read_fact(AppPassword& into, const std::string& field, const std::string& value) {
    if (field == "user") into.user = uid_from(value).value_or(base::Id128{});
    if (field == "label") into.label = value;
    // A scope this version does not know opens nothing it does: the narrowest known one would still be wrong, so the
    // row is dropped with its secret (see load_app_passwords).
    if (field == "scope") into.scope = scope_from(value).value_or(static_cast<Scope>(0));
    if (field == "read_only") into.read_only = value == "1";
    if (field == "subtree") into.subtree = segments_from(value);
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

void load_principals(ReadTxn& txn, AccountBook& book) {
    each_thing<Principal>(txn.kv_rows(kUserTable), [&](const std::string& key, Principal principal) {
        const auto uid = uid_from(key);
        // Two peers may have given one name to two people while apart: the same one (first by uid) wins on both.
        if (!uid || !is_principal_name(principal.name) || book.by_name.contains(principal.name)) {
            base::log_warn("accounts", "ignored principal key=" + base::printable(key) +
                                           " name=" + base::printable(principal.name));
            return;
        }
        principal.uid = *uid;
        book.name_of.emplace(*uid, principal.name);
        book.by_name.emplace(principal.name, std::move(principal));
    });
    for (const KvRow& row : txn.kv_rows(kQuotaTable)) {
        const auto uid = uid_from(row.at.key);
        if (!uid || !book.name_of.contains(*uid)) continue;
        book.by_name.find(book.name_of.at(*uid))->second.quota_bytes = number_from(row.value);
    }
}

void load_members(ReadTxn& txn, AccountBook& book) {
    for (const KvRow& row : txn.kv_rows(kMemberTable)) {
        const auto group = uid_from(row.at.key);
        const auto user = uid_from(row.at.field);
        if (!group || !user || !book.name_of.contains(*group) || !book.name_of.contains(*user)) continue;
        book.groups_of[*user].insert(*group);
        book.members_of[*group].insert(*user);
    }
}

void load_app_passwords(ReadTxn& txn, AccountBook& book) {
    each_thing<AppPassword>(txn.kv_rows(kAppPasswordTable), [&](const std::string& key, AppPassword password) {
        const bool usable = book.name_of.contains(password.user) && password.secret != base::Hash{} &&
                            !scope_name(password.scope).empty();
        if (!usable) return;
        password.id = key;
        if (const auto used = txn.local(kLastUseTable, key)) password.last_used_ms = time_from(*used);
        book.app_passwords.emplace(password.secret, std::move(password));
    });
}

AccountBook load_book(ReadTxn& txn) {
    AccountBook book;
    load_principals(txn, book);
    load_members(txn, book);
    load_app_passwords(txn, book);
    return book;
}

std::string quoted(std::string_view name) {
    return "'" + base::printable(name, 64) + "'";
}

// Every command with a bad name is refused with the same words, whatever it wanted to do.
void require_name(std::string_view name) {
    if (is_principal_name(name)) return;
    throw AccountError("bad name " + quoted(name) + ": 1 to 32 of a-z 0-9 . _ - and first a letter or digit");
}

const Principal& require(const AccountBook& book, std::string_view name, PrincipalKind kind) {
    require_name(name);
    const Principal* principal = book.find(name);
    if (principal && principal->kind == kind) return *principal;
    throw AccountError(std::string(kind == PrincipalKind::user ? "no user " : "no group ") + quoted(name));
}

const Principal& require_any(const AccountBook& book, std::string_view name) {
    require_name(name);
    if (const Principal* principal = book.find(name)) return *principal;
    throw AccountError("no user or group " + quoted(name));
}

void require_free(const AccountBook& book, std::string_view name) {
    require_name(name);
    if (book.find(name)) throw AccountError("the name " + quoted(name) + " is taken");
    if (book.by_name.size() >= kPrincipalsMax)
        throw AccountError("there are " + std::to_string(kPrincipalsMax) + " users and groups already");
}

void require_label(std::string_view label) {
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (!label.empty() && label.size() <= kLabelBytesMax && base::is_utf8(label) &&
        std::ranges::none_of(label, is_control))
        return;
    throw AccountError("a label is 1 to " + std::to_string(kLabelBytesMax) + " bytes of text on one line");
}

void forget(WriteTxn& txn, const char* table, const std::string& key, const Author& author) {
    for (const KvRow& row : txn.kv_rows(table, key)) txn.set_kv(row.at, std::nullopt, author);
}

// Who may not write any more keeps nobody else from it.
void end_locks(WriteTxn& txn, const base::Id128& of, const std::optional<Space>& in) {
    for (const Lock& lock : txn.locks()) {
        if (lock.principal != of) continue;
        const auto node = txn.node(lock.node);
        if (!in || (node && node->space == in->id)) txn.remove_lock(lock.token);
    }
}

std::string new_password_id(base::Rng& rng) {
    constexpr std::string_view alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
    std::array<std::uint8_t, 8> random{};
    rng.fill(random);
    std::string id;
    for (const std::uint8_t octet : random) id.push_back(alphabet[octet % alphabet.size()]);
    return id;
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

struct Accounts::State {
    explicit State(Store& opened)
        : store(opened), changing(opened.seams().exec.monitor()), guard(opened.seams().exec.monitor()) {
        book = std::make_shared<const AccountBook>(load());
    }

    AccountBook load() {
        return store.read([](ReadTxn& txn) { return load_book(txn); });
    }

    std::shared_ptr<const AccountBook> current() const {
        base::Locked hold(*guard);
        return book;
    }

    // Changes are serial: `decide` sees the book that holds, throws AccountError or gives the function that writes;
    // then the new book is published before anyone is told.
    template <typename Decide>
    auto change(const Decide& decide) {
        base::Locked one_at_a_time(*changing);
        const auto before = current();
        auto verbs = decide(*before);
        auto result = store.write(verbs);
        auto after = std::make_shared<const AccountBook>(load());
        {
            base::Locked hold(*guard);
            book = std::move(after);
        }
        for (const auto& hook : hooks) hook();
        return result;
    }

    void set_fact(WriteTxn& txn, const Principal& who, const char* field, std::string_view value,
                  const Author& author) {
        txn.set_kv({kUserTable, key_of(who.uid), field}, value, author);
    }

    void new_epoch(WriteTxn& txn, const Principal& who, const Author& author) {
        set_fact(txn, who, "epoch", std::to_string(who.epoch + 1), author);
    }

    // A principal and its files come to be in one commit.
    Principal add(Principal made, const Author& author) {
        made.uid = base::new_random_id(store.seams().rng);
        made.created_ms = store.seams().clock.now_ms();
        made.epoch = 1;
        return change([&](const AccountBook& now) {
            require_free(now, made.name);
            return [&](WriteTxn& txn) {
                set_fact(txn, made, "name", made.name, author);
                set_fact(txn, made, "kind", made.kind == PrincipalKind::group ? "group" : "user", author);
                set_fact(txn, made, "created", std::to_string(made.created_ms), author);
                set_fact(txn, made, "epoch", std::to_string(made.epoch), author);
                if (made.admin) set_fact(txn, made, "admin", "1", author);
                if (!made.password.empty()) set_fact(txn, made, "password", made.password, author);
                txn.make_space(SpaceKind::files, made.uid, "files/" + made.name, author);
                return made;
            };
        });
    }

    Store& store;
    std::unique_ptr<base::Monitor> changing;  // held over a whole change, the commit included
    std::unique_ptr<base::Monitor> guard;     // of what follows, for moments
    std::shared_ptr<const AccountBook> book;
    std::map<std::string, std::int64_t, std::less<>>
        last_used_ms;  // by id, since start; at most one entry per password
    std::vector<std::function<void()>> hooks;
};

Accounts::Accounts(Store& store) : state_(std::make_unique<State>(store)) {}
Accounts::~Accounts() = default;

std::shared_ptr<const AccountBook> Accounts::book() const {
    return state_->current();
}

void Accounts::on_change(std::function<void()> hook) {
    base::Locked one_at_a_time(*state_->changing);
    state_->hooks.push_back(std::move(hook));
}

Principal Accounts::add_user(std::string_view name, bool admin, std::string password_phc, const Author& author) {
    Principal made;
    made.name = name;
    made.admin = admin;
    made.password = std::move(password_phc);
    return state_->add(std::move(made), author);
}

Principal Accounts::add_group(std::string_view name, const Author& author) {
    Principal made;
    made.name = name;
    made.kind = PrincipalKind::group;
    return state_->add(std::move(made), author);
}

void Accounts::set_password(std::string_view name, std::string phc, const Author& author) {
    state_->change([&](const AccountBook& now) {
        return [&, who = require(now, name, PrincipalKind::user)](WriteTxn& txn) {
            state_->set_fact(txn, who, "password", phc, author);
            state_->new_epoch(txn, who, author);
            return true;
        };
    });
}

void Accounts::renew_password_hash(const Principal& who, std::string_view phc) {
    state_->change([&](const AccountBook& now) {
        const Principal* same = now.find(who.uid);
        return [&, holds = same && same->password == who.password](WriteTxn& txn) {
            if (holds) state_->set_fact(txn, who, "password", phc, Author{.actor = who.uid});
            return true;
        };
    });
}

void Accounts::set_disabled(std::string_view name, bool disabled, const Author& author) {
    state_->change([&](const AccountBook& now) {
        return [&, who = require(now, name, PrincipalKind::user)](WriteTxn& txn) {
            state_->set_fact(txn, who, "disabled", disabled ? "1" : "0", author);
            state_->new_epoch(txn, who, author);
            return true;
        };
    });
}

void Accounts::set_quota(std::string_view name, std::optional<std::uint64_t> bytes, const Author& author) {
    state_->change([&](const AccountBook& now) {
        return [&, who = require_any(now, name)](WriteTxn& txn) {
            const std::string text = bytes ? std::to_string(*bytes) : std::string();
            txn.set_kv({kQuotaTable, key_of(who.uid), "bytes"},
                       bytes ? std::optional<std::string_view>(text) : std::nullopt, author);
            return true;
        };
    });
}

std::string Accounts::remove(std::string_view name, const Author& author) {
    return state_->change([&](const AccountBook& now) {
        const Principal who = require_any(now, name);
        std::vector<std::string> password_ids;
        for (const auto& [secret, password] : now.app_passwords)
            if (password.user == who.uid) password_ids.push_back(password.id);
        std::vector<base::Id128> groups;
        if (const auto found = now.groups_of.find(who.uid); found != now.groups_of.end())
            groups.assign(found->second.begin(), found->second.end());
        return [&author, who, password_ids, groups](WriteTxn& txn) {
            const auto files = txn.space_of(SpaceKind::files, who.uid);
            const auto pim = txn.space_of(SpaceKind::pim, who.uid);
            for (const std::string& id : password_ids) {
                forget(txn, kAppPasswordTable, id, author);
                txn.set_local(kLastUseTable, id, std::nullopt);
            }
            for (const base::Id128& group : groups)
                txn.set_kv({kMemberTable, key_of(group), key_of(who.uid)}, std::nullopt, author);
            forget(txn, kMemberTable, key_of(who.uid), author);
            forget(txn, kQuotaTable, key_of(who.uid), author);
            forget(txn, kUserTable, key_of(who.uid), author);
            end_locks(txn, who.uid, std::nullopt);
            if (pim) txn.remove_space(pim->id, author);
            return files ? txn.remove_space(files->id, author) : std::string();
        };
    });
}

void Accounts::set_member(std::string_view group, std::string_view user, bool member, const Author& author) {
    state_->change([&](const AccountBook& now) {
        return [&, in = require(now, group, PrincipalKind::group),
                who = require(now, user, PrincipalKind::user)](WriteTxn& txn) {
            txn.set_kv({kMemberTable, key_of(in.uid), key_of(who.uid)},
                       member ? std::optional<std::string_view>("1") : std::nullopt, author);
            const auto files = txn.space_of(SpaceKind::files, in.uid);
            if (!member && files) end_locks(txn, who.uid, files);
            return true;
        };
    });
}

AppPassword Accounts::add_app_password(std::string_view user, AppPassword made, const Author& author) {
    made.created_ms = state_->store.seams().clock.now_ms();
    return state_->change([&](const AccountBook& now) {
        made.user = require(now, user, PrincipalKind::user).uid;
        require_label(made.label);
        CHECK(made.secret != base::Hash{});
        const auto is_theirs = [&](const auto& entry) { return entry.second.user == made.user; };
        if (static_cast<std::size_t>(std::ranges::count_if(now.app_passwords, is_theirs)) >= kAppPasswordsPerUserMax)
            throw AccountError(quoted(user) + " has " + std::to_string(kAppPasswordsPerUserMax) +
                               " app passwords already");
        const auto is_used = [&](const auto& entry) { return entry.second.id == made.id; };
        do {
            made.id = new_password_id(state_->store.seams().rng);
        } while (std::ranges::any_of(now.app_passwords, is_used));
        return [&](WriteTxn& txn) {
            const auto set = [&](const char* field, std::string_view value) {
                txn.set_kv({kAppPasswordTable, made.id, field}, value, author);
            };
            set("user", key_of(made.user));
            set("label", made.label);
            set("scope", scope_name(made.scope));
            set("secret", base::hex(made.secret.view()));
            set("created", std::to_string(made.created_ms));
            if (made.read_only) set("read_only", "1");
            if (!made.subtree.empty()) set("subtree", base::join(made.subtree));
            return made;
        };
    });
}

std::vector<AppPassword> Accounts::app_passwords(std::string_view user) const {
    const auto now = book();
    const Principal& who = require(*now, user, PrincipalKind::user);
    std::vector<AppPassword> theirs;
    for (const auto& [secret, password] : now->app_passwords)
        if (password.user == who.uid) theirs.push_back(password);
    std::ranges::sort(theirs, {}, [](const AppPassword& one) { return std::pair(one.created_ms, one.id); });
    base::Locked hold(*state_->guard);
    for (AppPassword& one : theirs)
        if (const auto used = state_->last_used_ms.find(one.id); used != state_->last_used_ms.end())
            one.last_used_ms = used->second;
    return theirs;
}

void Accounts::revoke_app_password(std::string_view user, std::string_view id, const Author& author) {
    state_->change([&](const AccountBook& now) {
        const Principal& who = require(now, user, PrincipalKind::user);
        const auto is_it = [&](const auto& entry) { return entry.second.id == id && entry.second.user == who.uid; };
        if (std::ranges::none_of(now.app_passwords, is_it))
            throw AccountError(quoted(user) + " has no app password " + quoted(id));
        return [&](WriteTxn& txn) {
            forget(txn, kAppPasswordTable, std::string(id), author);
            txn.set_local(kLastUseTable, id, std::nullopt);
            return true;
        };
    });
}

void Accounts::touch_app_password(const AppPassword& used, std::int64_t at_ms) {
    {
        base::Locked hold(*state_->guard);
        const auto [at, is_first] = state_->last_used_ms.try_emplace(used.id, at_ms);
        const std::int64_t last = is_first ? used.last_used_ms.value_or(0) : at->second;
        if (at_ms >= last && at_ms - last < kTouchEveryMs) {
            if (is_first) at->second = last;
            return;
        }
        at->second = at_ms;
    }
    state_->store.write([&](WriteTxn& txn) { txn.set_local(kLastUseTable, used.id, std::to_string(at_ms)); });
}

}  // namespace storage
