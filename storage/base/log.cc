#include "storage/base/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include <cstdint>
#include <memory>

#include "storage/base/path.h"

namespace base {
namespace {

spdlog::level::level_enum spdlog_level(Level level) {
    switch (level) {
        case Level::debug: return spdlog::level::debug;
        case Level::info: return spdlog::level::info;
        case Level::warn: return spdlog::level::warn;
        case Level::error: return spdlog::level::err;
    }
    return spdlog::level::err;
}

std::string_view level_name(Level level) {
    switch (level) {
        case Level::debug: return "debug";
        case Level::info: return "info";
        case Level::warn: return "warn";
        case Level::error: return "error";
    }
    return "error";
}

// Never destroyed: threads may log while the process ends.
spdlog::logger& logger() {
    static spdlog::logger* const instance = [] {
        auto made = std::make_unique<spdlog::logger>("hearth", std::make_shared<spdlog::sinks::stderr_sink_mt>());
        made->set_formatter(
            std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%eZ %v", spdlog::pattern_time_type::utc));
        made->set_level(spdlog::level::info);
        made->flush_on(spdlog::level::debug);
        return made.release();
    }();
    return *instance;
}

void append_escaped(std::string& out, char c) {
    constexpr std::string_view digits = "0123456789abcdef";
    const auto octet = static_cast<unsigned char>(c);
    out += "\\x";
    out.push_back(digits[octet >> 4]);
    out.push_back(digits[octet & 15]);
}

// The length of the valid UTF-8 sequence at the start of `text`; 0 when there is none.
std::size_t sequence_length(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text.front());
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (text.size() < length || !is_utf8(text.substr(0, length))) return 0;
    return length;
}

bool is_control(std::string_view sequence) {
    const auto first = static_cast<unsigned char>(sequence.front());
    if (sequence.size() == 1) return first < 0x20 || first == 0x7f;
    // C1 controls (U+0080..U+009F) move the cursor on some terminals.
    return sequence.size() == 2 && first == 0xc2 && static_cast<unsigned char>(sequence[1]) < 0xa0;
}

std::string escaped(std::string_view text, std::size_t limit, bool quotes) {
    std::string out;
    out.reserve(std::min(text.size(), limit));
    while (!text.empty()) {
        const std::size_t length = sequence_length(text);
        const auto sequence = text.substr(0, std::max<std::size_t>(length, 1));
        const char first = sequence.front();
        const bool plain = length > 0 && !is_control(sequence) && !(quotes && (first == '"' || first == '\\'));
        const std::size_t cost = plain ? sequence.size() : sequence.size() * 4;
        if (out.size() + cost > limit) return out + "...";
        if (plain) out += sequence;
        if (!plain) std::for_each(sequence.begin(), sequence.end(), [&](char c) { append_escaped(out, c); });
        text.remove_prefix(sequence.size());
    }
    return out;
}

constexpr std::size_t kLineBytesMax = 8192;

}  // namespace

void set_log_level(Level level) {
    logger().set_level(spdlog_level(level));
}
bool log_enabled(Level level) {
    return logger().should_log(spdlog_level(level));
}

void log(Level level, std::string_view module, std::string_view message) {
    if (!log_enabled(level)) return;
    std::string line(level_name(level));
    line += ' ';
    line += module;
    line += ' ';
    line += escaped(message, kLineBytesMax, false);
    logger().log(spdlog_level(level), spdlog::string_view_t(line.data(), line.size()));
}

std::string printable(std::string_view text, std::size_t limit) {
    return escaped(text, limit, true);
}

}  // namespace base
