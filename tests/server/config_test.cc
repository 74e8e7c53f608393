#include "server/config.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <set>
#include <sstream>

#include "server/config_keys.h"
#include "tests/server/scratch.h"

namespace {

using server::Config;
using server::ConfigSource;

class File {
  public:
    explicit File(const std::string& text) : path_(scratch_.root() + "-hearth.toml") { write(text); }
    void write(const std::string& text) const { std::ofstream(path_, std::ios::trunc) << text; }
    const std::string& path() const { return path_; }

  private:
    Scratch scratch_;
    std::string path_;
};

Config load(const std::string& text, std::map<std::string, std::string> environment = {}) {
    const File file(text);
    return server::load_config({file.path(), std::move(environment), {}});
}

// The error without the folder of the file; empty when it loads.
std::string refusal(const std::string& text, std::map<std::string, std::string> environment = {}) {
    const File file(text);
    try {
        server::load_config({file.path(), std::move(environment), {}});
    } catch (const server::ConfigError& error) {
        std::string what = error.what();
        if (const auto at = what.find("hearth.toml"); at != std::string::npos) what.erase(0, at);
        return what;
    }
    return {};
}

}  // namespace

TEST_CASE("a wrong key or value is refused with file, line and what is accepted") {
    struct Row {
        const char* text;
        const char* error;
    };
    const Row rows[] = {
        {"\n\n[limits]\nconnections_max = \"abc\"\n",
         "hearth.toml:4: limits.connections_max: \"abc\" is not a whole number from 1 to 100000"},
        {"[limits]\nconnections_max = 0\n",
         "hearth.toml:2: limits.connections_max: 0 is not a whole number from 1 to 100000"},
        {"[limits]\nconnections_max = 1.5\n",
         "hearth.toml:2: limits.connections_max: 1.5 is not a whole number from 1 to 100000"},
        {"[limits]\nconections_max = 5\n",
         "hearth.toml:2: limits.conections_max: unknown key; the nearest is limits.connections_max"},
        {"[limits]\nidle_timeout_s = 3601\n",
         "hearth.toml:2: limits.idle_timeout_s: 3601 is not a whole number of seconds from 1 to 3600"},
        {"[limits]\nheader_bytes_max = \"12 parsecs\"\n",
         "hearth.toml:2: limits.header_bytes_max: \"12 parsecs\" is not a size from 1 KiB to 1 MiB"},
        {"zzzzqqqqxxxx = 1\n", "hearth.toml:1: zzzzqqqqxxxx: unknown key; `hearth config show` prints all there are"},
        {"log_level = \"loud\"\n", "hearth.toml:1: log_level: \"loud\" is not one of debug, info, warn, error"},
        {"root = \"data\"\n", "hearth.toml:1: root: \"data\" is not an absolute path"},
        {"limits = 3\n", "hearth.toml:1: limits: 3 is not a table of keys"},
        {"[services]\nfiles = 1\n", "hearth.toml:2: services.files: 1 is not true or false"},
        {"base_path = \"/a/../b\"\n",
         "hearth.toml:1: base_path: \"/a/../b\" is not a path like /cloud of letters, digits, . _ ~ -, or empty"},
        {"trusted_proxies = [\"10.0.0.0/33\"]\n",
         "hearth.toml:1: trusted_proxies: [ \"10.0.0.0/33\" ] is not a list of addresses or networks like 10.0.0.0/8"},
        {"root = \"$HOME_OF_DATA\"\n", "hearth.toml:1: root: $HOME_OF_DATA is not set in the environment"},
        {"realm = \"50 $ a month\"\n",
         "hearth.toml:1: realm: a $ is written $$, or names a variable as $NAME or ${NAME}"},
        {"[[listen]]\naddress = \"example.org\"\n",
         "hearth.toml:2: listen.address: \"example.org\" is not an IP address, or * for every address of the machine"},
        {"[[listen]]\nadress = \"::1\"\n", "hearth.toml:2: listen.adress: unknown key; the nearest is listen.address"},
        {"[[listen]]\nroles = [\"admin\"]\n",
         "hearth.toml:2: listen.roles: [ \"admin\" ] is not a list of dav, web, guests, replication, metrics"},
        {"[[listen]]\naddress = \"127.0.0.1\"\nunix = \"/run/h\"\n",
         "hearth.toml:1: listen: has either unix or address and port"},
        {"\n[[listen]]\naddress = \"192.0.2.1\"\ntls = false\n",
         "hearth.toml:2: listen: plain HTTP on 192.0.2.1 would show passwords to the network; use tls = true, a "
         "loopback "
         "address, a unix socket, or set trusted_proxies"},
        {"listen = 8443\n", "hearth.toml:1: listen: is written as 1 to 32 tables [[listen]]"},
        {"[tls]\ncert = \"/etc/cert.pem\"\n", "tls.cert and tls.key are both \"auto\" or both paths"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.text);
        CHECK(refusal(row.text) == row.error);
    }
    // What the TOML parser says is its own; the line is what counts.
    CHECK(refusal("root = \"/a\"\nroot = = 2\n").starts_with("hearth.toml:2: "));
    CHECK_THROWS_AS(server::load_config({"/nowhere/hearth.toml", {}, {}}), server::ConfigError);
}

TEST_CASE("a wrong variable or flag is refused with its name") {
    CHECK(refusal("", {{"HEARTH_LIMITS_WORKERS", "many"}}) ==
          "HEARTH_LIMITS_WORKERS: \"many\" is not a whole number from 1 to 256");
    CHECK_THROWS_WITH(
        server::load_config({"", {}, {{"listen", "8443"}}}),
        "--listen: \"8443\" is not ADDRESS:PORT, [IPV6]:PORT, *:PORT or unix:/path (http:// in front: without TLS)");
    CHECK_THROWS_WITH(server::load_config({"", {}, {{"listen", "http://0.0.0.0:80"}}}),
                      Catch::StartsWith("--listen: plain HTTP on 0.0.0.0"));
}

TEST_CASE("flags win over variables, variables over the file, the file over defaults") {
    const File file("root = \"/from/file\"\nrealm = \"file\"\nlog_level = \"debug\"\n");
    const Config config = server::load_config(
        {file.path(), {{"HEARTH_ROOT", "/from/variable"}, {"HEARTH_REALM", "variable"}}, {{"root", "/from/flag/"}}});
    CHECK(config.root == "/from/flag");
    CHECK(config.realm == "variable");
    CHECK(config.log_level == base::Level::debug);
    CHECK(config.limits.connections_max == net::Limits{}.connections_max);
}

TEST_CASE("strings name variables") {
    const Config config = load("root = \"$DATA/${SUB}x\"\nrealm = \"5 $$\"\n[limits]\nworkers = \"$N\"\n",
                               {{"DATA", "/srv"}, {"SUB", "h"}, {"N", "7"}});
    CHECK(config.root == "/srv/hx");
    CHECK(config.realm == "5 $");
    CHECK(config.limits.workers == 7);
}

TEST_CASE("values have one form") {
    struct Row {
        const char* written;
        const char* kept;
    };
    for (const Row& row :
         {Row{"/", ""}, Row{"", ""}, Row{"cloud", "/cloud"}, Row{"/cloud/", "/cloud"}, Row{"/a/b//", "/a/b"}}) {
        CHECK(load("base_path = \"" + std::string(row.written) + "\"\n").base_path == row.kept);
    }
    CHECK(load("[limits]\nfile_bytes_max = \"2 GiB\"\n").dav_limits.file_bytes_max == std::uint64_t{2} << 30);
    CHECK(load("[limits]\nfile_bytes_max = 17\n").dav_limits.file_bytes_max == 17);
    CHECK(load("[limits]\nidle_timeout_s = 5\n").limits.idle_timeout_ms == 5000);
    CHECK(load("hosts = [\"Cloud.Example:8443\"]\n").hosts == std::vector<std::string>{"cloud.example:8443"});
}

TEST_CASE("listeners come from tables, variables and flags") {
    const Config config = load(
        "[[listen]]\nunix = \"/run/hearth.sock\"\nroles = [\"metrics\"]\n\n[[listen]]\naddress = \"::1\"\nport = "
        "80\ntls = false\n");
    REQUIRE(config.listen.size() == 2);
    CHECK(config.listen[0].unix_path == "/run/hearth.sock");
    CHECK_FALSE(config.listen[0].tls);
    CHECK(server::role_bits(config.listen[0].roles) == http::role_metrics);
    CHECK(config.listen[1].port == 80);

    const Config flags =
        server::load_config({"",
                             {{"HEARTH_LISTEN", "127.0.0.1:1"}},
                             {{"listen", "[::1]:2"}, {"listen", "http://localhost:3"}, {"listen", "unix:/run/h"}}});
    REQUIRE(flags.listen.size() == 3);
    CHECK(flags.listen[0].address == "::1");
    CHECK(flags.listen[0].tls);
    CHECK(flags.listen[1].address == "127.0.0.1");
    CHECK_FALSE(flags.listen[1].tls);
    CHECK(flags.listen[2].unix_path == "/run/h");
    // Behind a proxy the proxy has the TLS.
    CHECK(refusal("trusted_proxies = [\"10.0.0.2\"]\n[[listen]]\naddress = \"0.0.0.0\"\ntls = false\n").empty());
}

TEST_CASE("what config show prints loads back to the same") {
    Config changed = load(
        "root = \"/srv/$$odd \\\"root\\\"\"\nbase_path = \"/cloud\"\nhosts = [\"a.example\", "
        "\"b.example:1\"]\nlog_level = \"error\"\n"
        "trusted_proxies = [\"10.0.0.0/8\"]\n[services]\nweb = false\n[limits]\nworkers = 3\nheader_bytes_max = 1025\n"
        "[auth]\nremember_s = 0\n[[listen]]\nunix = \"/run/h\"\n[[listen]]\naddress = \"0.0.0.0\"\ntls = false\nport = "
        "0\n");
    CHECK(changed.root == "/srv/$odd \"root\"");
    for (const Config& config : {Config{}, changed}) {
        const std::string shown = server::show_config(config);
        const Config again = load(shown);
        CHECK(server::show_config(again) == shown);
        for (const auto& key : server::config_keys()) {
            CAPTURE(key.name);
            CHECK(key.get(again) == key.get(config));
        }
        REQUIRE(again.listen.size() == config.listen.size());
    }
}

TEST_CASE("conf/hearth.toml is what config show prints for the defaults") {
    std::ifstream in(HEARTH_SOURCE_DIR "/conf/hearth.toml");
    std::stringstream text;
    text << in.rdbuf();
    // Made with: env -i hearth config show > conf/hearth.toml
    CHECK(text.str() == server::show_config(Config{}));
}

TEST_CASE("every key has a default that it accepts, a sentence, and a variable of its own") {
    std::set<std::string> variables;
    for (const auto& key : server::config_keys()) {
        CAPTURE(key.name);
        auto value = key.get(Config{});
        CHECK(server::fits(key, value));
        CHECK(value == key.get(Config{}));
        CHECK(std::string_view(key.doc).ends_with('.'));
        CHECK_FALSE(server::accepted(key).empty());
        CHECK(variables.insert(server::variable_name(key.name)).second);
    }
}

TEST_CASE("only reload keys change without a restart") {
    const Config running;
    const Config wanted =
        load("root = \"/elsewhere\"\n[limits]\nconnections_max = 7\nworkers = 7\n[[listen]]\naddress = \"::1\"\n");
    CHECK(server::restart_keys_changed(running, wanted) ==
          std::vector<std::string>{"root", "limits.workers", "listen"});
    const Config merged = server::with_reloaded(running, wanted);
    CHECK(merged.limits.connections_max == 7);
    CHECK(merged.limits.workers == running.limits.workers);
    CHECK(merged.root == running.root);
    CHECK(server::restart_keys_changed(running, running).empty());
}

TEST_CASE("sizes are numbers of bytes with a binary unit") {
    struct Row {
        const char* text;
        std::int64_t bytes;  // -1: refused
    };
    const Row rows[] = {{"0", 0},           {"17", 17},
                        {"1 KiB", 1024},    {"1KiB", 1024},
                        {"3 MiB", 3 << 20}, {"1 TiB", std::int64_t{1} << 40},
                        {"", -1},           {"KiB", -1},
                        {"-1", -1},         {"1 kB", -1},
                        {"1  KiB", -1},     {"9999999999 TiB", -1},
                        {"1 KiB ", -1},     {"99999999999999999999", -1}};
    for (const auto& row : rows) {
        CAPTURE(row.text);
        CHECK(server::parse_bytes(row.text).value_or(-1) == row.bytes);
        if (row.bytes >= 0) CHECK(server::parse_bytes(server::bytes_text(row.bytes)) == row.bytes);
    }
}
