// A client that syncs over the protocol, against a home where everything happens: what it holds is what PROPFIND finds.
#include "tests/dav/fixture.h"

#include "dav/xml/reader.h"

#include <cstdlib>
#include <map>
#include <random>
#include <set>

namespace dav::test {

namespace {

constexpr xml::QName kHref{"DAV:", "href"};
constexpr xml::QName kResponse{"DAV:", "response"};
constexpr xml::QName kStatus{"DAV:", "status"};

using Members = std::map<std::string, std::string>;  // href without its last slash -> entity tag

std::string bare(std::string href) {
    if (href.ends_with('/')) href.pop_back();
    return href;
}

const xml::Element* deep(const xml::Element& element, xml::QName name) {
    if (element.is(name)) return &element;
    for (const xml::Element& child : element.children()) {
        if (const auto* found = deep(child, name)) return found;
    }
    return nullptr;
}

std::string tag_of(const xml::Element& response) {
    const auto* tag = deep(response, {"DAV:", "getetag"});
    REQUIRE(tag);
    return tag->text();
}

class World {
  public:
    explicit World(std::uint64_t seed, Limits limits = {}) : home(limits), random_(seed) {}

    std::size_t pick(std::size_t below) { return random_() % below; }

    void step() {
        const std::string path = any();
        switch (pick(10)) {
            case 0:
            case 1: home.ask(home.ana, "MKCOL", path + "/"); return;
            case 2:
            case 3:
            case 4: home.ask(home.ana, "PUT", path, {}, std::to_string(pick(40))); return;
            case 5:
            case 6: home.ask(home.ana, "MOVE", path, {{"Destination", any()}}); return;
            case 7: home.ask(home.ana, "COPY", path, {{"Destination", any()}}); return;
            case 8: home.ask(home.ana, "DELETE", path); return;
            default:
                home.ask(home.ana, "PROPPATCH", path, {},
                         "<D:propertyupdate xmlns:D=\"DAV:\"><D:set><D:prop><x xmlns=\"urn:x\">" +
                             std::to_string(pick(9)) + "</x></D:prop></D:set></D:propertyupdate>");
        }
    }

    Members walk(const std::string& folder, bool deeper) {
        Members found;
        const auto answer =
            home.ask(home.ana, "PROPFIND", folder, {{"Depth", "1"}, {"Prefer", "depth-noroot"}}, kProps);
        const xml::Element body = xml::parse(text(answer.body));
        for (const xml::Element& response : body.children()) {
            const std::string href = response.child(kHref)->text();
            found[bare(href)] = tag_of(response);
            if (href.ends_with('/') && deeper) found.merge(walk(href, true));
        }
        return found;
    }

    Home home;

  private:
    static constexpr const char* kProps = "<D:propfind xmlns:D=\"DAV:\"><D:prop><D:getetag/></D:prop></D:propfind>";

    std::string any() {
        std::string path = "/dav/files/ana";
        for (std::size_t names = 1 + pick(3); names > 0; --names) path += std::string("/") + "abc"[pick(3)];
        return path;
    }

    std::mt19937_64 random_;
};

class Client {
  public:
    Client(std::string folder, bool infinite) : folder_(std::move(folder)), infinite_(infinite) {}

    enum class Page { last, more, refused };
    Page page(World& world, std::size_t limit) {
        const auto answer = world.home.ask(
            world.home.ana, "REPORT", folder_, {},
            "<D:sync-collection xmlns:D=\"DAV:\"><D:sync-token>" + token_ + "</D:sync-token><D:sync-level>" +
                (infinite_ ? "infinite" : "1") + "</D:sync-level>" +
                (limit ? "<D:limit><D:nresults>" + std::to_string(limit) + "</D:nresults></D:limit>" : "") +
                "<D:prop><D:getetag/></D:prop></D:sync-collection>");
        const int status = http::code(answer.status);
        if (status == 403 || status == 404) {  // another collection stands there, or none
            token_.clear();
            return Page::refused;
        }
        REQUIRE(status == 207);
        if (token_.empty()) members.clear();
        const xml::Element body = xml::parse(text(answer.body));
        bool more = false;
        std::set<std::string> hrefs;
        for (const xml::Element& response : body.children()) {
            if (!response.is(kResponse)) continue;
            const std::string href = response.child(kHref)->text();
            CHECK(hrefs.insert(href).second);
            const auto* line = response.child(kStatus);
            if (!line) {
                members[bare(href)] = tag_of(response);
            } else if (contains(line->text(), "507")) {
                CHECK(href == folder_);
                more = true;
            } else {
                CHECK(contains(line->text(), "404"));
                const std::string gone = bare(href);
                members.erase(gone);
                members.erase(members.lower_bound(gone + "/"), members.lower_bound(gone + "0"));
            }
        }
        if (limit) CHECK(hrefs.size() <= limit + more);
        token_ = body.child({"DAV:", "sync-token"})->text();
        return more ? Page::more : Page::last;
    }

    const std::string& folder() const { return folder_; }
    bool infinite() const { return infinite_; }
    Members members;

  private:
    std::string folder_;
    bool infinite_;
    std::string token_;
};

std::string lines(const Members& members) {
    std::string all;
    for (const auto& [href, tag] : members) all += href + " " + tag + "\n";
    return all;
}

// By hand: HEARTH_SYNC_STEPS=20000, HEARTH_SYNC_SEED.
std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
    const char* value = std::getenv(variable);
    return value ? std::strtoull(value, nullptr, 10) : otherwise;
}

void wander(std::uint64_t seed, std::size_t steps) {
    INFO("seed " << seed);
    World world(seed);
    std::vector<Client> clients;
    for (const char* folder : {"/dav/files/ana/", "/dav/files/ana/a/", "/dav/files/ana/b/c/"}) {
        for (const bool infinite : {true, false}) clients.emplace_back(folder, infinite);
    }
    for (std::size_t step = 0; step < steps; ++step) {
        INFO("step " << step);
        world.step();
        if (world.pick(3) != 0) continue;
        Client& client = clients[world.pick(clients.size())];
        const std::size_t limit = world.pick(2) == 0 ? 0 : 1 + world.pick(4);
        const bool busy = world.pick(2) == 0;
        Client::Page page = Client::Page::more;
        for (std::size_t pages = 0; page == Client::Page::more; ++pages) {
            REQUIRE(pages < 500);
            page = client.page(world, limit);
            if (page == Client::Page::more && busy && pages < 20 && world.pick(2) == 0) world.step();
        }
        if (page == Client::Page::refused) continue;
        INFO(client.folder());
        REQUIRE(lines(client.members) == lines(world.walk(client.folder(), client.infinite())));
    }
}

}  // namespace

TEST_CASE("after each complete sync a client holds what PROPFIND finds") {
    const std::uint64_t steps = number_from("HEARTH_SYNC_STEPS", 250);
    if (const std::uint64_t seed = number_from("HEARTH_SYNC_SEED", 0); seed != 0) {
        wander(seed, steps);
        return;
    }
    for (const std::uint64_t seed : {1U, 2U}) wander(seed, steps);
}

TEST_CASE("a first sync that is more than a page lists everything once, and no removals") {
    World world(1);
    Home& home = world.home;
    for (int i = 0; i < 40; ++i) {
        const std::string folder = "/dav/files/ana/" + std::to_string(i % 4);
        home.ask(home.ana, "MKCOL", folder + "/");
        home.ask(home.ana, "PUT", folder + "/" + std::to_string(i), {}, "x");
        home.ask(home.ana, "PUT", folder + "/gone", {}, "x");
        home.ask(home.ana, "DELETE", folder + "/gone");
    }
    Client client("/dav/files/ana/", true);
    std::size_t pages = 1;
    while (client.page(world, 7) == Client::Page::more) ++pages;
    CHECK(pages == 7);
    CHECK(lines(client.members) == lines(world.walk("/dav/files/ana/", true)));
}

TEST_CASE("a client that names no limit, or one beyond all numbers, is paged by the server's own") {
    Limits limits;
    limits.sync_page_max = 3;
    World world(1, limits);
    Home& home = world.home;
    for (int i = 0; i < 7; ++i) home.ask(home.ana, "PUT", "/dav/files/ana/" + std::to_string(i), {}, "x");
    for (const std::size_t limit : {std::size_t{0}, ~std::size_t{0} >> 1}) {
        Client client("/dav/files/ana/", true);
        CHECK(client.page(world, limit) == Client::Page::more);
        CHECK(client.members.size() == 3);
        CHECK(client.page(world, limit) == Client::Page::more);
        CHECK(client.page(world, limit) == Client::Page::last);
        CHECK(lines(client.members) == lines(world.walk("/dav/files/ana/", true)));
    }
    CHECK(Limits{}.sync_page_max == 20'000);
}

}  // namespace dav::test
