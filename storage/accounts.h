#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "storage/account_book.h"
#include "storage/store.h"

namespace storage {

// A collection that every new user or group has in its space of that kind. Its id follows from whose it is and its
// name.
struct DefaultCollection {
    SpaceKind space = SpaceKind::contacts;
    NodeKind kind = NodeKind::addressbook;
    std::string name;
    // Its properties; `title` is what people call it: the one below, or the name of the group that it belongs to.
    std::string title;
    std::vector<PropChange> (*props)(std::string_view title) = nullptr;
};

// Reads and changes accounts through the store. Thread-safe.
class Accounts {
  public:
    explicit Accounts(Store& store, std::vector<DefaultCollection> defaults = {});
    ~Accounts();

    std::shared_ptr<const AccountBook> book() const;  // current; cheap
    // Called (on the changing thread, after the commit) when anything changed.
    void on_change(std::function<void()> hook);
    // After records of another home were applied: the book is read again, and who wants to know is told.
    void reload();

    // Users and groups of before a kind of space was there get theirs.
    void complete_spaces();

    // What() of AccountError is one clear line for the admin: unknown user, name taken, bad name, …
    Principal add_user(std::string_view name, bool admin, std::string password_phc, const Author& author);
    Principal add_group(std::string_view name, const Author& author);
    void set_password(std::string_view name, std::string phc, const Author& author);
    // Another PHC string of the same password: no credential ends. Nothing, when the password changed since `who` was
    // read.
    void renew_password_hash(const Principal& who, std::string_view phc);
    void set_disabled(std::string_view name, bool disabled, const Author& author);
    // Names of address books as they show in the home; empty = all.
    void set_books(std::string_view name, const std::vector<std::string>& books, const Author& author);
    void set_card(std::string_view name, std::string_view card, const Author& author);  // "book/name"; empty: none
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
