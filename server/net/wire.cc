#include "server/net/wire.h"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <charconv>

namespace net {
namespace {

namespace beast = boost::beast;

// Fills a RequestHead from what Beast reports; keeps no field container of its own.
class HeadParser final : public beast::http::basic_parser<true> {
  public:
    HeadParser(ParsedHead& parsed, const HeadLimits& limits) : parsed_(parsed), limits_(limits) {}

    const std::optional<Refusal>& refusal() const { return refusal_; }

  private:
    using Text = beast::string_view;
    using Error = beast::error_code;
    static std::string_view view(Text text) { return {text.data(), text.size()}; }

    void on_request_impl(beast::http::verb, Text method, Text target, int version, Error& error) override {
        http::RequestHead& head = parsed_.head;
        head.http_1_0 = version == 10;
        head.method_name = std::string(view(method));
        head.method = http::method_from(view(method));
        if (method.size() > kMethodBytesMax) refusal_ = Refusal{http::Status::bad_request, "method"};
        if (target.size() > limits_.target_bytes) refusal_ = Refusal{http::Status::uri_too_long, "target"};
        if (!refusal_) refusal_ = apply_target(view(target), head);
        if (refusal_) error = beast::http::error::bad_target;
    }
    void on_field_impl(beast::http::field, Text name, Text value, Error&) override {
        parsed_.head.headers.add(view(name), view(value));
    }
    void on_response_impl(int, Text, int, Error&) override {}
    void on_header_impl(Error&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, Error&) override {}
    std::size_t on_body_impl(Text, Error&) override { return 0; }
    void on_chunk_header_impl(std::uint64_t, Text, Error&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, Text, Error&) override { return 0; }
    void on_finish_impl(Error&) override {}

    ParsedHead& parsed_;
    const HeadLimits& limits_;
    std::optional<Refusal> refusal_;
};

// Any of the comma-separated words of all fields of that name.
bool has_word(const http::Headers& headers, std::string_view name, std::string_view word) {
    auto all = headers.combined(name);
    if (!all) return false;
    std::string_view rest = *all;
    while (!rest.empty()) {
        std::size_t end = std::min(rest.find(','), rest.size());
        std::string_view item = rest.substr(0, end);
        while (!item.empty() && (item.front() == ' ' || item.front() == '\t')) item.remove_prefix(1);
        while (!item.empty() && (item.back() == ' ' || item.back() == '\t')) item.remove_suffix(1);
        if (http::equal_ignoring_case(item, word)) return true;
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return false;
}

// Beast calls "GET /a b HTTP/1.1" a bad version as well, but there it is the target that is wrong.
bool names_a_version(std::string_view request_line) {
    if (std::count(request_line.begin(), request_line.end(), ' ') != 2) return false;
    std::string_view version = request_line.substr(request_line.rfind(' ') + 1);
    auto digit = [&](std::size_t at) { return version[at] >= '0' && version[at] <= '9'; };
    return version.size() == 8 && version.starts_with("HTTP/") && digit(5) && version[6] == '.' && digit(7);
}

bool belongs_to_the_edge(std::string_view name) {
    switch (name.size()) {
        case 4: return http::equal_ignoring_case(name, "Date");
        case 10: return http::equal_ignoring_case(name, "Connection");
        case 14: return http::equal_ignoring_case(name, "Content-Length");
        case 17: return http::equal_ignoring_case(name, "Transfer-Encoding");
        default: return false;
    }
}

void append_number(std::string& out, std::uint64_t value) {
    char digits[20];
    auto end = std::to_chars(digits, digits + sizeof digits, value);
    out.append(digits, end.ptr);
}

}  // namespace

std::variant<ParsedHead, Refusal> parse_head(std::string_view octets, const HeadLimits& limits) {
    ParsedHead parsed;
    HeadParser parser(parsed, limits);
    // The scanner has bounded the head; Beast's own default of 8 KiB would be in the way.
    parser.header_limit(static_cast<std::uint32_t>(octets.size() + 1));
    parser.body_limit(boost::none);
    beast::error_code error;
    std::size_t used = parser.put(boost::asio::const_buffer(octets.data(), octets.size()), error);
    if (parser.refusal()) return *parser.refusal();
    if (error == beast::http::error::bad_version) {
        bool named = names_a_version(octets.substr(0, octets.find('\r')));
        return Refusal{named ? http::Status::http_version_not_supported : http::Status::bad_request, "version"};
    }
    if (error) return Refusal{http::Status::bad_request, "malformed head"};
    if (!parser.is_header_done() || used != octets.size()) return Refusal{http::Status::bad_request, "head"};

    http::RequestHead& head = parsed.head;
    if (auto refusal = apply_framing(head)) return *refusal;
    // HTTP/1.0 may ask for keep-alive; a close is always right and needs no second set of rules.
    parsed.keep_alive = !head.http_1_0 && !has_word(head.headers, "Connection", "close");
    if (!head.http_1_0 && head.headers.has("Expect")) {
        bool known =
            head.headers.count("Expect") == 1 && http::equal_ignoring_case(head.headers.get("Expect"), "100-continue");
        parsed.unknown_expectation = !known;
        head.expects_continue = known && head.has_body();
    }
    return parsed;
}

void append_head(std::string& out, const http::Response& response, std::string_view date, bool close) {
    out.append("HTTP/1.1 ");
    append_number(out, static_cast<std::uint64_t>(http::code(response.status)));
    out.append(" ").append(http::reason(response.status)).append("\r\nDate: ").append(date).append("\r\n");
    for (const auto& [name, value] : response.headers.fields()) {
        if (belongs_to_the_edge(name)) continue;
        out.append(name).append(": ").append(value).append("\r\n");
    }
    bool length = response.status != http::Status::no_content && response.status != http::Status::not_modified;
    if (length) {
        out.append("Content-Length: ");
        append_number(out, http::body_size(response.body));
        out.append("\r\n");
    }
    if (close) out.append("Connection: close\r\n");
    out.append("\r\n");
}

bool sends_body(http::Method method, http::Status status) {
    return method != http::Method::head && status != http::Status::no_content && status != http::Status::not_modified;
}

}  // namespace net
