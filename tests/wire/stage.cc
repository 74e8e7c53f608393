#include "tests/wire/stage.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "server/password.h"

namespace wire {

namespace fs = std::filesystem;

namespace {

// Cheap: nobody attacks these passwords, and a script waits for them.
constexpr server::Argon2Cost kCost{64, 1};

std::string phc_of(const std::string& password) {
    return server::hash_password(password, kCost, base::system_rng());
}

std::vector<std::string> words_of(const std::string& text) {
    std::istringstream in(text);
    std::vector<std::string> words;
    for (std::string word; in >> word;) words.push_back(word);
    return words;
}

// "a/b" -> segments.
base::Segments segments_of(const std::string& path) {
    base::Segments segments;
    std::istringstream in(path);
    for (std::string part; std::getline(in, part, '/');) {
        if (!part.empty()) segments.push_back(part);
    }
    return segments;
}

std::string percent_decoded(const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size()) {
            out.push_back(static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16)));
            i += 2;
        } else {
            out.push_back(text[i]);
        }
    }
    return out;
}

std::string contents(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in || !fs::is_regular_file(path)) throw std::runtime_error("no such file on disk: " + path);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

void expect(bool holds, const std::string& message) {
    if (!holds) throw std::runtime_error(message);
}

constexpr storage::Author kAdmin{storage::Cause::admin, {}, {}};

}  // namespace

Stage::Stage(Mode mode) : mode_(mode) {
    // In memory where there is such a place: hundreds of roots are made, and what a flush is worth is tested elsewhere.
    std::string pattern =
        (::access("/dev/shm", W_OK) == 0 ? fs::path("/dev/shm") : fs::temp_directory_path()) / "hearth-wire-XXXXXX";
    if (!::mkdtemp(pattern.data())) throw std::runtime_error("mkdtemp failed");
    root_ = pattern;
    options_.store.root = root_ + "/root";
    options_.base_path = mode == Mode::base_path ? "/cloud" : "";
    options_.auth.argon2_memory_kib = kCost.memory_kib;
    options_.auth.argon2_passes = kCost.passes;
    open();
    admin("user ana");
    admin("user ben");
}

Stage::~Stage() {
    transport_.reset();
    core_.reset();
    std::error_code ignored;
    fs::remove_all(root_, ignored);
}

void Stage::open() {
    core_ = server::Core::open(options_,
                               storage::Seams{clock_, base::system_rng(), storage::system_fs(), base::system_exec()});
    transport_ = mode_ == Mode::tls ? over_tls(core_->handler()) : in_process(core_->handler());
}

void Stage::restart() {
    transport_.reset();
    core_.reset();
    open();
}

std::string Stage::login(const std::string& name) const {
    auto found = logins_.find(name);
    return found == logins_.end() ? "" : found->second;
}

void Stage::admin(const std::string& text) {
    auto words = words_of(text);
    expect(words.size() >= 2, "an admin line is 'verb name …'");
    const std::string& verb = words[0];
    const std::string& name = words[1];
    auto& accounts = core_->accounts();
    auto word = [&](std::size_t i) { return i < words.size() ? words[i] : std::string(); };
    if (verb == "user") {
        logins_[name] = name + ":" + name + "-secret-word";
        accounts.add_user(name, word(2) == "admin", phc_of(name + "-secret-word"), kAdmin);
    } else if (verb == "group") {
        accounts.add_group(name, kAdmin);
        for (std::size_t i = 2; i < words.size(); ++i) accounts.set_member(name, words[i], true, kAdmin);
    } else if (verb == "member") {
        accounts.set_member(name, word(2), word(3) != "no", kAdmin);
    } else if (verb == "disable" || verb == "enable") {
        accounts.set_disabled(name, verb == "disable", kAdmin);
    } else if (verb == "remove") {
        accounts.remove(name, kAdmin);
    } else if (verb == "passwd") {
        logins_[name] = name + ":" + word(2);
        accounts.set_password(name, phc_of(word(2)), kAdmin);
    } else if (verb == "quota") {
        accounts.set_quota(name, word(2) == "none" ? std::nullopt : std::optional<std::uint64_t>(std::stoull(word(2))),
                           kAdmin);
    } else if (verb == "app-password") {
        add_app_password(text);
    } else if (verb == "books") {
        accounts.set_books(name, segments_of(text.substr(text.find(name) + name.size() + 1)), kAdmin);
    } else if (verb == "card") {
        accounts.set_card(name, text.substr(text.find(name) + name.size() + 1), kAdmin);
    } else if (verb == "revoke") {
        const auto& [user, id] = app_passwords_.at(name);
        accounts.revoke_app_password(user, id, kAdmin);
    } else if (verb == "option") {
        set_option(name, text.substr(text.find(name) + std::min(name.size() + 1, text.size() - text.find(name))));
    } else {
        throw std::runtime_error("no such admin verb: " + verb);
    }
}

// "app-password phone ana scope=files read-only subtree=a/b": the script's user `phone` signs in as ana with it.
void Stage::add_app_password(const std::string& text) {
    auto words = words_of(text);
    expect(words.size() >= 3, "app-password NAME USER [scope=…] [read-only] [subtree=…] [books=a/b]");
    storage::AppPassword made;
    made.label = words[1];
    for (std::size_t i = 3; i < words.size(); ++i) {
        if (words[i].rfind("scope=", 0) == 0) made.scope = storage::scope_from(words[i].substr(6)).value();
        if (words[i] == "read-only") made.read_only = true;
        if (words[i].rfind("subtree=", 0) == 0) made.subtree = segments_of(words[i].substr(8));
        if (words[i].rfind("books=", 0) == 0) made.books = segments_of(words[i].substr(6));
    }
    // 24 characters of Crockford's alphabet; the label makes it unique in the script.
    std::string secret = base::hex(base::sha256(words[1]).view()).substr(0, 24);
    made.secret = server::app_password_hash(server::normalised_app_password(secret).value());
    auto stored = core_->accounts().add_app_password(words[2], made, kAdmin);
    app_passwords_[words[1]] = {words[2], stored.id};
    logins_[words[1]] = words[2] + ":" + secret;
}

void Stage::set_option(const std::string& key, const std::string& value) {
    auto number = [&] { return std::stoull(value); };
    bool on = value != "off";
    if (key == "hosts") {
        options_.hosts = words_of(value);
    } else if (key == "file_bytes_max") {
        options_.limits.file_bytes_max = number();
    } else if (key == "free_floor_bytes") {
        options_.store.free_floor_bytes = options_.limits.free_floor_bytes = number();
    } else if (key == "account_password_on_dav") {
        options_.auth.account_password_on_dav = on;
    } else if (key == "files") {
        options_.services.files = on;
    } else if (key == "contacts") {
        options_.services.contacts = on;
    } else if (key == "calendars") {
        options_.services.calendars = on;
    } else if (key == "ca_pem") {
        options_.ca_pem = value;
    } else {
        throw std::runtime_error("no such option: " + key);
    }
    restart();
}

std::string Stage::on_disk(const std::string& path) const {
    return options_.store.root + "/" + percent_decoded(path);
}

void Stage::disk(const std::string& text, const std::string& block) {
    auto words = words_of(text);
    expect(words.size() >= 2, "a disk line is 'verb path …' or 'path = text'");
    if (words[1] == "=" || words[1] == "contains") {
        auto at = text.find(words[1], words[0].size()) + words[1].size();
        std::string wanted = block.empty() ? text.substr(std::min(text.size(), at + 1)) : block;
        std::string got = contents(on_disk(words[0]));
        bool holds = words[1] == "=" ? got == wanted : got.find(wanted) != std::string::npos;
        expect(holds,
               "on disk " + words[0] + " holds '" + got.substr(0, 200) + "', wanted '" + wanted.substr(0, 200) + "'");
        return;
    }
    const std::string& verb = words[0];
    std::string path = on_disk(words[1]);
    auto rest = [&] {
        auto at = text.find(words[1]) + words[1].size();
        return block.empty() ? text.substr(std::min(text.size(), at + 1)) : block;
    };
    bool exists = fs::symlink_status(path).type() != fs::file_type::not_found;
    if (verb == "absent") {
        expect(!exists, words[1] + " is there");
    } else if (verb == "file") {
        expect(fs::symlink_status(path).type() == fs::file_type::regular, words[1] + " is no file");
    } else if (verb == "folder") {
        expect(fs::symlink_status(path).type() == fs::file_type::directory, words[1] + " is no folder");
    } else if (verb == "entries") {
        auto count =
            exists ? std::distance(fs::recursive_directory_iterator(path), fs::recursive_directory_iterator()) : 0;
        expect(std::to_string(count) == rest(),
               words[1] + " has " + std::to_string(count) + " entries, wanted " + rest());
    } else if (verb == "octets") {
        expect(std::to_string(fs::file_size(path)) == rest(),
               words[1] + " has " + std::to_string(fs::file_size(path)) + " octets");
    } else if (verb == "mtime") {
        struct stat facts {};
        expect(::stat(path.c_str(), &facts) == 0, words[1] + " is not there");
        expect(std::to_string(facts.st_mtim.tv_sec) == rest(),
               words[1] + " has mtime " + std::to_string(facts.st_mtim.tv_sec));
    } else if (verb == "mode") {
        const unsigned mode = static_cast<unsigned>(fs::status(path).permissions());
        std::ostringstream octal;
        octal << std::oct << mode;
        expect(octal.str() == rest(), words[1] + " has the mode " + octal.str());
    } else if (verb == "chmod") {
        fs::permissions(path, static_cast<fs::perms>(std::stoul(rest(), nullptr, 8)));
    } else if (verb == "write") {
        fs::create_directories(fs::path(path).parent_path());
        std::ofstream(path, std::ios::binary | std::ios::trunc) << rest();
    } else if (verb == "mkdir") {
        fs::create_directories(path);
    } else if (verb == "symlink") {
        fs::create_symlink(rest(), path);
    } else if (verb == "fifo") {
        expect(::mkfifo(path.c_str(), 0600) == 0, "mkfifo failed");
    } else if (verb == "remove") {
        fs::remove_all(path);
    } else if (verb == "move") {
        fs::rename(path, on_disk(rest()));
    } else {
        throw std::runtime_error("no such disk verb: " + verb);
    }
}

void Stage::clock(const std::string& text) {
    char* unit = nullptr;
    std::int64_t count = std::strtoll(text.c_str(), &unit, 10);
    std::int64_t scale = *unit == 'h' ? 3'600'000 : *unit == 'm' ? 60'000 : 1'000;
    clock_.shift(count * scale);
}

}  // namespace wire
