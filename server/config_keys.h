#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "server/config.h"

namespace server {

enum class KeyKind : std::uint8_t { text, flag, number, bytes, seconds, choice, texts };
enum class Change : std::uint8_t { reload, restart };

using KeyValue = std::variant<bool, std::int64_t, std::string, std::vector<std::string>>;

// One key of the configuration. The row drives reading the file, the environment and flags, `config show`, the
// documented conf/hearth.toml, and what SIGHUP may change: a new key is a new row and a member.
template <typename Target>
struct Key {
    const char* name;  // "limits.connections_max"
    KeyKind kind;
    Change change;
    const char* doc;
    std::int64_t min = 0;  // numbers, bytes, seconds
    std::int64_t max = 0;
    std::vector<const char*> choices{};  // of a choice, and of each of texts when not empty
    const char* accepts = "";            // what `check` wants, in words
    // Brings a text (each one of texts) to its one form; false: not accepted.
    bool (*check)(std::string&) = nullptr;
    std::function<KeyValue(const Target&)> get{};
    std::function<void(Target&, const KeyValue&)> set{};
};

std::span<const Key<Config>> config_keys();
std::span<const Key<ListenEntry>> listen_keys();

// "a whole number from 1 to 100000", "one of debug, info", …
template <typename Target>
std::string accepted(const Key<Target>& key);
extern template std::string accepted(const Key<Config>&);
extern template std::string accepted(const Key<ListenEntry>&);

// Checks bounds and form; the text says what is accepted when it fails.
template <typename Target>
bool fits(const Key<Target>& key, KeyValue& value);
extern template bool fits(const Key<Config>&, KeyValue&);
extern template bool fits(const Key<ListenEntry>&, KeyValue&);

std::string variable_name(std::string_view key);                 // "HEARTH_LIMITS_CONNECTIONS_MAX"
std::optional<std::int64_t> parse_bytes(std::string_view text);  // "64 KiB", "1GiB", "1048576"
std::string bytes_text(std::int64_t bytes);                      // "64 KiB" when it is a whole one, else digits
std::string_view level_name(base::Level level);

}  // namespace server
