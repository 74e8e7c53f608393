#include "server/config.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>

#include <toml++/toml.h>

#include "server/config_keys.h"

namespace server {
namespace {

constexpr std::size_t kFileBytesMax = 1 << 20;
constexpr std::size_t kListenMax = 32;

using Environment = std::map<std::string, std::string>;

// Fit for one line of a terminal; its quotes stay, other than in the log.
std::string visible(std::string_view text) {
    std::string escaped = base::printable(text, 120);
    constexpr std::string_view kQuote = "\\x22";
    for (auto at = escaped.find(kQuote); at != std::string::npos; at = escaped.find(kQuote, at)) {
        escaped.replace(at, kQuote.size(), "\"");
    }
    return escaped;
}

[[noreturn]] void refuse(const std::string& where, const std::string& what) {
    throw ConfigError(where + ": " + what);
}

// `$NAME` and `${NAME}` from the environment; `$$` is one dollar sign.
std::string expand(const std::string& text, const Environment& environment, const std::string& where) {
    const auto is_name = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        if (text[i] != '$') {
            out += text[i++];
            continue;
        }
        if (text.substr(i, 2) == "$$") {
            out += '$';
            i += 2;
            continue;
        }
        const bool braces = text.substr(i, 2) == "${";
        const std::size_t begin = i + (braces ? 2 : 1);
        std::size_t end = begin;
        while (end < text.size() && is_name(text[end])) ++end;
        const std::string name = text.substr(begin, end - begin);
        if (name.empty() || (braces && text.substr(end, 1) != "}"))
            refuse(where, "a $ is written $$, or names a variable as $NAME or ${NAME}");
        const auto found = environment.find(name);
        if (found == environment.end()) refuse(where, "$" + name + " is not set in the environment");
        out += found->second;
        i = end + (braces ? 1 : 0);
    }
    return out;
}

// A value as somebody wrote it, on the way to what a key wants: text from outside may stand for any type.
std::optional<KeyValue> from_text(KeyKind kind, const std::string& text) {
    switch (kind) {
        case KeyKind::flag:
            if (text == "true" || text == "false") return text == "true";
            return std::nullopt;
        case KeyKind::number:
        case KeyKind::seconds: {
            std::int64_t value = 0;
            const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
            if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
            return value;
        }
        case KeyKind::bytes:
            if (const auto value = parse_bytes(text)) return *value;
            return std::nullopt;
        case KeyKind::choice:
        case KeyKind::text: return text;
        case KeyKind::texts: {
            std::vector<std::string> list;
            std::istringstream parts(text);
            for (std::string part; std::getline(parts, part, ',');) {
                const auto begin = part.find_first_not_of(' ');
                if (begin == std::string::npos) continue;
                list.push_back(part.substr(begin, part.find_last_not_of(' ') - begin + 1));
            }
            return list;
        }
    }
    return std::nullopt;
}

template <typename Target>
void set_from_text(Target& target, const Key<Target>& key, const std::string& text, const std::string& where) {
    auto value = from_text(key.kind, text);
    if (!value || !fits(key, *value)) refuse(where, "\"" + visible(text) + "\" is not " + accepted(key));
    key.set(target, *value);
}

std::string shown(const toml::node& node) {
    std::ostringstream text;
    if (node.is_table()) return "a table";
    node.visit([&](const auto& typed) { text << typed; });
    std::string flat = text.str();
    std::ranges::replace(flat, '\'', '"');
    return visible(flat);
}

// The value of a node as `kind` wants it; nothing: another type.
std::optional<KeyValue> from_node(KeyKind kind, const toml::node& node, const Environment& environment,
                                  const std::string& where) {
    const auto text_of = [&](const toml::node& n) -> std::optional<std::string> {
        if (const auto* text = n.as_string()) return expand(text->get(), environment, where);
        return std::nullopt;
    };
    if (kind == KeyKind::flag) {
        if (const auto* value = node.as_boolean()) return value->get();
    }
    if (kind == KeyKind::number || kind == KeyKind::seconds || kind == KeyKind::bytes) {
        if (const auto* value = node.as_integer()) return value->get();
    }
    if (kind == KeyKind::texts) {
        const auto* array = node.as_array();
        if (array == nullptr) return std::nullopt;
        std::vector<std::string> list;
        for (const auto& item : *array) {
            const auto text = text_of(item);
            if (!text) return std::nullopt;
            list.push_back(*text);
        }
        return list;
    }
    const auto text = text_of(node);
    if (!text) return std::nullopt;
    // "$PORT" has to be able to give a number.
    const bool expanded = node.as_string()->get().find('$') != std::string::npos;
    if (kind == KeyKind::bytes || kind == KeyKind::text || kind == KeyKind::choice || expanded)
        return from_text(kind, *text);
    return std::nullopt;
}

template <typename Target>
void set_from_node(Target& target, const Key<Target>& key, const toml::node& node, const Environment& environment,
                   const std::string& where) {
    auto value = from_node(key.kind, node, environment, where);
    if (!value || !fits(key, *value)) refuse(where, shown(node) + " is not " + accepted(key));
    key.set(target, *value);
}

std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t corner = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t above = row[j];
            row[j] = std::min({above + 1, row[j - 1] + 1, corner + (a[i - 1] == b[j - 1] ? 0 : 1)});
            corner = above;
        }
    }
    return row[b.size()];
}

template <typename Keys>
std::string nearest(std::string_view name, const Keys& keys, const std::string& prefix) {
    constexpr std::size_t kNameMax = 64;
    std::string best;
    std::size_t best_distance = name.size() / 2 + 1;
    for (const auto& key : keys) {
        const std::size_t d = distance(name.substr(0, kNameMax), key.name);
        if (d < best_distance) {
            best_distance = d;
            best = prefix + key.name;
        }
    }
    return best;
}

[[noreturn]] void refuse_unknown(const std::string& where, const std::string& nearest_key) {
    refuse(where, "unknown key; " + (nearest_key.empty() ? std::string("`hearth config show` prints all there are")
                                                         : "the nearest is " + nearest_key));
}

// One file being read: where things stand in it.
class File {
  public:
    File(const std::string& path, const Environment& environment) : path_(path), environment_(environment) {
        std::ifstream in(path, std::ios::binary);
        if (!in) throw ConfigError(path + ": can not be read");
        std::string text(kFileBytesMax + 1, '\0');
        in.read(text.data(), static_cast<std::streamsize>(text.size()));
        text.resize(static_cast<std::size_t>(in.gcount()));
        if (text.size() > kFileBytesMax) throw ConfigError(path + ": is larger than 1 MiB");
        try {
            table_ = toml::parse(text);
        } catch (const toml::parse_error& error) {
            throw ConfigError(path + ":" + std::to_string(error.source().begin.line) + ": " +
                              std::string(error.description()));
        }
    }

    void apply(Config& config, std::vector<std::string>& listen_where) { read_table(config, table_, "", listen_where); }

  private:
    std::string at(const toml::node& node, const std::string& key) const {
        return path_ + ":" + std::to_string(node.source().begin.line) + ": " + key;
    }
    std::string at(const toml::key& key, const std::string& name) const {
        return path_ + ":" + std::to_string(key.source().begin.line) + ": " + name;
    }

    void read_table(Config& config, const toml::table& table, const std::string& prefix,
                    std::vector<std::string>& listen_where) {
        for (const auto& [key, node] : table) {
            const std::string name = prefix + std::string(key.str());
            if (name == "listen") {
                read_listen(config, node, listen_where);
                continue;
            }
            const auto keys = config_keys();
            const auto row = std::ranges::find_if(keys, [&](const auto& k) { return k.name == name; });
            if (row != keys.end()) {
                set_from_node(config, *row, node, environment_, at(node, name));
                continue;
            }
            const bool section = std::ranges::any_of(
                keys, [&](const auto& k) { return std::string_view(k.name).starts_with(name + "."); });
            if (!section) refuse_unknown(at(key, name), nearest(name, keys, ""));
            if (!node.is_table()) refuse(at(node, name), shown(node) + " is not a table of keys");
            read_table(config, *node.as_table(), name + ".", listen_where);
        }
    }

    void read_listen(Config& config, const toml::node& node, std::vector<std::string>& listen_where) {
        const auto* array = node.as_array();
        if (array == nullptr || array->empty() || array->size() > kListenMax || !array->is_homogeneous<toml::table>()) {
            refuse(at(node, "listen"), "is written as 1 to " + std::to_string(kListenMax) + " tables [[listen]]");
        }
        config.listen.clear();
        listen_where.clear();
        for (const auto& item : *array) {
            config.listen.push_back(read_entry(*item.as_table()));
            listen_where.push_back(at(item, "listen"));
        }
    }

    ListenEntry read_entry(const toml::table& table) {
        ListenEntry entry;
        const auto keys = listen_keys();
        for (const auto& [key, node] : table) {
            const auto row =
                std::ranges::find_if(keys, [&wanted = key](const auto& k) { return wanted.str() == k.name; });
            if (row == keys.end()) {
                refuse_unknown(at(key, "listen." + std::string(key.str())), nearest(key.str(), keys, "listen."));
            }
            set_from_node(entry, *row, node, environment_, at(node, "listen." + std::string(key.str())));
        }
        if (entry.unix_path.empty()) return entry;
        if (table.contains("address") || table.contains("port")) {
            refuse(at(table, "listen"), "has either unix or address and port");
        }
        if (!table.contains("tls")) entry.tls = false;
        return entry;
    }

    std::string path_;
    const Environment& environment_;
    toml::table table_;
};

// "127.0.0.1:8443", "[::1]:8443", "*:8443", "unix:/path"; "http://" in front makes it plain.
ListenEntry listen_from(const std::string& text, const std::string& where) {
    const auto wrong = [&] {
        refuse(where, "\"" + visible(text) +
                          "\" is not ADDRESS:PORT, [IPV6]:PORT, *:PORT or unix:/path (http:// in front: without TLS)");
    };
    ListenEntry entry;
    std::string rest = text;
    if (rest.starts_with("https://")) {
        rest.erase(0, 8);
    } else if (rest.starts_with("http://")) {
        rest.erase(0, 7);
        entry.tls = false;
    }
    const auto keys = listen_keys();
    const auto set = [&](std::string_view name, const std::string& value) {
        const auto row = std::ranges::find_if(keys, [&](const auto& k) { return name == k.name; });
        auto wanted = from_text(row->kind, value);
        if (!wanted || !fits(*row, *wanted)) wrong();
        row->set(entry, *wanted);
    };
    if (rest.starts_with("unix:")) {
        set("unix", rest.substr(5));
        if (entry.unix_path.empty()) wrong();
        entry.tls = false;
        return entry;
    }
    const auto colon = rest.rfind(':');
    if (colon == std::string::npos || colon == 0) wrong();
    const std::string address = rest.substr(0, colon);
    if (address.find(':') != std::string::npos && address.front() != '[') wrong();
    set("address", address);
    set("port", rest.substr(colon + 1));
    return entry;
}

void set_listen(Config& config, std::vector<std::string>& listen_where, const std::vector<std::string>& texts,
                const std::string& where) {
    if (texts.empty() || texts.size() > kListenMax)
        refuse(where, "wants 1 to " + std::to_string(kListenMax) + " addresses");
    config.listen.clear();
    listen_where.clear();
    for (const auto& text : texts) {
        config.listen.push_back(listen_from(text, where));
        listen_where.push_back(where);
    }
}

bool is_loopback(const std::string& address) {
    return address == "::1" || address.starts_with("127.");
}

// What no single row can see.
void check_together(const Config& config, const std::vector<std::string>& listen_where) {
    for (std::size_t i = 0; i < config.listen.size(); ++i) {
        const auto& entry = config.listen[i];
        const bool local = !entry.unix_path.empty() || is_loopback(entry.address);
        if (entry.tls || local || !config.trusted_proxies.empty()) continue;
        refuse(listen_where[i], "plain HTTP on " + entry.address +
                                    " would show passwords to the network; use tls = true, a loopback address, a unix "
                                    "socket, or set trusted_proxies");
    }
    if ((config.tls_certificate == "auto") != (config.tls_key == "auto")) {
        throw ConfigError("tls.cert and tls.key are both \"auto\" or both paths");
    }
}

}  // namespace

Config load_config(const ConfigSource& source) {
    Config config;
    std::vector<std::string> listen_where(config.listen.size(), "listen");
    if (!source.file.empty()) File(source.file, source.environment).apply(config, listen_where);
    for (const auto& key : config_keys()) {
        const std::string name = variable_name(key.name);
        const auto found = source.environment.find(name);
        if (found != source.environment.end()) set_from_text(config, key, found->second, name);
    }
    if (const auto found = source.environment.find("HEARTH_LISTEN"); found != source.environment.end()) {
        const auto texts = std::get<std::vector<std::string>>(*from_text(KeyKind::texts, found->second));
        set_listen(config, listen_where, texts, "HEARTH_LISTEN");
    }
    std::vector<std::string> listen_flags;
    for (const auto& [name, value] : source.flags) {
        if (name == "listen") {
            listen_flags.push_back(value);
            continue;
        }
        const auto keys = config_keys();
        const auto row = std::ranges::find_if(keys, [&wanted = name](const auto& k) { return wanted == k.name; });
        if (row == keys.end()) refuse_unknown("--" + name, nearest(name, keys, ""));
        set_from_text(config, *row, value, "--" + name);
    }
    if (!listen_flags.empty()) set_listen(config, listen_where, listen_flags, "--listen");
    check_together(config, listen_where);
    return config;
}

std::vector<std::string> restart_keys_changed(const Config& running, const Config& wanted) {
    std::vector<std::string> names;
    for (const auto& key : config_keys()) {
        if (key.change == Change::restart && key.get(running) != key.get(wanted)) names.emplace_back(key.name);
    }
    const auto same_entry = [](const ListenEntry& a, const ListenEntry& b) {
        return std::ranges::all_of(listen_keys(), [&](const auto& key) { return key.get(a) == key.get(b); });
    };
    if (!std::ranges::equal(running.listen, wanted.listen, same_entry)) names.emplace_back("listen");
    return names;
}

Config with_reloaded(const Config& running, const Config& wanted) {
    Config merged = running;
    for (const auto& key : config_keys()) {
        if (key.change == Change::reload) key.set(merged, key.get(wanted));
    }
    return merged;
}

std::uint8_t role_bits(const std::vector<std::string>& roles) {
    static const std::map<std::string_view, http::Role> kBits = {{"dav", http::role_dav},
                                                                 {"web", http::role_web},
                                                                 {"guests", http::role_guests},
                                                                 {"replication", http::role_replication},
                                                                 {"metrics", http::role_metrics}};
    unsigned bits = 0;
    for (const auto& role : roles) bits |= kBits.at(role);
    return static_cast<std::uint8_t>(bits);
}

std::map<std::string, std::string> process_environment() {
    constexpr std::size_t kVariablesMax = 4096;
    std::map<std::string, std::string> variables;
    for (char** entry = environ; *entry != nullptr && variables.size() < kVariablesMax; ++entry) {
        const std::string_view text = *entry;
        const auto equals = text.find('=');
        if (equals != std::string_view::npos) variables.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
    return variables;
}

}  // namespace server
