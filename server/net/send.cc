#include <fcntl.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "server/net/connection.h"
#include "server/net/wire.h"
#include "storage/base/log.h"

// The answer on its way out.
namespace net {
namespace {

constexpr std::uint64_t kTurn = 1024 * 1024;    // a client that reads as fast as we write must not hold the thread
constexpr std::size_t kFirstWrite = 16 * 1024;  // head and small body in one TLS record, one packet where it fits

// What the page cache has, without waiting for a disk. Empty: ask a worker.
std::optional<std::size_t> read_cached(const storage::File& file, char* into, std::size_t length,
                                       std::uint64_t offset) {
    int descriptor = file.descriptor();
    if (descriptor < 0) return std::nullopt;
    iovec part{into, length};
    ssize_t n = ::preadv2(descriptor, &part, 1, static_cast<off_t>(offset), RWF_NOWAIT);
    if (n <= 0) return std::nullopt;  // also at the end of the file: the worker finds that it is shorter than promised
    return static_cast<std::size_t>(n);
}

struct Source {
    const storage::File* file = nullptr;
    const http::Spooled* spooled = nullptr;
    std::uint64_t offset = 0;
    std::uint64_t left = 0;

    std::size_t read(char* into, std::size_t length) const {
        return file != nullptr ? file->read_at(into, length, offset) : spooled->read_at(into, length, offset);
    }
};

}  // namespace

Task<bool> Connection::send(Exchange& exchange) {
    const http::Response& response = exchange.response;
    std::string head;
    head.reserve(1024);
    append_head(head, response, loop_.date(), exchange.close);
    if (!sends_body(exchange.head.method, response.status)) {
        bool sent = co_await send_text(std::move(head), std::string_view());
        co_return sent;
    }
    if (const auto* text = std::get_if<std::string>(&response.body)) {
        bool sent = co_await send_text(std::move(head), *text);
        co_return sent;
    }
    if (const auto* shared = std::get_if<std::shared_ptr<const std::string>>(&response.body)) {
        bool sent = co_await send_text(std::move(head), **shared);
        co_return sent;
    }
    if (std::holds_alternative<std::monostate>(response.body)) {
        bool sent = co_await send_text(std::move(head), std::string_view());
        co_return sent;
    }
    bool sent = co_await send_source(exchange, std::move(head));
    co_return sent;
}

Task<bool> Connection::send_text(std::string head, std::string_view text) {
    std::size_t joined = head.size() < kFirstWrite ? std::min(text.size(), kFirstWrite - head.size()) : 0;
    head.append(text.substr(0, joined));
    text.remove_prefix(joined);
    bool sent = co_await stream_.write_all(head, loop_.limits().write_stall_ms);
    if (sent && !text.empty()) sent = co_await stream_.write_all(text, loop_.limits().write_stall_ms);
    co_return sent;
}

// A file or a spool, in parts; what is not in the page cache is read by a worker.
Task<bool> Connection::send_source(Exchange& exchange, std::string head) {
    Source source;
    if (const auto* slice = std::get_if<http::FileSlice>(&exchange.response.body)) {
        source.file = slice->file.get();
        source.offset = slice->offset;
        source.left = slice->length;
    } else {
        source.spooled = std::get<std::shared_ptr<const http::Spooled>>(exchange.response.body).get();
        source.left = source.spooled->size();
    }
    std::uint64_t whole = source.left + head.size();
    Buffer buffer = loop_.pool().for_stream(static_cast<std::size_t>(std::min<std::uint64_t>(whole, kLargeBuffer)));
    std::uint64_t turn = 0;
    std::size_t used = 0;
    if (head.size() < buffer.size()) {
        std::memcpy(buffer.data(), head.data(), head.size());
        used = head.size();
    } else {
        bool sent = co_await stream_.write_all(head, loop_.limits().write_stall_ms);
        if (!sent) co_return false;
    }
    while (source.left > 0) {
        char* into = buffer.data() + used;
        auto part = static_cast<std::size_t>(std::min<std::uint64_t>(source.left, buffer.size() - used));
        std::optional<std::size_t> got;
        if (source.file != nullptr) got = read_cached(*source.file, into, part, source.offset);
        if (!got) {
            std::size_t n = 0;
            auto work = [&source, &n, into, part] { n = source.read(into, part); };
            if (!exchange.job.start(work, Job::Queue::further)) co_return false;
            co_await exchange.job.finished();
            got = n;
            if (exchange.job.failed() || n == 0) {
                base::log_warn("net", "an answer ended early: its file is shorter than it was");
                co_return false;
            }
        }
        source.offset += *got;
        source.left -= *got;
        std::string_view piece(buffer.data(), used + *got);
        bool sent = co_await stream_.write_all(piece, loop_.limits().write_stall_ms);
        if (!sent) co_return false;
        used = 0;
        turn += *got;
        if (turn >= kTurn) {
            turn = 0;
            co_await loop_.yield();
        }
    }
    co_return true;
}

}  // namespace net
