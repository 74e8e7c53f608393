#include "dav/if_header.h"

#include <catch2/catch.hpp>
#include <string>

namespace dav {

namespace {

std::string repeated(int times, const std::string& text) {
    std::string out;
    for (int i = 0; i < times; ++i) out += text;
    return out;
}

// A header as it was understood, in one form.
std::string canonical(const std::string& field) {
    const auto header = parse_if(field);
    if (!header) return "malformed";
    std::string out;
    for (const IfList& list : header->lists) {
        if (!list.resource.empty()) out += "<" + list.resource + ">";
        out += "(";
        for (const IfCondition& condition : list.conditions) {
            if (condition.negated) out += "!";
            if (condition.tag)
                out += "[" + std::string(condition.tag->weak ? "W/" : "") + condition.tag->value + "]";
            else
                out += "<" + condition.token + ">";
        }
        out += ")";
    }
    return out;
}

bool met(const std::string& field, const IfState& request, const IfState& other = {}) {
    return holds(parse_if(field).value(),
                 [&](const std::string& resource) { return resource.empty() ? request : other; });
}

}  // namespace

TEST_CASE("the whole grammar of If is read") {
    struct Row {
        std::string field, understood;
    };
    const Row rows[] = {
        {"(<urn:x:a>)", "(<urn:x:a>)"},
        {"  ( <urn:x:a> )  ", "(<urn:x:a>)"},
        {R"((["a"]))", R"((["a"]))"},
        {R"(([W/"a"]))", R"(([W/"a"]))"},
        {R"(([ "a" ]))", R"((["a"]))"},
        {R"((["a]b"]))", R"((["a]b"]))"},
        {R"((<urn:x:a> ["a"]) (Not <urn:x:b>))", R"((<urn:x:a>["a"])(!<urn:x:b>))"},
        {R"((not["a"]NOT<urn:x:b>))", R"((!["a"]!<urn:x:b>))"},
        {"(<DAV:no-lock>)", "(<DAV:no-lock>)"},
        {"(<opaquelocktoken:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>)",
         "(<opaquelocktoken:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>)"},
        {R"(</a/b> (["a"]))", R"(</a/b>(["a"]))"},
        {R"(<http://h:80/a> (<urn:x:a>)(["a"]) <https://h/b>(Not["b"]))",
         R"(<http://h:80/a>(<urn:x:a>)<http://h:80/a>(["a"])<https://h/b>(!["b"]))"},
        {repeated(64, R"((["a"]))"), repeated(64, R"((["a"]))")},
        {"(" + repeated(256, R"(["a"])") + ")", "(" + repeated(256, R"(["a"])") + ")"},
    };
    for (const Row& row : rows) {
        INFO(row.field);
        CHECK(canonical(row.field) == row.understood);
    }
}

TEST_CASE("what is no If is refused whole") {
    const std::string rows[] = {
        "",
        " ",
        "(",
        ")",
        "()",
        "<",
        "([",
        "(<a",
        "(<a>)",
        "(<>)",
        "([])",
        "([a])",
        R"((["a))",
        R"((["a"))",
        R"((["a"]x))",
        "(Not)",
        "(Not Not <urn:x:a>)",
        "(Nothing)",
        "<urn:x:a>",
        "</a>",
        R"(</a> </b> (["a"]))",
        R"((["a"]) </a> (["b"]))",
        R"(<> (["a"]))",
        R"(<a/b> (["a"]))",
        "(<urn:x:a>), (<urn:x:b>)",
        "(<urn:x:a b>)",
        "(<urn:x:a\">)",
        "(<:a>)",
        "(<1urn:a>)",
        "urn:x:a",
        R"("a")",
        "(<urn:x:a>) x",
        repeated(65, R"((["a"]))"),
        "(" + repeated(257, R"(["a"])") + ")",
        repeated(2, "(" + repeated(129, R"(["a"])") + ")"),
        R"((["a"])" + std::string(8192, ' ') + ")",
    };
    for (const std::string& row : rows) {
        INFO(row.substr(0, 80));
        CHECK(canonical(row) == "malformed");
    }
}

TEST_CASE("a list holds when all of its conditions do, the header when one list does") {
    const IfState state{"\"e\"", {"urn:x:a", "urn:x:b"}};
    struct Row {
        const char* field;
        bool met;
    };
    const Row rows[] = {
        {"(<urn:x:a>)", true},
        {"(<urn:x:A>)", false},
        {"(<urn:x:a> <urn:x:b>)", true},
        {"(<urn:x:a> <urn:x:c>)", false},
        {"(<urn:x:c>) (<urn:x:a>)", true},
        {R"((["e"]))", true},
        {R"(([W/"e"]))", false},
        {R"((["E"]))", false},
        {R"((<urn:x:a> Not ["e"]))", false},
        {R"((Not <urn:x:c> Not ["f"]))", true},
        {"(Not <DAV:no-lock>)", true},
        {R"(</other> (["e"]))", false},
        {R"(</other> (Not ["e"] Not <urn:x:a>))", true},
        {R"(</other> (["o"]))", true},
        {R"(</other> (<urn:x:a>) (["o"]))", true},
    };
    for (const Row& row : rows) {
        INFO(row.field);
        CHECK(met(row.field, state, {"\"o\"", {}}) == row.met);
    }
    // Of a weak tag and of what is not there no tag holds.
    CHECK_FALSE(met(R"((["e"]))", {"W/\"e\"", {}}));
    CHECK_FALSE(met(R"((["e"]))", {}));
    CHECK(met(R"((Not ["e"]))", {}));
}

TEST_CASE("the state of a resource is asked once for the lists under its tag") {
    int asked = 0;
    const auto header = parse_if(R"(</a> (["1"]) (["2"]) (["3"]) </b> (["4"]) (["5"]))");
    CHECK_FALSE(holds(header.value(), [&](const std::string&) {
        ++asked;
        return IfState{};
    }));
    CHECK(asked == 2);
}

TEST_CASE("every token is submitted, wherever it stands") {
    const auto header = parse_if(R"((<urn:x:a> ["e"]) (Not <urn:x:b>))").value();
    CHECK(header.tokens() == std::vector<std::string>{"urn:x:a", "urn:x:b"});
    CHECK(parse_if(R"(</o> (["e"]))").value().tokens().empty());
    CHECK(parse_if("(<urn:x:a>) (Not <DAV:no-lock>)").value().tokens() == std::vector<std::string>{"urn:x:a"});
}

}  // namespace dav
