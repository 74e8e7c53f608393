#include "carddav/content_line.h"

#include <catch2/catch.hpp>

namespace carddav {
namespace {

std::vector<ContentLine> all(std::string_view text) {
    ContentLines lines(text);
    std::vector<ContentLine> found;
    while (auto line = lines.next()) found.push_back(std::move(*line));
    return found;
}

// One line, as "group.name|parameter=value,value|…:value".
std::string shape(std::string_view text) {
    const auto lines = all(text);
    if (lines.size() != 1) return std::to_string(lines.size()) + " lines";
    const ContentLine& line = lines.front();
    std::string out = line.group.empty() ? line.name : line.group + "." + line.name;
    for (const Parameter& one : line.parameters) {
        out += "|" + one.name + "=";
        for (std::size_t i = 0; i < one.values.size(); ++i) out += (i > 0 ? "/" : "") + one.values[i];
    }
    return out + ":" + line.value;
}

TEST_CASE("content lines as producers write them") {
    struct Case {
        const char* text;
        const char* wanted;
    };
    const Case cases[] = {
        {"FN:Ana\r\n", "FN:Ana"},
        {"FN:Ana", "FN:Ana"},
        {"FN:Ana\n", "FN:Ana"},
        {"FN:\r\n", "FN:"},
        {"\r\n\r\nFN:Ana\r\n\r\n", "FN:Ana"},
        {"NOTE:one\r\n  two\r\n", "NOTE:one two"},
        {"NOTE:one\r\n\ttwo\r\n", "NOTE:onetwo"},
        {"NOTE:one\n two\n three", "NOTE:onetwothree"},
        {"NO\r\n TE:split name\r\n", "NOTE:split name"},
        {"item1.EMAIL:a@b\r\n", "item1.EMAIL:a@b"},
        {"ITEM-2.X-ABLabel:_$!<Home>!$_\r\n", "ITEM-2.X-ABLabel:_$!<Home>!$_"},
        {"TEL;TYPE=home:1\r\n", "TEL|TYPE=home:1"},
        {"TEL;TYPE=home,voice;PREF=1:1\r\n", "TEL|TYPE=home/voice|PREF=1:1"},
        {"TEL;TYPE=\"home,voice\":1\r\n", "TEL|TYPE=home,voice:1"},
        {"TEL;HOME;VOICE:1\r\n", "TEL|=HOME|=VOICE:1"},
        {"TEL;HOME,VOICE:1\r\n", "TEL|=HOME/VOICE:1"},
        {"TEL;X-CUSTOM(CHARSET=UTF-8,ENCODING=QUOTED-PRINTABLE,=42);PREF:1\r\n",
         "TEL|=X-CUSTOM(CHARSET=UTF-8,ENCODING=QUOTED-PRINTABLE,=42)|=PREF:1"},
        {"TEL;WORK (old:1\r\n", "TEL|=WORK (old:1"},
        {"TEL;(a:b):1\r\n", "TEL|=(a:b):1"},
        {"TEL;TYPE=a(b);PREF:1\r\n", "TEL|TYPE=a(b)|=PREF:1"},
        {"X-messaging/xmpp-All:a@b\r\n", "X-messaging/xmpp-All:a@b"},
        {"ADR;LABEL=\"1; High St: a\":;;x\r\n", "ADR|LABEL=1; High St: a:;;x"},
        {"ADR;LABEL=a^nb^'c^^d^x:y\r\n", "ADR|LABEL=a\nb\"c^d^x:y"},
        {"X;P=:v\r\n", "X|P=:v"},
        {"X;P=,a:v\r\n", "X|P=/a:v"},
        {"X;;P=a;:v\r\n", "X|P=a:v"},
        {"X ; P = a : v\r\n", "X|P=a: v"},
        {"URL:http://a/b:c;d=e\r\n", "URL:http://a/b:c;d=e"},
        {"N;ENCODING=QUOTED-PRINTABLE:M=C3=\r\n=BCller\r\n", "N|ENCODING=QUOTED-PRINTABLE:M=C3=BCller"},
        {"N;QUOTED-PRINTABLE:a=\r\n b=\r\n\tc\r\n", "N|=QUOTED-PRINTABLE:a b\tc"},
        {"N;QUOTED-PRINTABLE:a\r\n b=\r\nc\r\n", "N|=QUOTED-PRINTABLE:abc"},
        {"N;QUOTED-PRINTABLE:a=\n\nb\n", "2 lines"},
        {"NOTE:ends with =\r\n", "NOTE:ends with ="},
        {"N;QUOTED-PRINTABLE;\r\n X=y:a=\r\n b\r\n", "N|=QUOTED-PRINTABLE|X=y:a b"},
        {"QUOTED-PRINTABLE:a=\r\n b\r\n", "QUOTED-PRINTABLE:a=b"},
        {"N;X=\"a:b;QUOTED-PRINTABLE;c\":a=\r\n b\r\n", "N|X=a:b;QUOTED-PRINTABLE;c:a=b"},
        {"N;X=\"a:b\";QUOTED-PRINTABLE:a=\r\n b\r\n", "N|X=a:b|=QUOTED-PRINTABLE:a b"},
    };
    for (const Case& one : cases) {
        INFO(one.text);
        if (std::string_view(one.wanted) == "2 lines")
            CHECK_THROWS_AS(all(one.text), BadCard);  // the empty line ends the value; "b" has no colon
        else
            CHECK(shape(one.text) == one.wanted);
    }
}

TEST_CASE("lines that can not be read without guessing") {
    struct Case {
        std::string_view text;
        std::size_t line;
    };
    const Case cases[] = {
        {"FN\r\n", 1},
        {":value\r\n", 1},
        {";TYPE=x:value\r\n", 1},
        {" folded first\r\n", 1},
        {"FN:a\r\nno colon here\r\n", 2},
        {"FN:a\r\n b\r\n;x:y\r\n", 3},
        {"TEL;TYPE=\"home:1\r\n", 1},
        {"TEL;=x:1\r\n", 1},
        {"TEL;A B=x:1\r\n", 1},
        {"TEL;a/b=x:1\r\n", 1},
        {"TEL;X(a=b:1\r\n", 1},
        {".FN:a\r\n", 1},
        {"a.b.FN:a\r\n", 1},
        {"FN:a\rb\r\n", 1},
        {"FN:a\r\r\n", 1},
        {"FN:a\r", 1},
        {std::string_view("FN:a\0b\r\n", 8), 1},
        {"FN:a\r\nNOTE:b\r\n c\rd\r\n", 3},
    };
    for (const Case& one : cases) {
        INFO(one.text);
        try {
            all(one.text);
            FAIL("was read");
        } catch (const BadCard& bad) {
            CHECK(bad.line() == one.line);
            CHECK(std::string_view(bad.what()) != "");
        }
    }
}

TEST_CASE("what one card may have is bounded") {
    std::string lines;
    for (std::size_t i = 0; i < kLinesMax; ++i) lines += "X:y\r\n";
    CHECK(all(lines).size() == kLinesMax);
    CHECK_THROWS_AS(all(lines + "X:y\r\n"), BadCard);
    std::string many = "X";
    for (std::size_t i = 0; i < kParametersMax; ++i) many += ";P=1";
    CHECK(all(many + ":y")[0].parameters.size() == kParametersMax);
    CHECK_THROWS_AS(all(many + ";P=1:y"), BadCard);
    std::string values = "X;P=1";
    for (std::size_t i = 1; i < kParameterValuesMax; ++i) values += ",1";
    CHECK(all(values + ":y")[0].parameters[0].values.size() == kParameterValuesMax);
    CHECK_THROWS_AS(all(values + ",1:y"), BadCard);
    CHECK_THROWS_AS(all(values + ";Q=1:y"), BadCard);
    CHECK_THROWS_AS(all(values + ";1:y"), BadCard);
}

TEST_CASE("a printed line is read as it was, and no line of it is longer than 75 octets") {
    const std::string umlauts = [] {
        std::string text;
        for (int i = 0; i < 100; ++i) text += "\xC3\xBC\xF0\x9F\x91\xA9";
        return text;
    }();
    std::vector<ContentLine> lines;
    lines.push_back({"", "FN", {}, "Ana", 1});
    lines.push_back({"item1", "TEL", {{"TYPE", {"home", "voice"}}, {"PREF", {"1"}}}, "+49 1", 1});
    lines.push_back({"", "NOTE", {}, std::string(1000, 'x'), 1});
    lines.push_back({"", "NOTE", {}, umlauts, 1});
    lines.push_back({"", "ADR", {{"LABEL", {"a\nb\"c^d; e:f,g"}}}, ";;x", 1});
    lines.push_back({"", "X-EMPTY", {{"P", {""}}}, "", 1});
    for (std::size_t length = 60; length < 90; ++length)
        lines.push_back({"", "NOTE", {}, std::string(length, 'y') + "\xC3\xBC", 1});
    for (const ContentLine& line : lines) {
        const std::string text = folded(line);
        std::size_t begin = 0;
        while (begin < text.size()) {
            const std::size_t end = text.find("\r\n", begin);
            REQUIRE(end != std::string::npos);
            CHECK(end - begin <= 75);
            begin = end + 2;
        }
        const auto back = all(text);
        REQUIRE(back.size() == 1);
        CHECK(back[0].group == line.group);
        CHECK(back[0].name == line.name);
        CHECK(back[0].parameters == line.parameters);
        CHECK(back[0].value == line.value);
    }
}

TEST_CASE("names do not mind case, and a bare value is printed as a type") {
    ContentLine line{"", "tel", {{"", {"HOME"}}}, "1", 1};
    CHECK(line.is("TEL"));
    CHECK(!line.is("TELX"));
    CHECK(line.parameter("type") == nullptr);
    CHECK(folded(line) == "tel;TYPE=HOME:1\r\n");
}

}  // namespace
}  // namespace carddav
