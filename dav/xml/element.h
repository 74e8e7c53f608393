#pragma once

#include <compare>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace xml {

// The name of an element or attribute: a namespace ("" = none) and a local name. A view, for tables of constants;
// `Name` owns.
struct QName {
    std::string_view ns;
    std::string_view local;
    constexpr auto operator<=>(const QName&) const = default;
};

struct Name {
    std::string ns;
    std::string local;
    Name() = default;
    Name(std::string n, std::string l) : ns(std::move(n)), local(std::move(l)) {}
    explicit Name(QName name) : ns(name.ns), local(name.local) {}
    operator QName() const { return {ns, local}; }
    auto operator<=>(const Name&) const = default;
};

struct Attribute {
    Name name;
    std::string prefix;  // as written, for source()
    std::string value;
};

// One xmlns attribute: prefix "" is the default namespace, an empty ns undeclares it.
struct Declaration {
    std::string prefix;
    std::string ns;
};

// A parsed element with all below it; immutable once the reader has made it. CDATA is text; comments and processing
// instructions are seen by source() only.
class Element {
  public:
    QName name() const { return name_; }
    bool is(QName name) const { return name == QName(name_); }
    const std::vector<Attribute>& attributes() const { return attributes_; }
    const std::string* attribute(QName name) const;  // null: absent
    const std::string* attribute(std::string_view local) const { return attribute(QName{"", local}); }
    const std::vector<Element>& children() const { return children_; }
    const Element* child(QName name) const;  // the first of that name, or null
    // The character data directly inside, as written; `trimmed_text` without white space around it (hrefs, tokens).
    std::string text() const;
    std::string trimmed_text() const;

    // The element as markup that stands on its own: every namespace it uses (also by a prefix inside a value) and the
    // xml:lang in force are declared on it; prefixes, attributes, mixed content, comments and processing instructions
    // are kept. What a dead property stores.
    std::string source() const;

  private:
    friend class TreeBuilder;  // the reader
    friend class SourceWriter;
    // A comment or processing instruction, as markup, after that many octets of texts_[text].
    struct Aside {
        std::size_t text;
        std::size_t offset;
        std::string markup;
    };
    Name name_;
    std::string prefix_;
    std::vector<Attribute> attributes_;
    std::vector<Declaration> declarations_;
    std::vector<std::string> texts_;  // texts_[i] stands before children_[i]; one more at the end
    std::vector<Element> children_;
    std::vector<Aside> asides_;  // in document order
    // What was in force outside this element; shared, because most elements of a document see the same.
    std::shared_ptr<const std::vector<Declaration>> outer_;
    std::string outer_lang_;
};

}  // namespace xml
