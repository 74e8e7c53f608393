#include "dav/xml/writer.h"

#include <array>
#include <catch2/catch.hpp>
#include <string>

#include "dav/xml/reader.h"

namespace {

constexpr std::array kPrefixes = {xml::Prefix{"D", "DAV:"}, xml::Prefix{"C", "urn:c"}};
constexpr xml::QName kMultistatus{"DAV:", "multistatus"};
constexpr xml::QName kResponse{"DAV:", "response"};
constexpr xml::QName kHref{"DAV:", "href"};
constexpr std::string_view kStart =
    "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:multistatus xmlns:D=\"DAV:\" xmlns:C=\"urn:c\"";

template <class Body>
std::string written(Body body) {
    xml::StringSink sink;
    xml::Writer w(sink, kPrefixes);
    {
        auto root = w.element(kMultistatus);
        body(w);
    }
    w.finish();
    REQUIRE(sink.text.substr(0, kStart.size()) == kStart);
    xml::parse(sink.text);  // whatever we write is well-formed
    return sink.text.substr(kStart.size());
}

class CountingSink final : public base::ByteSink {
  public:
    void write(std::string_view bytes) override {
        largest = std::max(largest, bytes.size());
        text.append(bytes);
    }
    std::size_t largest = 0;
    std::string text;
};

}  // namespace

// Octets are looked at eight at a time: what must be escaped may stand at each place among them, also twice.
TEST_CASE("each ASCII octet at each place is escaped as it is alone") {
    const auto text = [](std::string_view octets) {
        std::string out;
        xml::append_text(out, octets);
        return out;
    };
    const auto attribute = [](std::string_view octets) {
        std::string out;
        xml::append_attribute(out, octets);
        return out;
    };
    for (int octet = 0; octet < 0x80; ++octet) {
        const std::string one(1, static_cast<char>(octet));
        for (std::size_t before = 0; before < 20; ++before) {
            for (const std::size_t between : {0U, 1U, 7U, 8U}) {
                const std::string start(before, 'a');
                const std::string middle(between, '~');
                const std::string octets = start + one + middle + one + "zz";
                REQUIRE(text(octets) == start + text(one) + middle + text(one) + "zz");
                REQUIRE(attribute(octets) == start + attribute(one) + middle + attribute(one) + "zz");
            }
        }
    }
    CHECK(text("&\"<>\r\n\t\x7f") == "&amp;\"&lt;&gt;&#13;\n\t\x7f");
    CHECK(text("1234567\xc3\xa4"
               "12345678\xc3") ==
          "1234567\xc3\xa4"
          "12345678\xef\xbf\xbd");
}

TEST_CASE("elements, text and empty elements are written with their prefixes") {
    CHECK(written([](xml::Writer&) {}) == "/>");
    CHECK(written([](xml::Writer& w) {
              auto response = w.element(kResponse);
              w.text(kHref, "/a%20b/");
              w.empty({"urn:c", "calendar"});
              w.number({"DAV:", "n"}, 18446744073709551615u);
          }) ==
          "><D:response><D:href>/a%20b/</D:href><C:calendar/><D:n>18446744073709551615</D:n></D:response>"
          "</D:multistatus>");
    CHECK(written([](xml::Writer& w) { w.text(kHref, ""); }) == "><D:href/></D:multistatus>");
}

TEST_CASE("a namespace nobody declared is declared where it is used") {
    CHECK(written([](xml::Writer& w) {
              auto outer = w.element({"urn:x&y", "a"});
              w.empty({"urn:z", "b"});
              w.empty({"", "c"});
              w.text({"urn:c", "d"}, "e");
          }) == "><x:a xmlns:x=\"urn:x&amp;y\"><x:b xmlns:x=\"urn:z\"/><c/><C:d>e</C:d></x:a></D:multistatus>");
}

TEST_CASE("attributes belong to the element just begun") {
    CHECK(written([](xml::Writer& w) {
              auto comp = w.element({"urn:c", "comp"});
              w.attribute("name", "a\"b<c>&\n\td");
              w.attribute(xml::QName{"http://www.w3.org/XML/1998/namespace", "lang"}, "en");
              w.text("x");
          }) == "><C:comp name=\"a&quot;b&lt;c&gt;&amp;&#10;&#9;d\" xml:lang=\"en\">x</C:comp></D:multistatus>");
}

TEST_CASE("text is escaped, and octets that XML can not hold are replaced") {
    const struct {
        std::string text;
        std::string expected;
    } rows[] = {
        {"a<b>&\"'c", "a&lt;b&gt;&amp;\"'c"},
        {"]]>", "]]&gt;"},
        {"line\r\n\tend", "line&#13;\n\tend"},
        {std::string("a\0b", 3),
         "a\xef\xbf\xbd"
         "b"},
        {"\x01\x1f\x7f", "\xef\xbf\xbd\xef\xbf\xbd\x7f"},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"\xe9t\xe9", "\xef\xbf\xbdt\xef\xbf\xbd"},
        {"\xc0\xae", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xef\xbf\xbf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"cut \xe2\x82", "cut \xef\xbf\xbd\xef\xbf\xbd"},
    };
    for (const auto& row : rows) {
        std::string out;
        xml::append_text(out, row.text);
        CHECK(out == row.expected);
        CHECK(xml::parse("<a b=\"" +
                         [&] {
                             std::string v;
                             xml::append_attribute(v, row.text);
                             return v;
                         }() +
                         "\">" + out + "</a>")
                  .is({"", "a"}));
    }
}

TEST_CASE("what we write is what a reader gets") {
    const std::string hostile = "</D:href><D:evil a='b'>&lt;\"]]>\r\n\t\xc3\xa9";
    const auto text = written([&](xml::Writer& w) {
        auto response = w.element(kResponse);
        w.attribute("a", hostile);
        w.text(hostile);
    });
    const auto root = xml::parse(std::string(kStart) + text);
    REQUIRE(root.children().size() == 1);
    CHECK(root.children()[0].text() == hostile);
    CHECK(*root.children()[0].attribute("a") == hostile);
}

TEST_CASE("a mark takes back what was written since, also the end of the start tag") {
    CHECK(written([](xml::Writer& w) {
              auto response = w.element(kResponse);
              w.attribute("a", "1");
              {
                  auto mark = w.mark();
                  CHECK(mark.written().empty());
                  {
                      auto dropped = w.element(kHref);
                      w.text("never");
                  }
                  CHECK_FALSE(mark.written().empty());
                  mark.rewind();
                  CHECK(mark.written().empty());
              }
              {
                  auto outer = w.mark();
                  w.text(kHref, "kept");
                  auto inner = w.mark();
                  w.text(kHref, "dropped");
                  inner.rewind();
              }
          }) == "><D:response a=\"1\"><D:href>kept</D:href></D:response></D:multistatus>");
}

TEST_CASE("stored markup goes through unchanged") {
    CHECK(written([](xml::Writer& w) {
              auto prop = w.element({"DAV:", "prop"});
              w.raw("<x:p xmlns:x=\"urn:x\" xml:lang=\"de\">a<b/>c</x:p>");
          }) == "><D:prop><x:p xmlns:x=\"urn:x\" xml:lang=\"de\">a<b/>c</x:p></D:prop></D:multistatus>");
}

TEST_CASE("output leaves in pieces, but not while a mark lives") {
    CountingSink sink;
    xml::Writer w(sink, kPrefixes);
    {
        auto root = w.element(kMultistatus);
        for (int i = 0; i < 20'000; ++i) w.text(kHref, "/dav/files/ana/a-name-of-some-length.txt");
        CHECK(sink.text.size() > 1'000'000);
        const auto before = sink.text.size();
        auto mark = w.mark();
        for (int i = 0; i < 20'000; ++i) w.text(kHref, "/dav/files/ana/a-name-of-some-length.txt");
        CHECK(sink.text.size() == before);
        mark.rewind();
    }
    w.finish();
    CHECK(sink.largest < 70'000);
    xml::ReadLimits limits;
    limits.bytes_max = 4 << 20;
    limits.elements_max = 50'000;
    CHECK(xml::parse(sink.text, limits).children().size() == 20'000);
}
