#include <cstdio>

#include "server/config.h"
#include "server/config_keys.h"

namespace server {
namespace {

constexpr std::size_t kCommentColumns = 116;

// A TOML basic string. `$` is doubled: a single one would be taken for a variable when this is read again.
std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '$') {
            out += "$$";
        } else if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            char escape[8];
            std::snprintf(escape, sizeof escape, "\\u%04X", static_cast<unsigned>(static_cast<unsigned char>(c)));
            out += escape;
        } else {
            out += c;
        }
    }
    return out + "\"";
}

std::string toml_value(KeyKind kind, const KeyValue& value) {
    if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
    if (const auto* text = std::get_if<std::string>(&value)) return quoted(*text);
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
        const std::string text = kind == KeyKind::bytes ? bytes_text(*number) : std::to_string(*number);
        return text.find(' ') == std::string::npos ? text : quoted(text);
    }
    std::string list = "[";
    for (const auto& item : std::get<std::vector<std::string>>(value)) {
        list += (list.size() > 1 ? ", " : "") + quoted(item);
    }
    return list + "]";
}

// `text` as comment lines, broken between words.
std::string comment(std::string_view text) {
    std::string out = "#";
    std::size_t column = 1;
    while (!text.empty()) {
        const auto word = text.substr(0, text.find(' '));
        if (column > 1 && column + 1 + word.size() > kCommentColumns) {
            out += "\n#";
            column = 1;
        }
        out.append(" ").append(word);
        column += 1 + word.size();
        text.remove_prefix(std::min(text.size(), word.size() + 1));
    }
    return out + "\n";
}

template <typename Target>
std::string documented(const Key<Target>& key, const Target& shown, std::string_view short_name,
                       std::string_view variable) {
    std::string facts = "Accepts " + accepted(key) + "; default " + toml_value(key.kind, key.get(Target{})) + "; " +
                        (key.change == Change::reload ? "reload; " : "restart; ");
    facts.append(variable);
    return comment(key.doc) + comment(facts) + std::string(short_name) + " = " + toml_value(key.kind, key.get(shown)) +
           "\n";
}

std::string listen_section(const Config& config) {
    std::string out =
        "\n" + comment(
                   "Where it listens: one table for each address or unix socket. All need a restart. HEARTH_LISTEN and "
                   "--listen replace them: ADDRESS:PORT, [IPV6]:PORT, *:PORT or unix:/path, with http:// in front "
                   "without TLS.");
    for (const auto& key : listen_keys()) {
        out += comment(std::string(key.name) + ": " + key.doc + " Accepts " + accepted(key) + ".");
    }
    for (const auto& entry : config.listen) {
        out += "[[listen]]\n";
        for (const auto& key : listen_keys()) {
            const std::string_view name = key.name;
            if (entry.unix_path.empty() ? name == "unix" : name == "address" || name == "port") continue;
            out += std::string(name) + " = " + toml_value(key.kind, key.get(entry)) + "\n";
        }
    }
    return out;
}

}  // namespace

std::string show_config(const Config& config) {
    std::string out = comment(
        "Configuration of Hearth: every key there is. A value may come from this file, then from the environment "
        "(the HEARTH_ name), then from a flag; the last wins. In strings $NAME and ${NAME} are replaced from the "
        "environment, $$ is one dollar sign. \"reload\" keys are applied by SIGHUP, all or none; \"restart\" keys "
        "at the next start. Sizes are a number of bytes or a text like \"64 KiB\".");
    std::string section;
    for (const auto& key : config_keys()) {
        const std::string_view name = key.name;
        const auto dot = name.rfind('.');
        const std::string_view of = dot == std::string_view::npos ? "" : name.substr(0, dot);
        if (of != section) {
            // Tables of the file follow the keys that are in none.
            section = of;
            out += "\n[" + section + "]";
        }
        out += "\n" + documented(key, config, dot == std::string_view::npos ? name : name.substr(dot + 1),
                                 variable_name(name));
    }
    return out + listen_section(config);
}

}  // namespace server
