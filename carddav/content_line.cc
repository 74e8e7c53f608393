#include "carddav/content_line.h"

#include <algorithm>

namespace carddav {
namespace {

constexpr std::size_t kFoldAt = 75;  // octets of a line without its break (RFC 6350 section 3.2)

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_name_octet(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

// KAddressBook: X-messaging/xmpp-All.
bool is_property_octet(char c) {
    return is_name_octet(c) || c == '/';
}

bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

// RFC 6868; a caret before anything else is itself.
std::string without_carets(std::string_view text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char next = text[i] == '^' && i + 1 < text.size() ? text[i + 1] : '\0';
        if (next == 'n' || next == '\'' || next == '^') {
            plain += next == 'n' ? '\n' : next == '\'' ? '"' : '^';
            ++i;
        } else {
            plain += text[i];
        }
    }
    return plain;
}

std::string with_carets(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        if (c == '\n')
            escaped += "^n";
        else if (c == '"')
            escaped += "^'";
        else if (c == '^')
            escaped += "^^";
        else
            escaped += c;
    }
    return escaped;
}

// Takes the parts of one logical line off its front.
class LineReader {
  public:
    LineReader(std::string_view text, std::size_t number) : rest_(text), number_(number) {}

    ContentLine read() {
        ContentLine line;
        line.number = number_;
        line.name = take_name();
        if (take('.')) {
            line.group = std::exchange(line.name, {});
            line.name = take_name();
        }
        while (take(';')) read_parameter(line);
        if (!take(':')) fail("a line without a colon");
        line.value = rest_;
        return line;
    }

  private:
    [[noreturn]] void fail(const char* why) const { throw BadCard(why, number_); }

    bool take(char c) {
        if (rest_.empty() || rest_.front() != c) return false;
        rest_.remove_prefix(1);
        return true;
    }

    std::string take_name() {
        const auto end = std::find_if_not(rest_.begin(), rest_.end(), is_property_octet);
        std::string name(rest_.begin(), end);
        rest_.remove_prefix(name.size());
        while (!rest_.empty() && is_blank(rest_.front())) rest_.remove_prefix(1);
        if (name.empty()) fail("a line without a name");
        return name;
    }

    void read_parameter(ContentLine& line) {
        if (line.parameters.size() == kParametersMax) fail("too many parameters");
        Parameter& parameter = line.parameters.emplace_back();
        if (const std::string_view label = label_in_front(); !label.empty()) {
            parameter.values.emplace_back(trimmed(label));
            rest_.remove_prefix(label.size());
            return;
        }
        // Before the next '=', ';' or ':' outside of quotes stands a name, or a bare value.
        const std::size_t end = rest_.find_first_of("=;:\"");
        if (end == std::string_view::npos || rest_[end] != '=') {
            do {
                if (++values_ > kParameterValuesMax) fail("too many values of parameters");
                if (const std::string value = take_value(); !value.empty()) parameter.values.push_back(value);
            } while (take(','));
            if (parameter.values.empty()) line.parameters.pop_back();  // ";;" or ";:"
            return;
        }
        parameter.name = trimmed(rest_.substr(0, end));
        if (!std::all_of(parameter.name.begin(), parameter.name.end(), is_name_octet) || parameter.name.empty())
            fail("a parameter without a name");
        rest_.remove_prefix(end + 1);
        do {
            if (++values_ > kParameterValuesMax) fail("too many values of parameters");
            parameter.values.push_back(take_value());
        } while (take(','));
    }

    // Android's own label of a telephone, one bare value with its encoding in it; empty: none is in front.
    // X-CUSTOM(CHARSET=UTF-8,ENCODING=QUOTED-PRINTABLE,=42=61)
    std::string_view label_in_front() const {
        const std::size_t open = rest_.find_first_of("=,;:\"(");
        if (open == std::string_view::npos || rest_[open] != '(') return {};
        const std::size_t close = std::min(rest_.find("):", open), rest_.find(");", open));
        return close < rest_.find(':', open) ? rest_.substr(0, close + 1) : std::string_view();
    }

    std::string take_value() {
        if (take('"')) {
            const std::size_t end = rest_.find('"');
            if (end == std::string_view::npos) fail("a quote that does not end");
            std::string value = without_carets(rest_.substr(0, end));
            rest_.remove_prefix(end + 1);
            while (!rest_.empty() && is_blank(rest_.front())) rest_.remove_prefix(1);
            return value;
        }
        const std::string_view value = rest_.substr(0, rest_.find_first_of(",;:"));
        rest_.remove_prefix(value.size());
        return without_carets(trimmed(value));
    }

    std::string_view rest_;
    const std::size_t number_;
    std::size_t values_ = 0;
};

// vCard 2.1: an encoded line that ends with '=' goes on in the next one, without a fold's blank before it.
bool is_quoted_printable(std::string_view line) {
    const auto says_so = [](std::string_view part) {
        part = trimmed(part);
        return equal_names(part, "ENCODING=QUOTED-PRINTABLE") || equal_names(part, "QUOTED-PRINTABLE");
    };
    std::size_t begin = line.size();  // of the parameter; at first there is none, but the name
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '"' && i > 0 && std::string_view("=,;").find(line[i - 1]) != std::string_view::npos) {
            i = std::min(line.find('"', i + 1), line.size() - 1);
        } else if (line[i] == ';' || line[i] == ':') {
            if (begin < i && says_so(line.substr(begin, i - begin))) return true;
            if (line[i] == ':') return false;
            begin = i + 1;
        }
    }
    return says_so(line.substr(begin));
}

bool needs_quotes(std::string_view value) {
    // A blank at an end is taken off by who reads it.
    const auto is_edge = [](char c) { return c == ' ' || c == '\t'; };
    if (!value.empty() && (is_edge(value.front()) || is_edge(value.back()))) return true;
    return value.find_first_of(",;:") != std::string_view::npos;
}

void append_parameter(std::string& text, const Parameter& parameter) {
    text += ';';
    text += parameter.name.empty() ? "TYPE" : parameter.name;
    text += '=';
    for (std::size_t i = 0; i < parameter.values.size(); ++i) {
        if (i > 0) text += ',';
        const std::string value = with_carets(parameter.values[i]);
        text += needs_quotes(value) ? '"' + value + '"' : value;
    }
}

bool is_inside_code_point(char c) {
    return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

}  // namespace

bool equal_names(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

bool ContentLine::is(std::string_view wanted) const {
    return equal_names(name, wanted);
}

const Parameter* ContentLine::parameter(std::string_view wanted) const {
    const auto found = std::find_if(parameters.begin(), parameters.end(),
                                    [&](const Parameter& one) { return equal_names(one.name, wanted); });
    return found == parameters.end() ? nullptr : &*found;
}

std::string_view ContentLines::physical_line() {
    ++number_;
    const std::size_t end = rest_.find('\n');
    std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    if (!line.empty() && line.back() == '\r' && end != std::string_view::npos) line.remove_suffix(1);
    if (line.find('\0') != std::string_view::npos) throw BadCard("a NUL", number_);
    if (line.find('\r') != std::string_view::npos) throw BadCard("a carriage return inside a line", number_);
    return line;
}

bool ContentLines::continues() const {
    return !rest_.empty() && is_blank(rest_.front());
}

std::string ContentLines::logical_line() {
    std::string line(physical_line());
    const bool encoded = is_quoted_printable(line);
    for (;;) {
        // A soft break first: a blank behind it is a blank of the value (RFC 2045 section 6.7).
        if (encoded && line.ends_with('=') && !rest_.empty()) {
            line.pop_back();
            line += physical_line();
        } else if (continues()) {
            line += physical_line().substr(1);
        } else {
            return line;
        }
    }
}

std::optional<ContentLine> ContentLines::next() {
    while (!rest_.empty()) {
        const std::size_t number = number_ + 1;
        const std::string line = logical_line();
        if (trimmed(line).empty()) continue;
        if (++taken_ > kLinesMax) throw BadCard("too many lines", number);
        return LineReader(line, number).read();
    }
    return std::nullopt;
}

std::string folded(const ContentLine& line) {
    std::string text;
    if (!line.group.empty()) text += line.group + '.';
    text += line.name;
    for (const Parameter& parameter : line.parameters) append_parameter(text, parameter);
    text += ':';
    text += line.value;
    std::string out;
    std::size_t begin = 0;
    std::size_t room = kFoldAt;
    while (text.size() - begin > room) {
        std::size_t end = begin + room;
        while (end > begin + 1 && is_inside_code_point(text[end])) --end;
        out.append(text, begin, end - begin);
        out += "\r\n ";
        begin = end;
        room = kFoldAt - 1;  // the blank counts
    }
    out.append(text, begin);
    return out += "\r\n";
}

}  // namespace carddav
