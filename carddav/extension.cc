#include "carddav/extension.h"

#include "carddav/card_rule.h"
#include "carddav/index.h"

namespace carddav {

// Complete before any of it is used: `server` reads it when it opens the store.
const dav::Extension kExtension{properties(), reports(), std::span(&kCardRule, 1), std::span(&kCardSchema, 1),
                                "addressbook"};

}  // namespace carddav
