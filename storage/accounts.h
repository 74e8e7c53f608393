#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "storage/store.h"

namespace storage {

// Users and groups are principals. Their rows are logged `kv` in the sys space, so they replicate; nothing here hashes
// passwords or talks to clients.
enum class PrincipalKind : std::uint8_t { user = 1, group = 2 };

struct Principal {
    base::Id128 uid;  // random, never reused
    std::string name;
    PrincipalKind kind = PrincipalKind::user;
    bool admin = false;
    bool disabled = false;
    std::string password;                      // PHC string; empty = no account password
    std::uint64_t epoch = 0;                   // grows at every change of credentials; drops remembered verifications
    std::optional<std::uint64_t> quota_bytes;  // empty = no limit
    std::int64_t created_ms = 0;
};

enum class Scope : std::uint8_t { all = 1, files = 2, calendars = 3, contacts = 4 };
std::string_view scope_name(Scope scope);
std::optional<Scope> scope_from(std::string_view name);

struct AppPassword {
    std::string id;  // 8 characters, shown in lists
    base::Id128 user;
    std::string label;
    Scope scope = Scope::all;
    bool read_only = false;
    base::Segments subtree;  // below the user's files; empty = all
    base::Hash secret;       // SHA-256 of the normalised secret
    std::int64_t created_ms = 0;
    std::optional<std::int64_t> last_used_ms;  // local
};

// "[a-z0-9][a-z0-9._-]{0,31}", and not "..": the name is a folder and a URL segment.
bool is_principal_name(std::string_view name);

// All accounts at one moment; immutable, shared by every thread.
struct AccountBook {
    std::map<std::string, Principal, std::less<>> by_name;
    std::map<base::Id128, std::string> name_of;
    std::map<base::Id128, std::set<base::Id128>> groups_of;   // user -> groups
    std::map<base::Id128, std::set<base::Id128>> members_of;  // group -> users
    std::map<base::Hash, AppPassword> app_passwords;          // by hash of the secret

    const Principal* find(std::string_view name) const;
    const Principal* find(const base::Id128& uid) const;
    bool in_group(const base::Id128& user, const base::Id128& group) const;
};

// Reads and changes accounts through the store. Thread-safe.
class Accounts {
  public:
    explicit Accounts(Store& store);
    ~Accounts();

    std::shared_ptr<const AccountBook> book() const;  // current; cheap
    // Called (on the changing thread, after the commit) when anything changed.
    void on_change(std::function<void()> hook);

    // What() of AccountError is one clear line for the admin: unknown user, name taken, bad name, …
    Principal add_user(std::string_view name, bool admin, std::string password_phc, const Author& author);
    Principal add_group(std::string_view name, const Author& author);
    void set_password(std::string_view name, std::string phc, const Author& author);
    // Another PHC string of the same password: no credential ends. Nothing, when the password changed since `who` was
    // read.
    void renew_password_hash(const Principal& who, std::string_view phc);
    void set_disabled(std::string_view name, bool disabled, const Author& author);
    void set_quota(std::string_view name, std::optional<std::uint64_t> bytes, const Author& author);
    // Ends all credentials and locks at once; the files move to trash. Returns where they are, below the storage root.
    std::string remove(std::string_view name, const Author& author);
    // Who leaves a group leaves no lock in its files.
    void set_member(std::string_view group, std::string_view user, bool member, const Author& author);

    // `made` brings label, scope, read_only, subtree and secret; the rest is filled here.
    AppPassword add_app_password(std::string_view user, AppPassword made, const Author& author);
    std::vector<AppPassword> app_passwords(std::string_view user) const;  // oldest first, with their last use
    void revoke_app_password(std::string_view user, std::string_view id, const Author& author);
    void touch_app_password(const AppPassword& used, std::int64_t at_ms);  // at most once a minute per password; local

  private:
    struct State;
    std::unique_ptr<State> state_;
};

class AccountError : public std::runtime_error {
    using runtime_error::runtime_error;
};

}  // namespace storage
