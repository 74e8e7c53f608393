#include "tests/dav/fixture.h"

namespace dav::test {

namespace {

std::string update_of(const std::string& instructions) {
    return "<D:propertyupdate xmlns:D=\"DAV:\" xmlns:x=\"urn:x\">" + instructions + "</D:propertyupdate>";
}

std::string set_of(int from, int to, const std::string& value = "v") {
    std::string props;
    for (int i = from; i < to; ++i) {
        const std::string name = "x:p" + std::to_string(i);
        props += "<" + name + ">" + value + "</" + name + ">";
    }
    return "<D:set><D:prop>" + props + "</D:prop></D:set>";
}

std::string body_of(const http::Response& response) {
    if (const auto* text = std::get_if<std::string>(&response.body)) return *text;
    const auto* spooled = std::get_if<std::shared_ptr<const http::Spooled>>(&response.body);
    if (!spooled) return {};
    std::string text(static_cast<std::size_t>((*spooled)->size()), '\0');
    std::size_t done = 0;
    while (done < text.size()) done += (*spooled)->read_at(text.data() + done, text.size() - done, done);
    return text;
}

std::size_t count_of(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
    return found;
}

std::size_t stored(Home& home) {
    const Home::Fields depth0 = {{"Depth", "0"}};
    return count_of(body_of(home.ask(home.ana, "PROPFIND", "/dav/files/ana/f", depth0)), "</x:p");
}

std::string patched(Home& home, const std::string& instructions) {
    const http::Response response = home.ask(home.ana, "PROPPATCH", "/dav/files/ana/f", {}, update_of(instructions));
    REQUIRE(http::code(response.status) == 207);
    return body_of(response);
}

}  // namespace

TEST_CASE("the 101st property of a resource is 507, and none of its request is stored") {
    Home home;
    REQUIRE(home.status(home.ana, "PUT", "/dav/files/ana/f", {}, "x") == 201);
    CHECK(count_of(patched(home, set_of(0, 99)), "200 OK") == 1);
    CHECK(stored(home) == 99);
    const std::string refused = patched(home, set_of(99, 101));
    CHECK(count_of(refused, "507 Insufficient Storage") == 1);
    CHECK(count_of(refused, "424 Failed Dependency") == 1);
    CHECK(stored(home) == 99);
    CHECK(count_of(patched(home, set_of(99, 100)), "200 OK") == 1);
    // Another value for one that is there needs no room, nor does one that takes the place of another.
    CHECK(count_of(patched(home, set_of(50, 51, "other")), "200 OK") == 1);
    CHECK(count_of(patched(home, set_of(100, 101)), "507 Insufficient Storage") == 1);
    CHECK(count_of(patched(home, set_of(100, 101) + "<D:remove><D:prop><x:p0/></D:prop></D:remove>"), "200 OK") == 1);
    CHECK(stored(home) == 100);
    // A time and a sum of ours take none.
    const std::string time = "<D:set><D:prop><D:lastmodified>1700000000</D:lastmodified></D:prop></D:set>";
    CHECK(count_of(patched(home, time), "200 OK") == 1);
}

TEST_CASE("all properties of a resource together hold at most 1 MiB") {
    Home home;
    REQUIRE(home.status(home.ana, "PUT", "/dav/files/ana/f", {}, "x") == 201);
    const std::string big(60 * 1024, 'v');
    CHECK(count_of(patched(home, set_of(0, 10, big)), "200 OK") == 1);
    CHECK(count_of(patched(home, set_of(10, 17, big)), "200 OK") == 1);
    CHECK(count_of(patched(home, set_of(17, 18, big)), "507 Insufficient Storage") == 1);
    CHECK(stored(home) == 17);
}

TEST_CASE("a PROPPATCH of thousands of anything is refused or answered within bounds") {
    Home home;
    REQUIRE(home.status(home.ana, "PUT", "/dav/files/ana/f", {}, "x") == 201);
    const auto status = [&](const std::string& instructions) {
        return home.status(home.ana, "PROPPATCH", "/dav/files/ana/f", {}, update_of(instructions));
    };
    CHECK(status(set_of(0, 1001)) == 413);
    CHECK(status(set_of(0, 12'000)) == 400);  // elements
    std::string namespaces;
    for (int i = 0; i < 9000; ++i) namespaces += "<p xmlns=\"urn:" + std::to_string(i) + "\"/>";
    CHECK(status("<D:set><D:prop>" + namespaces + "</D:prop></D:set>") == 413);
    std::string prefixes = "<x:p";
    for (int i = 0; i < 500; ++i) prefixes += " xmlns:n" + std::to_string(i) + "=\"urn:n\"";
    CHECK(status("<D:set><D:prop>" + prefixes + "/></D:prop></D:set>") == 400);
    CHECK(status("<D:set><D:prop><x:p>" + std::string(1 << 20, 'v') + "</x:p></D:prop></D:set>") == 413);
    // Named a thousand times over it is one property.
    std::string again;
    for (int i = 0; i < 2000; ++i) again += "<x:p>" + std::to_string(i) + "</x:p>";
    CHECK(status("<D:set><D:prop>" + again + "</D:prop></D:set>") == 207);
    CHECK(stored(home) == 1);
}

TEST_CASE("a body that names nothing is answered for the resource") {
    Home home;
    REQUIRE(home.status(home.ana, "PUT", "/dav/files/ana/f", {}, "x") == 201);
    const std::string nothing = patched(home, "<D:set><D:prop/></D:set>");
    CHECK(count_of(nothing, "<D:propstat><D:prop/><D:status>HTTP/1.1 200 OK</D:status></D:propstat>") == 1);
}

TEST_CASE("the x bit set by PROPPATCH is on the file") {
    Home home;
    REQUIRE(home.status(home.ana, "PUT", "/dav/files/ana/f", {}, "x") == 201);
    const auto bits = [&] { return home.store().tree().stat("files/ana/f")->exec; };
    const auto set = [&](const char* value) {
        return patched(home, std::string("<D:set><D:prop><A:executable xmlns:A=\"http://apache.org/dav/props/\">") +
                                 value + "</A:executable></D:prop></D:set>");
    };
    CHECK_FALSE(bits());
    CHECK(count_of(set("T"), "200 OK") == 1);
    CHECK(bits());
    // The index knows the file as it is now: its content is still what was hashed.
    const std::string etag(home.ask(home.ana, "HEAD", "/dav/files/ana/f").headers.get("ETag"));
    CHECK(etag.rfind("\"p-", 0) != 0);
    CHECK(count_of(set("F"), "200 OK") == 1);
    CHECK_FALSE(bits());
}

}  // namespace dav::test
