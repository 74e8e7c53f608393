#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dav/http/message.h"

// What the parser behind us lets through and must not (security.md 4.1). Pure functions over octets and parsed heads,
// so that every row is a table test. Whatever is refused here ends the connection: the octets that follow have no
// agreed meaning, and reading them as a next request is how requests are smuggled.
namespace net {

struct Refusal {
    http::Status status = http::Status::bad_request;
    std::string_view why;  // a literal, for the log
};

struct HeadLimits {
    std::size_t block_bytes = 32 * 1024;
    std::size_t fields = 100;
    std::size_t field_bytes = 8 * 1024;
    std::size_t target_bytes = 8 * 1024;
};

inline constexpr std::size_t kMethodBytesMax = 64;
inline constexpr std::size_t kFieldNameBytesMax = 256;

// Finds the end of a head while it arrives, and refuses at once what no later octet can repair: a bare CR or LF,
// control characters, folded fields, octets over 0x7F in the request line, and everything beyond a limit.
class HeadScanner {
  public:
    explicit HeadScanner(const HeadLimits& limits) : limits_(limits) {}

    enum class State : std::uint8_t { more, complete, refused };
    // `arrived` is the head from its first octet, longer with every call; nothing is looked at twice.
    State scan(std::string_view arrived);
    std::size_t start() const { return start_; }   // after the one empty line RFC 9112 §2.2 lets us skip
    std::size_t end() const { return position_; }  // complete: first octet after the empty line
    const Refusal& refusal() const { return refusal_; }

  private:
    State refuse(http::Status status, std::string_view why);
    bool accepts(unsigned char octet);
    bool end_line();

    HeadLimits limits_;
    std::size_t start_ = 0;
    std::size_t position_ = 0;
    std::size_t line_start_ = 0;
    std::size_t colon_ = 0;  // of the current field; 0 = not seen
    std::size_t lines_ = 0;
    bool after_cr_ = false;
    bool finished_ = false;
    Refusal refusal_;
};

// Takes a request target apart into path, query and, for the absolute form, the authority (RFC 9112 §3.2).
std::optional<Refusal> apply_target(std::string_view target, http::RequestHead& head);

// Host, Content-Length and Transfer-Encoding: exactly one meaning or none. Fills host, content_length and chunked.
std::optional<Refusal> apply_framing(http::RequestHead& head);

// A chunked body, decoded from pieces of any size. Extensions are bounded, trailer fields are read and thrown away
// (RFC 9110 §6.5.1 forbids merging them into the head), and lines end with CRLF only.
class ChunkDecoder {
  public:
    enum class State : std::uint8_t { more, done, refused };
    struct Step {
        std::size_t used = 0;      // octets of the input that are dealt with
        std::string_view payload;  // part of the input; may be empty
        State state = State::more;
    };
    // Call again with the rest while `used` is not the whole input and the state is `more`.
    Step next(std::string_view input);
    std::string_view why() const { return why_; }

    static constexpr std::size_t kSizeDigitsMax = 16;
    static constexpr std::size_t kExtensionBytesMax = 256;
    static constexpr std::size_t kTrailerBytesMax = 4096;

  private:
    enum class Part : std::uint8_t {
        size,
        extension,
        size_lf,
        payload,
        payload_cr,
        payload_lf,
        trailer,
        trailer_lf,
        done,
        refused,
    };
    void take(char octet);
    void end_size();
    void end_trailer();
    void refuse(std::string_view why);

    Part part_ = Part::size;
    std::uint64_t left_ = 0;
    std::size_t digits_ = 0;
    std::size_t extension_bytes_ = 0;
    std::size_t trailer_bytes_ = 0;
    std::string trailer_;  // the current trailer line, within kTrailerBytesMax
    std::string_view why_;
};

}  // namespace net
