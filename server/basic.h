#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace server {

// What a Basic Authorization header says (RFC 7617). The secret may hold colons; neither part is empty.
struct BasicPair {
    std::string user;
    std::string secret;
};

// Empty: another scheme, broken base64, no colon, an empty part, a control character, or not UTF-8. All of them are
// answered like a wrong password.
std::optional<BasicPair> parse_basic(std::string_view authorization);

// "Basic realm="…", charset="UTF-8"" with the realm quoted.
std::string basic_challenge(std::string_view realm);

}  // namespace server
