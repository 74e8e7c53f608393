#include "dav/xml/reader.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <libxml/xmlIO.h>

#include <algorithm>
#include <exception>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "storage/base/path.h"

namespace xml {
namespace {

constexpr std::string_view kXmlNamespace = "http://www.w3.org/XML/1998/namespace";
constexpr std::string_view kXmlnsNamespace = "http://www.w3.org/2000/xmlns/";

std::string_view view(const xmlChar* text) {
    return text == nullptr ? std::string_view{} : std::string_view(reinterpret_cast<const char*>(text));
}

// An attribute's value or a namespace. Without entity substitution, which stays off, libxml2 hands over every ampersand
// of them as "&#38;", and only those.
std::string value_of(std::string_view text) {
    constexpr std::string_view kAmpersand = "&#38;";
    std::string out;
    std::size_t run = 0;
    std::size_t at = 0;
    while ((at = text.find(kAmpersand, run)) != std::string_view::npos) {
        out.append(text.substr(run, at + 1 - run));
        run = at + kAmpersand.size();
    }
    return out.append(text.substr(run));
}

std::string_view between(const xmlChar* begin, const xmlChar* end) {
    return {reinterpret_cast<const char*>(begin), static_cast<std::size_t>(end - begin)};
}

[[noreturn]] void refuse(const char* why) {
    throw ParseError(ParseFault::not_well_formed, why);
}

}  // namespace

// Receives the events of one document and keeps the limits. Its callbacks are called from C: they never throw.
class TreeBuilder {
  public:
    explicit TreeBuilder(const ReadLimits& limits) : limits_(limits) {}

    static xmlSAXHandler callbacks() {
        xmlSAXHandler sax{};
        sax.initialized = XML_SAX2_MAGIC;
        sax.internalSubset = [](void* self, const xmlChar*, const xmlChar*, const xmlChar*) {
            of(self).fail(ParseFault::forbidden_doctype, "DOCTYPE");
        };
        sax.startElementNs = [](void* self, const xmlChar* local, const xmlChar* prefix, const xmlChar* ns,
                                int ns_count, const xmlChar** namespaces, int attribute_count, int,
                                const xmlChar** attributes) {
            of(self).guard([&](TreeBuilder& builder) {
                builder.start(local, prefix, ns,
                              {namespaces, static_cast<std::size_t>(std::max(ns_count, 0)), attributes,
                               static_cast<std::size_t>(std::max(attribute_count, 0))});
            });
        };
        sax.endElementNs = [](void* self, const xmlChar*, const xmlChar*, const xmlChar*) {
            of(self).guard([](TreeBuilder& builder) { builder.end(); });
        };
        sax.characters = [](void* self, const xmlChar* text, int length) {
            of(self).guard([&](TreeBuilder& builder) {
                builder.characters({reinterpret_cast<const char*>(text), static_cast<std::size_t>(length)});
            });
        };
        sax.ignorableWhitespace = sax.characters;
        sax.cdataBlock = sax.characters;
        sax.comment = [](void* self, const xmlChar* text) {
            of(self).guard([&](TreeBuilder& builder) { builder.aside({"<!--", view(text), "-->"}); });
        };
        sax.processingInstruction = [](void* self, const xmlChar* target, const xmlChar* data) {
            of(self).guard([&](TreeBuilder& builder) {
                builder.aside({"<?", view(target), data == nullptr ? "" : " ", view(data), "?>"});
            });
        };
        // Else the library writes to stderr.
        sax.serror = [](void* self, xmlErrorPtr error) {
            if (error->domain == XML_FROM_NAMESPACE) of(self).doubt_namespaces(error->code);
        };
        return sax;
    }

    void attach(xmlParserCtxtPtr parser) { parser_ = parser; }

    // After the last octet. Our own faults come first: `wellFormed` stays 1 when a callback stops the parser.
    Element finish() {
        if (exception_) std::rethrow_exception(exception_);
        if (fault_) throw ParseError(*fault_, detail_);
        if (parser_->wellFormed == 0) refuse("not well-formed");
        if (parser_->nsWellFormed == 0 && (bad_namespaces_ || !odd_namespaces_))
            refuse("namespaces are not well-formed");
        if (!root_) refuse("no element");
        return std::move(*root_);
    }

  private:
    struct Lists {
        const xmlChar** namespaces;  // pairs: prefix, name
        std::size_t namespace_count;
        const xmlChar** attributes;  // fives: local name, prefix, namespace, begin and end of the value
        std::size_t attribute_count;
    };
    using Scope = std::shared_ptr<const std::vector<Declaration>>;
    struct Level {
        Element element;
        Scope scope;  // inside the element
        std::string lang;
        std::size_t text_bytes = 0;
    };

    static TreeBuilder& of(void* self) { return *static_cast<TreeBuilder*>(self); }

    template <class Step>
    void guard(Step step) {
        if (fault_ || exception_) return;
        try {
            step(*this);
        } catch (...) {
            // Only memory can run out here; it must not unwind through C.
            exception_ = std::current_exception();
            xmlStopParser(parser_);
        }
    }

    // A namespace is a name, compared octet by octet: that some are no URI (a space, a quote) harms nobody.
    void doubt_namespaces(int code) {
        const bool odd = code == XML_WAR_NS_URI || code == XML_WAR_NS_URI_RELATIVE;
        (odd ? odd_namespaces_ : bad_namespaces_) = true;
    }

    void fail(ParseFault fault, const char* detail) {
        if (!fault_) {
            fault_ = fault;
            detail_ = detail;
        }
        xmlStopParser(parser_);
    }

    void start(const xmlChar* local, const xmlChar* prefix, const xmlChar* ns, const Lists& lists) {
        if (levels_.size() >= limits_.depth_max) return fail(ParseFault::too_complex, "too deep");
        if (++elements_ > limits_.elements_max) return fail(ParseFault::too_complex, "too many elements");
        if (lists.attribute_count > limits_.attributes_max) return fail(ParseFault::too_complex, "too many attributes");

        Level level;
        level.scope = levels_.empty() ? nullptr : levels_.back().scope;
        level.lang = levels_.empty() ? std::string() : levels_.back().lang;
        Element& element = level.element;
        element.name_ = Name(value_of(view(ns)), std::string(view(local)));
        element.prefix_ = view(prefix);
        element.outer_ = level.scope;
        element.outer_lang_ = level.lang;
        element.texts_.emplace_back();
        for (std::size_t i = 0; i < lists.namespace_count; ++i) {
            const xmlChar** pair = lists.namespaces + 2 * i;
            element.declarations_.push_back({std::string(view(pair[0])), value_of(view(pair[1]))});
        }
        for (std::size_t i = 0; i < lists.attribute_count; ++i) {
            const xmlChar** five = lists.attributes + 5 * i;
            Attribute attribute{Name(value_of(view(five[2])), std::string(view(five[0]))), std::string(view(five[1])),
                                value_of(between(five[3], five[4]))};
            if (QName(attribute.name) == QName{kXmlNamespace, "lang"}) level.lang = attribute.value;
            element.attributes_.push_back(std::move(attribute));
        }
        if (!element.declarations_.empty()) level.scope = scope_with(level.scope, element.declarations_);
        if (level.scope && level.scope->size() > limits_.namespaces_max)
            return fail(ParseFault::too_complex, "too many namespaces");
        levels_.push_back(std::move(level));
    }

    static Scope scope_with(const Scope& outer, const std::vector<Declaration>& declarations) {
        auto merged = std::make_shared<std::vector<Declaration>>();
        if (outer) *merged = *outer;
        for (const auto& declaration : declarations) {
            const auto same = std::find_if(merged->begin(), merged->end(),
                                           [&](const auto& d) { return d.prefix == declaration.prefix; });
            if (same == merged->end()) {
                merged->push_back(declaration);
            } else {
                same->ns = declaration.ns;
            }
        }
        return merged;
    }

    void end() {
        Element done = std::move(levels_.back().element);
        levels_.pop_back();
        if (levels_.empty()) {
            root_ = std::move(done);
            return;
        }
        Element& parent = levels_.back().element;
        parent.children_.push_back(std::move(done));
        parent.texts_.emplace_back();
    }

    void characters(std::string_view text) {
        if (levels_.empty()) return;
        Level& level = levels_.back();
        level.text_bytes += text.size();
        if (level.text_bytes > limits_.text_bytes_max) return fail(ParseFault::too_large, "text too long");
        level.element.texts_.back().append(text);
    }

    void aside(std::initializer_list<std::string_view> parts) {
        if (levels_.empty()) return;
        if (++elements_ > limits_.elements_max) return fail(ParseFault::too_complex, "too many elements");
        Level& level = levels_.back();
        std::string markup;
        for (const auto part : parts) markup.append(part);
        level.text_bytes += markup.size();
        if (level.text_bytes > limits_.text_bytes_max) return fail(ParseFault::too_large, "text too long");
        const auto& texts = level.element.texts_;
        level.element.asides_.push_back({texts.size() - 1, texts.back().size(), std::move(markup)});
    }

    const ReadLimits& limits_;
    xmlParserCtxtPtr parser_ = nullptr;
    std::vector<Level> levels_;
    std::optional<Element> root_;
    std::size_t elements_ = 0;
    bool odd_namespaces_ = false;
    bool bad_namespaces_ = false;
    std::optional<ParseFault> fault_;
    const char* detail_ = "";
    std::exception_ptr exception_;
};

namespace {

void append_utf8(std::string& out, std::uint32_t c) {
    const auto put = [&out](std::uint32_t octet) { out.push_back(static_cast<char>(octet)); };
    if (c < 0x80) return put(c);
    if (c < 0x800) {
        put(0xc0 | (c >> 6));
    } else {
        if (c < 0x10000) {
            put(0xe0 | (c >> 12));
        } else {
            put(0xf0 | (c >> 18));
            put(0x80 | ((c >> 12) & 0x3f));
        }
        put(0x80 | ((c >> 6) & 0x3f));
    }
    put(0x80 | (c & 0x3f));
}

// Everything behind this function is UTF-8, so that there is one scan for tags and one decoder to trust.
std::string utf8_of_utf16(std::string_view bytes, bool big_endian) {
    if (bytes.size() % 2 != 0) refuse("UTF-16 of an odd length");
    const auto unit_at = [&](std::size_t i) -> std::uint32_t {
        const auto a = static_cast<unsigned char>(bytes[i]);
        const auto b = static_cast<unsigned char>(bytes[i + 1]);
        return big_endian ? (std::uint32_t{a} << 8 | b) : (std::uint32_t{b} << 8 | a);
    };
    std::string out;
    out.reserve(bytes.size());
    for (std::size_t i = 0; i < bytes.size(); i += 2) {
        std::uint32_t c = unit_at(i);
        if (c == 0xfeff && i == 0) continue;
        if (c >= 0xd800 && c < 0xe000) {
            const std::uint32_t low = c < 0xdc00 && i + 2 < bytes.size() ? unit_at(i + 2) : 0;
            if (low < 0xdc00 || low > 0xdfff) refuse("lone surrogate");
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
            i += 2;
        }
        append_utf8(out, c);
    }
    return out;
}

bool starts_with(std::string_view text, std::string_view prefix) {
    return text.substr(0, prefix.size()) == prefix;
}

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// The encoding named by an XML declaration, in lower case; "" when there is none. Its syntax is libxml2's business.
std::string declared_encoding(std::string_view document) {
    if (!starts_with(document, "<?xml") || document.size() < 6 || !is_space(document[5])) return {};
    auto declaration = document.substr(0, document.find("?>"));
    const auto key = declaration.find("encoding");
    if (key == std::string_view::npos) return {};
    const auto open = declaration.find_first_of("\"'", key);
    if (open == std::string_view::npos) return {};
    const auto close = declaration.find(declaration[open], open + 1);
    if (close == std::string_view::npos) return {};
    std::string label(declaration.substr(open + 1, close - open - 1));
    std::transform(label.begin(), label.end(), label.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
    return label;
}

// RFC 4918 §8.2 asks for UTF-8 and UTF-16. The label must say what the octets are: libxml2 would take "UTF-7" and a
// hundred others through iconv.
std::string utf8_document(std::string_view bytes) {
    using namespace std::string_view_literals;
    std::string document;
    std::string_view expected = "utf-8";
    if (starts_with(bytes, "\xfe\xff"sv) || starts_with(bytes, "\0<"sv)) {
        document = utf8_of_utf16(bytes, true);
        expected = "utf-16";
    } else if (starts_with(bytes, "\xff\xfe"sv) || starts_with(bytes, "<\0"sv)) {
        document = utf8_of_utf16(bytes, false);
        expected = "utf-16";
    } else {
        if (starts_with(bytes, "\xef\xbb\xbf"sv)) bytes.remove_prefix(3);
        if (!base::is_utf8(bytes)) refuse("not UTF-8");
        document = bytes;
    }
    // Also keeps libxml2 from taking four octets for one character, as it does for UCS-4 without being told.
    if (document.find('\0') != std::string::npos) refuse("NUL");
    const auto label = declared_encoding(document);
    if (!label.empty() && label != expected) refuse("encoding");
    return document;
}

// The end of a start or end tag: the ">" outside quotes. Where the document is well-formed, libxml2 sees the same end;
// where it is not, libxml2 stops before.
std::size_t end_of_tag(std::string_view document, std::size_t at) {
    char quote = 0;
    for (; at < document.size(); ++at) {
        const char c = document[at];
        if (quote != 0) {
            if (c == quote) quote = 0;
        } else if (c == '"' || c == '\'') {
            quote = c;
        } else if (c == '>') {
            return at + 1;
        }
    }
    return document.size();
}

// Refuses long tags and any DOCTYPE before libxml2 sees them: it compares the attributes of a tag pairwise before the
// first callback, half a megabyte of them for seconds.
void check_tags(std::string_view document, const ReadLimits& limits) {
    std::size_t at = 0;
    while ((at = document.find('<', at)) != std::string_view::npos) {
        const auto rest = document.substr(at);
        const auto skip_past = [&](std::string_view end, std::size_t from) {
            const auto found = document.find(end, at + from);
            at = found == std::string_view::npos ? document.size() : found + end.size();
        };
        if (starts_with(rest, "<!--")) {
            skip_past("-->", 4);
        } else if (starts_with(rest, "<![CDATA[")) {
            skip_past("]]>", 9);
        } else if (starts_with(rest, "<?")) {
            skip_past("?>", 2);
        } else if (starts_with(rest, "<!")) {
            throw ParseError(ParseFault::forbidden_doctype, "DOCTYPE");
        } else {
            const auto end = end_of_tag(document, at);
            if (end - at > limits.tag_bytes_max) throw ParseError(ParseFault::too_complex, "tag too long");
            at = end;
        }
    }
}

// Once, before the first document: tables of the library, and no file or address is ever opened by it.
void prepare_library() {
    static const bool ready = [] {
        xmlInitParser();
        xmlSetExternalEntityLoader(
            [](const char*, const char*, xmlParserCtxtPtr) -> xmlParserInputPtr { return nullptr; });
        return true;
    }();
    static_cast<void>(ready);
}

}  // namespace

Element parse(std::string_view bytes, const ReadLimits& limits) {
    constexpr std::size_t kChunkMax = std::numeric_limits<int>::max() / 4;
    if (bytes.size() > std::min(limits.bytes_max, kChunkMax))
        throw ParseError(ParseFault::too_large, "document too long");
    prepare_library();
    const std::string document = utf8_document(bytes);
    check_tags(document, limits);

    TreeBuilder builder(limits);
    xmlSAXHandler sax = TreeBuilder::callbacks();
    const std::unique_ptr<xmlParserCtxt, decltype(&xmlFreeParserCtxt)> parser(
        xmlCreatePushParserCtxt(&sax, &builder, nullptr, 0, nullptr), &xmlFreeParserCtxt);
    if (!parser) throw std::bad_alloc();
    builder.attach(parser.get());
    // Never NOENT, DTDLOAD, HUGE or XInclude. The label was checked above and no longer tells the truth for UTF-16.
    xmlCtxtUseOptions(parser.get(), XML_PARSE_NONET | XML_PARSE_IGNORE_ENC);
    xmlParseChunk(parser.get(), document.data(), static_cast<int>(document.size()), 0);
    xmlParseChunk(parser.get(), nullptr, 0, 1);
    return builder.finish();
}

bool is_element_name(QName name) {
    if (name.ns == kXmlnsNamespace || name.local.find('\0') != std::string_view::npos) return false;
    const std::string local(name.local);
    return xmlValidateNCName(reinterpret_cast<const xmlChar*>(local.c_str()), 0) == 0;
}

}  // namespace xml
