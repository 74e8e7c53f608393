#include "server/net/framing_guard.h"

#include <string>
#include <variant>
#include <vector>

#include "server/net/wire.h"
#include "storage/base/failure.h"

#undef CHECK  // here it is the one of Catch2
#include <catch2/catch.hpp>

// security.md 4.1 and rows 9 to 26 of its section 9, without a socket.
namespace {

struct Outcome {
    int status = 200;  // 200 = accepted, 0 = more octets wanted
    http::RequestHead head;
    bool keep_alive = false;
    bool unknown_expectation = false;
};

Outcome read(const std::string& octets, std::size_t step, const net::HeadLimits& limits = {}) {
    net::HeadScanner scanner(limits);
    Outcome outcome;
    auto state = net::HeadScanner::State::more;
    for (std::size_t n = step; state == net::HeadScanner::State::more; n += step) {
        state = scanner.scan(std::string_view(octets).substr(0, n));
        if (n >= octets.size()) break;
    }
    if (state == net::HeadScanner::State::more) return {0, {}, false, false};
    if (state == net::HeadScanner::State::refused) {
        outcome.status = http::code(scanner.refusal().status);
        return outcome;
    }
    auto head = std::string_view(octets).substr(scanner.start(), scanner.end() - scanner.start());
    auto result = net::parse_head(head, limits);
    if (auto* refusal = std::get_if<net::Refusal>(&result)) {
        outcome.status = http::code(refusal->status);
        return outcome;
    }
    auto& parsed = std::get<net::ParsedHead>(result);
    outcome.head = parsed.head;
    outcome.keep_alive = parsed.keep_alive;
    outcome.unknown_expectation = parsed.unknown_expectation;
    return outcome;
}

std::string with(const std::string& fields) {
    return "PUT /x HTTP/1.1\r\nHost: home\r\n" + fields + "\r\n";
}

}  // namespace

TEST_CASE("heads have one meaning or none") {
    struct Row {
        std::string octets;
        int status;
    };
    std::string many;
    for (int i = 0; i < 101; ++i) many += "X-F: 1\r\n";
    std::string large;
    for (int i = 0; i < 9; ++i) large += "X-F: " + std::string(4000, 'a') + "\r\n";
    const Row rows[] = {
        {with(""), 200},
        {with("Content-Length: 5\r\n"), 200},
        {with("Content-Length: 0\r\n"), 200},
        {with("Content-Length: 9223372036854775807\r\n"), 200},
        {with("Transfer-Encoding: chunked\r\n"), 200},
        {with("Transfer-Encoding: Chunked \r\n"), 200},
        {with("X-Name: t\xC3\xA4st\r\n"), 200},
        {"\r\n" + with(""), 200},  // RFC 9112 §2.2
        {"GET / HTTP/1.0\r\n\r\n", 200},
        {"OPTIONS * HTTP/1.1\r\nHost: home\r\n\r\n", 200},
        // CL and TE, any order; other codings; HTTP/1.0
        {with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400},
        {with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400},
        {with("Transfer-Encoding: identity\r\nContent-Length: 5\r\n"), 400},
        {with("Transfer-Encoding: gzip\r\n"), 501},
        {with("Transfer-Encoding: gzip, chunked\r\n"), 501},
        {with("Transfer-Encoding: xchunked\r\n"), 400},
        {with("Transfer-Encoding: chunked, identity\r\n"), 400},
        {with("Transfer-Encoding: chunked, chunked\r\n"), 400},
        {with("Transfer-Encoding: identity\r\n"), 400},
        {with("Transfer-Encoding:\r\n"), 400},
        {with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400},
        {with("Transfer-Encoding: \"chunked\"\r\n"), 400},
        {"PUT /x HTTP/1.0\r\nHost: home\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        // lengths
        {with("Content-Length: 5, 5\r\n"), 400},
        {with("Content-Length: 5\r\nContent-Length: 5\r\n"), 400},
        {with("Content-Length: +5\r\n"), 400},
        {with("Content-Length: -1\r\n"), 400},
        {with("Content-Length: 0x5\r\n"), 400},
        {with("Content-Length: 5 5\r\n"), 400},
        {with("Content-Length:\r\n"), 400},
        {with("Content-Length: 9223372036854775808\r\n"), 400},
        {with("Content-Length: 18446744073709551616\r\n"), 400},
        // Host
        {"GET / HTTP/1.1\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: user@a\r\n\r\n", 400},
        // lines and characters
        {with("X-A: 1\r\n folded\r\n"), 400},
        {with("X-A: 1\r\n\tfolded\r\n"), 400},
        {with("X-A : 1\r\n"), 400},
        {with(" X-A: 1\r\n"), 400},
        {with("X-A\r\n"), 400},
        {with(": 1\r\n"), 400},
        {with("X(A): 1\r\n"), 400},
        {with("X-A: 1\nX-B: 2\r\n"), 400},
        {with("X-A: 1\rX-B: 2\r\n"), 400},
        {"GET / HTTP/1.1\nHost: home\n\n", 400},
        {with(std::string("X-A: 1\0\r\n", 9)), 400},
        {with("X-A: \x01\r\n"), 400},
        {with("X-A: \x7F\r\n"), 400},
        {"GET /caf\xE9 HTTP/1.1\r\nHost: home\r\n\r\n", 400},
        {"GET /a b HTTP/1.1\r\nHost: home\r\n\r\n", 400},
        {"GET  / HTTP/1.1\r\nHost: home\r\n\r\n", 400},
        {"GET /a#b HTTP/1.1\r\nHost: home\r\n\r\n", 400},
        {"GET /\r\n\r\n", 400},
        {"G@T / HTTP/1.1\r\nHost: home\r\n\r\n", 400},
        {"\r\n\r\nGET / HTTP/1.1\r\nHost: home\r\n\r\n", 400},
        {"\x16\x03\x01\x02", 400},  // TLS on a plain port
        // targets
        {"GET evil HTTP/1.1\r\nHost: home\r\n\r\n", 400},
        {"GET * HTTP/1.1\r\nHost: home\r\n\r\n", 400},
        {"GET ftp://a/ HTTP/1.1\r\nHost: home\r\n\r\n", 400},
        {"GET http:///x HTTP/1.1\r\nHost: home\r\n\r\n", 400},
        {"GET http://u:p@home/x HTTP/1.1\r\nHost: home\r\n\r\n", 400},
        {"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 405},
        // versions
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
        {"GET / HTTP/1.2\r\nHost: home\r\n\r\n", 505},
        // sizes
        {"GET /" + std::string(9 * 1024, 'a'), 414},
        {"GET /" + std::string(8 * 1024, 'a') + " HTTP/1.1\r\nHost: home\r\n\r\n", 414},
        {"GET /" + std::string(8 * 1024 - 1, 'a') + " HTTP/1.1\r\nHost: home\r\n\r\n", 200},
        {std::string(80, 'G') + " / HTTP/1.1\r\nHost: home\r\n\r\n", 400},
        {with("X-A: " + std::string(8200, 'a') + "\r\n"), 431},
        {with("X-A: " + std::string(8000, 'a') + "\r\n"), 200},
        {with(std::string(300, 'a') + ": 1\r\n"), 431},
        {with(many), 431},
        {with(large), 431},
        // not there yet
        {"GET / HTTP/1.1\r\nHost: home\r\n", 0},
        {"", 0},
    };
    for (const Row& row : rows) {
        for (std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{100'000}}) {
            INFO(row.octets.substr(0, 80) << " in steps of " << step);
            CHECK(read(row.octets, step).status == row.status);
        }
    }
}

TEST_CASE("a head is taken apart") {
    SECTION("origin form") {
        Outcome o = read("GET /a%20b?x=1?y HTTP/1.1\r\nHost: HOME.example:8443\r\n\r\n", 1000);
        CHECK(o.head.method == http::Method::get);
        CHECK(o.head.path == "/a%20b");
        CHECK(o.head.query == "x=1?y");
        CHECK(o.head.host == "home.example:8443");
        CHECK(o.keep_alive);
        CHECK_FALSE(o.head.has_body());
    }
    SECTION("absolute form: its authority counts, not Host") {
        Outcome o = read("GET http://Evil/x HTTP/1.1\r\nHost: home\r\n\r\n", 1000);
        CHECK(o.head.host == "evil");
        CHECK(o.head.path == "/x");
        CHECK(read("GET https://home HTTP/1.1\r\nHost: home\r\n\r\n", 1000).head.path == "/");
        CHECK(read("GET https://home?q HTTP/1.1\r\nHost: home\r\n\r\n", 1000).head.query == "q");
        CHECK(read("OPTIONS https://home HTTP/1.1\r\nHost: home\r\n\r\n", 1000).head.path == "*");
    }
    SECTION("bodies") {
        Outcome o = read(with("Content-Length: 12\r\nExpect: 100-Continue\r\n"), 1000);
        CHECK(o.head.content_length == 12);
        CHECK(o.head.expects_continue);
        CHECK(o.head.has_body());
        CHECK(read(with("Transfer-Encoding: chunked\r\n"), 1000).head.chunked);
        CHECK_FALSE(read(with("Expect: 100-continue\r\n"), 1000).head.expects_continue);
        CHECK(read(with("Expect: foo\r\n"), 1000).unknown_expectation);
    }
    SECTION("connections") {
        CHECK_FALSE(read(with("Connection: close\r\n"), 1000).keep_alive);
        CHECK_FALSE(read(with("Connection: te\r\nConnection: x, CLOSE\r\n"), 1000).keep_alive);
        CHECK_FALSE(read("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 1000).keep_alive);
        CHECK(read(with("Connection: disclose\r\n"), 1000).keep_alive);
    }
    SECTION("methods nobody knows pass as they are") {
        Outcome o = read("BREW /pot HTTP/1.1\r\nHost: home\r\n\r\n", 1000);
        CHECK(o.head.method == http::Method::other);
        CHECK(o.head.method_name == "BREW");
    }
}

TEST_CASE("chunked bodies are decoded strictly") {
    struct Row {
        std::string octets;
        char end;  // d = done, m = more wanted, r = refused
        std::string payload;
        std::size_t after = 0;  // octets that belong to the next request
    };
    const Row rows[] = {
        {"5\r\nhello\r\n0\r\n\r\n", 'd', "hello"},
        {"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", 'd', "hello world"},
        {"A\r\n0123456789\r\n000\r\n\r\n", 'd', "0123456789"},
        {"a;x=y;z\r\n0123456789\r\n0;last\r\n\r\n", 'd', "0123456789"},
        {"0\r\n\r\nGET /", 'd', "", 5},
        {"0\r\nX-Sum: 1\r\nAuthorization: Basic abc\r\n\r\n", 'd', ""},
        {"0000000000000005\r\nhello\r\n0\r\n\r\n", 'd', "hello"},
        {"5\r\nhel", 'm', "hel"},
        {"5\r\nhello\r\n0\r\n", 'm', "hello"},
        {"0x5\r\nhello\r\n0\r\n\r\n", 'r', ""},
        {"5 ;x\r\nhello\r\n0\r\n\r\n", 'r', ""},
        {"5 \r\nhello\r\n0\r\n\r\n", 'r', ""},
        {" 5\r\nhello\r\n0\r\n\r\n", 'r', ""},
        {"-5\r\nhello\r\n", 'r', ""},
        {"\r\nhello\r\n", 'r', ""},
        {"00000000000000005\r\nhello\r\n0\r\n\r\n", 'r', ""},
        {"FFFFFFFFFFFFFFFF\r\nhello", 'r', ""},
        {"5;" + std::string(300, 'x') + "\r\nhello\r\n", 'r', ""},
        {"5;a\nb\r\nhello\r\n", 'r', ""},
        {"5\nhello\r\n0\r\n\r\n", 'r', ""},
        {"5\r\nhello!\r\n0\r\n\r\n", 'r', "hello"},
        {"5\r\nhello\n0\r\n\r\n", 'r', "hello"},
        {"5\r\nhello\r0\r\n\r\n", 'r', "hello"},
        {"0\r\nContent-Length: 5\r\n\r\n", 'r', ""},
        {"0\r\ntransfer-encoding: chunked\r\n\r\n", 'r', ""},
        {"0\r\nHost: x\r\n\r\n", 'r', ""},
        {"0\r\nno colon\r\n\r\n", 'r', ""},
        {"0\r\n folded\r\n\r\n", 'r', ""},
        {"0\r\nX: \x01\r\n\r\n", 'r', ""},
        {"0\r\nX: " + std::string(5000, 'x') + "\r\n\r\n", 'r', ""},
    };
    for (const Row& row : rows) {
        for (std::size_t step : {std::size_t{1}, std::size_t{3}, std::size_t{100'000}}) {
            INFO(row.octets.substr(0, 60) << " in steps of " << step);
            net::ChunkDecoder decoder;
            std::string payload;
            auto state = net::ChunkDecoder::State::more;
            std::size_t at = 0;
            while (at < row.octets.size() && state == net::ChunkDecoder::State::more) {
                auto result = decoder.next(std::string_view(row.octets).substr(at, step));
                payload.append(result.payload);
                at += result.used;
                state = result.state;
            }
            char end = state == net::ChunkDecoder::State::done      ? 'd'
                       : state == net::ChunkDecoder::State::refused ? 'r'
                                                                    : 'm';
            CHECK(end == row.end);
            CHECK(payload == row.payload);
            if (end == 'd') CHECK(row.octets.size() - at == row.after);
        }
    }
}

TEST_CASE("no field of an answer can end its line") {
    http::Response response(http::Status::multi_status, "text/xml", "12345");
    response.headers.add("X-Name", "a\r\nSet-Cookie: b");
    response.headers.add("Content-Length", "99");
    std::string out;
    net::append_head(out, response, "today", true);
    CHECK(out.starts_with("HTTP/1.1 207 Multi-Status\r\nDate: today\r\n"));
    CHECK(out.find("\r\nSet-Cookie") == std::string::npos);
    CHECK(out.find("Content-Length: 5\r\n") != std::string::npos);
    CHECK(out.find("99") == std::string::npos);
    CHECK(out.ends_with("Connection: close\r\n\r\n"));
}
