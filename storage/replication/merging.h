#pragma once

#include <cstddef>

#include "storage/store.h"

// Cards and events that homes changed without knowing of each other (replication.md 2.4): the content of the highest
// rank shows, and the others wait in history until one home makes one content of them all. That is a record like any
// other; two homes that make it at a time make the same octets.
namespace storage {

inline constexpr std::size_t kMergesAtOnce = 1000;  // of one call; the next one goes on

// Settles what stands beside each other in the space. Where the domain can not merge, what shows stays, and the others
// are history. Says how many objects were settled. Any thread but the writer; safe at any time.
std::size_t merge_items(Store& store, SpaceId space);

}  // namespace storage
