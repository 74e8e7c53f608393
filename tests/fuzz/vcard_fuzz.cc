// Cards: what is read is printed and read again as it was, and every version becomes every other.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "carddav/conversion.h"
#include "carddav/vcard.h"

namespace {

bool same(const carddav::Card& a, const carddav::Card& b) {
    if (a.version != b.version || a.lines.size() != b.lines.size()) return false;
    for (std::size_t i = 0; i < a.lines.size(); ++i) {
        const auto &one = a.lines[i], &other = b.lines[i];
        if (one.group != other.group || one.name != other.name || one.value != other.value) return false;
        if (one.parameters.size() != other.parameters.size()) return false;
    }
    return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const carddav::CardText& one : carddav::cards_in(text)) {
        if (one.text.empty()) std::abort();
    }
    try {
        const carddav::Card card = carddav::parse_card(text);
        for (const carddav::Version to : {carddav::Version::v3_0, carddav::Version::v4_0}) {
            const carddav::Card other = carddav::converted(card, to);
            if (other.version != to) std::abort();
            if (!same(carddav::parse_card(carddav::print_card(other)), other)) std::abort();
        }
        for (const carddav::ContentLine& line : card.lines) {
            if (carddav::components(line.value).empty()) std::abort();
        }
    } catch (const carddav::BadCard&) {
    }
    return 0;
}
