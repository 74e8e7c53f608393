// PROPPATCH bodies: whatever is stored of one comes back as the same tree from inside an answer of ours.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dav/error.h"
#include "dav/prop_update.h"
#include "dav/xml_body.h"
#include "dav/xml/reader.h"
#include "dav/xml/writer.h"
#include "storage/base/failure.h"

namespace proppatch_fuzz {

const dav::Registry& registry() {
    static const dav::Extension* const extensions[] = {&dav::kCoreExtension};
    static const dav::Registry made(extensions);
    return made;
}

// Our own markup is well-formed, and within limits that have room for what stands around it.
xml::Element read_own(std::string_view markup) {
    xml::ReadLimits limits;
    limits.bytes_max = std::size_t{64} << 20;
    limits.depth_max = 64;
    limits.elements_max = 100'000;
    limits.attributes_max = 64;
    limits.namespaces_max = 128;
    limits.text_bytes_max = std::size_t{64} << 20;
    limits.tag_bytes_max = std::size_t{8} << 20;
    return xml::parse(markup, limits);
}

std::vector<std::pair<xml::Name, std::string>> attributes_of(const xml::Element& element) {
    std::vector<std::pair<xml::Name, std::string>> attributes;
    for (const auto& attribute : element.attributes()) attributes.emplace_back(attribute.name, attribute.value);
    std::sort(attributes.begin(), attributes.end());
    return attributes;
}

bool same(const xml::Element& a, const xml::Element& b) {
    return a.name() == b.name() && a.text() == b.text() && attributes_of(a) == attributes_of(b) &&
           std::equal(a.children().begin(), a.children().end(), b.children().begin(), b.children().end(), same);
}

// But for the language it is written in, which the request may say further out.
bool same_inside(const xml::Element& a, const xml::Element& b) {
    return a.name() == b.name() && a.text() == b.text() && a.attributes().size() <= b.attributes().size() &&
           std::equal(a.children().begin(), a.children().end(), b.children().begin(), b.children().end(), same);
}

std::string answered(std::string_view value) {
    constexpr xml::Prefix kPrefixes[] = {{"D", dav::kDav}, {"A", dav::kApache}, {"oc", dav::kOwncloud}};
    xml::StringSink sink;
    xml::Writer writer(sink, kPrefixes);
    {
        const auto prop = writer.element(dav::name::prop);
        writer.raw(value);
    }
    writer.finish();
    return sink.text;
}

}  // namespace proppatch_fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace proppatch_fuzz;
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const dav::Limits limits;
    try {
        dav::PropUpdate update = dav::PropUpdate::from_proppatch(dav::parse_xml_body(input, limits), registry(), limits);
        for (const auto& change : update.changes().props) {
            const xml::QName name{change.ns, change.name};
            const xml::Element* sent = update.value_of(name);
            CHECK((sent != nullptr) == change.value.has_value());
            if (!sent) continue;
            const xml::Element alone = read_own(*change.value);
            CHECK(alone.is(name));
            CHECK(same_inside(*sent, alone));
            const xml::Element answer = read_own(answered(*change.value));
            CHECK(answer.children().size() == 1);
            CHECK(same(alone, answer.children().front()));
        }
        update.judge(dav::Kinds::file, {}, limits);
        xml::StringSink sink;
        xml::Writer writer(sink, {});
        {
            const auto response = writer.element(dav::name::response);
            update.write(writer);
        }
        writer.finish();
        CHECK(!read_own(sink.text).children().empty());
    } catch (const dav::DavError&) {
        // A refusal is an answer.
    }
    return 0;
}
