#pragma once

#include <string_view>

#include "dav/item_rule.h"
#include "server/command.h"

// Commands about address books and calendars, and what is in them.
namespace server {

// By the format of their files ("vcf"). Null: none of ours.
const dav::ItemRule* rule_of_format(std::string_view format);

Outcome collection_list(Core& core, const Json& request);    // user
Outcome collection_add(Core& core, const Json& request);     // user, kind, name, title
Outcome collection_set(Core& core, const Json& request);     // user, kind, name, title
Outcome collection_remove(Core& core, const Json& request);  // user, kind, name

inline constexpr std::size_t kImportItemsMax = 256;   // of one request
inline constexpr std::size_t kExportBytes = 1 << 20;  // of one answer, about
// format, user, collection, items: [octets in base64]. One commit; `value` counts added, changed, unchanged, and has
// `aside` for what is not taken: [{item, why}].
Outcome import_items(Core& core, const Json& request);
// Puts all collections of a user or group as files into the folder of its files, which a removal keeps: afterwards
// nobody can ask for them. Says where, below the storage root; empty: there is nothing to keep.
std::string keep_collections(Core& core, const storage::Principal& owner);

// format, user, collection, after: the name behind which to go on. `value` has octets in base64 and `next`, empty at
// the end.
Outcome export_items(Core& core, const Json& request);

}  // namespace server
