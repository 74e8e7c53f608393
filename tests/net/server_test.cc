#include "tests/net/edge_fixture.h"

// A real server on loopback: what a request gets, and what becomes of its connection.
using namespace net_test;

TEST_CASE("a request is answered in clear and over TLS") {
    Edge edge;
    for (const std::string& url : {edge.plain(), edge.tls()}) {
        INFO(url);
        bool tls = url.starts_with("https");
        Client client(url);
        REQUIRE(client.connected());
        Answer answer = client.ask(get("/hello?x=1", "Authorization: Basic abc\r\n"));
        CHECK(answer.status == 200);
        CHECK(answer.body == std::string("GET /hello?x=1 host=home from=127.0.0.1/127.0.0.1 ") +
                                 (tls ? "secure roles=3" : "clear roles=1") + " authorization=Basic abc body=");
        CHECK(answer.fields.count("date") == 1);
        CHECK(answer.fields.count("connection") == 0);
        // The credentials of one request are not those of the next.
        CHECK(client.ask(get("/hello")).body.find("authorization= body=") != std::string::npos);
        CHECK(client.ask(get("/now")).body == "now");
    }
    CHECK(edge.server->counters().requests_total == 6);
}

TEST_CASE("TLS is 1.2 or later and speaks only HTTP/1.1") {
    Edge edge;
    Client client(edge.tls());
    REQUIRE(client.connected());
    CHECK(std::string(SSL_get_version(client.ssl())) == "TLSv1.3");
    const unsigned char* chosen = nullptr;
    unsigned int length = 0;
    SSL_get0_alpn_selected(client.ssl(), &chosen, &length);
    CHECK(std::string(chosen, chosen + length) == "http/1.1");
}

TEST_CASE("every kind of body arrives whole") {
    Edge edge;
    edge.handler.file_size = 3'000'000;
    edge.handler.file = std::make_shared<DiskFile>(temporary_file(3'000'000), GENERATE(false, true));
    struct Case {
        std::string path;
        std::uint64_t from;
        std::size_t size;
    };
    const Case cases[] = {{"/text", 0, 100'000},  {"/shared", 0, 5000},   {"/file", 0, 3'000'000},
                          {"/slice", 1000, 2000}, {"/spool", 0, 700'000}, {"/small-spool", 0, 70'000}};
    for (const std::string& url : {edge.plain(), edge.tls()}) {
        Client client(url);
        for (const Case& c : cases) {
            INFO(url << c.path);
            Answer answer = client.ask(get(c.path));
            CHECK(answer.complete);
            CHECK((answer.body == octets(c.from, c.size)));
            Answer head = client.ask("HEAD " + c.path + " HTTP/1.1\r\nHost: home\r\n\r\n", true);
            CHECK(head.fields["content-length"] == std::to_string(c.size));
        }
        Answer empty = client.ask(get("/empty"));
        CHECK(empty.status == 204);
        CHECK(empty.fields.count("content-length") == 0);
        CHECK(client.ask(get("/now")).status == 200);
    }
}

TEST_CASE("a file that is shorter than promised ends the connection, not the answer") {
    Edge edge;
    edge.handler.file_size = 500'000;
    edge.handler.file = std::make_shared<DiskFile>(temporary_file(500'000), false);
    Client client(edge.plain());
    Answer answer = client.ask(get("/short-file"));
    CHECK_FALSE(answer.complete);
    CHECK(answer.body.size() <= 500'000);
}

TEST_CASE("requests sent ahead are answered in order") {
    Edge edge;
    for (const std::string& url : {edge.plain(), edge.tls()}) {
        Client client(url);
        client.send(get("/a") + put("/b", "body of b") + get("/now") + get("/c"));
        CHECK(client.receive().body.starts_with("GET /a?"));
        CHECK(client.receive().body.ends_with("body=body of b"));
        CHECK(client.receive().body == "now");
        CHECK(client.receive().body.starts_with("GET /c?"));
    }
}

TEST_CASE("the connection ends when it must and only then") {
    net::Limits limits;
    limits.requests_per_connection_max = 3;
    Edge edge(limits);
    SECTION("after Connection: close") {
        Client client(edge.plain());
        Answer answer = client.ask(get("/a", "Connection: foo, Close\r\n"));
        CHECK(answer.fields["connection"] == "close");
        CHECK(client.at_end());
    }
    SECTION("when the handler says so") {
        Client client(edge.tls());
        CHECK(client.ask(get("/close")).body == "bye");
        CHECK(client.at_end());
    }
    SECTION("after HTTP/1.0") {
        Client client(edge.plain());
        Answer answer = client.ask("GET /a HTTP/1.0\r\n\r\n");
        CHECK(answer.status == 200);
        CHECK(client.at_end());
    }
    SECTION("after the number of requests a connection may carry") {
        Client client(edge.plain());
        CHECK(client.ask(get("/1")).fields.count("connection") == 0);
        CHECK(client.ask(get("/2")).fields.count("connection") == 0);
        CHECK(client.ask(get("/3")).fields["connection"] == "close");
        CHECK(client.at_end());
    }
}

TEST_CASE("a handler that throws costs its request, not the server") {
    Edge edge;
    for (const std::string path : {"/throw", "/throw-accept"}) {
        Client client(edge.plain());
        CHECK(client.ask(get(path)).status == 500);
        CHECK(client.at_end());
    }
    Client client(edge.plain());
    CHECK(client.ask(get("/ok")).status == 200);
}

TEST_CASE("a new certificate is used by new connections, a bad one is refused") {
    Edge edge;
    auto name_of = [](const Client& client) {
        X509* x = SSL_get1_peer_certificate(client.ssl());
        char text[64] = "";
        X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, text, sizeof text);
        X509_free(x);
        return std::string(text);
    };
    Client before(edge.tls());
    CHECK(name_of(before) == "first");
    edge.server->use_certificate(make_certificate("second"));
    Client after(edge.tls());
    CHECK(name_of(after) == "second");
    CHECK(before.ask(get("/still")).status == 200);

    net::Certificate mixed = make_certificate("third");
    mixed.key_pem = make_certificate("fourth").key_pem;
    CHECK_THROWS_AS(edge.server->use_certificate(mixed), base::Failure);
    Client last(edge.tls());
    CHECK(name_of(last) == "second");
}

TEST_CASE("a unix socket is served, has narrow rights and replaces a stale one") {
    char folder[] = "/tmp/hearth-net-XXXXXX";
    REQUIRE(::mkdtemp(folder) != nullptr);
    std::string path = std::string(folder) + "/socket";
    std::vector<net::Listen> listen = {{"unix:" + path, 0, false, http::role_dav}};
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, path.size());
        int stale = ::socket(AF_UNIX, SOCK_STREAM, 0);
        const void* generic = &address;
        REQUIRE(::bind(stale, static_cast<const sockaddr*>(generic), sizeof address) == 0);
        ::close(stale);
    }
    {
        Edge edge({}, {}, listen);
        Client client(edge.plain());
        REQUIRE(client.connected());
        CHECK(client.ask(get("/a")).body.find("from=unix/unix clear") != std::string::npos);
        // Whoever may connect here is a proxy.
        Answer forwarded = client.ask(get("/a", "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n"));
        CHECK(forwarded.body.find("from=192.0.2.7/192.0.2.7 secure") != std::string::npos);
        CHECK(::access(path.c_str(), R_OK | W_OK) == 0);
        CHECK_THROWS_AS(Edge({}, {}, listen), base::Failure);
    }
    CHECK(::access(path.c_str(), F_OK) != 0);
    ::rmdir(folder);
}

TEST_CASE("forwarded addresses count only from a trusted proxy") {
    std::string fields = "X-Forwarded-For: 203.0.113.9, 198.51.100.4\r\nX-Forwarded-Proto: https\r\n";
    SECTION("trusted") {
        Edge edge({}, {"127.0.0.0/8", "198.51.100.0/24"});
        Client client(edge.plain());
        CHECK(client.ask(get("/a", fields)).body.find("from=203.0.113.9/203.0.113.9 secure") != std::string::npos);
        CHECK(client.ask(get("/a")).body.find("from=127.0.0.1/127.0.0.1 clear") != std::string::npos);
    }
    SECTION("not trusted") {
        Edge edge;
        Client client(edge.plain());
        CHECK(client.ask(get("/a", fields)).body.find("from=127.0.0.1/127.0.0.1 clear") != std::string::npos);
    }
}

TEST_CASE("an address that can not be had is named") {
    PathHandler handler;
    net::Options options;
    options.limits.workers = 1;
    options.listen = {{"192.0.2.1", 0, false, http::role_dav}};
    CHECK_THROWS_WITH(net::Server::start(options, handler), Catch::Contains("192.0.2.1"));
    options.listen = {{"example.org", 0, false, http::role_dav}};
    CHECK_THROWS_WITH(net::Server::start(options, handler), Catch::Contains("example.org"));
    options.listen = {{"127.0.0.1", 0, true, http::role_dav}};
    CHECK_THROWS_AS(net::Server::start(options, handler), base::Failure);
}
