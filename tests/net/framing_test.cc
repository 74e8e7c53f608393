#include "tests/net/edge_fixture.h"

// The same shapes over a socket: what the client is told, that the connection ends, and that octets after a refused
// request are never taken for a request.
using namespace net_test;

TEST_CASE("a refused request is the last one of its connection") {
    struct Row {
        std::string octets;
        int status;
    };
    std::string fields = "PUT /sink HTTP/1.1\r\nHost: home\r\n";
    const Row rows[] = {
        {"PUT /caf\xE9 HTTP/1.1\r\nHost: home\r\n\r\n", 400},
        {"GET /" + std::string(9 * 1024, 'a') + " HTTP/1.1\r\nHost: home\r\n\r\n", 414},
        {"GET / HTTP/1.1\r\nHost: home\r\nX: " + std::string(33 * 1024, 'a') + "\r\n\r\n", 431},
        {"GET / HTTP/1.1\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
        {"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 405},
        {fields + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        {fields + "Transfer-Encoding: gzip\r\n\r\n", 501},
        {fields + "Transfer-Encoding: xchunked\r\n\r\n", 400},
        {fields + "Transfer-Encoding: chunked, identity\r\n\r\n", 400},
        {"PUT /sink HTTP/1.0\r\nHost: home\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        {fields + "Content-Length: 5, 5\r\n\r\nhello", 400},
        {fields + "Content-Length: 18446744073709551616\r\n\r\n", 400},
        {fields + "X: 1\r\n folded\r\n\r\n", 400},
        {fields + "X : 1\r\n\r\n", 400},
        {"GET / HTTP/1.1\nHost: home\n\n", 400},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
        // The head is fine, the body is not: accepted, never run.
        {fields + "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n", 400},
        {fields + "Transfer-Encoding: chunked\r\n\r\n5 ;x\r\nhello\r\n0\r\n\r\n", 400},
        {fields + "Transfer-Encoding: chunked\r\n\r\n00000000000000005\r\nhello\r\n0\r\n\r\n", 400},
        {fields + "Transfer-Encoding: chunked\r\n\r\n5;" + std::string(300, 'x') + "\r\nhello\r\n0\r\n\r\n", 400},
        {fields + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nContent-Length: 1\r\n\r\n", 400},
    };
    Edge edge;
    for (const std::string& url : {edge.plain(), edge.tls()}) {
        for (const Row& row : rows) {
            INFO(url << " " << row.octets.substr(0, 100));
            int ran = edge.handler.ran;
            Client client(url);
            // One write, so that the following request is there before the answer is.
            Answer answer = client.ask(row.octets + get("/smuggled"));
            CHECK(answer.status == row.status);
            CHECK(answer.fields["connection"] == "close");
            CHECK(client.at_end());
            CHECK(edge.handler.ran == ran);
        }
    }
    CHECK(edge.handler.abandoned == 2 * 5);
    CHECK(edge.server->counters().bad_requests_total == 2 * std::size(rows));
}

TEST_CASE("trailers are read and thrown away") {
    Edge edge;
    Client client(edge.plain());
    std::string body = "5\r\nhello\r\n0\r\nAuthorization: Basic evil\r\n\r\n";
    client.send("POST /a HTTP/1.1\r\nHost: home\r\nTransfer-Encoding: chunked\r\n\r\n" + body + get("/b"));
    Answer first = client.receive();
    CHECK(first.body.ends_with("authorization= body=hello"));
    CHECK(client.receive().body.starts_with("GET /b"));
}

TEST_CASE("errors of requests that were framed well leave the connection open") {
    Edge edge;
    for (const std::string& url : {edge.plain(), edge.tls()}) {
        Client client(url);
        CHECK(client.ask(get("/denied")).status == 401);
        CHECK(client.ask(put("/denied", "a short body nobody wants")).status == 401);
        CHECK(client.ask(put("/memory", std::string(1001, 'x'))).status == 413);
        CHECK(client
                  .ask("POST /memory HTTP/1.1\r\nHost: home\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n" +
                       std::string(2000, 'x') + "\r\n0\r\n\r\n")
                  .status == 413);
        CHECK(client.ask(get("/a", "Expect: something\r\n")).status == 417);
        CHECK(client.ask(put("/a", "hello", "Expect: something\r\n")).status == 417);
        CHECK(client.ask(get("/empty")).status == 204);
        CHECK(client.ask(get("/last")).status == 200);
        CHECK(client.ask("GET http://Evil/x HTTP/1.1\r\nHost: home\r\n\r\n").body.find("host=evil") !=
              std::string::npos);
    }
}
