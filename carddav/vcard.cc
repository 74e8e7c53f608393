#include "carddav/vcard.h"

#include <iconv.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "storage/base/path.h"

namespace carddav {
namespace {

constexpr std::string_view kBegin = "BEGIN:VCARD";
constexpr std::string_view kEnd = "END:VCARD";

bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

// RFC 2045 section 6.7, without its soft breaks: those went with the unfolding. What is no code stays as it is.
std::string without_quoted_printable(std::string_view text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const int high = text[i] == '=' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
        const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
        if (low < 0) {
            plain += text[i];
            continue;
        }
        plain += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return plain;
}

std::string in_utf8(const std::string& octets, const std::string& charset, std::size_t line) {
    struct Converter {
        explicit Converter(const char* from) : handle(::iconv_open("UTF-8", from)) {}
        Converter(const Converter&) = delete;
        Converter& operator=(const Converter&) = delete;
        ~Converter() {
            if (is_open()) ::iconv_close(handle);
        }
        bool is_open() const { return handle != reinterpret_cast<::iconv_t>(-1); }
        ::iconv_t handle;
    } converter(charset.c_str());
    if (!converter.is_open()) throw BadCard("an unknown charset: " + charset.substr(0, 40), line);
    std::string from = octets;  // iconv wants it writable
    std::string to(4 * from.size() + 4, '\0');
    char* in = from.data();
    char* out = to.data();
    std::size_t in_left = from.size(), out_left = to.size();
    if (::iconv(converter.handle, &in, &in_left, &out, &out_left) == static_cast<std::size_t>(-1))
        throw BadCard("octets that are not " + charset.substr(0, 40), line);
    to.resize(to.size() - out_left);
    return to;
}

// Line breaks that an encoding carried, as later versions write them.
std::string with_escaped_breaks(std::string_view text) {
    std::string escaped;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
        if (text[i] == '\n' || text[i] == '\r')
            escaped += "\\n";
        else
            escaped += text[i];
    }
    return escaped;
}

// 2.1 may have an encoding bare; printed like that it would become a TYPE.
void name_encoding(ContentLine& line) {
    constexpr std::array<std::string_view, 4> kEncodings = {"QUOTED-PRINTABLE", "BASE64", "8BIT", "7BIT"};
    for (Parameter& one : line.parameters) {
        if (!one.name.empty() || one.values.size() != 1) continue;
        for (const std::string_view encoding : kEncodings)
            if (equal_names(one.values.front(), encoding)) one.name = "ENCODING";
    }
}

bool has_encoding(const ContentLine& line, std::string_view wanted) {
    for (const Parameter& one : line.parameters) {
        if (!equal_names(one.name, "ENCODING")) continue;
        for (const std::string& value : one.values)
            if (equal_names(value, wanted)) return true;
    }
    return false;
}

void drop_encoding(ContentLine& line, std::string_view encoding) {
    for (Parameter& one : line.parameters) {
        if (!equal_names(one.name, "ENCODING")) continue;
        std::erase_if(one.values, [&](const std::string& value) { return equal_names(value, encoding); });
    }
    std::erase_if(line.parameters, [](const Parameter& one) { return one.values.empty(); });
}

void decode(ContentLine& line) {
    name_encoding(line);
    bool encoded = false;
    if (has_encoding(line, "QUOTED-PRINTABLE")) {
        line.value = without_quoted_printable(line.value);
        drop_encoding(line, "QUOTED-PRINTABLE");
        encoded = true;
    }
    if (const Parameter* charset = line.parameter("CHARSET"); charset && !charset->values.empty()) {
        line.value = in_utf8(line.value, charset->values.front(), line.number);
        std::erase_if(line.parameters, [](const Parameter& one) { return equal_names(one.name, "CHARSET"); });
        encoded = true;
    }
    if (encoded) line.value = with_escaped_breaks(line.value);
    // Folded with more blanks than the one that a fold has.
    if (has_encoding(line, "BASE64") || has_encoding(line, "B"))
        std::erase_if(line.value, [](char c) { return is_blank(c); });
    if (line.value.find('\0') != std::string::npos) throw BadCard("a NUL", line.number);
    if (!base::is_utf8(line.value)) throw BadCard("octets that are no UTF-8", line.number);
    for (const Parameter& one : line.parameters)
        for (const std::string& value : one.values)
            if (!base::is_utf8(value)) throw BadCard("octets that are no UTF-8", line.number);
}

Version version_from(const ContentLine& line) {
    std::string_view value = line.value;
    while (!value.empty() && is_blank(value.front())) value.remove_prefix(1);
    while (!value.empty() && is_blank(value.back())) value.remove_suffix(1);
    for (const Version one : {Version::v2_1, Version::v3_0, Version::v4_0})
        if (value == text_of(one)) return one;
    throw BadVersion("a version that is none of 2.1, 3.0 and 4.0", line.number);
}

bool is_delimiter(const ContentLine& line, std::string_view name) {
    return line.is(name) && equal_names(unescaped(line.value), "VCARD");
}

// A line of the text, without its break.
std::string_view take_line(std::string_view& rest) {
    const std::size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    while (!line.empty() && (line.back() == '\r' || is_blank(line.back()))) line.remove_suffix(1);
    return line;
}

}  // namespace

std::string_view text_of(Version version) {
    constexpr std::array<std::string_view, 3> kTexts = {"2.1", "3.0", "4.0"};
    return kTexts[static_cast<std::size_t>(version)];
}

const ContentLine* Card::find(std::string_view name) const {
    const auto found = std::find_if(lines.begin(), lines.end(), [&](const ContentLine& one) { return one.is(name); });
    return found == lines.end() ? nullptr : &*found;
}

std::vector<const ContentLine*> Card::all(std::string_view name) const {
    std::vector<const ContentLine*> found;
    for (const ContentLine& one : lines)
        if (one.is(name)) found.push_back(&one);
    return found;
}

Card parse_card(std::string_view text) {
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    ContentLines lines(text);
    Card card;
    std::optional<Version> version;
    std::optional<ContentLine> line = lines.next();
    if (!line || !is_delimiter(*line, "BEGIN")) throw BadCard("no BEGIN:VCARD at the begin", line ? line->number : 0);
    std::size_t last = line->number;
    for (;;) {
        line = lines.next();
        if (!line) throw BadCard("no END:VCARD", last);
        last = line->number;
        if (line->is("BEGIN")) throw BadCard("a component in a card", line->number);
        if (line->is("END")) break;
        if (line->is("VERSION")) {
            if (version) throw BadCard("two versions", line->number);
            version = version_from(*line);
            continue;
        }
        decode(*line);
        card.lines.push_back(std::move(*line));
    }
    if (!is_delimiter(*line, "END")) throw BadCard("an END of something else", line->number);
    if (const auto more = lines.next()) throw BadCard("text behind the card", more->number);
    if (!version) throw BadCard("no VERSION", 0);
    card.version = *version;
    return card;
}

std::string print_card(const Card& card) {
    std::string text(kBegin);
    text += "\r\nVERSION:";
    text += text_of(card.version);
    text += "\r\n";
    for (const ContentLine& line : card.lines) text += folded(line);
    text += kEnd;
    return text += "\r\n";
}

std::string unescaped(std::string_view value) {
    std::string plain;
    for (std::size_t i = 0; i < value.size(); ++i) {
        const char next = value[i] == '\\' && i + 1 < value.size() ? value[i + 1] : '\0';
        switch (next) {
            case 'n':
            case 'N': plain += '\n'; break;
            case ',':
            case ';':
            case ':':
            case '\\': plain += next; break;
            default: plain += value[i]; continue;
        }
        ++i;
    }
    return plain;
}

std::string escaped(std::string_view text) {
    std::string value;
    for (const char c : text) {
        if (c == '\r') continue;
        if (c == '\n') {
            value += "\\n";
            continue;
        }
        if (c == ',' || c == ';' || c == '\\') value += '\\';
        value += c;
    }
    return value;
}

std::vector<std::vector<std::string>> components(std::string_view value) {
    std::vector<std::vector<std::string>> parts(1);
    std::size_t begin = 0;
    for (std::size_t i = 0; i <= value.size(); ++i) {
        if (i + 1 < value.size() && value[i] == '\\') {
            ++i;
            continue;
        }
        if (i < value.size() && value[i] != ',' && value[i] != ';') continue;
        const std::size_t end = std::min(i, value.size());
        parts.back().push_back(unescaped(value.substr(begin, end - begin)));
        if (i < value.size() && value[i] == ';') parts.emplace_back();
        begin = i + 1;
    }
    return parts;
}

std::vector<CardText> cards_in(std::string_view text) {
    std::vector<CardText> cards;
    std::string_view rest = text;
    std::size_t number = 0;
    const char* begin = nullptr;
    std::size_t begin_number = 0;
    const auto close = [&](const char* end) {
        if (begin != nullptr) cards.push_back({{begin, static_cast<std::size_t>(end - begin)}, begin_number});
        begin = nullptr;
    };
    while (!rest.empty()) {
        const char* at = rest.data();
        const std::string_view line = take_line(rest);
        ++number;
        if (equal_names(line, kBegin)) {
            close(at);
            begin = at;
            begin_number = number;
        } else if (equal_names(line, kEnd)) {
            close(rest.data());
        }
    }
    close(text.data() + text.size());
    return cards;
}

}  // namespace carddav
