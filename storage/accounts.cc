#include "storage/accounts.h"

#include <algorithm>
#include <array>

#include "storage/base/log.h"
#include "storage/base/path.h"
#include "storage/principal_spaces.h"

namespace storage {
namespace {

constexpr std::size_t kPrincipalsMax = 10'000;
constexpr std::size_t kAppPasswordsPerUserMax = 100;
constexpr std::size_t kLabelBytesMax = 100;
constexpr std::int64_t kTouchEveryMs = 60'000;

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

// The rows that one change writes, and what follows from them in the same commit. What makes a thing work is written
// last and removed first.
class Edit {
  public:
    Edit(WriteTxn& txn, const Author& author) : txn_(txn), author_(author) {}

    void set(KvKey at, std::optional<std::string_view> value) {
        txn_.set_kv(at, value, author_);
        written_.push_back(std::move(at));
    }
    void set_fact(const Principal& who, const char* field, std::string_view value) {
        set({kv_table::kUser, kv_key(who.uid), field}, value);
    }
    // That there is a record counts, not what it says: see AccountBook.
    void new_epoch(const Principal& who) { set_fact(who, "epoch", "1"); }
    void forget(const char* table, const std::string& key, std::string_view first_field) {
        std::vector<KvRow> rows = txn_.kv_rows(table, key);
        std::stable_partition(rows.begin(), rows.end(), [&](const KvRow& row) { return row.at.field == first_field; });
        for (KvRow& row : rows) set(std::move(row.at), std::nullopt);
    }
    std::map<base::Id128, std::string> follow() { return follow_accounts(txn_, written_, author_); }
    WriteTxn& txn() { return txn_; }

  private:
    WriteTxn& txn_;
    const Author& author_;
    std::vector<KvKey> written_;
};

void make_default(WriteTxn& txn, const Principal& owner, const DefaultCollection& one, const Author& author) {
    const auto space = txn.space_of(one.space, owner.uid);
    if (!space || txn.child(space->root, one.name)) return;
    std::string octets(owner.uid.view());
    octets += static_cast<char>(one.kind);
    octets += one.name;
    const base::Hash hash = base::sha256(octets);
    const auto props = one.props(owner.kind == PrincipalKind::group ? owner.given_name : one.title);
    WriteTxn::Make make;
    make.parent = space->root;
    make.name = one.name;
    make.kind = one.kind;
    make.oid = base::id_from(hash.view().substr(0, sizeof(Oid::bytes)));
    make.props = props;
    txn.make(make, author);
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

struct Accounts::State {
    State(Store& opened, std::vector<DefaultCollection> default_collections)
        : store(opened),
          defaults(std::move(default_collections)),
          changing(opened.seams().exec.monitor()),
          guard(opened.seams().exec.monitor()) {
        book = std::make_shared<const AccountBook>(load());
    }

    AccountBook load() {
        return store.read([](ReadTxn& txn) { return load_book(txn); });
    }

    std::shared_ptr<const AccountBook> current() const {
        base::Locked hold(*guard);
        return book;
    }

    // Changes of this server are serial. `decide` sees the book as the transaction sees it, since records of another
    // home come in between; it throws AccountError before it writes anything. Then the new book is published before
    // anyone is told.
    template <typename Decide>
    auto change(const Author& author, const Decide& decide) {
        base::Locked one_at_a_time(*changing);
        auto result = store.write([&](WriteTxn& txn) {
            Edit edit(txn, author);
            return decide(load_book(txn), edit);
        });
        publish();
        return result;
    }

    // With `changing` held.
    void publish() {
        auto after = std::make_shared<const AccountBook>(load());
        {
            base::Locked hold(*guard);
            book = std::move(after);
        }
        for (const auto& hook : hooks) hook();
    }

    // A principal and its files come to be in one commit.
    Principal add(Principal made, const Author& author) {
        made.uid = base::new_random_id(store.seams().rng);
        made.created_ms = store.seams().clock.now_ms();
        return change(author, [&](const AccountBook& now, Edit& edit) {
            require_free(now, made.given_name);
            edit.set_fact(made, "kind", made.kind == PrincipalKind::group ? "group" : "user");
            edit.set_fact(made, "created", std::to_string(made.created_ms));
            if (made.admin) edit.set_fact(made, "admin", "1");
            if (!made.password.empty()) edit.set_fact(made, "password", made.password);
            edit.new_epoch(made);
            edit.set_fact(made, "name", made.given_name);
            edit.follow();
            const Principal there = *load_book(edit.txn()).find(made.uid);
            for (const DefaultCollection& one : defaults) make_default(edit.txn(), there, one, author);
            return there;
        });
    }

    Store& store;
    const std::vector<DefaultCollection> defaults;
    std::unique_ptr<base::Monitor> changing;  // held over a whole change, the commit included
    std::unique_ptr<base::Monitor> guard;     // of what follows, for moments
    std::shared_ptr<const AccountBook> book;
    std::map<std::string, std::int64_t, std::less<>>
        last_used_ms;  // by id, since start; at most one entry per password
    std::vector<std::function<void()>> hooks;
};

Accounts::Accounts(Store& store, std::vector<DefaultCollection> defaults)
    : state_(std::make_unique<State>(store, std::move(defaults))) {}
Accounts::~Accounts() = default;

void Accounts::complete_spaces() {
    base::Locked one_at_a_time(*state_->changing);
    const auto lacking = state_->store.read([](ReadTxn& txn) { return lacking_spaces(txn, load_book(txn)); });
    if (lacking.empty()) return;
    const Author author{Cause::admin, {}, {}};
    state_->store.write([&](WriteTxn& txn) {
        const AccountBook book = load_book(txn);
        for (const Lacking& one : lacking_spaces(txn, book)) {
            const Principal& owner = *book.find(one.owner);
            make_space_of(txn, owner, one.kind, author);
            for (const DefaultCollection& collection : state_->defaults)
                if (collection.space == one.kind) make_default(txn, owner, collection, author);
        }
    });
}

std::shared_ptr<const AccountBook> Accounts::book() const {
    return state_->current();
}

void Accounts::on_change(std::function<void()> hook) {
    base::Locked one_at_a_time(*state_->changing);
    state_->hooks.push_back(std::move(hook));
}

void Accounts::reload() {
    base::Locked one_at_a_time(*state_->changing);
    state_->publish();
}

Principal Accounts::add_user(std::string_view name, bool admin, std::string password_phc, const Author& author) {
    Principal made;
    made.given_name = name;
    made.admin = admin;
    made.password = std::move(password_phc);
    return state_->add(std::move(made), author);
}

Principal Accounts::add_group(std::string_view name, const Author& author) {
    Principal made;
    made.given_name = name;
    made.kind = PrincipalKind::group;
    return state_->add(std::move(made), author);
}

void Accounts::set_password(std::string_view name, std::string phc, const Author& author) {
    state_->change(author, [&](const AccountBook& now, Edit& edit) {
        const Principal& who = require(now, name, PrincipalKind::user);
        edit.set_fact(who, "password", phc);
        edit.new_epoch(who);
        return true;
    });
}

void Accounts::renew_password_hash(const Principal& who, std::string_view phc) {
    state_->change(Author{.actor = who.uid}, [&](const AccountBook& now, Edit& edit) {
        const Principal* same = now.find(who.uid);
        if (!same || same->password != who.password) return false;
        const auto password = edit.txn().kv({kv_table::kUser, kv_key(who.uid), "password"});
        edit.set_fact(who, "renewed", renewed_fact(password.value_or(std::string()), phc));
        return true;
    });
}

void Accounts::set_disabled(std::string_view name, bool disabled, const Author& author) {
    state_->change(author, [&](const AccountBook& now, Edit& edit) {
        const Principal& who = require(now, name, PrincipalKind::user);
        edit.set_fact(who, "disabled", disabled ? "1" : "0");
        edit.new_epoch(who);
        return true;
    });
}

void Accounts::set_quota(std::string_view name, std::optional<std::uint64_t> bytes, const Author& author) {
    state_->change(author, [&](const AccountBook& now, Edit& edit) {
        const Principal& who = require_any(now, name);
        const std::string text = bytes ? std::to_string(*bytes) : std::string();
        edit.set({kv_table::kQuota, kv_key(who.uid), "bytes"},
                 bytes ? std::optional<std::string_view>(text) : std::nullopt);
        return true;
    });
}

void Accounts::set_books(std::string_view name, const std::vector<std::string>& books, const Author& author) {
    state_->change(author, [&](const AccountBook& now, Edit& edit) {
        const std::string text = base::join(books);
        edit.set({kv_table::kUser, kv_key(require(now, name, PrincipalKind::user).uid), "books"},
                 books.empty() ? std::nullopt : std::optional<std::string_view>(text));
        return true;
    });
}

void Accounts::set_card(std::string_view name, std::string_view card, const Author& author) {
    state_->change(author, [&](const AccountBook& now, Edit& edit) {
        edit.set({kv_table::kUser, kv_key(require_any(now, name).uid), "card"},
                 card.empty() ? std::nullopt : std::optional(card));
        return true;
    });
}

std::string Accounts::remove(std::string_view name, const Author& author) {
    return state_->change(author, [&](const AccountBook& now, Edit& edit) {
        const Principal& who = require_any(now, name);
        edit.forget(kv_table::kUser, kv_key(who.uid), "name");
        for (const auto& [secret, password] : now.app_passwords) {
            if (password.user == who.uid) edit.forget(kv_table::kAppPassword, password.id, "secret");
        }
        if (const auto found = now.groups_of.find(who.uid); found != now.groups_of.end()) {
            for (const base::Id128& group : found->second)
                edit.set({kv_table::kMember, kv_key(group), kv_key(who.uid)}, std::nullopt);
        }
        edit.forget(kv_table::kMember, kv_key(who.uid), {});
        edit.forget(kv_table::kQuota, kv_key(who.uid), {});
        return edit.follow().at(who.uid);
    });
}

void Accounts::set_member(std::string_view group, std::string_view user, bool member, const Author& author) {
    state_->change(author, [&](const AccountBook& now, Edit& edit) {
        const Principal& in = require(now, group, PrincipalKind::group);
        const Principal& who = require(now, user, PrincipalKind::user);
        edit.set({kv_table::kMember, kv_key(in.uid), kv_key(who.uid)},
                 member ? std::optional<std::string_view>("1") : std::nullopt);
        edit.follow();
        return true;
    });
}

AppPassword Accounts::add_app_password(std::string_view user, AppPassword made, const Author& author) {
    made.created_ms = state_->store.seams().clock.now_ms();
    return state_->change(author, [&](const AccountBook& now, Edit& edit) {
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
        const auto set = [&](const char* field, std::string_view value) {
            edit.set({kv_table::kAppPassword, made.id, field}, value);
        };
        set("user", kv_key(made.user));
        set("label", made.label);
        set("scope", scope_name(made.scope));
        set("created", std::to_string(made.created_ms));
        if (made.read_only) set("read_only", "1");
        if (!made.subtree.empty()) set("subtree", base::join(made.subtree));
        if (!made.books.empty()) set("books", base::join(made.books));
        set("secret", base::hex(made.secret.view()));
        return made;
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
    state_->change(author, [&](const AccountBook& now, Edit& edit) {
        const Principal& who = require(now, user, PrincipalKind::user);
        const auto is_it = [&](const auto& entry) { return entry.second.id == id && entry.second.user == who.uid; };
        if (std::ranges::none_of(now.app_passwords, is_it))
            throw AccountError(quoted(user) + " has no app password " + quoted(id));
        edit.forget(kv_table::kAppPassword, std::string(id), "secret");
        edit.follow();
        return true;
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
