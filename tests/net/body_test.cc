#include "tests/net/edge_fixture.h"

// Bodies on their way in, and long answers on their way out.
using namespace net_test;

namespace {

std::string digest_line(const std::string& body) {
    base::Hasher hasher;
    hasher.update(body);
    return std::to_string(body.size()) + " " + base::hex(hasher.finish());
}

std::string chunked(const std::string& body, std::size_t chunk) {
    std::string out;
    for (std::size_t at = 0; at < body.size(); at += chunk) {
        std::string part = body.substr(at, chunk);
        char size[32];
        std::snprintf(size, sizeof size, "%zx;ext=1\r\n", part.size());
        out += size + part + "\r\n";
    }
    return out + "0\r\n\r\n";
}

const std::string kChunkedPut = "PUT /sink HTTP/1.1\r\nHost: home\r\nTransfer-Encoding: chunked\r\n\r\n";

}  // namespace

TEST_CASE("uploads reach their sink unchanged") {
    Edge edge;
    for (const std::string& url : {edge.plain(), edge.tls()}) {
        Client client(url);
        for (std::size_t size : {1U, 16'384U, 262'144U, 262'145U, 3'000'000U}) {
            INFO(url << " " << size);
            std::string body = octets(0, size);
            CHECK(client.ask(put("/sink", body)).body == digest_line(body));
            CHECK(client.ask(kChunkedPut + chunked(body, 1 + size / 7)).body == digest_line(body));
        }
        std::string large = octets(0, 10'000'000);
        CHECK(client.ask(kChunkedPut + chunked(large, 70'001)).body == digest_line(large));
        CHECK(client.ask(kChunkedPut + "0\r\n\r\n").body == digest_line(""));
        CHECK(client.ask(put("/memory", octets(0, 1000))).body.ends_with(octets(0, 1000)));
    }
    CHECK(edge.handler.abandoned == 0);
}

TEST_CASE("a short body that comes with its head is stored and answered without a second piece of work") {
    net::Limits limits;
    limits.workers = 1;
    Edge edge(limits);
    Client first(edge.tls());
    Client second(edge.tls());
    first.send(put("/sink-held", "hello"));
    edge.handler.reached.wait();
    second.send(put("/sink", "world"));
    CHECK(soon([&] { return edge.server->counters().requests_total == 2; }));
    edge.handler.gate.set();
    CHECK(first.receive().body == digest_line("hello"));
    CHECK(second.receive().body == digest_line("world"));
    CHECK(edge.handler.ran_before == 1);
    // What can not be kept is refused as when it comes later, and the connection goes on.
    CHECK(first.ask(put("/memory", octets(0, 1001))).status == 413);
    CHECK(first.ask(put("/denied", "hello")).status == 401);
    CHECK(first.ask(put("/sink", "again")).body == digest_line("again"));
}

TEST_CASE("a body in single octets is the same body") {
    Edge edge;
    Client client(edge.plain());
    for (char c : kChunkedPut + chunked("hello world", 4) + put("/memory", "and more")) {
        client.send(std::string(1, c));
    }
    CHECK(client.receive().body == digest_line("hello world"));
    CHECK(client.receive().body.ends_with("body=and more"));
}

TEST_CASE("100 Continue comes after the decision and only for a wanted body") {
    Edge edge;
    std::string expect = "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    for (const std::string& url : {edge.plain(), edge.tls()}) {
        Client client(url);
        Answer interim = client.ask("PUT /sink HTTP/1.1\r\nHost: home\r\n" + expect);
        CHECK(interim.status == 100);
        CHECK(edge.handler.accepted > 0);
        CHECK(client.ask("hello").body == digest_line("hello"));
        // The client may already have sent the body, or may never send it: the connection can not go on.
        Answer denied = client.ask("PUT /denied HTTP/1.1\r\nHost: home\r\n" + expect);
        CHECK(denied.status == 401);
        CHECK(denied.fields["connection"] == "close");
        CHECK(client.at_end());
    }
    Client large(edge.plain());
    Answer too_much =
        large.ask("PUT /memory HTTP/1.1\r\nHost: home\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n");
    CHECK(too_much.status == 413);
    CHECK(large.at_end());
}

TEST_CASE("an unwanted body is read when short, and ends the connection when long") {
    net::Limits limits;
    limits.drain_bytes_max = 10'000;
    Edge edge(limits);
    SECTION("short") {
        Client client(edge.plain());
        CHECK(client.ask(put("/denied", std::string(9'000, 'x'))).fields.count("connection") == 0);
        CHECK(client.ask(get("/next")).status == 200);
    }
    SECTION("long, and the client sees the answer although it goes on sending") {
        for (const std::string& url : {edge.plain(), edge.tls()}) {
            Client client(url);
            client.send(put("/denied", std::string(3'000'000, 'x')));
            Answer answer = client.receive();
            CHECK(answer.status == 401);
            CHECK(answer.fields["connection"] == "close");
            CHECK(client.at_end());
        }
    }
    SECTION("chunked and long") {
        Client client(edge.plain());
        client.send("PUT /denied HTTP/1.1\r\nHost: home\r\nTransfer-Encoding: chunked\r\n\r\n" +
                    chunked(std::string(50'000, 'x'), 1000));
        CHECK(client.receive().status == 401);
        CHECK(client.at_end());
    }
}

TEST_CASE("a body that breaks off leaves nothing behind") {
    Edge edge;
    {
        Client client(edge.tls());
        client.send(put("/sink", octets(0, 900'000)).substr(0, 700'000));
    }
    CHECK(soon([&] { return edge.handler.abandoned == 1; }));
    CHECK(edge.handler.ran == 0);
}

TEST_CASE("a sink that fails is answered, and the request is abandoned") {
    Edge edge;
    Client client(edge.plain());
    client.send(put("/sink-full", octets(0, 2'000'000)));
    Answer answer = client.receive();
    CHECK(answer.status == 507);
    CHECK(client.at_end());
    CHECK(edge.handler.abandoned == 1);
    Client last(edge.plain());
    // The failure comes with the last piece: the body is complete and the connection good.
    CHECK(last.ask(put("/sink-full", octets(0, 400'000))).status == 507);
    CHECK(last.ask(get("/next")).status == 200);
    CHECK(edge.handler.ran == 1);
}

TEST_CASE("200 MiB arrive as they are", "[slow]") {
    constexpr std::uint64_t kBlocks = 200;
    constexpr std::uint64_t kSize = kBlocks << 20;
    Edge edge;
    edge.handler.file_size = kSize;
    base::Hasher expected;
    {
        // Every page knows its place: making the octets one by one would take longer than sending them.
        int descriptor = temporary_file(0);
        std::string block = octets(0, 1 << 20);
        for (std::uint64_t i = 0; i < kBlocks; ++i) {
            for (std::size_t page = 0; page < block.size(); page += 4096) std::memcpy(&block[page], &i, sizeof i);
            expected.update(block);
            REQUIRE(::write(descriptor, block.data(), block.size()) == static_cast<ssize_t>(block.size()));
        }
        edge.handler.file = std::make_shared<DiskFile>(descriptor, false);
    }
    const std::string digest = base::hex(expected.finish());
    for (const std::string& url : {edge.plain(), edge.tls()}) {
        Client client(url);
        client.send(get("/file"));
        std::size_t head = std::string::npos;
        while ((head = client.input().find("\r\n\r\n")) == std::string::npos) {
            client.input() += client.take(1 << 16);
        }
        client.input().erase(0, head + 4);
        base::Hasher hasher;
        std::uint64_t total = 0;
        while (total < kSize) {
            std::string part = client.take(1 << 20);
            if (part.empty()) break;
            total += part.size();
            hasher.update(part);
        }
        CHECK(total == kSize);
        CHECK(base::hex(hasher.finish()) == digest);
    }
}
