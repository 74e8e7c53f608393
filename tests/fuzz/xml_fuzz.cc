// The XML reader: what it accepts can say its own source, which reads as the same element; and what the writer makes of
// any octets is accepted.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dav/xml/reader.h"
#include "dav/xml/writer.h"
#include "storage/base/failure.h"

namespace xml_fuzz {

// Our own markup may only be too much, never wrong.
std::optional<xml::Element> read_own(std::string_view markup) {
    try {
        return xml::parse(markup);
    } catch (const xml::ParseError& error) {
        CHECK(error.fault() != xml::ParseFault::not_well_formed);
        CHECK(error.fault() != xml::ParseFault::forbidden_doctype);
    }
    return std::nullopt;
}

void check_source(const xml::Element& element) {
    const auto source = element.source();
    const auto again = read_own(source);
    if (!again) return;
    CHECK(again->name() == element.name());
    CHECK(again->text() == element.text());
    CHECK(again->source() == source);
}

void check_writer(std::string_view octets) {
    xml::StringSink sink;
    xml::Writer w(sink, {});
    {
        auto root = w.element({"urn:x", "a"});
        w.attribute("b", octets);
        auto mark = w.mark();
        w.text({"urn:y", "dropped"}, octets);
        mark.rewind();
        w.text(octets);
    }
    w.finish();
    const auto read = read_own(sink.text);
    if (!read) return;
    CHECK(read->children().empty());
    CHECK(*read->attribute("b") == read->text());
}

}  // namespace xml_fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    xml_fuzz::check_writer(input);
    try {
        const auto root = xml::parse(input);
        xml_fuzz::check_source(root);
        for (const auto& child : root.children()) xml_fuzz::check_source(child);
    } catch (const xml::ParseError&) {
        // A refusal is an answer.
    }
    return 0;
}
