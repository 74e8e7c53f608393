#include "server/admin_cli.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "server/app.h"
#include "server/certificates.h"
#include "server/collections.h"
#include "server/commands.h"
#include "server/config.h"
#include "server/config_keys.h"
#include "server/connect_lines.h"
#include "server/control.h"
#include "server/core.h"
#include "server/item_files.h"
#include "server/process.h"
#include "server/wiring.h"

namespace server {
namespace {

using Json = nlohmann::json;

constexpr const char* kDefaultFile = "/etc/hearth/hearth.toml";
constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

// The options every sub-command has, and what one invocation wants to be done.
struct Invocation {
    std::string config_file;
    std::string root;
    bool json = false;
    std::vector<std::string> listen;
    bool password_stdin = false;
    std::string connect_user;
    std::string file;
    Json arguments = Json::object();
    std::function<int()> action;
};

class CommandFailed : public std::runtime_error {
    using runtime_error::runtime_error;
};

ConfigSource source_of(const Invocation& call) {
    ConfigSource source;
    source.environment = process_environment();
    source.file = call.config_file;
    if (source.file.empty()) {
        if (const auto named = source.environment.find("HEARTH_CONFIG"); named != source.environment.end())
            source.file = named->second;
    }
    struct stat facts {};
    if (source.file.empty() && ::stat(kDefaultFile, &facts) == 0) source.file = kDefaultFile;
    if (!call.root.empty()) {
        std::string root = call.root;
        if (root.front() != '/') {
            const std::unique_ptr<char, decltype(&::free)> here(::getcwd(nullptr, 0), &::free);
            if (here) root = std::string(here.get()) + "/" + root;
        }
        source.flags.emplace_back("root", root);
    }
    for (const auto& address : call.listen) source.flags.emplace_back("listen", address);
    return source;
}

std::string password_from_stdin() {
    constexpr std::size_t kLineMax = 1024;
    std::string line;
    for (int c = std::cin.get(); c != EOF && c != '\n' && line.size() <= kLineMax; c = std::cin.get()) {
        line.push_back(static_cast<char>(c));
    }
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty()) throw CommandFailed("no password came on standard input");
    return line;
}

bool is_root_missing(const Config& config) {
    struct stat facts {};
    return ::stat((config.root + "/.hearth").c_str(), &facts) != 0 && errno == ENOENT;
}

// Opens the root of a stopped server.
std::unique_ptr<Core> open_root(const Config& config, bool may_create) {
    const bool missing = is_root_missing(config);
    if (missing && !may_create) {
        throw CommandFailed("there is no storage root at " + config.root +
                            "; `hearth serve` or `hearth user add` makes one");
    }
    if (missing) {
        settle_identity(config);
    } else {
        become_owner_of(config.root);
    }
    CoreOptions options = core_options(config);
    options.store.create = may_create && config.create_root;
    return Core::open(options, {base::system_clock(), base::system_rng(), storage::system_fs(), base::system_exec()});
}

std::string text_of_request(const Json& request) {
    return request.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Asks a running server through its control socket, else the opened root.
class Administration {
  public:
    Administration(const Config& config, bool may_create) : config_(config), may_create_(may_create) {}

    Json answer(const Json& request) {
        const std::string text = text_of_request(request);
        if (!core_) {
            if (const auto answer = control_call(control_path(config_.root), text))
                return checked(Json::parse(*answer));
            core_ = open_root(config_, may_create_);
        }
        return checked(Json::parse(execute_command(*core_, text)));
    }

  private:
    static Json checked(Json answer) {
        if (answer.contains("error")) throw CommandFailed(answer["error"].get<std::string>());
        return answer;
    }

    const Config& config_;
    const bool may_create_;
    std::unique_ptr<Core> core_;
};

int administer(Invocation& call, const std::string& command) {
    Json request = call.arguments;
    request["command"] = command;
    if (call.password_stdin) request["password"] = password_from_stdin();
    const Config config = load_config(source_of(call));
    const Json answer = Administration(config, command == "user add").answer(request);
    if (call.json) {
        std::cout << answer["value"].dump() << "\n";
    } else {
        std::cout << answer["text"].get<std::string>();
    }
    const int status = answer["status"].get<int>();
    if (status != 0) std::cerr << "hearth: findings that were not repaired\n";
    return status;
}

const dav::ItemRule& rule_of_file(const Invocation& call) {
    const std::string format = call.arguments["format"].get<std::string>();
    if (const dav::ItemRule* rule = rule_of_format(format)) return *rule;
    throw CommandFailed("\"" + format + "\" is no format that can be imported or exported");
}

// Status 1 when anything was set aside: a script must be able to tell.
int import_items_from(const Invocation& call) {
    const dav::ItemRule& rule = rule_of_file(call);
    const Config config = load_config(source_of(call));
    Administration administration(config, false);
    std::ifstream opened;
    if (call.file != "-") {
        opened.open(call.file, std::ios::binary);
        if (!opened) throw CommandFailed(call.file + " can not be read");
    }
    const ImportResult result =
        import_file(rule, call.file == "-" ? std::cin : opened, call.arguments,
                    [&](const Json& request) { return administration.answer(request)["value"]; });
    if (call.json) {
        Json value = {{"added", result.added}, {"changed", result.changed}, {"unchanged", result.unchanged}};
        value["aside"] = Json::array();
        for (const auto& one : result.aside) value["aside"].push_back({{"line", one.line}, {"why", one.why}});
        std::cout << text_of_request(value) << "\n";
    } else {
        std::cout << "added " << result.added << ", changed " << result.changed << ", unchanged " << result.unchanged
                  << ", set aside " << result.aside.size() << "\n";
        for (const auto& one : result.aside) std::cout << "line " << one.line << ": " << one.why << "\n";
    }
    if (result.aside.empty()) return 0;
    std::cerr << "hearth: " << result.aside.size() << " were set aside, the others are in\n";
    return kFailed;
}

int export_items_to(const Invocation& call) {
    const dav::ItemRule& rule = rule_of_file(call);
    const Config config = load_config(source_of(call));
    Administration administration(config, false);
    export_file(rule, std::cout, call.arguments,
                [&](const Json& request) { return administration.answer(request)["value"]; });
    return 0;
}

int status(const Invocation& call) {
    const Config config = load_config(source_of(call));
    Json value = {{"running", false}, {"root", config.root}};
    std::vector<std::string> addresses;
    if (const auto answer = control_call(control_path(config.root), R"({"command":"status"})")) {
        const Json parsed = Json::parse(*answer);
        if (parsed.contains("error")) throw CommandFailed(parsed["error"].get<std::string>());
        value.update(parsed["value"]);
        addresses = value["addresses"].get<std::vector<std::string>>();
    }
    if (call.json) {
        std::cout << value.dump() << "\n";
        return 0;
    }
    if (!call.connect_user.empty()) {
        Reach reach = reach_of(config, addresses, lan_addresses());
        const auto authority = stored_authority(keys_folder(config));
        if (authority && config.tls_certificate == "auto") {
            if (const auto facts = certificate_facts(*authority)) reach.fingerprint = facts->fingerprint;
        }
        reach.user = call.connect_user;
        if (call.password_stdin) reach.password = password_from_stdin();
        std::cout << connect_lines(reach, config, ::isatty(STDOUT_FILENO) != 0 ? Ink::terminal : Ink::plain);
    }
    if (!value["running"].get<bool>()) {
        std::cout << "hearth does not serve " << config.root << "\n";
        // The control socket went with the root: a server that lost its disk can not be asked.
        if (is_root_missing(config))
            std::cout << "there is no storage root there; if its disk is not mounted, mount it. A server that runs "
                         "without it says so in its log\n";
        return 0;
    }
    std::cout << "hearth serves " << config.root << " as process " << value["pid"].get<int>() << " on";
    for (const auto& address : addresses) std::cout << " " << address;
    std::cout << "\n";
    const Json& volume = value["volume"];
    std::cout << "its file system is " << volume["file_system"].get<std::string>() << " ("
              << volume["kind"].get<std::string>() << "):\n";
    for (const auto& promise : volume["promises"]) std::cout << "  " << promise.get<std::string>() << "\n";
    const auto trouble = value["trouble"].get<std::string>();
    if (!trouble.empty()) std::cout << "READ-ONLY: " << trouble << "\n";
    return 0;
}

int run_server(const Invocation& call) {
    ServeOptions options;
    options.source = source_of(call);
    options.json = call.json;
    options.connect = !call.connect_user.empty();
    options.connect_user = call.connect_user;
    if (call.password_stdin) options.connect_password = password_from_stdin();
    return serve(options);
}

int config_show(const Invocation& call) {
    const Config config = load_config(source_of(call));
    if (!call.json) {
        std::cout << show_config(config);
        return 0;
    }
    Json all = Json::object();
    const auto put = [](Json& into, const std::string& name, const KeyValue& value) {
        std::visit([&](const auto& typed) { into[name] = typed; }, value);
    };
    for (const auto& key : config_keys()) put(all, key.name, key.get(config));
    all["listen"] = Json::array();
    for (const auto& entry : config.listen) {
        Json one = Json::object();
        for (const auto& key : listen_keys()) put(one, key.name, key.get(entry));
        all["listen"].push_back(one);
    }
    std::cout << all.dump() << "\n";
    return 0;
}

int version(const Invocation& call) {
    if (call.json) {
        std::cout << Json{{"id", "hearth"}, {"version", HEARTH_VERSION}}.dump() << "\n";
    } else {
        std::cout << "hearth " HEARTH_VERSION "\n";
    }
    return 0;
}

// ---- the shape of the command line ----

class CommandLine {
  public:
    explicit CommandLine(Invocation& call) : call_(call) {
        app_.require_subcommand(1);
        app_.footer(
            "Exit status: 0 done, 1 failed, 2 wrong usage. Each command has --help. Every key of the\n"
            "configuration is also a variable HEARTH_…; `hearth config show` prints them all.");
        add_serve();
        add_users();
        add_groups();
        add_app_passwords();
        add_collections();
        add_files();
        add_locks();
        add_rest();
    }

    CLI::App& app() { return app_; }

  private:
    CLI::App* leaf(CLI::App& parent, const std::string& name, const std::string& help, std::function<int()> action) {
        CLI::App* made = parent.add_subcommand(name, help);
        made->add_option("--config", call_.config_file,
                         std::string("configuration file (HEARTH_CONFIG, else ") + kDefaultFile + " if there)");
        made->add_option("--root", call_.root, "storage root (HEARTH_ROOT, else /var/lib/hearth)");
        made->add_flag("--json", call_.json, "print one JSON value");
        made->callback([this, action = std::move(action)] { call_.action = action; });
        return made;
    }

    CLI::App* command(CLI::App& parent, const std::string& name, const std::string& help) {
        const std::string full = &parent == &app_ ? name : parent.get_name() + " " + name;
        return leaf(parent, name, help, [this, full] { return administer(call_, full); });
    }

    CLI::App& family(const std::string& name, const std::string& help) {
        CLI::App* made = app_.add_subcommand(name, help);
        made->require_subcommand(1);
        return *made;
    }

    void text(CLI::App* to, const std::string& option, const std::string& argument, const std::string& help,
              bool required) {
        auto* added = to->add_option_function<std::string>(
            option, [this, argument](const std::string& value) { call_.arguments[argument] = value; }, help);
        if (required) added->required();
    }

    void flag(CLI::App* to, const std::string& option, const std::string& argument, const std::string& help) {
        to->add_flag_callback(
            option, [this, argument] { call_.arguments[argument] = true; }, help);
    }

    void texts(CLI::App* to, const std::string& option, const std::string& argument, const std::string& help) {
        to->add_option_function<std::vector<std::string>>(
            option, [this, argument](const std::vector<std::string>& values) { call_.arguments[argument] = values; },
            help);
    }

    void password_option(CLI::App* to) {
        to->add_flag("--password-stdin", call_.password_stdin,
                     "read the password from standard input, else a random one is printed once");
    }

    void listen_option(CLI::App* to) {
        to->add_option(
              "--listen", call_.listen,
              "ADDRESS:PORT, [IPV6]:PORT, *:PORT or unix:/path; http:// in front: without TLS; may be repeated")
            ->allow_extra_args(false);
    }

    void add_serve() {
        CLI::App* made = leaf(app_, "serve", "run the server; the first start makes the root and a certificate",
                              [this] { return run_server(call_); });
        listen_option(made);
        made->add_option("--connect", call_.connect_user, "print how the devices of this user connect");
        made->add_flag("--password-stdin", call_.password_stdin, "with --connect: the password to print");
    }

    void add_users() {
        CLI::App& users = family("user", "people");
        CLI::App* add = command(users, "add", "add a user; makes a missing root");
        text(add, "NAME", "name", "a-z, 0-9, dot, dash, underscore", true);
        flag(add, "--admin", "admin", "an administrator");
        password_option(add);
        CLI::App* passwd = command(users, "passwd", "give a new password");
        text(passwd, "NAME", "name", "of the user", true);
        password_option(passwd);
        command(users, "list", "list users");
        text(command(users, "disable", "refuse all credentials, keep everything"), "NAME", "name", "of the user", true);
        text(command(users, "enable", "undo disable"), "NAME", "name", "of the user", true);
        CLI::App* quota = command(users, "quota", "limit what the user's files take");
        text(quota, "NAME", "name", "of the user", true);
        text(quota, "SIZE", "size", "like \"10 GiB\", a number of bytes, or none", true);
        CLI::App* books = command(users, "books", "which address books show with the account password");
        text(books, "NAME", "name", "of the user", true);
        text(books, "BOOKS", "books", "all, or names like contacts,club~family,merged", true);
        CLI::App* card = command(users, "card", "which card describes the user");
        text(card, "NAME", "name", "of the user", true);
        text(card, "CARD", "card", "like contacts/ana.vcf, or none", true);
        text(command(users, "remove", "end all credentials at once; the files are kept for a while"), "NAME", "name",
             "of the user", true);
    }

    void add_groups() {
        CLI::App& groups = family("group", "people who share a folder");
        text(command(groups, "add", "add a group"), "NAME", "name", "of the group", true);
        CLI::App* members = command(groups, "members", "list members, after adding and removing some");
        text(members, "NAME", "name", "of the group", true);
        texts(members, "--add", "add", "users to add");
        texts(members, "--remove", "remove", "users to remove");
        command(groups, "list", "list groups");
        text(command(groups, "remove", "remove a group; its files are kept for a while"), "NAME", "name",
             "of the group", true);
    }

    void add_app_passwords() {
        CLI::App& passwords = family("app-password", "passwords for one device each");
        CLI::App* add = command(passwords, "add", "make one; it is shown once");
        text(add, "USER", "user", "whose", true);
        text(add, "LABEL", "label", "what for", true);
        text(add, "--scope", "scope", "files, calendars, contacts or all");
        flag(add, "--read-only", "read_only", "no changes");
        text(add, "--path", "path", "only this folder of the user's files");
        text(add, "--books", "books",
             "address books that show: names like contacts,club~family; merged is all of them as one, read-only");
        text(command(passwords, "list", "list them, without the secrets"), "USER", "user", "whose", true);
        CLI::App* revoke = command(passwords, "revoke", "end one at once");
        text(revoke, "USER", "user", "whose", true);
        text(revoke, "ID", "id", "as listed", true);
    }
    void text(CLI::App* to, const std::string& option, const std::string& argument, const std::string& help) {
        text(to, option, argument, help, false);
    }

    void add_collections() {
        CLI::App& collections = family("collection", "address books of users and groups");
        text(command(collections, "list", "list them"), "USER", "user", "user or group", true);
        const auto named = [&](const char* verb, const char* help) {
            CLI::App* made = command(collections, verb, help);
            text(made, "USER", "user", "user or group", true);
            text(made, "KIND", "kind", "contacts", true);
            text(made, "NAME", "name", "as in its URL", true);
            return made;
        };
        text(named("add", "make one"), "--title", "title", "what people call it");
        text(named("set", "give it another title"), "--title", "title", "what people call it", true);
        named("remove", "remove one with all in it; history has it");
    }

    void add_files() {
        const auto add = [&](const char* verb, const char* help, std::function<int()> action) {
            CLI::App* made = leaf(app_, verb, help, std::move(action));
            text(made, "FORMAT", "format", "vcf", true);
            text(made, "USER", "user", "user or group", true);
            text(made, "COLLECTION", "collection", "the address book, as in its URL", true);
            return made;
        };
        add("import", "put the cards of a file into an address book", [this] { return import_items_from(call_); })
            ->add_option("FILE", call_.file, "the file; - is standard input")
            ->required();
        add("export", "print all of an address book as one file", [this] { return export_items_to(call_); });
    }

    void add_locks() {
        CLI::App& locks = family("lock", "what clients have locked over WebDAV");
        command(locks, "list", "list the locks in force");
        text(command(locks, "break", "end a lock whose client is gone"), "TOKEN", "token", "as listed", true);
    }

    void add_rest() {
        flag(command(app_, "check", "compare the index with files, digests and schema"), "--repair", "repair",
             "rebuild what can be recomputed");
        CLI::App* state =
            leaf(app_, "status", "whether a server runs on the root, and where", [this] { return status(call_); });
        state->add_option("--connect", call_.connect_user, "print how the devices of this user connect");
        state->add_flag("--password-stdin", call_.password_stdin, "with --connect: the password to print");
        listen_option(leaf(family("config", "the configuration"), "show",
                           "print the effective configuration with comments (TOML)",
                           [this] { return config_show(call_); }));
        leaf(app_, "version", "print the version", [this] { return version(call_); });
    }

    Invocation& call_;
    CLI::App app_{"A server for your own files over HTTPS.", "hearth"};
};

int fail(const std::string& line) {
    std::cerr << "hearth: " << line << "\n";
    return kFailed;
}

}  // namespace

int run(int argc, char** argv) {
    Invocation call;
    CommandLine line(call);
    try {
        line.app().parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) return line.app().exit(error);  // --help
        std::cerr << "hearth: " << error.what() << " (hearth --help)\n";
        return kWrongUsage;
    }
    // The process ends here: whatever went wrong is one line.
    try {
        const int status = call.action();
        std::cout.flush();
        return std::cout ? status : fail("standard output could not be written");
    } catch (const std::exception& error) {
        return fail(error.what());
    }
}

}  // namespace server
