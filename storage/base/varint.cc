#include "storage/base/varint.h"

namespace base {

void put_varint(std::string& out, std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>((value & 0x7f) | 0x80));
    out.push_back(static_cast<char>(value));
}

std::optional<std::uint64_t> take_varint(std::string_view& octets) {
    std::uint64_t value = 0;
    std::size_t taken = 0;
    for (int shift = 0; shift < 64 && taken < octets.size(); shift += 7) {
        const std::uint64_t part = static_cast<unsigned char>(octets[taken++]);
        if (shift == 63 && part > 1) return std::nullopt;
        value |= (part & 0x7f) << shift;
        if (part >= 0x80) continue;
        if (part == 0 && taken > 1) return std::nullopt;  // a last group of zeros: a second form of the same number
        octets.remove_prefix(taken);
        return value;
    }
    return std::nullopt;
}

}  // namespace base
