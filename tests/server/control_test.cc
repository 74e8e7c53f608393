// The running server: its control socket, one server per root, reload.

#include "server/control.h"
#include "storage/base/failure.h"  // before Catch2, which has a CHECK of its own

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "server/app.h"
#include "server/certificates.h"
#include "storage/base/log.h"
#include "tests/server/command_line.h"
#include "tests/server/fake_clock.h"
#include "tests/server/scratch.h"

namespace {

using server::App;
using server::ControlSocket;

class Serving {
  public:
    Serving() : file_(scratch_.root() + ".toml") {
        base::set_log_level(base::Level::error);
        configure("log_level = \"error\"\n");
        start();
    }
    void configure(const std::string& text) const { std::ofstream(file_, std::ios::trunc) << text; }
    void start() { app_ = std::make_unique<App>(source(), seams()); }
    server::ConfigSource source() const { return {file_, {}, {{"root", scratch_.root()}, {"listen", "127.0.0.1:0"}}}; }
    storage::Seams seams() { return {clock, base::system_rng(), storage::system_fs(), base::system_exec()}; }
    App& app() { return *app_; }
    void stop() { app_.reset(); }
    std::string root() const { return scratch_.root(); }
    Ran run(std::vector<std::string> words, const std::string& input = "") const {
        words.insert(words.end(), {"--root", root(), "--json"});
        return hearth(std::move(words), input);
    }
    ShiftedClock clock;

  private:
    Scratch scratch_;
    std::string file_;
    std::unique_ptr<App> app_;
};

// Connects and sends `bytes`; what comes back until the end.
std::string raw_call(const std::string& path, const std::string& bytes) {
    const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    std::strncpy(to.sun_path, path.c_str(), sizeof to.sun_path - 1);
    REQUIRE(::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
    // The server may end the connection before it took everything.
    const auto sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    CHECK(sent != 0);
    ::shutdown(socket, SHUT_WR);
    std::string got;
    char buffer[4096];
    for (auto n = ::read(socket, buffer, sizeof buffer); n > 0; n = ::read(socket, buffer, sizeof buffer)) {
        got.append(buffer, static_cast<std::size_t>(n));
    }
    ::close(socket);
    return got;
}

}  // namespace

TEST_CASE("a control socket answers one line with one line") {
    const Scratch scratch;
    const std::string path = scratch.root() + ".sock";
    CHECK_FALSE(server::control_call(path, "hello").has_value());
    {
        const ControlSocket socket(path, [](std::string_view request) { return "got " + std::string(request); });
        struct stat facts {};
        REQUIRE(::stat(path.c_str(), &facts) == 0);
        CHECK((facts.st_mode & 07777U) == 0600);
        for (int i = 0; i < 10; ++i) CHECK(server::control_call(path, "hello") == "got hello");
        const std::string large(60'000, 'x');
        CHECK(server::control_call(path, large) == "got " + large);
        // Too long, or ended without a line: no answer, and the next one is served.
        CHECK(raw_call(path, std::string(ControlSocket::kRequestBytesMax + 100, 'x')).empty());
        CHECK(raw_call(path, "no line feed").empty());
        CHECK(server::control_call(path, "still there") == "got still there");
    }
    CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("a socket left by a crash is nobody, and is replaced") {
    const Scratch scratch;
    const std::string path = scratch.root() + ".sock";
    const int left = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    std::strncpy(at.sun_path, path.c_str(), sizeof at.sun_path - 1);
    REQUIRE(::bind(left, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
    ::close(left);
    CHECK_FALSE(server::control_call(path, "hello").has_value());
    const ControlSocket socket(path, [](std::string_view) { return std::string("here"); });
    CHECK(server::control_call(path, "hello") == "here");
}

TEST_CASE("a control socket works below a path longer than a socket address") {
    const Scratch scratch;
    const std::string folder = scratch.root() + "/" + std::string(120, 'd');
    std::filesystem::create_directories(folder);
    const ControlSocket socket(folder + "/control.sock", [](std::string_view) { return std::string("here"); });
    CHECK(server::control_call(folder + "/control.sock", "hello") == "here");
}

TEST_CASE("commands reach a running server and do the same there") {
    Serving serving;
    const auto ana = serving.run({"user", "add", "ana"});
    REQUIRE(ana.status == 0);
    CHECK(ana.json()["name"] == "ana");
    CHECK(serving.run({"user", "list"}).json().size() == 1);
    const auto refused = serving.run({"user", "add", "ana"});
    CHECK(refused.status == 1);
    CHECK_THAT(refused.error, Catch::Contains("taken"));
    const auto made = serving.run({"app-password", "add", "ana", "phone"}).json();
    CHECK(serving.run({"app-password", "list", "ana"}).json()[0]["id"] == made["id"]);
    CHECK(serving.run({"check"}).json().empty());

    const auto status = serving.run({"status"}).json();
    CHECK(status["running"] == true);
    CHECK(status["pid"] == ::getpid());
    CHECK(status["id"] == serving.app().id());
    CHECK(status["addresses"] == nlohmann::json(serving.app().addresses()));
    CHECK(status["volume"]["file_system"].get<std::string>().size() > 1);
    CHECK(status["volume"]["promises"].size() >= 3);

    for (const char* request : {"", "null", "[]", "{}", "{\"command\":3}", "{\"command\":\"frob\"}",
                                "{\"command\":\"user add\",\"name\":[]}", "\xff"}) {
        CAPTURE(request);
        const auto answer = server::control_call(server::control_path(serving.root()), request);
        REQUIRE(answer);
        CHECK(nlohmann::json::parse(*answer).contains("error"));
    }

    serving.stop();
    CHECK(serving.run({"status"}).json()["running"] == false);
    CHECK(serving.run({"user", "list"}).json()[0]["id"] == ana.json()["id"]);
}

TEST_CASE("a root has one server, and the second names it") {
    Serving serving;
    CHECK_THROWS_WITH(App(serving.source(), serving.seams()), Catch::Contains("process " + std::to_string(::getpid())));
    CHECK(serving.run({"status"}).json()["running"] == true);
}

TEST_CASE("reload applies everything or nothing") {
    Serving serving;
    const auto before = serving.app().config().limits.connections_max;
    serving.configure("[limits]\nconnections_max = 77\nidle_timeout_s = \"x\"\n");
    CHECK_FALSE(serving.app().reload());
    CHECK(serving.app().config().limits.connections_max == before);

    serving.configure("log_level = \"error\"\n[limits]\nconnections_max = 77\nworkers = 5\n");
    CHECK(serving.app().reload());
    CHECK(serving.app().config().limits.connections_max == 77);
    CHECK(serving.app().config().limits.workers == net::Limits{}.workers);

    // A pair that does not belong together changes nothing, other keys of the same file included.
    const Scratch elsewhere;
    server::LocalAuthority other(elsewhere.root(), serving.clock);
    other.certificate_for({{"a.example"}, {}});
    const std::string pair = elsewhere.root() + "/tls.pem";
    const std::string limits = "[limits]\nconnections_max = 88\n";
    serving.configure(limits + "[tls]\ncert = \"" + pair + "\"\nkey = \"" + elsewhere.root() + "/ca.key\"\n");
    CHECK_FALSE(serving.app().reload());
    CHECK(serving.app().config().limits.connections_max == 77);
    CHECK_FALSE(serving.app().ca_pem().empty());

    serving.configure("log_level = \"error\"\n" + limits + "[tls]\ncert = \"" + pair + "\"\nkey = \"" + pair + "\"\n");
    CHECK(serving.app().reload());
    CHECK(serving.app().config().limits.connections_max == 88);
    CHECK(serving.app().ca_pem().empty());
}

TEST_CASE("a port that is taken is named") {
    Serving serving;
    const std::string taken = serving.app().addresses().at(0).substr(std::strlen("https://"));
    const Scratch other;
    server::ConfigSource source{"", {}, {{"root", other.root()}, {"listen", taken}}};
    CHECK_THROWS_WITH(App(source, serving.seams()), Catch::Contains(taken.substr(taken.find(':') + 1)));
}
