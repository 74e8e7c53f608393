#pragma once

#include <functional>
#include <optional>
#include <string>

#include "storage/base/bytes.h"
#include "storage/base/clock.h"
#include "storage/replication/apply.h"

// Octets that a record names, found in a store, and taken into one.
namespace storage {

class ReadTxn;

// Where they are if they are here, below the storage root: at the object that has them, or in history.
std::string content_path(ReadTxn& txn, const WantedContent& wanted);

// False: there is no such file, or it is not (any more) what is wanted; `to` may have got octets all the same.
bool send_content(const Tree& tree, const std::string& path, const WantedContent& wanted, base::ByteSink& to);

// What `send` sends, complete and verified, or nothing.
std::optional<Content> receive_content(Tree& tree, base::Rng& rng, const WantedContent& wanted,
                                       const std::function<bool(base::ByteSink&)>& send);

}  // namespace storage
