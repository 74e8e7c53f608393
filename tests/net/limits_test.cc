#include "server/net/admission.h"
#include "tests/net/edge_fixture.h"

// Time, numbers and the end.
using namespace net_test;

namespace {

net::Limits hasty() {
    net::Limits limits;
    limits.handshake_timeout_ms = limits.header_timeout_ms = limits.idle_timeout_ms = 60;
    limits.body_window_ms = 60;
    limits.write_stall_ms = 80;
    return limits;
}

}  // namespace

TEST_CASE("slow clients are told and let go") {
    Edge edge(hasty());
    SECTION("no handshake") {
        std::string url = edge.tls();
        url.replace(0, 5, "http");  // connects and says nothing
        Client client(url);
        CHECK(client.at_end());
    }
    SECTION("a head that does not end") {
        for (const std::string& url : {edge.plain(), edge.tls()}) {
            Client client(url);
            Answer answer = client.ask("GET /a HTTP/1.1\r\nHost: ho");
            CHECK(answer.status == 408);
            CHECK(client.at_end());
        }
    }
    SECTION("a body that does not come") {
        for (const std::string& url : {edge.plain(), edge.tls()}) {
            Client client(url);
            Answer answer = client.ask("PUT /sink HTTP/1.1\r\nHost: home\r\nContent-Length: 500000\r\n\r\nfive");
            CHECK(answer.status == 408);
            CHECK(client.at_end());
        }
        CHECK(edge.handler.abandoned == 2);
    }
    SECTION("an idle connection just ends") {
        Client client(edge.tls());
        CHECK(client.ask(get("/a")).status == 200);
        CHECK(client.at_end());
    }
    SECTION("a client that does not read") {
        edge.handler.file_size = 8'000'000;
        edge.handler.file = std::make_shared<DiskFile>(temporary_file(8'000'000), false);
        Client client(edge.plain(), 4096);
        client.send(get("/file"));
        CHECK(soon([&] { return edge.server->counters().connections_open == 0; }));
    }
    SECTION("others are served meanwhile") {
        Client slow(edge.plain());
        slow.send("GET /a HT");
        Client client(edge.plain());
        CHECK(client.ask(get("/b")).status == 200);
    }
}

TEST_CASE("guests may idle for less long") {
    net::Limits limits;
    limits.guest_idle_timeout_ms = 60;
    struct Row {
        std::uint8_t roles;
        bool ends;
    };
    for (const Row& row : {Row{http::role_guests, true}, Row{http::role_guests | http::role_web, true},
                           Row{http::role_guests | http::role_dav, false}, Row{http::role_web, false}}) {
        INFO(static_cast<int>(row.roles));
        Edge edge(limits, {}, {{"127.0.0.1", 0, false, row.roles}});
        Client client(edge.plain());
        CHECK(client.ask(get("/a")).status == 200);
        if (row.ends) {
            CHECK(client.at_end());
        } else {
            std::this_thread::sleep_for(std::chrono::milliseconds(300));
            CHECK(client.ask(get("/b")).status == 200);
        }
    }
}

TEST_CASE("a body with a deadline must be complete by then, however it trickles") {
    net::Limits limits;
    Edge edge(limits);
    Client client(edge.plain());
    client.send("POST /deadline HTTP/1.1\r\nHost: home\r\nContent-Length: 900\r\n\r\n" + std::string(500, 'x'));
    CHECK(client.receive().status == 408);
    CHECK(edge.server->counters().timeouts_total == 1);
}

TEST_CASE("connections beyond the limits are refused") {
    net::Limits limits;
    limits.connections_max = 2;
    Edge edge(limits);
    Client first(edge.plain());
    Client second(edge.plain());
    CHECK(first.ask(get("/a")).status == 200);
    CHECK(second.ask(get("/a")).status == 200);
    Client third(edge.plain());
    CHECK(third.receive().status == 503);
    CHECK(third.at_end());
    Client fourth(edge.tls());
    CHECK_FALSE(fourth.connected());
    CHECK(edge.server->counters().connections_refused == 2);

    limits.connections_max = 3;
    edge.server->use_limits(limits);
    Client fifth(edge.plain());
    CHECK(fifth.ask(get("/a")).status == 200);
}

TEST_CASE("a full queue is 503, and the connection lives on") {
    net::Limits limits;
    limits.workers = 1;
    limits.worker_queue_max = 0;
    Edge edge(limits);
    Client client(edge.plain());
    Answer answer = client.ask(get("/a"));
    CHECK(answer.status == 503);
    CHECK(answer.fields["retry-after"] == "1");
    CHECK(client.ask(put("/sink", "hello")).status == 503);
    CHECK(client.ask(get("/now")).status == 200);
}

TEST_CASE("a stop lets running requests finish and closes idle connections") {
    Edge edge;
    edge.handler.file_size = 8'000'000;
    edge.handler.file = std::make_shared<DiskFile>(temporary_file(8'000'000), false);
    Client idle(edge.tls());
    CHECK(idle.ask(get("/a")).status == 200);
    Client running(edge.plain());
    running.send(get("/gate"));
    Client loading(edge.plain(), 65536);
    loading.send(get("/file"));
    std::string start = loading.take(1000);
    CHECK(start.starts_with("HTTP/1.1 200"));
    edge.handler.reached.wait();
    std::string url = edge.plain();

    std::thread stopping([&] { edge.server->stop(4000); });
    CHECK(idle.at_end());
    edge.handler.gate.set();
    Answer answer = running.receive();
    CHECK(answer.status == 200);
    CHECK(answer.fields["connection"] == "close");
    loading.input().insert(0, start);
    Answer file = loading.receive();
    CHECK(file.complete);
    CHECK((file.body == octets(0, 8'000'000)));
    stopping.join();
    Client late(url);
    CHECK_FALSE(late.connected());
}

// The body comes just when a worker is done with the head: the loop reads it, and may be told of it afterwards.
TEST_CASE("a connection whose last body came late is idle") {
    Edge edge;
    const std::string whole = put("/denied", "hello");
    const std::string_view head = std::string_view(whole).substr(0, whole.size() - 5);
    const auto now = [] { return std::chrono::steady_clock::now(); };
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 400; ++i) {
        clients.push_back(std::make_unique<Client>(edge.plain()));
        clients.back()->send(head);
        for (const auto late = now() + std::chrono::microseconds(i % 100); now() < late;) {
        }
        clients.back()->send("hello");
        if (clients.back()->receive().status != 401) FAIL("not answered");
    }
    const auto started = now();
    edge.server->stop(60'000);
    CHECK(now() - started < std::chrono::seconds(10));
}

TEST_CASE("a stop does not wait for clients beyond its grace") {
    Edge edge;
    Client half(edge.plain());
    half.send("PUT /sink HTTP/1.1\r\nHost: home\r\nContent-Length: 100\r\n\r\nhello");
    Client head(edge.plain());
    head.send("GET /");
    CHECK(soon([&] { return edge.handler.accepted == 1; }));
    edge.server->stop(20);
    CHECK(edge.handler.abandoned == 1);
    CHECK(edge.server->counters().connections_open == 0);
    edge.server->stop(20);
}

TEST_CASE("families of addresses have limits of their own") {
    net::Limits limits;
    limits.connections_max = 6;
    limits.connections_per_prefix_max = 2;
    limits.handshakes_per_prefix_max = 1;
    limits.handshakes_max = 2;
    net::Admission admission(limits);
    CHECK(admission.enter("a", true, false));
    CHECK(admission.enter("a", true, false));
    CHECK_FALSE(admission.enter("a", true, false));
    CHECK(admission.enter("b", true, true));
    CHECK_FALSE(admission.enter("b", true, true));  // one handshake at a time
    admission.handshake_over("b", true);
    CHECK(admission.enter("b", true, true));
    CHECK(admission.enter("c", true, true));
    CHECK_FALSE(admission.enter("d", true, true));  // two in all
    CHECK(admission.enter("proxy", false, false));
    CHECK_FALSE(admission.enter("proxy", false, false));  // six in all
    admission.leave("a", true, false);
    CHECK(admission.enter("proxy", false, false));
    CHECK(admission.open() == 6);
    CHECK(admission.refused() == 4);
    CHECK_FALSE(admission.wait_empty(1));
    admission.leave("a", true, false);
    admission.leave("b", true, false);
    admission.leave("b", true, true);
    admission.leave("c", true, true);
    admission.leave("proxy", false, false);
    admission.leave("proxy", false, false);
    CHECK(admission.wait_empty(0));
}

TEST_CASE("addresses and their prefixes") {
    auto remote = [](const char* text) { return net::remote_of(*net::parse_address(text)); };
    CHECK(remote("192.0.2.7").prefix == "192.0.2.7");
    CHECK(remote("::ffff:192.0.2.7").address == "192.0.2.7");
    CHECK(remote("2001:db8:1:2:3:4:5:6").prefix == "2001:db8:1:2::/64");
    CHECK(remote("[2001:db8::1]").address == "2001:db8::1");
    CHECK(remote("127.3.2.1").shared);
    CHECK(remote("::1").shared);
    CHECK_FALSE(remote("::2").shared);
    for (const char* bad : {"", "1.2.3", "1.2.3.4.5", "a", "1.2.3.4 ", ":::", "[::1", "1.2.3.4:80"}) {
        CHECK_FALSE(net::parse_address(bad));
    }

    net::AddressList list({"10.0.0.0/8", "192.0.2.128/25", "2001:db8::/33", "::1"});
    auto contains = [&](const char* text) { return list.contains(*net::parse_address(text)); };
    CHECK(contains("10.255.0.1"));
    CHECK_FALSE(contains("11.0.0.1"));
    CHECK(contains("192.0.2.200"));
    CHECK_FALSE(contains("192.0.2.1"));
    CHECK(contains("2001:db8:7fff::1"));
    CHECK_FALSE(contains("2001:db8:8000::1"));
    CHECK(contains("::1"));
    for (const char* bad : {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "home", "::/129"}) {
        CHECK_THROWS_AS(net::AddressList({bad}), base::Failure);
    }

    auto client = [&](const char* field) {
        auto found = net::forwarded_client(field, list);
        return found ? net::remote_of(*found).address : std::string();
    };
    CHECK(client("198.51.100.1") == "198.51.100.1");
    CHECK(client("203.0.113.1, 198.51.100.1, 10.1.1.1") == "198.51.100.1");
    CHECK(client("203.0.113.1, forged, 10.1.1.1") == "10.1.1.1");
    CHECK(client("[2001:db9::1]:4711, 10.1.1.1:80") == "2001:db9::1");
    CHECK(client("unknown") == "");
    CHECK(client("") == "");
}
