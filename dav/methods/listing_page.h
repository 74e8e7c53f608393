#pragma once

#include "dav/methods/methods.h"

namespace dav {

// What a browser shows for a collection: plain HTML, no script, at most kPageMembersMax members and a link to the rest.
inline constexpr std::size_t kPageMembersMax = 10'000;
http::Response listing_page(Call& call, Target& target);

}  // namespace dav
