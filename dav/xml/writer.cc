#include "dav/xml/writer.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "storage/base/failure.h"

namespace xml {
namespace {

constexpr std::string_view kXmlNamespace = "http://www.w3.org/XML/1998/namespace";
constexpr std::string_view kUndeclared = "x";  // of a namespace the root does not declare: bound on each element
constexpr std::size_t kFlushBytes = 64 << 10;
constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

enum class Octet : std::uint8_t { plain, markup, high, broken };
using OctetTable = std::array<Octet, 256>;

// What to do with each octet. In attributes white space is written as references, or readers would normalise it.
constexpr OctetTable table_for(bool attribute) {
    OctetTable table{};
    for (std::size_t i = 0; i < 256; ++i) table[i] = i >= 0x80 ? Octet::high : i < 0x20 ? Octet::broken : Octet::plain;
    for (const char c : {'&', '<', '>', '\r'}) table[static_cast<unsigned char>(c)] = Octet::markup;
    for (const char c : {'\t', '\n'}) table[static_cast<unsigned char>(c)] = attribute ? Octet::markup : Octet::plain;
    if (attribute) table['"'] = Octet::markup;
    return table;
}
constexpr OctetTable kText = table_for(false);
constexpr OctetTable kAttribute = table_for(true);

std::string_view reference_for(char c) {
    switch (c) {
        case '&': return "&amp;";
        case '<': return "&lt;";
        case '>': return "&gt;";
        case '"': return "&quot;";
        case '\t': return "&#9;";
        case '\n': return "&#10;";
        default: return "&#13;";
    }
}

// The length of the UTF-8 sequence at `at`, or 0 when it is not one that XML may hold (XML 1.0 §2.2).
std::size_t sequence_length(std::string_view text, std::size_t at) {
    const auto octet = [&](std::size_t i) -> std::uint32_t {
        return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0;
    };
    const auto follows = [&](std::size_t i) { return (octet(i) & 0xc0) == 0x80; };
    const std::uint32_t first = octet(0);
    if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
        if (!follows(1) || !follows(2)) return 0;
        const std::uint32_t c = (first & 0x0f) << 12 | (octet(1) & 0x3f) << 6 | (octet(2) & 0x3f);
        return c < 0x800 || (c >= 0xd800 && c <= 0xdfff) || c >= 0xfffe ? 0 : 3;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        if (!follows(1) || !follows(2) || !follows(3)) return 0;
        const std::uint32_t c = (first & 0x07) << 18 | (octet(1) & 0x3f) << 12;
        return c < 0x10000 || c > 0x10ffff ? 0 : 4;
    }
    return 0;
}

constexpr std::uint64_t in_all(char octet) {
    return std::uint64_t{0x0101010101010101} * static_cast<unsigned char>(octet);
}

// Whether one of eight octets may be other than plain, by the top bits of their lanes: one that is not ASCII, a control
// (a borrow), or markup (no octet is left of it). & and the quote differ in one bit, < and > in another.
bool may_be_special(std::uint64_t octets) {
    const auto none_left = [](std::uint64_t lanes) { return (lanes - in_all(1)) & ~lanes; };
    const std::uint64_t told = octets | (octets - in_all(' ')) | none_left((octets | in_all(4)) ^ in_all('&')) |
                               none_left((octets | in_all(2)) ^ in_all('>'));
    return (told & in_all('\x80')) != 0;
}

// Of the octets from `at` on, how many lie in groups of eight that are plain.
std::size_t plain_octets(std::string_view text, std::size_t at) {
    std::size_t end = at;
    for (std::uint64_t octets = 0; text.size() - end >= sizeof octets; end += sizeof octets) {
        std::memcpy(&octets, text.data() + end, sizeof octets);
        if (may_be_special(octets)) break;
    }
    return end - at;
}

// Runs of plain octets are copied whole; this is where a listing spends its time.
void append_escaped(std::string& out, std::string_view text, const OctetTable& table) {
    std::size_t run = 0;
    std::size_t at = 0;
    while (at < text.size()) {
        at += plain_octets(text, at);
        const std::size_t looked_at = std::min(at + sizeof(std::uint64_t), text.size());
        while (at < looked_at) {
            const Octet kind = table[static_cast<unsigned char>(text[at])];
            if (kind == Octet::plain) {
                ++at;
                continue;
            }
            const std::size_t length = kind == Octet::high ? sequence_length(text, at) : 0;
            if (length > 0) {
                at += length;
                continue;
            }
            out.append(text.substr(run, at - run));
            out.append(kind == Octet::markup ? reference_for(text[at]) : kReplacement);
            run = ++at;
        }
    }
    out.append(text.substr(run));
}

}  // namespace

void append_text(std::string& out, std::string_view text) {
    append_escaped(out, text, kText);
}
void append_attribute(std::string& out, std::string_view text) {
    append_escaped(out, text, kAttribute);
}

Writer::Writer(base::ByteSink& sink, std::span<const Prefix> declared_on_root)
    : sink_(sink), declared_(declared_on_root) {}

Writer::Scope Writer::element(QName name) {
    begin(name);
    return Scope(*this);
}

void Writer::attribute(QName name, std::string_view value) {
    CHECK(tag_open_);
    buffer_.push_back(' ');
    append_name(prefix_of(name.ns), name);
    buffer_.append("=\"");
    append_attribute(buffer_, value);
    buffer_.push_back('"');
}

void Writer::text(std::string_view text) {
    if (text.empty()) return;
    end_tag();
    append_text(buffer_, text);
    flush_if_full();
}

void Writer::text(QName name, std::string_view content) {
    begin(name);
    text(content);
    close();
}

void Writer::number(QName name, std::uint64_t value) {
    begin(name);
    end_tag();
    buffer_.append(std::to_string(value));
    close();
}

void Writer::empty(QName name) {
    begin(name);
    close();
}

void Writer::raw(std::string_view markup) {
    if (markup.empty()) return;
    end_tag();
    buffer_.append(markup);
    flush_if_full();
}

void Writer::finish() {
    CHECK(open_.empty());
    CHECK(marks_ == 0);
    sink_.write(buffer_);
    buffer_.clear();
}

void Writer::begin(QName name) {
    const bool is_root = !started_;
    if (is_root) {
        buffer_.append("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
        started_ = true;
    }
    end_tag();
    flush_if_full();
    open_.push_back({prefix_of(name.ns), name});
    const Open& opened = open_.back();
    buffer_.push_back('<');
    append_name(opened.prefix, name);
    if (is_root) {
        for (const auto& row : declared_) {
            buffer_.append(" xmlns:").append(row.prefix).append("=\"");
            append_attribute(buffer_, row.ns);
            buffer_.push_back('"');
        }
    }
    if (opened.prefix.data() == kUndeclared.data()) {
        buffer_.append(" xmlns:").append(kUndeclared).append("=\"");
        append_attribute(buffer_, name.ns);
        buffer_.push_back('"');
    }
    tag_open_ = true;
}

void Writer::close() {
    if (tag_open_) {
        buffer_.append("/>");
        tag_open_ = false;
    } else {
        buffer_.append("</");
        append_name(open_.back().prefix, open_.back().name);
        buffer_.push_back('>');
    }
    open_.pop_back();
}

void Writer::end_tag() {
    if (!tag_open_) return;
    buffer_.push_back('>');
    tag_open_ = false;
}

void Writer::append_name(std::string_view prefix, QName name) {
    if (!prefix.empty()) buffer_.append(prefix).push_back(':');
    buffer_.append(name.local);
}

// Asked for every element of a listing: names are constants, so the same namespace is nearly always the same octets.
std::string_view Writer::prefix_of(std::string_view ns) const {
    if (ns.empty()) return {};
    for (const auto& row : declared_) {
        if (row.ns.data() == ns.data() && row.ns.size() == ns.size()) return row.prefix;
    }
    for (const auto& row : declared_) {
        if (row.ns == ns) return row.prefix;
    }
    return ns == kXmlNamespace ? "xml" : kUndeclared;
}

void Writer::flush_if_full() {
    if (marks_ > 0 || buffer_.size() < kFlushBytes) return;
    sink_.write(buffer_);
    buffer_.clear();
}

Writer::Mark::Mark(Writer& writer)
    : writer_(writer), size_(writer.buffer_.size()), depth_(writer.open_.size()), tag_open_(writer.tag_open_) {
    ++writer_.marks_;
}

void Writer::Mark::rewind() {
    CHECK(writer_.open_.size() == depth_);
    writer_.buffer_.resize(size_);
    writer_.tag_open_ = tag_open_;
}

std::string_view Writer::Mark::written() const {
    const std::string_view since = std::string_view(writer_.buffer_).substr(size_);
    return tag_open_ && !since.empty() ? since.substr(1) : since;
}

}  // namespace xml
