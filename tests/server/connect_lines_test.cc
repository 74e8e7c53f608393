#include "server/connect_lines.h"

#include <catch2/catch.hpp>

namespace {

server::Config listening(std::vector<std::string> on, const std::string& base_path = "") {
    server::ConfigSource source{"", {}, {{"base_path", base_path}}};
    for (auto& address : on) source.flags.emplace_back("listen", std::move(address));
    return server::load_config(source);
}

}  // namespace

TEST_CASE("what a device types follows from where the server listens") {
    struct Row {
        std::vector<std::string> configured;
        std::vector<std::string> bound;  // empty: not running
        std::vector<std::string> lan;
        const char* local;
        const char* from_lan;
    };
    const Row rows[] = {
        {{"*:8443"},
         {"https://0.0.0.0:8443", "https://[::]:8443"},
         {"192.0.2.7", "2001:db8::7"},
         "https://127.0.0.1:8443",
         "https://192.0.2.7:8443"},
        {{"*:8443"}, {}, {"192.0.2.7"}, "https://127.0.0.1:8443", "https://192.0.2.7:8443"},
        {{"*:8443"}, {}, {}, "https://127.0.0.1:8443", ""},
        {{"*:8443"}, {}, {"2001:db8::7"}, "https://127.0.0.1:8443", "https://[2001:db8::7]:8443"},
        {{"127.0.0.1:0"}, {"https://127.0.0.1:40001"}, {"192.0.2.7"}, "https://127.0.0.1:40001", ""},
        {{"192.0.2.7:8443"}, {}, {"192.0.2.7"}, "", "https://192.0.2.7:8443"},
        {{"http://127.0.0.1:8080"}, {}, {"192.0.2.7"}, "http://127.0.0.1:8080", ""},
        {{"unix:/run/hearth.sock"}, {"unix:/run/hearth.sock"}, {"192.0.2.7"}, "", ""},
    };
    for (const auto& row : rows) {
        CAPTURE(row.configured);
        const auto config = listening(row.configured);
        const auto reach = server::reach_of(config, row.bound, row.lan);
        CHECK(reach.local_url == row.local);
        CHECK(reach.lan_url == row.from_lan);
        CHECK_FALSE(server::connect_lines(reach, config, server::Ink::plain).empty());
    }
    CHECK(server::reach_of(listening({"*:8443"}, "/cloud"), {}, {"192.0.2.7"}).lan_url ==
          "https://192.0.2.7:8443/cloud");
}

TEST_CASE("the lines name user, fingerprint and every client, and the password only when it is known") {
    const auto config = listening({"*:8443"}, "/cloud");
    auto reach = server::reach_of(config, {}, {"192.0.2.7"});
    reach.user = "ana";
    reach.fingerprint = "AB:CD";
    const std::string without = server::connect_lines(reach, config, server::Ink::plain);
    const std::string files = "192.0.2.7:8443/cloud/dav/files/ana/";
    for (const std::string& part : {"https://" + files, "davs://ana@" + files, std::string("AB:CD"),
                                    std::string("user passwd ana"), std::string("https://192.0.2.7:8443/cloud/ca.crt"),
                                    std::string("a CardDAV account: server https://192.0.2.7:8443/cloud/ user ana")}) {
        CAPTURE(part);
        CHECK(without.find(part) != std::string::npos);
    }
    CHECK(without.find("Password:") == std::string::npos);
    reach.password = "once-only";
    const std::string with = server::connect_lines(reach, config, server::Ink::plain);
    CHECK(with.find("once-only") != std::string::npos);
    CHECK(with.find("user passwd") == std::string::npos);
    auto no_contacts = config;
    no_contacts.services.contacts = false;
    CHECK(server::connect_lines(reach, no_contacts, server::Ink::plain).find("CardDAV") == std::string::npos);
    // Colours for terminals only: a log file gets none.
    CHECK(with.find('\x1b') == std::string::npos);
    CHECK(server::connect_lines(reach, config, server::Ink::terminal).find('\x1b') != std::string::npos);
}
