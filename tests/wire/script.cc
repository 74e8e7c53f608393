#include "tests/wire/script.h"

#include <fstream>
#include <stdexcept>

namespace wire {

namespace {

[[noreturn]] void refuse(const Script& script, int line, const std::string& why) {
    throw std::runtime_error("tests/wire/" + script.path + ":" + std::to_string(line) + ": " + why);
}

bool is_subject(std::string_view text) {
    if (text.empty() || text.size() > 120) return false;
    for (char c : text) {
        if (c == ' ' || c == '<' || c == '"') return false;
    }
    return true;
}

void append_line(std::optional<std::string>& block, const std::string& line) {
    if (block) {
        *block += "\n" + line;
    } else {
        block = line;
    }
}

Command command_from(const Script& script, int line, const std::string& text) {
    auto end = text.find('>');
    if (end == std::string::npos || !is_subject(std::string_view(text).substr(0, end))) {
        refuse(script, line, "not a line of a wire script: " + text);
    }
    Command command;
    command.line = line;
    command.subject = text.substr(0, end);
    command.text = text.substr(std::min(text.size(), text.find_first_not_of(' ', end + 1)));
    return command;
}

}  // namespace

Script read_script(const std::string& folder, const std::string& path) {
    std::ifstream in(folder + "/" + path);
    if (!in) throw std::runtime_error("can not read tests/wire/" + path);
    Script script;
    script.path = path;
    std::string text;
    for (int line = 1; std::getline(in, text); ++line) {
        if (line == 1) {
            if (text.size() < 10 || text.front() != '#') refuse(script, line, "the first line is '# what is promised'");
            script.title = text.substr(2);
            continue;
        }
        if (text == "# only: in-process") script.in_process_only = true;
        if (text.empty() || text.front() == '#') continue;

        Command* command = script.steps.empty() ? nullptr : std::get_if<Command>(&script.steps.back());
        Expectation* expectation = script.steps.empty() ? nullptr : std::get_if<Expectation>(&script.steps.back());
        if (text.front() == '|') {
            if (!command && !expectation) refuse(script, line, "a | line belongs to a request or an expectation");
            append_line(command ? command->body : expectation->block, text.substr(1));
        } else if (text.front() == '+') {
            auto colon = text.find(':');
            if (!command || colon == std::string::npos)
                refuse(script, line, "a header is +Name: value below a request");
            auto value = text.find_first_not_of(' ', colon + 1);
            command->headers.emplace_back(text.substr(1, colon - 1),
                                          value == std::string::npos ? "" : text.substr(value));
        } else if (text.front() == '~') {
            if (!command) refuse(script, line, "a ~ line belongs to a request");
            command->modifiers.push_back(text.substr(1));
        } else if (text.front() == '<') {
            if (script.steps.empty() || text.size() < 3)
                refuse(script, line, "an expectation needs a request above it");
            script.steps.emplace_back(Expectation{line, text.substr(2), std::nullopt});
        } else {
            script.steps.emplace_back(command_from(script, line, text));
        }
    }
    if (script.steps.empty()) refuse(script, 1, "an empty script proves nothing");
    return script;
}

bool matches_glob(std::string_view glob, std::string_view text) {
    // Greedy with one step back: linear in practice, and no recursion.
    std::size_t g = 0, t = 0, star = std::string_view::npos, mark = 0;
    while (t < text.size()) {
        if (g < glob.size() && glob[g] == '*') {
            star = g++;
            mark = t;
        } else if (g < glob.size() && glob[g] == text[t]) {
            ++g;
            ++t;
        } else if (star != std::string_view::npos) {
            g = star + 1;
            t = ++mark;
        } else {
            return false;
        }
    }
    while (g < glob.size() && glob[g] == '*') ++g;
    return g == glob.size();
}

}  // namespace wire
