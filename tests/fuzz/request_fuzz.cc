// A connection's octets through head scanner, parser, guard and chunk decoder, request after request as the edge does
// it. What is understood must not depend on how the octets are cut, and must keep the promises of http::RequestHead.
// The first octet of the input seeds the cuts.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "server/net/framing_guard.h"
#include "server/net/wire.h"
#include "storage/base/failure.h"

namespace {

// Sizes of 1 to 64 octets, or everything at once.
class Cuts {
  public:
    Cuts(bool whole, std::uint8_t seed) : whole_(whole), state_(seed) {}
    std::size_t next(std::size_t left) {
        state_ = state_ * 1664525U + 1013904223U;
        return whole_ ? left : std::min<std::size_t>(left, 1 + ((state_ >> 24) & 63U));
    }

  private:
    bool whole_;
    std::uint32_t state_;
};

void check_head(const http::RequestHead& head) {
    CHECK(head.path == "*" || head.path.starts_with("/"));
    CHECK(head.path != "*" || head.method == http::Method::options);
    CHECK(head.http_1_0 || !head.host.empty());
    CHECK(!(head.chunked && head.content_length));
    CHECK(!head.chunked || !head.http_1_0);
    CHECK(head.headers.count("Host") <= 1);
    for (std::string_view text : {std::string_view(head.path), std::string_view(head.query)}) {
        for (char c : text) CHECK(c > 0x20 && c < 0x7F);
    }
    for (const auto& [name, value] : head.headers.fields()) {
        CHECK(!name.empty());
        for (char c : value) CHECK(static_cast<unsigned char>(c) >= 0x20 || c == '\t');
    }
}

// Octets [at, at + n) of one chunked body; false when it was refused or is not complete.
bool read_chunks(std::string_view octets, std::size_t& at, Cuts& cuts, std::string& trace) {
    net::ChunkDecoder decoder;
    std::size_t payload = 0;
    while (at < octets.size()) {
        std::string_view part = octets.substr(at, cuts.next(octets.size() - at));
        while (!part.empty()) {
            auto step = decoder.next(part);
            CHECK(step.used <= part.size());
            CHECK(step.used > 0 || step.state != net::ChunkDecoder::State::more);
            payload += step.payload.size();
            trace += step.payload;
            at += step.used;
            part.remove_prefix(step.used);
            if (step.state == net::ChunkDecoder::State::refused) {
                trace += "|refused chunk";
                return false;
            }
            if (step.state == net::ChunkDecoder::State::done) {
                trace += "|" + std::to_string(payload);
                return true;
            }
        }
    }
    trace += "|unfinished";
    return false;
}

std::string understand(std::string_view octets, Cuts cuts) {
    const net::HeadLimits limits{2048, 20, 512, 256};
    std::string trace;
    std::size_t at = 0;
    while (at < octets.size()) {
        net::HeadScanner scanner(limits);
        auto state = net::HeadScanner::State::more;
        std::string_view rest = octets.substr(at);
        std::size_t have = 0;
        while (state == net::HeadScanner::State::more && have < rest.size()) {
            have += cuts.next(rest.size() - have);
            state = scanner.scan(rest.substr(0, have));
        }
        if (state == net::HeadScanner::State::more) return trace + "\nmore";
        if (state == net::HeadScanner::State::refused) {
            return trace + "\nrefused " + std::to_string(http::code(scanner.refusal().status));
        }
        auto result = net::parse_head(rest.substr(scanner.start(), scanner.end() - scanner.start()), limits);
        if (const auto* refusal = std::get_if<net::Refusal>(&result)) {
            return trace + "\nrefused " + std::to_string(http::code(refusal->status));
        }
        const auto& parsed = std::get<net::ParsedHead>(result);
        check_head(parsed.head);
        trace += "\n" + parsed.head.method_name + " " + parsed.head.host + parsed.head.path + "?" + parsed.head.query;
        for (const auto& [name, value] : parsed.head.headers.fields()) trace += "|" + name + ":" + value;
        at += scanner.end();
        if (parsed.head.chunked) {
            if (!read_chunks(octets, at, cuts, trace)) return trace;
        } else {
            const std::uint64_t length = parsed.head.content_length.value_or(0);
            if (length > octets.size() - at) return trace + "|unfinished";
            at += static_cast<std::size_t>(length);
        }
        if (!parsed.keep_alive) return trace + "\nclose";
    }
    return trace;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view octets(reinterpret_cast<const char*>(data) + 1, size - 1);
    CHECK(understand(octets, Cuts(true, 0)) == understand(octets, Cuts(false, data[0])));
    return 0;
}
