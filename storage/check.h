#pragma once

#include <span>
#include <vector>

#include "storage/store.h"

namespace sql {
class Connection;
}

namespace storage {

inline constexpr std::size_t kShelves = 256;            // folders of versions/
inline constexpr std::size_t kFindingsMax = 10'000;     // more says nothing new
inline constexpr std::size_t kFileFindingsMax = 9'000;  // of check_files, so that the others are heard as well

// Parts of `hearth check`; each adds what it finds.
void check_schema(sql::Connection& db, std::vector<Store::Finding>& findings);
// Index against disk: missing files, other sizes, what the index does not know, and what other programs may put into a
// tree but no client can reach: links, FIFOs, names that are no names over DAV (reported, never followed or removed).
void check_files(ReadTxn& txn, sql::Connection& db, const Tree& tree, std::vector<Store::Finding>& findings);

// History of files against disk: a kept content whose octets are not there, or not as long. Not against their hash:
// that would read all of history.
void check_history(sql::Connection& db, const Tree& tree, std::vector<Store::Finding>& findings);

// Of the findings, states that expired since they were looked for: their octets went with them.
void forget_expired(sql::Connection& db, const Tree& tree, std::vector<Store::Finding>& findings);

// Names in one folder of history on disk, in their order.
struct KeptFolder {
    std::string path;
    std::vector<std::string> names;
};
// What is in versions/ and trash/ and no state or removal leads to, as far as one view tells: what was put there after
// it is among it. check_strays looks again in a view that began later, and adds what is still so.
std::vector<KeptFolder> find_strays(sql::Connection& db, const Tree& tree);
void check_strays(sql::Connection& db, const Tree& tree, const std::vector<KeptFolder>& strays,
                  std::vector<Store::Finding>& findings);
// Of the findings, the states without octets: they get them back where a stray or a current file has the same.
void put_versions_back(ReadTxn& txn, sql::Connection& db, Tree& tree, std::vector<Store::Finding>& findings);

// What stood in the way of a change and was kept aside: nothing is wrong with it, but somebody may miss it.
void check_kept_aside(const Tree& tree, std::vector<Store::Finding>& findings);

// The index rows of cards and events against their octets. Returns the items whose rows are not what these say.
std::vector<NodeId> check_index(sql::Connection& db, std::span<const Indexer> indexers,
                                std::vector<Store::Finding>& findings);

// lock_above against the locks and their places.
void check_locks(sql::Connection& db, std::vector<Store::Finding>& findings);

// A digest or a sum of sizes that is not what its members make.
struct WrongSum {
    NodeId node = 0;  // collection with a wrong digest
    base::Hash tree;  // the right one
    SpaceId space = 0;
    std::int64_t used_bytes = 0;  // the right one, where node is 0
};
std::vector<WrongSum> check_sums(sql::Connection& db, std::vector<Store::Finding>& findings);

}  // namespace storage
