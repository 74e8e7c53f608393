#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <stdexcept>

#include "storage/base/hash.h"
#include "tests/wire/script.h"
#include "tests/wire/stage.h"
#include "tests/wire/xml_tree.h"
// Last: both Catch2 and ours have a CHECK, and here Catch2's is meant.
#include <catch2/catch.hpp>

namespace wire {

namespace {

const std::string kFolder = std::string(HEARTH_SOURCE_DIR) + "/tests/wire";

// HEARTH_WIRE: empty = in process, "tls" = over a TLS socket, "base" = in process with the base path /cloud.
Mode mode_of_run() {
    const char* text = std::getenv("HEARTH_WIRE");
    std::string mode = text ? text : "";
    if (mode == "tls") return Mode::tls;
    if (mode == "base") return Mode::base_path;
    if (!mode.empty()) throw std::runtime_error("HEARTH_WIRE is empty, tls or base");
    return Mode::in_process;
}

class Player {
  public:
    Player(const Script& script, Mode mode) : script_(script), stage_(mode), mode_(mode) {}

    void play() {
        for (const auto& step : script_.steps) {
            line_ = std::visit([](const auto& s) { return s.line; }, step);
            try {
                if (const auto* command = std::get_if<Command>(&step)) {
                    perform(*command);
                } else {
                    judge(std::get<Expectation>(step));
                }
            } catch (const std::exception& error) {
                std::string at = "tests/wire/" + script_.path + ":" + std::to_string(line_) + ": ";
                FAIL(at + error.what() + "\n" + script_.title + "\n" + last_exchange());
            }
        }
    }

  private:
    void perform(const Command& command) {
        std::string text = filled(command.text);
        if (command.subject == "disk") {
            stage_.disk(text, filled(command.body.value_or("")));
        } else if (command.subject == "admin") {
            stage_.admin(text);
        } else if (command.subject == "clock") {
            stage_.clock(text);
        } else if (command.subject == "restart") {
            stage_.restart();
        } else {
            request(command, text);
        }
    }

    void request(const Command& command, const std::string& text) {
        Message message;
        auto space = text.find(' ');
        if (space == std::string::npos) throw std::runtime_error("a request is METHOD /path");
        message.method = text.substr(0, space);
        message.target = text.substr(space + 1);
        if (auto at = message.target.find(" @"); at != std::string::npos) {
            message.body = file_body(message.target.substr(at + 2));
            message.target.resize(at);
        }
        message.target = with_base(message.target);
        authorize(message, command.subject);
        if (command.body) message.body = filled(*command.body);
        for (const auto& [name, value] : command.headers)
            message.headers.emplace_back(name, header_value(name, filled(value)));
        bool writes = message.method == "PUT" || message.method == "POST";
        int times = 1;
        for (const auto& modifier : command.modifiers) {
            auto argument = modifier.find(' ') == std::string::npos ? "" : modifier.substr(modifier.find(' ') + 1);
            if (modifier == "chunked") {
                message.chunked = true;
                if (!message.body) message.body = "";
            } else if (modifier.rfind("octets ", 0) == 0) {
                message.body = std::string(std::stoull(argument), 'x');
            } else if (modifier.rfind("times ", 0) == 0) {
                times = std::stoi(argument);
            } else if (modifier.rfind("remote ", 0) == 0) {
                message.remote = argument;
            } else {
                throw std::runtime_error("no such modifier: ~" + modifier);
            }
        }
        if (writes && !message.body) message.body = "";
        sent_ = message;
        for (int i = 0; i < times; ++i) {
            xml_.reset();
            reply_ = stage_.send(message);
        }
    }

    void authorize(Message& message, const std::string& subject) {
        message.connection = subject.substr(0, subject.find(':'));
        if (subject == "anon") return;
        std::string login = subject.find(':') == std::string::npos ? stage_.login(subject) : subject;
        if (login.empty()) throw std::runtime_error("no such user in this script: " + subject);
        message.headers.emplace_back("Authorization", "Basic " + base::base64(login));
    }

    static std::string file_body(const std::string& name) {
        std::ifstream in(kFolder + "/bodies/" + name, std::ios::binary);
        if (!in) throw std::runtime_error("no tests/wire/bodies/" + name);
        std::ostringstream out;
        out << in.rdbuf();
        return out.str();
    }

    // Paths in scripts are without the base path; here they get it.
    std::string with_base(const std::string& target) const {
        return mode_ == Mode::base_path && target.front() == '/' ? stage_.base_path() + target : target;
    }
    std::string header_value(const std::string& name, const std::string& value) const {
        if (mode_ != Mode::base_path) return value;
        if (http::equal_ignoring_case(name, "Destination")) {
            if (value.rfind('/', 0) == 0 && value.rfind("//", 0) != 0) return stage_.base_path() + value;
            auto authority = value.find("://");
            auto path = authority == std::string::npos ? authority : value.find('/', authority + 3);
            return path == std::string::npos ? value : value.substr(0, path) + stage_.base_path() + value.substr(path);
        }
        if (http::equal_ignoring_case(name, "If")) return tags_with_base(value);
        return value;
    }
    // The resources that an If names stand between angle brackets, as tokens do, which are no paths.
    std::string tags_with_base(std::string value) const {
        for (std::size_t at = 0; (at = value.find('<', at)) != std::string::npos; ++at) {
            std::size_t path = at + 1;
            if (value.compare(path, 4, "http") == 0) path = value.find('/', value.find("://", path) + 3);
            if (path < value.size() && value[path] == '/') value.insert(path, stage_.base_path());
        }
        return value;
    }
    std::string without_base(const std::string& location) const {
        const std::string& base = stage_.base_path();
        if (base.empty() || location.empty()) return location;
        auto authority = location.find("://");
        auto at = authority == std::string::npos ? 0 : location.find('/', authority + 3);
        if (at == std::string::npos || location.compare(at, base.size(), base) != 0) return "(no base path)" + location;
        return location.substr(0, at) + location.substr(at + base.size());
    }

    void judge(const Expectation& expectation) {
        std::istringstream in(expectation.text);
        std::string verb;
        in >> verb;
        std::string rest;
        std::getline(in >> std::ws, rest);
        if (verb.size() == 3 && std::isdigit(static_cast<unsigned char>(verb[0]))) {
            require(verb == std::to_string(reply_.status), "status " + std::to_string(reply_.status), verb);
        } else if (verb == "header") {
            judge_header(filled(rest));
        } else if (verb == "body") {
            judge_body(filled(rest), expectation.block ? std::optional(filled(*expectation.block)) : std::nullopt);
        } else if (verb == "xml") {
            judge_xml(filled(rest));
        } else if (verb == "same") {
            judge_same(filled(rest), filled(expectation.block.value_or("")));
        } else if (verb == "continued") {
            require(reply_.continued, "no 100 Continue", "one");
        } else if (expectation.text == "not continued") {
            require(!reply_.continued, "a 100 Continue", "none");
        } else if (verb == "let") {
            keep(filled(rest));
        } else {
            throw std::runtime_error("no such expectation: < " + expectation.text);
        }
    }

    static void require(bool holds, const std::string& got, const std::string& wanted) {
        if (!holds) throw std::runtime_error("got " + got + ", wanted " + wanted);
    }

    void judge_header(const std::string& text) {
        auto space = text.find(' ');
        std::string name = text.substr(0, space);
        std::string test = space == std::string::npos ? "present" : text.substr(space + 1);
        auto got = header(name);
        if (test == "absent" || test == "present") {
            if ((test == "present") != got.has_value())
                throw std::runtime_error(name + ": " + got.value_or("(absent)") + ", wanted " + test);
            return;
        }
        compare(name, got.value_or("(absent)"), test);
    }

    std::optional<std::string> header(const std::string& name) const {
        auto value = reply_.header(name);
        if (value &&
            (http::equal_ignoring_case(name, "Location") || http::equal_ignoring_case(name, "Content-Location"))) {
            return without_base(*value);
        }
        return value;
    }

    // `test` is "= value" or "~ glob".
    static void compare(const std::string& what, const std::string& got, const std::string& test) {
        std::string wanted = test.size() > 2 ? test.substr(2) : "";
        bool holds = test.front() == '=' ? got == wanted : test.front() == '~' && matches_glob(wanted, got);
        if (!holds) throw std::runtime_error(what + " is '" + got.substr(0, 500) + "', wanted " + test);
    }

    void judge_body(const std::string& text, const std::optional<std::string>& block) {
        auto space = text.find(' ');
        std::string verb = text.substr(0, space);
        std::string wanted = block ? *block : space == std::string::npos ? "" : text.substr(space + 1);
        bool holds = false;
        if (verb == "=") {
            holds = reply_.body == wanted;
        } else if (verb == "empty") {
            holds = reply_.body.empty();
        } else if (verb == "octets") {
            holds = std::to_string(reply_.body.size()) == wanted;
        } else if (verb == "contains" || verb == "lacks") {
            holds = (body_without_base().find(wanted) != std::string::npos) == (verb == "contains");
        } else {
            throw std::runtime_error("no such test of a body: " + verb);
        }
        if (!holds) throw std::runtime_error("body: wanted " + verb + " '" + wanted.substr(0, 300) + "'");
    }

    std::string body_without_base() const {
        std::string text = reply_.body;
        std::string marked = "\"" + stage_.base_path() + "/";
        for (std::size_t at = 0; mode_ == Mode::base_path && (at = text.find(marked, at)) != std::string::npos; ++at) {
            text.erase(at + 1, marked.size() - 2);
        }
        return text;
    }

    const XmlTree& xml() {
        if (!xml_) xml_ = std::make_unique<XmlTree>(reply_.body, stage_.base_path());
        return *xml_;
    }

    void judge_xml(std::string text) {
        bool list = text.rfind("list ", 0) == 0;
        if (list) text.erase(0, 5);
        for (const char* word : {" absent", " present"}) {
            std::string_view suffix(word);
            if (text.size() > suffix.size() && text.compare(text.size() - suffix.size(), suffix.size(), suffix) == 0) {
                std::string xpath = text.substr(0, text.size() - suffix.size());
                bool there = !xml().select(xpath).empty();
                if (there != (suffix == " present")) throw std::runtime_error(xpath + " is not" + word);
                return;
            }
        }
        if (text.ends_with(" =")) text += " ";
        auto at = std::max(last_of(text, " = "), last_of(text, " ~ "));
        if (at < 0) throw std::runtime_error("an xml expectation ends in '= value', '~ glob', 'absent' or 'present'");
        auto cut = static_cast<std::size_t>(at);
        std::string xpath = text.substr(0, cut);
        auto values = xml().select(xpath);
        std::string got;
        if (list) {
            std::sort(values.begin(), values.end());
            for (const auto& value : values) got += (got.empty() ? "" : " ") + value;
        } else {
            got = values.empty() ? "(absent)" : values.front();
        }
        compare(xpath, got, text.substr(cut + 1));
    }

    // The element is the one below, in canonical form.
    void judge_same(const std::string& xpath, const std::string& wanted) {
        compare(xpath, xml().canonical(xpath), "= " + XmlTree(wanted, "").canonical("/*"));
    }

    static std::ptrdiff_t last_of(const std::string& text, const char* mark) {
        auto at = text.rfind(mark);
        return at == std::string::npos ? -1 : static_cast<std::ptrdiff_t>(at);
    }

    // "name = header ETag" or "name = xml XPATH".
    void keep(const std::string& text) {
        auto equals = text.find(" = ");
        if (equals == std::string::npos) throw std::runtime_error("let name = header NAME, or = xml XPATH");
        std::string name = text.substr(0, equals);
        std::string source = text.substr(equals + 3);
        if (source.rfind("header ", 0) == 0) {
            kept_[name] = header(source.substr(7)).value_or("");
        } else if (source.rfind("xml ", 0) == 0) {
            auto values = xml().select(source.substr(4));
            kept_[name] = values.empty() ? "" : values.front();
        }
        if (kept_[name].empty()) throw std::runtime_error("nothing to keep: " + source);
    }

    // Puts in $name, $host, $b64(text), $rep(N,text) and $$.
    std::string filled(const std::string& text) const {
        std::string out;
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (text[i] != '$') {
                out.push_back(text[i]);
                continue;
            }
            if (i + 1 < text.size() && text[i + 1] == '$') {
                out.push_back(text[++i]);
                continue;
            }
            std::size_t end = i + 1;
            while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) || text[end] == '_'))
                ++end;
            std::string name = text.substr(i + 1, end - i - 1);
            if (end < text.size() && text[end] == '(') {
                auto close = text.find(')', end);
                if (close == std::string::npos) throw std::runtime_error("unclosed $" + name + "(");
                out += called(name, text.substr(end + 1, close - end - 1));
                i = close;
            } else {
                out += value_of(name);
                i = end - 1;
            }
        }
        return out;
    }
    std::string value_of(const std::string& name) const {
        if (name == "host") return stage_.host();
        if (name == "base") return mode_ == Mode::base_path ? stage_.base_path() : "";
        auto found = kept_.find(name);
        if (found == kept_.end()) throw std::runtime_error("nothing kept as $" + name);
        return found->second;
    }
    static std::string called(const std::string& name, const std::string& argument) {
        if (name == "b64") return base::base64(argument);
        if (name == "rep") {
            auto comma = argument.find(',');
            std::string out;
            for (int n = std::stoi(argument.substr(0, comma)); n > 0; --n) out += argument.substr(comma + 1);
            return out;
        }
        throw std::runtime_error("no such function: $" + name);
    }

    std::string last_exchange() const {
        std::string text = sent_.method + " " + sent_.target.substr(0, 300) + "\n";
        for (const auto& [name, value] : sent_.headers) text += "  " + name + ": " + value.substr(0, 200) + "\n";
        text += std::to_string(reply_.status) + "\n";
        for (const auto& [name, value] : reply_.headers) text += "  " + name + ": " + value + "\n";
        return text + reply_.body.substr(0, 3000);
    }

    const Script& script_;
    Stage stage_;
    Mode mode_;
    int line_ = 0;
    Message sent_;
    Reply reply_;
    std::unique_ptr<XmlTree> xml_;
    std::map<std::string, std::string> kept_;
};

class WireTest final : public Catch::ITestInvoker {
  public:
    explicit WireTest(std::string path) : path_(std::move(path)) {}
    void invoke() const override {
        Script script = read_script(kFolder, path_);
        Player(script, mode_of_run()).play();
        SUCCEED(script.title);
    }

  private:
    std::string path_;
};

std::vector<std::string> script_paths() {
    namespace fs = std::filesystem;
    std::vector<std::string> paths;
    for (const auto& entry : fs::recursive_directory_iterator(kFolder)) {
        if (entry.path().extension() == ".wire") paths.push_back(fs::relative(entry.path(), kFolder));
    }
    std::sort(paths.begin(), paths.end());
    return paths;
}

// One test case per script, so that numbers and names in the report are those of behaviours.
int register_scripts() {
    for (const auto& path : script_paths()) {
        std::string name = path.substr(0, path.size() - std::string_view(".wire").size());
        bool socket = mode_of_run() == Mode::tls;
        if (socket && read_script(kFolder, path).in_process_only) continue;
        std::string tag = "[" + path.substr(0, path.find('/')) + "]";
        Catch::AutoReg(new WireTest(path), CATCH_INTERNAL_LINEINFO, Catch::StringRef(), Catch::NameAndTags{name, tag});
    }
    return 0;
}
const int kRegistered = register_scripts();

}  // namespace

TEST_CASE("globs match as a whole", "[runner]") {
    CHECK(matches_glob("a*c", "abc"));
    CHECK(matches_glob("*", ""));
    CHECK(matches_glob("\"t-*\"", "\"t-x\""));
    CHECK_FALSE(matches_glob("a*c", "abcd"));
    CHECK_FALSE(matches_glob("a", ""));
}

}  // namespace wire
