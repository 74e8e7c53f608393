#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "storage/txn.h"

namespace storage {

// Users and groups are principals. Their rows are logged `kv` in the sys space, so they replicate; nothing here hashes
// passwords or talks to clients.
enum class PrincipalKind : std::uint8_t { user = 1, group = 2 };

struct Principal {
    base::Id128 uid;         // random, never reused
    std::string name;        // the only one of that name; see names_of
    std::string given_name;  // as it was added
    PrincipalKind kind = PrincipalKind::user;
    bool admin = false;
    bool disabled = false;
    std::string password;                      // PHC string; empty = no account password
    std::uint64_t epoch = 0;                   // another at every change of credentials, wherever it was made
    std::optional<std::uint64_t> quota_bytes;  // empty = no limit
    std::vector<std::string> books;            // address books that show with the account password; empty = all
    std::string card;                          // the card that describes it: "book/name"; empty = none
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
    base::Segments subtree;          // below the user's files; empty = all
    std::vector<std::string> books;  // address books that show, as they are named in the home; empty = all
    base::Hash secret;               // SHA-256 of the normalised secret
    std::int64_t created_ms = 0;
    std::optional<std::int64_t> last_used_ms;  // local
};

// "[a-z0-9][a-z0-9._-]{0,31}", and not "..": the name is a folder and a URL segment.
bool is_principal_name(std::string_view name);

// Homes that have not heard of each other may add one name each. The principal added first, by its time and then its
// uid, has the name; another gets it with a dash and the first four characters of its uid (more of them where that is
// taken), the same on every server. Without it, the name is free again and goes to who is next.
struct NameClaim {
    base::Id128 uid;
    std::string name;
    std::int64_t created_ms = 0;
};
std::map<base::Id128, std::string> names_of(std::vector<NameClaim> claims);

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

AccountBook load_book(ReadTxn& txn);

// Tables of `kv`. user: key = uid in hex, one row per fact of a principal; it is there while its name is. quota: the
// same key, field bytes. app_password: key = id. member: key = group's uid, field = user's uid. All values are text.
// What makes something work is written last and removed first: the records of one change may come to another home one
// by one.
namespace kv_table {
inline constexpr const char* kUser = "user";
inline constexpr const char* kQuota = "quota";
inline constexpr const char* kAppPassword = "app_password";
inline constexpr const char* kMember = "member";
}  // namespace kv_table
inline constexpr const char* kLastUseTable =
    "app_password_used";  // local: when a secret was used says nothing to others

// The value of a user's field `renewed`: another PHC string of the same password. It holds for that one only.
std::string renewed_fact(std::string_view password, std::string_view renewed);

std::string kv_key(const base::Id128& uid);
std::optional<base::Id128> uid_from(std::string_view kv_key);

}  // namespace storage
