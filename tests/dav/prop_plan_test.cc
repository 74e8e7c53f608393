#include "dav/prop_plan.h"
#include "dav/error.h"

#include <string>

#include "tests/dav/fixture.h"

namespace {

using namespace dav;

Read write_one(const Resource& resource, const View&, xml::QName self, xml::Writer& writer) {
    if (resource.name == "bare") return Read::missing;
    writer.text(self, resource.name);
    return Read::written;
}

constexpr PropertyDef kRows[] = {
    {{kDav, "one"}, Kinds::any, storage::Need::none, Flags::allprop, write_one},
    {{kDav, "folders"}, Kinds::folder, storage::Need::disk, Flags::allprop, write_one},
    {{kDav, "asked"}, Kinds::any, storage::Need::none, Flags::none, write_one},
    {{kDav, "report"}, Kinds::any, storage::Need::none, Flags::report_only, write_one},
};
const Extension kTestExtension{kRows, {}, {}, {}, "extra"};

const Registry& registry() {
    static const Extension* const extensions[] = {&kTestExtension};
    static const Registry made(extensions);
    return made;
}

constexpr xml::Prefix kPrefixes[] = {{"D", kDav}};

std::string written(const std::string& body, const Resource& resource, bool minimal = false) {
    static test::Home home;
    const auto book = home.accounts().book();
    const View view(home.context(), registry(), home.ana, *book, nullptr, nullptr, 0);
    PropPlan plan(registry(), parse_propfind(body, {}));
    xml::StringSink sink;
    xml::Writer writer(sink, kPrefixes);
    {
        const auto root = writer.element(name::response);
        plan.write(resource, view, minimal, writer);
    }
    writer.finish();
    const std::size_t from = sink.text.find("<D:propstat");
    const std::size_t to = sink.text.rfind("</D:response>");
    return sink.text.substr(from, to - from);
}

std::string ok(const std::string& props) {
    return "<D:propstat>" + (props.empty() ? "<D:prop/>" : "<D:prop>" + props + "</D:prop>") +
           "<D:status>HTTP/1.1 200 OK</D:status></D:propstat>";
}
std::string missing(const std::string& props) {
    return "<D:propstat><D:prop>" + props + "</D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat>";
}
std::string propfind(const std::string& inside) {
    return "<propfind xmlns=\"DAV:\">" + inside + "</propfind>";
}

int refusal(const std::string& body, const Limits& limits = {}) {
    try {
        parse_propfind(body, limits);
    } catch (const DavError& error) {
        return http::code(error.status());
    }
    return 0;
}

TEST_CASE("named properties: found before missing, each asked for once") {
    Resource file;
    file.kind = Kinds::file;
    file.name = "f";
    CHECK(written(propfind("<prop><one/></prop>"), file) == ok("<D:one>f</D:one>"));
    CHECK(written(propfind("<prop><one/><nothing/><one/></prop>"), file) ==
          ok("<D:one>f</D:one>") + missing("<D:nothing/>"));
    CHECK(written(propfind("<prop><nothing/></prop>"), file) == missing("<D:nothing/>"));
    CHECK(written(propfind("<prop><folders/></prop>"), file) == missing("<D:folders/>"));
    CHECK(written(propfind("<prop><report/></prop>"), file) == missing("<D:report/>"));
    CHECK(written(propfind("<prop/>"), file) == ok(""));
    CHECK(written(propfind("<prop><one/><nothing/></prop>"), file, true) == ok("<D:one>f</D:one>"));
    CHECK(written(propfind("<prop><nothing/></prop>"), file, true) == ok(""));
}

TEST_CASE("allprop, with and without include") {
    Resource file;
    file.kind = Kinds::file;
    file.name = "f";
    Resource folder = file;
    folder.kind = Kinds::folder;
    CHECK(written("", file) == ok("<D:one>f</D:one>"));
    CHECK(written(propfind("<allprop/>"), folder) == ok("<D:one>f</D:one><D:folders>f</D:folders>"));
    CHECK(written(propfind("<allprop/><include><asked/><nothing/></include>"), file) ==
          ok("<D:one>f</D:one><D:asked>f</D:asked>") + missing("<D:nothing/>"));
    file.name = "bare";
    CHECK(written("", file) == ok(""));
}

TEST_CASE("propname names what is there") {
    Resource file;
    file.kind = Kinds::file;
    file.name = "f";
    CHECK(written(propfind("<propname/>"), file) == ok("<D:one/><D:asked/>"));
    file.name = "bare";
    CHECK(written(propfind("<propname/>"), file) == ok(""));
}

TEST_CASE("stored properties come back as they were written") {
    storage::Row row;
    row.props = {{"urn:x", "colour", "<x:colour xmlns:x=\"urn:x\">blue &amp; red</x:colour>"}};
    Resource file;
    file.kind = Kinds::file;
    file.name = "bare";
    file.row = &row;
    CHECK(written("", file) == ok(row.props[0].value));
    CHECK(written("<propfind xmlns=\"DAV:\"><prop><c:colour xmlns:c=\"urn:x\"/></prop></propfind>", file) ==
          ok(row.props[0].value));
    CHECK(written(propfind("<propname/>"), file).find("colour") != std::string::npos);
}

TEST_CASE("what a request needs is fetched, and nothing else") {
    const auto needs = [](const std::string& body) { return PropPlan(registry(), parse_propfind(body, {})).needs(); };
    CHECK(needs(propfind("<prop><one/></prop>")) == storage::Need::none);
    CHECK(needs(propfind("<prop><folders/></prop>")) == storage::Need::disk);
    CHECK(has(needs(propfind("<prop><nothing/></prop>")), storage::Need::props));
    CHECK(has(needs(""), storage::Need::props));
}

TEST_CASE("bodies that are no propfind") {
    CHECK(refusal(propfind("<allprop/><propname/>")) == 400);
    CHECK(refusal(propfind("<allprop/><prop/>")) == 400);
    CHECK(refusal(propfind("")) == 400);
    CHECK(refusal("<allprop xmlns=\"DAV:\"/>") == 400);
    CHECK(refusal("<propfind><allprop/></propfind>") == 400);
    CHECK(refusal("<propfind xmlns=\"DAV:\"><allprop/>") == 400);
    CHECK(refusal("<!DOCTYPE x><propfind xmlns=\"DAV:\"><allprop/></propfind>") == 403);
    CHECK(refusal(propfind("<future/><allprop/>")) == 0);
    CHECK(refusal(propfind("<allprop/>M")) == 0);
    Limits limits;
    limits.propfind_names_max = 2;
    CHECK(refusal(propfind("<prop><a/><b/></prop>"), limits) == 0);
    CHECK(refusal(propfind("<prop><a/><b/><c/></prop>"), limits) == 413);
    limits.xml_bytes_max = 20;
    CHECK(refusal(propfind("<allprop/>"), limits) == 413);
}

TEST_CASE("the DAV header names what the extensions add") {
    CHECK(registry().compliance(Locks::no) == "1, 3, extra");
    CHECK(registry().compliance(Locks::yes) == "1, 2, 3, extra");
}

}  // namespace
