#include "server/qr.h"

#include <memory>

#include <qrencode.h>

namespace server {

std::string qr_blocks(std::string_view text, Ink ink) {
    const std::string copy(text);
    const std::unique_ptr<QRcode, decltype(&QRcode_free)> code(QRcode_encodeString8bit(copy.c_str(), 0, QR_ECLEVEL_L),
                                                               &QRcode_free);
    if (!code) return {};
    constexpr int kQuiet = 2;  // the standard asks for 4; every reader tried takes 2, and it fits 80x24
    const auto dark = [&](int x, int y) {
        if (x < 0 || y < 0 || x >= code->width || y >= code->width) return false;
        return (code->data[y * code->width + x] & 1) != 0;
    };
    std::string out;
    for (int y = -kQuiet; y < code->width + kQuiet; y += 2) {
        if (ink == Ink::terminal) out += "\x1b[30;107m";
        for (int x = -kQuiet; x < code->width + kQuiet; ++x) {
            // What is drawn in the foreground: dark modules on the white we set, or light ones on a dark screen.
            const bool upper = dark(x, y) == (ink == Ink::terminal);
            const bool lower = dark(x, y + 1) == (ink == Ink::terminal);
            out += upper ? (lower ? "█" : "▀") : (lower ? "▄" : " ");
        }
        out += ink == Ink::terminal ? "\x1b[0m\n" : "\n";
    }
    return out;
}

}  // namespace server
