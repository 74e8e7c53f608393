#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "storage/account_book.h"
#include "storage/txn.h"

namespace storage {

// What follows from kv rows of accounts, in the transaction that wrote them, whether a person here or the records of
// another home did: every user and group has a folder of its name; who was removed has none, the files are in trash and
// the locks end; who left a group has no lock in its files. Between homes a space is known by its kind and owner.
// `changed`: the rows that were written. Returns where the files of those who were removed went, below the storage
// root.
std::map<base::Id128, std::string> follow_accounts(WriteTxn& txn, std::span<const KvKey> changed, const Author& author);

// The spaces that each user and group has, and how to make one of them.
struct Lacking {
    base::Id128 owner;
    SpaceKind kind = SpaceKind::files;
};
std::vector<Lacking> lacking_spaces(ReadTxn& txn, const AccountBook& book);
void make_space_of(WriteTxn& txn, const Principal& owner, SpaceKind kind, const Author& author);

}  // namespace storage
