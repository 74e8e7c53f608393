#include "dav/dav_handler.h"

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>

#include "storage/base/hash.h"
#include "tests/dav/fixture.h"

namespace {

using dav::test::contains;
using dav::test::Home;
using dav::test::text;

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
    return found;
}

std::string etag(Home& home, const std::string& path) {
    return std::string(home.ask(home.ana, "HEAD", path).headers.get("ETag"));
}

const Home::Fields kDepth1 = {{"Depth", "1"}};
const Home::Fields kChunked = {{"Transfer-Encoding", "chunked"}};

TEST_CASE("every method on every kind of place, by somebody else and with less than all rights") {
    Home home;
    REQUIRE(home.status(home.ana, "MKCOL", "/dav/files/ana/d") == 201);
    REQUIRE(home.status(home.ana, "PUT", "/dav/files/ana/f", {}, "x") == 201);
    dav::Caller reader = home.ana;
    reader.read_only = true;
    dav::Caller calendars = home.ana;
    calendars.scope = storage::Scope::calendars;
    const Home::Fields away = {{"Destination", "/dav/files/ana/new"}};
    const Home::Fields depth0 = {{"Depth", "0"}};
    struct Row {
        const char* method;
        const char* path;
        Home::Fields fields;
        int ben, read_only, other_scope;
    };
    const Row rows[] = {
        {"GET", "/dav/files/ana/f", {}, 404, 200, 403},
        {"HEAD", "/dav/files/ana/f", {}, 404, 200, 403},
        {"OPTIONS", "/dav/files/ana/f", {}, 404, 200, 403},
        {"PROPFIND", "/dav/files/ana/", depth0, 404, 207, 403},
        {"PROPFIND", "/dav/files/ana/nothing", depth0, 404, 404, 403},
        {"PUT", "/dav/files/ana/f", {}, 404, 403, 403},
        {"PUT", "/dav/files/ana/new", {}, 404, 403, 403},
        {"MKCOL", "/dav/files/ana/new", {}, 404, 403, 403},
        {"DELETE", "/dav/files/ana/f", {}, 404, 403, 403},
        {"DELETE", "/dav/files/ana/d/", {}, 404, 403, 403},
        {"COPY", "/dav/files/ana/f", away, 404, 403, 403},
        {"MOVE", "/dav/files/ana/f", away, 404, 403, 403},
        {"PROPPATCH", "/dav/files/ana/f", {}, 404, 403, 403},
        {"POST", "/dav/files/ana/d/", {}, 404, 403, 403},
        {"LOCK", "/dav/files/ana/f", {}, 404, 403, 403},
        {"LOCK", "/dav/files/ana/new", {}, 404, 403, 403},
        {"UNLOCK", "/dav/files/ana/f", {}, 404, 403, 403},
        {"REPORT", "/dav/files/ana/d", {}, 404, 400, 403},  // there is no body
        {"ACL", "/dav/files/ana/d", {}, 404, 405, 403},
        {"PROPFIND", "/dav/principals/users/ana/", depth0, 404, 207, 207},
        {"GET", "/dav/files/nobody/", {}, 404, 404, 404},
    };
    for (const Row& row : rows) {
        INFO(row.method << " " << row.path);
        CHECK(home.status(home.ben, row.method, row.path, row.fields) == row.ben);
        CHECK(home.status(reader, row.method, row.path, row.fields) == row.read_only);
        CHECK(home.status(calendars, row.method, row.path, row.fields) == row.other_scope);
    }
    CHECK(home.read_outside("files/ana/f") == "x");
    // Into another home: refused alike whether it is there or not.
    for (const char* to : {"/dav/files/ana/f", "/dav/files/ana/zzz", "/dav/files/nobody/zzz"}) {
        REQUIRE(home.status(home.ben, "PUT", "/dav/files/ben/mine", {}, "b") != 403);
        INFO(to);
        CHECK(home.status(home.ben, "COPY", "/dav/files/ben/mine", {{"Destination", to}}) == 403);
        CHECK(home.status(home.ben, "MOVE", "/dav/files/ben/mine", {{"Destination", to}}) == 403);
    }
}

TEST_CASE("what a resource allows is what it does") {
    Home home;
    REQUIRE(home.status(home.ana, "PUT", "/dav/files/ana/f", {}, "x") == 201);
    const auto allow = [&](const char* path) {
        return std::string(home.ask(home.ana, "OPTIONS", path).headers.get("Allow"));
    };
    CHECK(allow("/dav/files/ana/f") ==
          "OPTIONS, GET, HEAD, PROPFIND, REPORT, PROPPATCH, PUT, COPY, MOVE, DELETE, LOCK, UNLOCK");
    CHECK(allow("/dav/files/ana/") == "OPTIONS, GET, HEAD, PROPFIND, REPORT, PROPPATCH, POST, COPY, LOCK, UNLOCK");
    CHECK(allow("/dav/files/ana/new") == "OPTIONS, PUT, MKCOL, LOCK");
    CHECK(allow("/dav/files/ana/no/where") == "OPTIONS");
    CHECK(allow("/dav/") == "OPTIONS, GET, HEAD, PROPFIND, REPORT, PROPPATCH");
    const http::Response refused = home.ask(home.ana, "ACL", "/dav/files/ana/f");
    CHECK(refused.headers.get("Allow") == allow("/dav/files/ana/f"));
    CHECK(home.ask(home.ana, "OPTIONS", "/dav/files/ana/").headers.get("DAV") == "1, 2, 3, extended-mkcol");
    CHECK(home.ask(home.ana, "OPTIONS", "/").headers.get("DAV") == "1, 2, 3, extended-mkcol");
    CHECK(home.ask(home.ana, "OPTIONS", "/dav/principals/").headers.get("DAV") == "1, 3, extended-mkcol");
    dav::Caller reader = home.ana;
    reader.read_only = true;
    CHECK(home.ask(reader, "OPTIONS", "/dav/files/ana/").headers.get("DAV") == "1, 3, extended-mkcol");
    CHECK(http::code(home.ask({}, "OPTIONS", "/dav/files/ana/f").status) == 200);
}

TEST_CASE("an app password for a subtree sees the way to it and no more") {
    Home home;
    for (const char* path : {"/dav/files/ana/a", "/dav/files/ana/a/b", "/dav/files/ana/a/other", "/dav/files/ana/z"}) {
        REQUIRE(home.status(home.ana, "MKCOL", path) == 201);
    }
    dav::Caller phone = home.ana;
    phone.subtree = {"a", "b"};
    const std::string top = text(home.ask(phone, "PROPFIND", "/dav/files/ana/", kDepth1).body);
    CHECK(contains(top, "/dav/files/ana/a/</D:href>"));
    CHECK_FALSE(contains(top, "/dav/files/ana/z/"));
    CHECK_FALSE(contains(text(home.ask(phone, "PROPFIND", "/dav/files/ana/a", kDepth1).body), "other"));
    CHECK_FALSE(contains(text(home.ask(phone, "GET", "/dav/files/ana/a").body), "other"));
    CHECK(home.status(phone, "GET", "/dav/files/ana/z") == 404);
    CHECK(home.status(phone, "PUT", "/dav/files/ana/a/f", {}, "x") == 404);
    CHECK(home.status(phone, "PUT", "/dav/files/ana/a/b/f", {}, "x") == 201);
    CHECK(home.status(phone, "DELETE", "/dav/files/ana/a/b") == 403);
    CHECK(home.status(phone, "MOVE", "/dav/files/ana/a/b/f", {{"Destination", "/dav/files/ana/f"}}) == 403);
}

TEST_CASE("a body that is too long is refused whole") {
    dav::Limits limits;
    limits.file_bytes_max = 50'000;
    Home home(limits);
    const std::size_t staged = home.staged();
    const std::string path = "/dav/files/ana/big";
    CHECK(home.status(home.ana, "PUT", path, {}, std::string(50'001, 'x')) == 413);
    CHECK(home.status(home.ana, "PUT", path, kChunked, std::string(50'001, 'x')) == 413);
    home.accounts().set_quota("ana", 40'000, Home::kAdmin);
    for (const Home::Fields& fields : {Home::Fields{}, kChunked}) {
        const http::Response over = home.ask(home.ana, "PUT", path, fields, std::string(40'001, 'x'));
        CHECK(over.status == http::Status::insufficient_storage);
        CHECK(contains(text(over.body), "<D:quota-not-exceeded/>"));
    }
    CHECK_FALSE(home.on_disk("files/ana/big"));
    CHECK(home.staged() == staged);
    REQUIRE(home.status(home.ana, "PUT", path, kChunked, std::string(40'000, 'x')) == 201);
    CHECK(home.status(home.ana, "PUT", path, {}, std::string(40'000, 'y')) == 204);
    CHECK(home.status(home.ana, "PUT", "/dav/files/ana/one", {}, "1") == 507);
    CHECK(home.status(home.ana, "COPY", path, {{"Destination", "/dav/files/ana/two"}}) == 507);
    CHECK(home.staged() == staged);
}

TEST_CASE("locks are counted over all users, and what one gives back another may take") {
    CHECK(dav::Limits{}.locks_max == 1000);
    dav::Limits limits;
    limits.locks_max = 3;
    Home home(limits);
    home.ask(home.ana, "PUT", "/dav/files/ana/f", {}, "x");
    const std::string body =
        "<D:lockinfo xmlns:D=\"DAV:\"><D:lockscope><D:shared/></D:lockscope><D:locktype><D:write/></D:locktype>"
        "</D:lockinfo>";
    std::string token;
    for (int i = 0; i < 3; ++i) {
        const auto answer = home.ask(home.ana, "LOCK", "/dav/files/ana/f", {}, body);
        REQUIRE(answer.status == http::Status::ok);
        token = answer.headers.get("Lock-Token");
    }
    CHECK(home.status(home.ben, "LOCK", "/dav/files/ben/new", {}, body) == 507);
    CHECK_FALSE(home.on_disk("files/ben/new"));
    CHECK(home.status(home.ana, "UNLOCK", "/dav/files/ana/f", {{"Lock-Token", token}}) == 204);
    CHECK(home.status(home.ben, "LOCK", "/dav/files/ben/new", {}, body) == 201);
    CHECK(home.status(home.ana, "LOCK", "/dav/files/ana/f", {}, body) == 507);
}

TEST_CASE("a dead property in a namespace that is no URI comes back as it was") {
    Home home;
    home.ask(home.ana, "PUT", "/dav/files/ana/f", {}, "x");
    const std::string property = "<p:a xmlns:p=\"a &quot;b&quot; &lt;c&gt; &amp;\">v</p:a>";
    CHECK(home.status(home.ana, "PROPPATCH", "/dav/files/ana/f", {},
                      "<D:propertyupdate xmlns:D=\"DAV:\"><D:set><D:prop>" + property +
                          "</D:prop></D:set></D:propertyupdate>") == 207);
    const std::string named = "<D:propfind xmlns:D=\"DAV:\"><D:prop>" + property + "</D:prop></D:propfind>";
    for (const std::string& body : {std::string(), named}) {
        const auto answer = home.ask(home.ana, "PROPFIND", "/dav/files/ana/f", {{"Depth", "0"}}, body);
        CHECK(contains(text(answer.body), property));
    }
}

TEST_CASE("a disk below its floor takes nothing") {
    dav::Limits limits;
    limits.free_floor_bytes = ~std::uint64_t{0} / 2;
    Home home(limits);
    const http::Response refused = home.ask(home.ana, "PUT", "/dav/files/ana/f", {}, "x");
    CHECK(refused.status == http::Status::insufficient_storage);
    CHECK(contains(text(refused.body), "<D:sufficient-disk-space/>"));
}

TEST_CASE("a body shorter than Finder announced is not stored") {
    Home home;
    Home::Fields fields = kChunked;
    fields.emplace_back("X-Expected-Entity-Length", "10");
    CHECK(home.status(home.ana, "PUT", "/dav/files/ana/f", fields, "short") == 400);
    CHECK(home.status(home.ana, "GET", "/dav/files/ana/f") == 404);
    CHECK(home.status(home.ana, "PUT", "/dav/files/ana/f", fields, "ten octets") == 201);
}

TEST_CASE("sums of small and staged bodies are checked before anything is written") {
    Home home;
    const std::size_t staged = home.staged();
    for (const std::size_t size : {std::size_t{5}, std::size_t{40'000}}) {
        const std::string body(size, 'b');
        const auto sum = [&](const std::string& of) {
            base::Hasher hasher(base::Digest::sha1);
            hasher.update(of);
            return "SHA1:" + base::hex(hasher.finish());
        };
        CHECK(home.status(home.ana, "PUT", "/dav/files/ana/f", {{"OC-Checksum", sum(body + "x")}}, body) == 400);
        CHECK(home.status(home.ana, "GET", "/dav/files/ana/f") == 404);
        CHECK(home.status(home.ana, "PUT", "/dav/files/ana/f", {{"OC-Checksum", sum(body)}}, body) == 201);
        CHECK(home.status(home.ana, "DELETE", "/dav/files/ana/f") == 204);
    }
    CHECK(home.staged() == staged);
}

TEST_CASE("a file changed beside us is served as it is, under a tag of its own") {
    Home home;
    const std::string path = "/dav/files/ana/f";
    REQUIRE(home.status(home.ana, "PUT", path, {}, "ours") == 201);
    const std::string before = etag(home, path);
    home.write_outside("files/ana/f", "their words");
    const http::Response got = home.ask(home.ana, "GET", path);
    CHECK(text(got.body) == "their words");
    const std::string pending(got.headers.get("ETag"));
    CHECK(pending.starts_with("\"p-"));
    CHECK(pending != before);
    CHECK(home.status(home.ana, "GET", path, {{"If-None-Match", pending}}) == 304);
}

TEST_CASE("a copied tree has the same digest, whatever its size, and is a tree on disk") {
    Home home;
    REQUIRE(home.status(home.ana, "MKCOL", "/dav/files/ana/src") == 201);
    REQUIRE(home.status(home.ana, "MKCOL", "/dav/files/ana/src/sub") == 201);
    REQUIRE(home.status(home.ana, "MKCOL", "/dav/files/ana/src/empty") == 201);
    REQUIRE(home.status(home.ana, "PUT", "/dav/files/ana/src/sub/deep", {}, std::string(20'000, 'd')) == 201);
    const int members = 300;  // more than one group
    for (int i = 0; i < members; ++i) {
        REQUIRE(home.status(home.ana, "PUT", "/dav/files/ana/src/f" + std::to_string(i), {}, std::to_string(i)) == 201);
    }
    for (const std::string folder : {"sub/a", "sub/b", "sub/b/c"}) {  // one group of rows spans them
        REQUIRE(home.status(home.ana, "MKCOL", "/dav/files/ana/src/" + folder) == 201);
        for (int i = 0; i < 10; ++i) {
            const std::string path = "/dav/files/ana/src/" + folder + "/" + std::to_string(i);
            REQUIRE(home.status(home.ana, "PUT", path, {}, folder + std::to_string(i)) == 201);
        }
    }
    home.write_outside("files/ana/src/f7", "changed beside us");
    REQUIRE(home.status(home.ana, "COPY", "/dav/files/ana/src", {{"Destination", "/dav/files/ana/dst"}}) == 201);
    for (const std::string folder : {"sub/a", "sub/b", "sub/b/c"}) {
        for (int i = 0; i < 10; ++i) {
            const std::string path = folder + "/" + std::to_string(i);
            CHECK(home.read_outside("files/ana/dst/" + path) == folder + std::to_string(i));
            CHECK(text(home.ask(home.ana, "GET", "/dav/files/ana/dst/" + path).body) == folder + std::to_string(i));
        }
    }
    CHECK(home.read_outside("files/ana/dst/sub/deep") == std::string(20'000, 'd'));
    CHECK(home.read_outside("files/ana/dst/f299") == "299");
    CHECK(home.on_disk("files/ana/dst/empty"));
    CHECK(text(home.ask(home.ana, "GET", "/dav/files/ana/dst/f7").body) == "changed beside us");
    const std::string listing = text(home.ask(home.ana, "PROPFIND", "/dav/files/ana/dst", kDepth1).body);
    CHECK(count(listing, "<D:response>") == members + 3);
    CHECK_FALSE(contains(listing, "\"p-"));
}

TEST_CASE("octets of before a step that failed are not served under the entity tag of after it") {
    Home home;
    const std::string file = "/dav/files/ana/f";
    REQUIRE(home.status(home.ana, "PUT", file, {}, "old") == 201);
    const char* staging = ".hearth/staging";
    home.move_outside(staging, "away");
    CHECK(home.status(home.ana, "PUT", file, {}, "new") == 503);
    CHECK(text(home.ask(home.ana, "GET", file).body) == "old");
    CHECK(etag(home, file).starts_with("\"p-"));
    home.move_outside("away", staging);
}

TEST_CASE("copies and moves between a person's files and a group's") {
    Home home;
    REQUIRE(home.status(home.ana, "MKCOL", "/dav/files/ana/d") == 201);
    REQUIRE(home.status(home.ana, "PUT", "/dav/files/ana/d/f", {}, "shared") == 201);
    REQUIRE(home.status(home.ana, "MOVE", "/dav/files/ana/d", {{"Destination", "/dav/files/family/d"}}) == 201);
    CHECK(home.status(home.ana, "GET", "/dav/files/ana/d/f") == 404);
    CHECK_FALSE(home.on_disk("files/ana/d"));
    CHECK(home.read_outside("files/family/d/f") == "shared");
    REQUIRE(home.status(home.ana, "MOVE", "/dav/files/family/d/f", {{"Destination", "/dav/files/ana/f"}}) == 201);
    CHECK(home.read_outside("files/ana/f") == "shared");
    CHECK(home.status(home.ben, "GET", "/dav/files/family/d/") == 404);
    // A home itself neither goes nor is replaced.
    CHECK(home.status(home.ana, "MOVE", "/dav/files/family/", {{"Destination", "/dav/files/ana/x"}}) == 403);
    CHECK(home.status(home.ana, "COPY", "/dav/files/ana/f", {{"Destination", "/dav/files/family/"}}) == 403);
    CHECK(home.status(home.ana, "DELETE", "/dav/files/family/") == 403);
}

TEST_CASE("a refused copy leaves nothing behind") {
    dav::Limits limits;
    limits.copy_nodes_max = 3;
    Home home(limits);
    REQUIRE(home.status(home.ana, "MKCOL", "/dav/files/ana/d") == 201);
    for (const char* name : {"1", "2", "3"}) {
        REQUIRE(home.status(home.ana, "PUT", std::string("/dav/files/ana/d/") + name, {}, name) == 201);
    }
    const std::string before = etag(home, "/dav/files/ana/d/1");
    CHECK(home.status(home.ana, "COPY", "/dav/files/ana/d", {{"Destination", "/dav/files/ana/e"}}) == 507);
    CHECK(home.status(home.ana, "GET", "/dav/files/ana/e") == 404);
    CHECK(home.staged() == 0);
    CHECK(etag(home, "/dav/files/ana/d/1") == before);
}

TEST_CASE("a reader beside a writer sees whole versions, each with its own tag") {
    Home home;
    const std::string path = "/dav/files/ana/f";
    const std::string versions[] = {std::string(9'000, 'a'), std::string(30'000, 'b'), "c"};
    std::string tags[3];
    for (int i = 0; i < 3; ++i) {
        const http::Response put = home.ask(home.ana, "PUT", path, {}, versions[i]);
        REQUIRE(http::code(put.status) < 300);
        tags[i] = put.headers.get("ETag");
    }
    std::atomic<bool> stop = false;
    std::atomic<int> wrong = 0;
    std::thread writer([&] {
        for (int round = 0; round < 60; ++round) home.ask(home.ana, "PUT", path, {}, versions[round % 3]);
        stop = true;
    });
    int reads = 0;
    while (!stop || reads < 20) {
        const http::Response got = home.ask(home.ana, "GET", path);
        const std::string body = text(got.body);
        const auto version = std::find(std::begin(versions), std::end(versions), body) - std::begin(versions);
        if (got.status != http::Status::ok || version == 3 || got.headers.get("ETag") != tags[version]) ++wrong;
        ++reads;
    }
    writer.join();
    CHECK(wrong == 0);
}

TEST_CASE("principals and the collections above them") {
    Home home;
    const auto found = [&](const dav::Caller& who, const std::string& path) {
        return text(home.ask(who, "PROPFIND", path, kDepth1).body);
    };
    CHECK(contains(found(home.ana, "/"), "/dav/</D:href>"));
    CHECK(contains(found(home.ana, "/dav/"), "/dav/principals/</D:href>"));
    const std::string homes = found(home.ana, "/dav/files/");
    CHECK(contains(homes, "/dav/files/ana/</D:href>"));
    CHECK(contains(homes, "/dav/files/family/</D:href>"));
    CHECK_FALSE(contains(homes, "ben"));
    CHECK(contains(found(home.ana, "/dav/principals/groups"), "/dav/principals/groups/family/</D:href>"));
    CHECK_FALSE(contains(found(home.ben, "/dav/principals/groups"), "family"));
    const std::string asked =
        "<propfind xmlns=\"DAV:\"><prop><current-user-principal/><group-membership/><resourcetype/></prop></propfind>";
    const std::string ana =
        text(home.ask(home.ana, "PROPFIND", "/dav/principals/users/ana/", {{"Depth", "0"}}, asked).body);
    CHECK(contains(ana, "<D:current-user-principal><D:href>/dav/principals/users/ana/</D:href>"));
    CHECK(contains(ana, "<D:group-membership><D:href>/dav/principals/groups/family/</D:href>"));
    CHECK(contains(ana, "<D:resourcetype><D:principal/></D:resourcetype>"));
    CHECK(contains(text(home.ask(home.ben, "PROPFIND", "/principals/", {{"Depth", "0"}}, asked).body),
                   "/dav/principals/users/ben/"));
}

TEST_CASE("names: what may be created, and one name in two forms") {
    Home home;
    const auto put = [&](const std::string& segment) {
        return home.status(home.ana, "PUT", "/dav/files/ana/" + segment, {}, "x");
    };
    CHECK(put(std::string(255, 'n')) == 201);
    CHECK(put(std::string(256, 'n')) == 403);
    CHECK(put("dot.") == 403);
    CHECK(put("blank%20") == 403);
    CHECK(put(".hearth") == 403);
    CHECK(put("%252e%252e") == 201);
    CHECK(put("%2e%2e") == 400);
    CHECK(put("cafe%cc%81") == 201);
    CHECK(home.on_disk("files/ana/caf\xc3\xa9"));
    CHECK(put("caf%c3%a9") == 204);
    CHECK(home.status(home.ana, "MOVE", "/dav/files/ana/caf%C3%A9", {{"Destination", "/dav/files/ana/x."}}) == 403);
}

TEST_CASE("a listing page escapes names and never runs them") {
    Home home;
    REQUIRE(home.status(home.ana, "PUT", "/dav/files/ana/%3Cscript%3E%22&'", {}, "x") == 201);
    const http::Response page = home.ask(home.ana, "GET", "/dav/files/ana");
    CHECK(contains(text(page.body), "&lt;script&gt;"));
    CHECK_FALSE(contains(text(page.body), "<script"));
    CHECK(contains(std::string(page.headers.get("Content-Security-Policy")), "default-src 'none'"));
    CHECK(page.headers.get("X-Content-Type-Options") == "nosniff");
}

}  // namespace
