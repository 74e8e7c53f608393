#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dav/xml/element.h"
#include "storage/base/bytes.h"

namespace xml {

// A namespace that the root declares, so that no other element must.
struct Prefix {
    std::string_view prefix;
    std::string_view ns;
};

// Appends octets to a string: for small documents.
class StringSink final : public base::ByteSink {
  public:
    void write(std::string_view bytes) override { text.append(bytes); }
    std::string text;
};

// Writes one document into a sink in pieces of about 64 KiB. Names outlive their elements; text and attributes are
// escaped here and nowhere else. Octets that XML can not hold (controls, broken UTF-8 in a name found on disk) become
// U+FFFD. One thread; the sink and the prefixes outlive it.
//
//     auto response = w.element(name::response);
//     w.text(name::href, href);
class Writer {
  public:
    // Closes its element when it dies: as <a/> when nothing was put inside. Only appends, never calls the sink.
    class [[nodiscard]] Scope {
      public:
        ~Scope() {
            if (writer_ != nullptr) writer_->close();
        }
        Scope(Scope&& other) noexcept : writer_(other.writer_) { other.writer_ = nullptr; }
        Scope(const Scope&) = delete;
        Scope& operator=(const Scope&) = delete;
        Scope& operator=(Scope&&) = delete;

      private:
        friend class Writer;
        explicit Scope(Writer& writer) : writer_(&writer) {}
        Writer* writer_;
    };

    // A point to come back to: `rewind` drops what was written since, elements begun since must be closed by then.
    // While a mark lives nothing goes to the sink, so keep it to one resource.
    class [[nodiscard]] Mark {
      public:
        ~Mark() { --writer_.marks_; }
        Mark(const Mark&) = delete;
        Mark& operator=(const Mark&) = delete;
        void rewind();
        // Since the mark, without the ">" of a start tag that was open then; valid until the writer is used again.
        std::string_view written() const;

      private:
        friend class Writer;
        explicit Mark(Writer& writer);
        Writer& writer_;
        std::size_t size_;
        std::size_t depth_;
        bool tag_open_;
    };

    Writer(base::ByteSink& sink, std::span<const Prefix> declared_on_root);
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    Scope element(QName name);  // the first one writes the XML declaration and the namespaces
    // For the element just begun, before anything inside it. Namespaces of attributes: none, xml, or a declared one.
    void attribute(QName name, std::string_view value);
    void attribute(std::string_view local, std::string_view value) { attribute(QName{"", local}, value); }
    void text(std::string_view text);
    void text(QName name, std::string_view text);  // <name>text</name>
    void number(QName name, std::uint64_t value);
    void empty(QName name);             // <name/>
    void raw(std::string_view markup);  // stored markup that stands on its own: Element::source()
    Mark mark() { return Mark(*this); }

    // Everything is closed; the rest goes to the sink.
    void finish();

  private:
    void begin(QName name);
    void close();
    void end_tag();  // the ">" of a start tag, once it has content
    void append_name(std::string_view prefix, QName name);
    std::string_view prefix_of(std::string_view ns) const;
    void flush_if_full();

    base::ByteSink& sink_;
    std::span<const Prefix> declared_;
    std::string buffer_;
    struct Open {
        std::string_view prefix;
        QName name;
    };
    std::vector<Open> open_;
    std::size_t marks_ = 0;
    bool tag_open_ = false;
    bool started_ = false;
};

// Appends `text` escaped for character data or for an attribute value in double quotes.
void append_text(std::string& out, std::string_view text);
void append_attribute(std::string& out, std::string_view text);

}  // namespace xml
