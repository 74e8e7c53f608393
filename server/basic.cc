#include "server/basic.h"

#include <algorithm>

#include "dav/http/headers.h"
#include "storage/base/hash.h"
#include "storage/base/path.h"

namespace server {
namespace {

constexpr std::size_t kCredentialBytesMax = 4096;

}  // namespace

std::optional<BasicPair> parse_basic(std::string_view authorization) {
    const std::size_t space = authorization.find(' ');
    if (space == std::string_view::npos || !http::equal_ignoring_case(authorization.substr(0, space), "Basic"))
        return std::nullopt;
    std::string_view token = authorization.substr(space);
    token.remove_prefix(std::min(token.find_first_not_of(' '), token.size()));
    if (token.size() > kCredentialBytesMax) return std::nullopt;
    const auto text = base::unbase64(token);
    if (!text || !base::is_utf8(*text)) return std::nullopt;
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (std::ranges::any_of(*text, is_control)) return std::nullopt;
    const std::size_t colon = text->find(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == text->size()) return std::nullopt;
    return BasicPair{text->substr(0, colon), text->substr(colon + 1)};
}

std::string basic_challenge(std::string_view realm) {
    std::string challenge = "Basic realm=\"";
    for (const char c : realm) {
        if (c == '"' || c == '\\') challenge.push_back('\\');
        challenge.push_back(c);
    }
    return challenge + "\", charset=\"UTF-8\"";
}

}  // namespace server
