#pragma once

#include <string>
#include <string_view>

namespace base {

// One line per event on stderr, key=value, control characters escaped so that no input can forge a line.
// spdlog is behind it (log.cc only). Thread-safe. Secrets never come here: callers log prefixes of tokens at most.
enum class Level { debug, info, warn, error };

void set_log_level(Level level);
bool log_enabled(Level level);
void log(Level level, std::string_view module, std::string_view message);

inline void log_debug(std::string_view module, std::string_view message) { log(Level::debug, module, message); }
inline void log_info(std::string_view module, std::string_view message) { log(Level::info, module, message); }
inline void log_warn(std::string_view module, std::string_view message) { log(Level::warn, module, message); }
inline void log_error(std::string_view module, std::string_view message) { log(Level::error, module, message); }

// `text` with control characters, quotes and invalid UTF-8 escaped as \xNN, cut at `limit` octets.
std::string printable(std::string_view text, std::size_t limit = 200);

}  // namespace base
