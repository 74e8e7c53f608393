#include "server/net/stream.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <cerrno>
#include <cstring>

#include "server/net/loop.h"
#include "storage/base/failure.h"

namespace net {
namespace {

constexpr std::size_t kRecordBytes = 16 * 1024;  // written one by one: joining records costs a copy and saves nothing
constexpr std::uint64_t kTrickleRate = 256;      // octets a second a reader must take at the least

bool would_block(int error) {
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

}  // namespace

// OpenSSL's view of the socket. Reads are served from the stream's input buffer; those at least as large as it go
// straight into OpenSSL's own.
struct SocketBio {
    static int read(BIO* bio, char* into, std::size_t length, std::size_t* taken) {
        auto* stream = static_cast<Stream*>(BIO_get_data(bio));
        BIO_clear_retry_flags(bio);
        std::size_t held = stream->input_end_ - stream->input_begin_;
        if (held == 0) {
            std::size_t capacity = stream->expect_much_ ? kLargeBuffer : kSmallBuffer;
            char* target = into;
            std::size_t room = length;
            if (length < capacity) {
                if (!stream->input_ || stream->input_.size() != capacity) {
                    // for_stream may hand out a small one when the large ones are gone; that is kept while it lasts.
                    bool small_is_all = stream->input_ && stream->expect_much_ && stream->short_of_large();
                    if (!small_is_all) stream->input_ = stream->loop_.pool().for_stream(capacity);
                }
                target = stream->input_.data();
                room = stream->input_.size();
            }
            std::int64_t got = stream->receive(target, room);
            if (got <= 0) {
                if (got < 0 && would_block(errno)) BIO_set_retry_read(bio);
                *taken = 0;
                return 0;
            }
            if (target == into) {
                *taken = static_cast<std::size_t>(got);
                return 1;
            }
            stream->input_begin_ = 0;
            stream->input_end_ = static_cast<std::uint32_t>(got);
            held = static_cast<std::size_t>(got);
        }
        std::size_t part = std::min(length, held);
        std::memcpy(into, stream->input_.data() + stream->input_begin_, part);
        stream->input_begin_ += static_cast<std::uint32_t>(part);
        *taken = part;
        return 1;
    }

    static int write(BIO* bio, const char* octets, std::size_t length, std::size_t* sent) {
        auto* stream = static_cast<Stream*>(BIO_get_data(bio));
        BIO_clear_retry_flags(bio);
        ssize_t n = ::send(stream->descriptor_.native_handle(), octets, length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0) {
            *sent = static_cast<std::size_t>(n);
            return 1;
        }
        if (would_block(errno)) BIO_set_retry_write(bio);
        *sent = 0;
        return 0;
    }

    static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

    static BIO_METHOD* method() {
        static BIO_METHOD* const made = [] {
            BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "hearth socket");
            CHECK(m != nullptr);
            BIO_meth_set_read_ex(m, read);
            BIO_meth_set_write_ex(m, write);
            BIO_meth_set_ctrl(m, control);
            return m;
        }();
        return made;
    }
};

Stream::Stream(Loop& loop, int descriptor, std::shared_ptr<const TlsContext> tls)
    : loop_(loop),
      descriptor_(loop.io(), descriptor),
      tls_(std::move(tls)),
      deadline_(loop.wheel(), [this] { deadline_passed(); }) {}

Stream::~Stream() {
    SSL_free(ssl_);
}

bool Stream::short_of_large() const {
    return !loop_.pool().has_large();
}

std::int64_t Stream::receive(char* into, std::size_t length) {
    return ::recv(descriptor_.native_handle(), into, length, MSG_DONTWAIT);
}

Io Stream::outcome(int result) {
    switch (SSL_get_error(ssl_, result)) {
        case SSL_ERROR_WANT_READ: return Io::want_read;
        case SSL_ERROR_WANT_WRITE: return Io::want_write;
        case SSL_ERROR_ZERO_RETURN: return Io::end;
        default:
            // Left behind, an entry of the error queue would be taken for one of the next connection on this thread.
            ERR_clear_error();
            broken_ = true;
            return Io::failed;
    }
}

// The TLS side of the socket; made with the first step of the handshake.
bool Stream::make_tls() {
    ssl_ = SSL_new(tls_->get());
    if (ssl_ == nullptr) return false;
    BIO* bio = BIO_new(SocketBio::method());
    if (bio == nullptr) return false;
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_, bio, bio);
    SSL_set_accept_state(ssl_);
    return true;
}

Io Stream::handshake() {
    ERR_clear_error();
    if (ssl_ == nullptr && !make_tls()) return Io::failed;
    int result = SSL_do_handshake(ssl_);
    return result == 1 ? Io::done : outcome(result);
}

IoResult Stream::read(char* into, std::size_t length) {
    if (broken_) return {Io::failed, 0};
    if (ssl_ == nullptr) {
        std::int64_t n = receive(into, length);
        if (n > 0) {
            moved_ += static_cast<std::uint64_t>(n);
            return {Io::done, static_cast<std::size_t>(n)};
        }
        if (n == 0) return {Io::end, 0};
        return {would_block(errno) ? Io::want_read : Io::failed, 0};
    }
    std::size_t n = 0;
    ERR_clear_error();
    int result = SSL_read_ex(ssl_, into, length, &n);
    if (result != 1) return {outcome(result), 0};
    moved_ += n;
    return {Io::done, n};
}

IoResult Stream::write(std::string_view octets) {
    if (broken_) return {Io::failed, 0};
    if (ssl_ == nullptr) {
        ssize_t n = ::send(descriptor_.native_handle(), octets.data(), octets.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0) return {would_block(errno) ? Io::want_write : Io::failed, 0};
        moved_ += static_cast<std::uint64_t>(n);
        return {Io::done, static_cast<std::size_t>(n)};
    }
    std::size_t n = 0;
    ERR_clear_error();
    int result = SSL_write_ex(ssl_, octets.data(), std::min(octets.size(), kRecordBytes), &n);
    if (result != 1) return {outcome(result), 0};
    moved_ += n;
    return {Io::done, n};
}

IoResult Stream::discard(char* scratch, std::size_t length) {
    std::int64_t n = receive(scratch, length);
    if (n > 0) return {Io::done, static_cast<std::size_t>(n)};
    if (n == 0) return {Io::end, 0};
    return {would_block(errno) ? Io::want_read : Io::failed, 0};
}

void Stream::finish_writing() {
    if (ssl_ != nullptr && !broken_ && SSL_is_init_finished(ssl_)) {
        if (SSL_shutdown(ssl_) < 0) ERR_clear_error();
        broken_ = true;
    }
    ::shutdown(descriptor_.native_handle(), SHUT_WR);
}

bool Stream::holds_octets() const {
    return input_begin_ != input_end_ || (ssl_ != nullptr && SSL_has_pending(ssl_) != 0);
}

bool Stream::has_arrived() {
    char first = 0;
    return ::recv(descriptor_.native_handle(), &first, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || !would_block(errno);
}

void Stream::rest() {
    if (input_begin_ == input_end_) input_.release();
}

Task<bool> Stream::wait(Io want) {
    if (cut_ != Cut::none) co_return false;
    boost::system::error_code error;
    auto direction =
        want == Io::want_write ? asio::posix::descriptor_base::wait_write : asio::posix::descriptor_base::wait_read;
    auto token = asio::redirect_error(kResume, error);
    co_await descriptor_.async_wait(direction, token);
    wait_until_ = 0;
    co_return cut_ == Cut::none && !error;
}

Task<bool> Stream::write_all(std::string_view octets, std::int64_t stall_ms) {
    while (!octets.empty()) {
        IoResult result = write(octets);
        if (result.io == Io::done) {
            octets.remove_prefix(result.octets);
            continue;
        }
        if (result.io != Io::want_read && result.io != Io::want_write) co_return false;
        if (window_ms_ == 0) pace(2 * stall_ms, kTrickleRate * static_cast<std::uint64_t>(2 * stall_ms) / 1000);
        wait_until(monotonic_ms() + stall_ms);
        bool ready = co_await wait(result.io);
        if (!ready) co_return false;
    }
    co_return true;
}

void Stream::wait_until(std::int64_t monotonic) {
    wait_until_ = monotonic;
    arm();
}

void Stream::hard_until(std::int64_t monotonic) {
    hard_until_ = monotonic;
    arm();
}

void Stream::pace(std::int64_t window_ms, std::uint64_t octets) {
    window_ms_ = window_ms;
    window_octets_ = octets;
    window_start_ = moved_;
    window_end_ = monotonic_ms() + window_ms;
    arm();
}

void Stream::clear_deadlines() {
    wait_until_ = hard_until_ = window_ms_ = window_end_ = 0;
    deadline_.clear();
}

void Stream::arm() {
    std::int64_t first = 0;
    for (std::int64_t when : {wait_until_, hard_until_, window_end_}) {
        if (when != 0 && (first == 0 || when < first)) first = when;
    }
    if (first == 0) {
        deadline_.clear();
    } else {
        deadline_.at(first);
    }
}

void Stream::deadline_passed() {
    std::int64_t now = monotonic_ms();
    bool over = (wait_until_ != 0 && now >= wait_until_) || (hard_until_ != 0 && now >= hard_until_);
    if (!over && window_end_ != 0 && now >= window_end_) {
        over = moved_ - window_start_ < window_octets_;
        window_start_ = moved_;
        window_end_ = now + window_ms_;
    }
    if (!over) return arm();
    clear_deadlines();
    if (cut_ == Cut::none) cut_ = Cut::deadline;
    boost::system::error_code ignored;
    descriptor_.cancel(ignored);
}

void Stream::abort() {
    cut_ = Cut::abort;
    boost::system::error_code ignored;
    descriptor_.cancel(ignored);
}

}  // namespace net
