#include "dav/xml/element.h"

#include <algorithm>

#include "dav/xml/writer.h"

namespace xml {
namespace {

constexpr std::string_view kXmlNamespace = "http://www.w3.org/XML/1998/namespace";

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void append_prefixed(std::string& out, std::string_view prefix, std::string_view local) {
    if (!prefix.empty()) out.append(prefix).push_back(':');
    out.append(local);
}

void append_declaration(std::string& out, const Declaration& declaration) {
    out.append(declaration.prefix.empty() ? " xmlns" : " xmlns:").append(declaration.prefix).append("=\"");
    append_attribute(out, declaration.ns);
    out.push_back('"');
}

}  // namespace

// Writes an element and what it needs from outside. The depth of the recursion is the reader's limit.
class SourceWriter {
  public:
    explicit SourceWriter(const Element& root) : root_(root) {}

    std::string write() {
        std::vector<Declaration> outside;
        if (root_.outer_) {
            for (const auto& declaration : *root_.outer_) {
                if (!declaration.ns.empty() && needs(root_, declaration.prefix)) outside.push_back(declaration);
            }
        }
        append(root_, outside);
        return std::move(out_);
    }

  private:
    // Whether the subtree uses a prefix that it does not declare itself: in a name, or as a QName inside a value.
    static bool needs(const Element& element, std::string_view prefix) {
        const auto& own = element.declarations_;
        if (std::any_of(own.begin(), own.end(), [prefix](const auto& d) { return d.prefix == prefix; })) return false;
        if (element.prefix_ == prefix) return true;
        const std::string in_value = prefix.empty() ? std::string() : std::string(prefix) + ':';
        const auto mentions = [&in_value](const std::string& text) {
            return !in_value.empty() && text.find(in_value) != std::string::npos;
        };
        for (const auto& attribute : element.attributes_) {
            if ((!prefix.empty() && attribute.prefix == prefix) || mentions(attribute.value)) return true;
        }
        return std::any_of(element.texts_.begin(), element.texts_.end(), mentions) ||
               std::any_of(element.children_.begin(), element.children_.end(),
                           [prefix](const Element& child) { return needs(child, prefix); });
    }

    void append(const Element& element, const std::vector<Declaration>& outside) {
        out_.push_back('<');
        append_prefixed(out_, element.prefix_, element.name_.local);
        for (const auto& declaration : outside) append_declaration(out_, declaration);
        for (const auto& declaration : element.declarations_) append_declaration(out_, declaration);
        if (&element == &root_ && !root_.outer_lang_.empty() && root_.attribute({kXmlNamespace, "lang"}) == nullptr)
            append_field({}, "xml:lang", root_.outer_lang_);
        for (const auto& attribute : element.attributes_)
            append_field(attribute.prefix, attribute.name.local, attribute.value);
        if (element.children_.empty() && element.texts_.front().empty() && element.asides_.empty()) {
            out_.append("/>");
            return;
        }
        out_.push_back('>');
        auto aside = element.asides_.begin();
        for (std::size_t i = 0; i < element.texts_.size(); ++i) {
            const std::string_view text = element.texts_[i];
            std::size_t written = 0;
            for (; aside != element.asides_.end() && aside->text == i; ++aside) {
                append_text(out_, text.substr(written, aside->offset - written));
                out_.append(aside->markup);
                written = aside->offset;
            }
            append_text(out_, text.substr(written));
            if (i < element.children_.size()) append(element.children_[i], {});
        }
        out_.append("</");
        append_prefixed(out_, element.prefix_, element.name_.local);
        out_.push_back('>');
    }

    void append_field(std::string_view prefix, std::string_view local, std::string_view value) {
        out_.push_back(' ');
        append_prefixed(out_, prefix, local);
        out_.append("=\"");
        append_attribute(out_, value);
        out_.push_back('"');
    }

    const Element& root_;
    std::string out_;
};

const std::string* Element::attribute(QName name) const {
    const auto found = std::find_if(attributes_.begin(), attributes_.end(),
                                    [name](const Attribute& a) { return QName(a.name) == name; });
    return found == attributes_.end() ? nullptr : &found->value;
}

const Element* Element::child(QName name) const {
    const auto found =
        std::find_if(children_.begin(), children_.end(), [name](const Element& child) { return child.is(name); });
    return found == children_.end() ? nullptr : &*found;
}

std::string Element::text() const {
    std::string all;
    for (const auto& part : texts_) all.append(part);
    return all;
}

std::string Element::trimmed_text() const {
    const std::string all = text();
    std::string_view view = all;
    while (!view.empty() && is_space(view.front())) view.remove_prefix(1);
    while (!view.empty() && is_space(view.back())) view.remove_suffix(1);
    return std::string(view);
}

std::string Element::source() const {
    return SourceWriter(*this).write();
}

}  // namespace xml
