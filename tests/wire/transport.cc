#include "tests/wire/transport.h"

#include <stdexcept>

namespace wire {

std::optional<std::string> Reply::header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
        if (http::equal_ignoring_case(key, name)) return value;
    }
    return std::nullopt;
}

namespace {

constexpr std::size_t kPiece = 1009;  // odd, so that no reader gets lucky with whole lines

std::string octets_of(const http::Body& body) {
    std::string text;
    std::uint64_t size = http::body_size(body);
    if (const auto* held = std::get_if<std::string>(&body)) return *held;
    if (const auto* shared = std::get_if<std::shared_ptr<const std::string>>(&body)) return **shared;
    text.resize(size);
    std::size_t got = 0;
    while (got < size) {
        std::size_t n = 0;
        if (const auto* slice = std::get_if<http::FileSlice>(&body)) {
            n = slice->file->read_at(text.data() + got, size - got, slice->offset + got);
        } else if (const auto* spooled = std::get_if<std::shared_ptr<const http::Spooled>>(&body)) {
            n = (*spooled)->read_at(text.data() + got, size - got, got);
        }
        if (n == 0) throw std::runtime_error("the body ends before its announced length");
        got += n;
    }
    return text;
}

std::string lower_case(std::string text) {
    for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    return text;
}

class InProcess final : public Transport {
  public:
    explicit InProcess(http::Handler& handler) : handler_(handler) {}

    std::string host() const override { return "home.example:8443"; }

    Reply send(const Message& message) override {
        http::RequestHead head = head_of(message);
        bool wants_body = message.body && !message.body->empty();
        if (!wants_body && !head.chunked) {
            if (auto hot = handler_.answer_now(head)) return reply_of(head, std::move(*hot));
        }
        http::Verdict verdict = handler_.accept(head);
        if (verdict.answer) return reply_of(head, std::move(*verdict.answer));
        Reply reply = run(head, message, std::move(verdict));
        reply.continued = head.expects_continue;
        return reply;
    }

  private:
    Reply run(const http::RequestHead& head, const Message& message, http::Verdict verdict) {
        http::Request request{head, {}, std::move(verdict.sink), std::move(verdict.state)};
        std::string_view rest = message.body ? std::string_view(*message.body) : std::string_view();
        if (!request.sink) {
            if (rest.size() > verdict.memory_limit) {
                handler_.abandon(std::move(request));
                return reply_of(head, http::Response(http::Status::content_too_large));
            }
            request.body = rest;
        }
        while (request.sink && !rest.empty()) {
            request.sink->write(rest.substr(0, kPiece));
            rest.remove_prefix(std::min(kPiece, rest.size()));
        }
        return reply_of(head, handler_.run(std::move(request)));
    }

    http::RequestHead head_of(const Message& message) const {
        http::RequestHead head;
        head.method = http::method_from(message.method);
        head.method_name = message.method;
        auto question = message.target.find('?');
        head.path = message.target.substr(0, question);
        if (question != std::string::npos) head.query = message.target.substr(question + 1);
        head.host = host();
        head.headers.add("Host", host());
        for (const auto& [name, value] : message.headers) {
            const bool is_host = http::equal_ignoring_case(name, "Host");
            if (is_host) head.host = lower_case(value);
            is_host ? head.headers.set(name, value) : head.headers.add(name, value);
            if (http::equal_ignoring_case(name, "Expect")) head.expects_continue = true;
        }
        head.remote.address = head.remote.prefix = message.remote;
        head.remote.shared = message.remote == "127.0.0.1";
        head.chunked = message.chunked;
        if (message.body && !message.chunked) {
            head.content_length = message.body->size();
            head.headers.add("Content-Length", std::to_string(message.body->size()));
        }
        return head;
    }

    static Reply reply_of(const http::RequestHead& head, http::Response response) {
        Reply reply;
        reply.status = http::code(response.status);
        reply.headers = response.headers.fields();
        if (reply.status != 204 && reply.status != 304) {
            reply.headers.emplace_back("Content-Length", std::to_string(http::body_size(response.body)));
        }
        if (head.method != http::Method::head && reply.status != 304) reply.body = octets_of(response.body);
        return reply;
    }

    http::Handler& handler_;
};

}  // namespace

std::unique_ptr<Transport> in_process(http::Handler& handler) {
    return std::make_unique<InProcess>(handler);
}

}  // namespace wire
