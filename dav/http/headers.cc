#include "dav/http/headers.h"

#include <algorithm>

namespace http {
namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

// RFC 9110 §5.5: CR, LF and NUL in a value are dangerous; the other controls but HTAB are of no use to anybody.
std::string harmless(std::string_view value) {
    std::string out(value);
    for (char& c : out) {
        const auto octet = static_cast<unsigned char>(c);
        if ((octet < 0x20 && c != '\t') || octet == 0x7f) c = ' ';
    }
    return out;
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

void Headers::add(std::string_view name, std::string_view value) {
    fields_.emplace_back(harmless(name), harmless(value));
}

void Headers::set(std::string_view name, std::string_view value) {
    remove(name);
    add(name, value);
}

void Headers::remove(std::string_view name) {
    std::erase_if(fields_, [name](const Field& field) { return equal_ignoring_case(field.first, name); });
}

std::optional<std::string_view> Headers::find(std::string_view name) const {
    for (const auto& [field_name, value] : fields_) {
        if (equal_ignoring_case(field_name, name)) return value;
    }
    return std::nullopt;
}

std::string_view Headers::get(std::string_view name) const {
    return find(name).value_or(std::string_view{});
}

std::optional<std::string> Headers::combined(std::string_view name) const {
    std::optional<std::string> all;
    for (const auto& [field_name, value] : fields_) {
        if (!equal_ignoring_case(field_name, name)) continue;
        if (all) {
            all->append(", ").append(value);
        } else {
            all = value;
        }
    }
    return all;
}

std::size_t Headers::count(std::string_view name) const {
    const auto found = std::count_if(fields_.begin(), fields_.end(),
                                     [name](const Field& field) { return equal_ignoring_case(field.first, name); });
    return static_cast<std::size_t>(found);
}

}  // namespace http
