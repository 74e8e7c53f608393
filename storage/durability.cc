#include "storage/durability.h"

#include <cstddef>

namespace storage {

std::string_view name_of(Durability level) {
    return kDurabilityNames[static_cast<std::size_t>(level)];
}

std::optional<Durability> durability_named(std::string_view name) {
    for (std::size_t i = 0; i < kDurabilityNames.size(); ++i) {
        if (kDurabilityNames[i] == name) return static_cast<Durability>(i);
    }
    return std::nullopt;
}

std::string loss_window(Durability level) {
    if (level != Durability::relaxed) return "a power cut loses nothing that was acknowledged";
    return "a power cut may lose what was acknowledged in the last " + std::to_string(kRelaxedWindowMs) +
           " ms and while a flush takes";
}

}  // namespace storage
