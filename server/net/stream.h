#pragma once

#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <cstdint>
#include <string_view>

#include "server/net/asio.h"
#include "server/net/pool.h"
#include "server/net/timers.h"
#include "server/net/tls.h"

// Octets of one connection, in clear or through TLS. OpenSSL sits straight on the socket by a BIO of our own; Asio only
// says when a socket is ready. Every call is tried first and waited for only when the kernel has nothing, which costs
// less than half of asio::ssl::stream and leaves an idle connection without buffers (measured).
namespace net {

class Loop;

enum class Io : std::uint8_t { done, want_read, want_write, end, failed };

struct IoResult {
    Io io = Io::failed;
    std::size_t octets = 0;
};

// What ended a wait too early.
enum class Cut : std::uint8_t { none, deadline, abort };

// Not thread-safe: lives on its loop's thread.
class Stream {
  public:
    // `tls` null = in clear; otherwise `handshake` comes first. Owns `descriptor`, unless it throws.
    Stream(Loop& loop, int descriptor, std::shared_ptr<const TlsContext> tls);
    ~Stream();
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    Io handshake();
    // At most `length` octets; `done` with what there was, or why there was nothing.
    IoResult read(char* into, std::size_t length);
    IoResult write(std::string_view octets);
    // Reads and forgets what the client still sends, below TLS.
    IoResult discard(char* scratch, std::size_t length);
    // Says that nothing more is coming: close_notify and FIN. The client may go on sending.
    void finish_writing();

    // Whether octets were taken from the socket that nobody has read: then waiting for the socket would be wrong.
    bool holds_octets() const;
    // Whether the socket has octets to read, or came to its end.
    bool has_arrived();
    // A body streams in through TLS: ask the kernel for 256 KiB at a time.
    void expect_much(bool much) { expect_much_ = much; }
    // Frees the input buffer; call when idle.
    void rest();

    // False: cut by a deadline or an abort, or broken.
    Task<bool> wait(Io want);
    // False: broken, or no progress for `stall_ms`, or slower than a trickle for twice that.
    Task<bool> write_all(std::string_view octets, std::int64_t stall_ms);

    // One wait may last until then; 0 = no such limit.
    void wait_until(std::int64_t monotonic);
    // All work until `clear_deadlines` must be over by then.
    void hard_until(std::int64_t monotonic);
    // At least `octets` must move in each window from now on.
    void pace(std::int64_t window_ms, std::uint64_t octets);
    void clear_deadlines();

    void abort();
    Cut cut() const { return cut_; }
    // After a deadline: one last answer may still be sent.
    void forgive() {
        if (cut_ == Cut::deadline) cut_ = Cut::none;
    }
    bool secure() const { return tls_ != nullptr; }

  private:
    friend struct SocketBio;
    std::int64_t receive(char* into, std::size_t length);  // -1 with errno, 0 at the end
    Io outcome(int result);
    bool make_tls();
    bool short_of_large() const;
    void arm();
    void deadline_passed();

    Loop& loop_;
    asio::posix::basic_stream_descriptor<Executor> descriptor_;
    std::shared_ptr<const TlsContext> tls_;
    ssl_st* ssl_ = nullptr;
    Buffer input_;  // octets of TLS records not yet asked for
    std::uint32_t input_begin_ = 0;
    std::uint32_t input_end_ = 0;
    bool expect_much_ = false;
    bool broken_ = false;  // TLS failed: no close_notify, no further call
    Cut cut_ = Cut::none;

    Deadline deadline_;
    std::int64_t wait_until_ = 0;
    std::int64_t hard_until_ = 0;
    std::int64_t window_ms_ = 0;
    std::int64_t window_end_ = 0;
    std::uint64_t window_octets_ = 0;
    std::uint64_t window_start_ = 0;  // of moved_
    std::uint64_t moved_ = 0;
};

}  // namespace net
