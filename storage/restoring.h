#pragma once

#include <functional>
#include <optional>
#include <string>

#include "storage/past.h"
#include "storage/store.h"

namespace storage {

// Brings back what was: the object `oid` as it was shown after the record `at`. Nothing is rewound: what is put back
// are ordinary new records with Cause::restore, which replicate like any edit and can be undone like any.
//
//   a file that is there        gets that content and those properties, where it is now
//   a file that is not          comes back with its id
//   a folder that is not        comes back with its id and all it held then, in one step. Members that are not there
//                               come back with their ids, of those that are (moved elsewhere) a copy comes
//   a folder that is there      stays as it is; what it was comes beside it as a copy, with new ids
//
// Where: in the folder where it was, wherever that is now; if that is not there, in the nearest above it that is. When
// the name is taken, under "name (restored)".
struct PutBack {
    SpaceId space = 0;
    Oid oid;
    Lsn at = 0;
    std::optional<NodeId> into = {};  // instead of the folder where it was
    std::string name = {};            // instead of the name it had
    // Asked on the writer before anything is written: throws when it may not be. With the folder, the name there (of
    // what is replaced, or free), and how many octets come.
    std::function<void(WriteTxn&, NodeId folder, const std::string& name, std::int64_t bytes)> may = {};
};

struct PutBackDone {
    Node node;
    std::size_t files = 0;    // that came, or got their content
    std::size_t missing = 0;  // that were there then, and history does not have their octets any more
};

// Empty: nothing of that id was there then, or the file's octets are not kept any more. Octets are staged and compared
// with their hash outside the writer. Blocks as long as copying takes. The root of a space is never put back.
std::optional<PutBackDone> put_back(Store& store, const PutBack& what, const Author& author);

inline constexpr std::size_t kPutBackMax = 1'000'000;  // objects below one folder
inline constexpr int kRestoredNamesMax = 1000;         // tried before it gives up

}  // namespace storage
