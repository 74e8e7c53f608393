#include "server/command.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

#include <nlohmann/json.hpp>

#include "storage/base/log.h"

namespace server {

const storage::Author kAdmin{.cause = storage::Cause::admin};

Outcome::Outcome(Json value, std::string text_, int status_)
    : text(std::move(text_)), status(status_), value_(std::make_unique<Json>(std::move(value))) {}
Outcome::Outcome(Outcome&&) noexcept = default;
Outcome& Outcome::operator=(Outcome&&) noexcept = default;
Outcome::~Outcome() = default;

std::string text_of(const Json& request, const char* name) {
    const auto found = request.find(name);
    return found == request.end() || !found->is_string() ? std::string() : found->get<std::string>();
}

bool flag_of(const Json& request, const char* name) {
    const auto found = request.find(name);
    return found != request.end() && found->is_boolean() && found->get<bool>();
}

std::string date_text(std::int64_t ms) {
    const std::time_t seconds = static_cast<std::time_t>(ms / 1000);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text.data();
}

std::string columns(const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    }
    std::string out;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            line += row[i];
            if (i + 1 < row.size()) line.append(widths[i] - row[i].size() + 2, ' ');
        }
        out += line + "\n";
    }
    return out;
}

std::string kind_text(storage::PrincipalKind kind) {
    return kind == storage::PrincipalKind::user ? "user" : "group";
}

const storage::Principal& principal(const storage::AccountBook& book, const std::string& name,
                                    storage::PrincipalKind kind) {
    const auto* found = book.find(name);
    if (found == nullptr || found->kind != kind)
        throw Refused("there is no " + kind_text(kind) + " " + base::printable(name, 64));
    return *found;
}

}  // namespace server
