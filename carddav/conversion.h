#pragma once

#include "carddav/vcard.h"

// One card in another version (RFC 6350 appendix A and the habits of clients that still write 3.0). Pure and total:
// what the other version has no place for stays as it is, so that there and back again loses nothing that a client
// shows.
namespace carddav {

// `to` is v3_0 or v4_0; a card of that version comes back as it is.
Card converted(Card card, Version to);

}  // namespace carddav
