#pragma once

#include <string>
#include <string_view>

namespace server {

enum class Ink { terminal, plain };  // terminal: black on white whatever its colours; plain: light modules are blocks

// `text` as a QR code of UTF-8 half blocks, two rows of modules in a line. Empty when it does not fit.
std::string qr_blocks(std::string_view text, Ink ink);

}  // namespace server
