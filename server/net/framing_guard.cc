#include "server/net/framing_guard.h"

#include <algorithm>
#include <array>
#include <limits>

namespace net {
namespace {

using http::Status;

bool is_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    });
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

// RFC 3986 §3.2 without userinfo: what may name a host and a port. Percent-encoded names are refused with the rest.
bool is_authority(std::string_view text) {
    return !text.empty() && text.size() <= 262 && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("-._~:[]").find(c) != std::string_view::npos;
    });
}

std::string lower(std::string_view text) {
    std::string result(text);
    for (char& c : result) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return result;
}

bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) {
    return text.size() >= prefix.size() && http::equal_ignoring_case(text.substr(0, prefix.size()), prefix);
}

std::optional<Refusal> refused(std::string_view why, Status status = Status::bad_request) {
    return Refusal{status, why};
}

// Only "chunked", once. A coding that exists is 501 (RFC 9112 §6.1); a list or a word nobody registered is an attempt.
std::optional<Refusal> apply_transfer_encoding(http::RequestHead& head) {
    if (head.http_1_0) return refused("transfer-encoding in HTTP/1.0");
    if (head.headers.has("Content-Length")) return refused("content-length with transfer-encoding");
    if (head.headers.count("Transfer-Encoding") > 1) return refused("more than one transfer-encoding");
    std::string_view coding = trimmed(head.headers.get("Transfer-Encoding"));
    if (http::equal_ignoring_case(coding, "chunked")) {
        head.chunked = true;
        return std::nullopt;
    }
    constexpr std::array<std::string_view, 5> known = {"gzip", "x-gzip", "deflate", "compress", "x-compress"};
    std::string_view first = trimmed(coding.substr(0, coding.find(',')));
    for (std::string_view name : known) {
        if (http::equal_ignoring_case(first, name)) return refused("transfer coding", Status::not_implemented);
    }
    return refused("transfer-encoding is not chunked");
}

std::optional<Refusal> apply_content_length(http::RequestHead& head) {
    if (head.headers.count("Content-Length") > 1) return refused("more than one content-length");
    std::string_view digits = trimmed(head.headers.get("Content-Length"));
    if (digits.empty() || digits.size() > 19) return refused("content-length");
    std::uint64_t length = 0;
    for (char c : digits) {
        if (c < '0' || c > '9') return refused("content-length");
        length = length * 10 + static_cast<std::uint64_t>(c - '0');  // 19 digits fit
    }
    if (length > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return refused("content-length");
    head.content_length = length;
    return std::nullopt;
}

}  // namespace

HeadScanner::State HeadScanner::refuse(Status status, std::string_view why) {
    refusal_ = {status, why};
    finished_ = true;
    return State::refused;
}

HeadScanner::State HeadScanner::scan(std::string_view arrived) {
    if (finished_) return refusal_.why.empty() ? State::complete : State::refused;
    while (position_ < arrived.size()) {
        auto octet = static_cast<unsigned char>(arrived[position_]);
        if (!accepts(octet)) return State::refused;
        ++position_;
        if (octet == '\n' && end_line()) {
            return refusal_.why.empty() ? State::complete : State::refused;
        }
    }
    return State::more;
}

bool HeadScanner::accepts(unsigned char octet) {
    bool first_line = lines_ == 0;
    if (after_cr_ != (octet == '\n')) {
        refuse(Status::bad_request, "a line that does not end with CRLF");
        return false;
    }
    if (octet == '\n') return true;
    if (octet == '\r') {
        after_cr_ = true;
        return true;
    }
    bool tab = octet == '\t' && !first_line;
    if ((octet < 0x20 && !tab) || octet == 0x7F || (first_line && octet >= 0x80)) {
        refuse(Status::bad_request, "a control character or raw octet in the head");
        return false;
    }
    std::size_t in_line = position_ - line_start_;
    if (first_line) {
        // Method, two spaces and the version come on top of the target, which is measured when it is parsed.
        if (in_line > limits_.target_bytes + kMethodBytesMax + 10) {
            refuse(Status::uri_too_long, "request line");
            return false;
        }
    } else if (in_line == 0 && (octet == ' ' || octet == '\t')) {
        refuse(Status::bad_request, "a folded field");
        return false;
    } else if (colon_ == 0) {
        if (octet == ':') colon_ = position_;
        if (in_line > kFieldNameBytesMax) {
            refuse(Status::header_fields_too_large, "field name");
            return false;
        }
    } else if (position_ - colon_ > limits_.field_bytes) {
        refuse(Status::header_fields_too_large, "field value");
        return false;
    }
    if (position_ - start_ >= limits_.block_bytes) {
        refuse(Status::header_fields_too_large, "header block");
        return false;
    }
    return true;
}

// Called after the LF; true when the scan is over.
bool HeadScanner::end_line() {
    after_cr_ = false;
    std::size_t length = position_ - line_start_ - 2;
    line_start_ = position_;
    colon_ = 0;
    if (length == 0) {
        if (lines_ == 0 && start_ == 0) {
            start_ = position_;
            return false;
        }
        if (lines_ == 0) refuse(Status::bad_request, "empty lines instead of a request");
        finished_ = true;
        return true;
    }
    if (lines_ > limits_.fields) {
        refuse(Status::header_fields_too_large, "number of fields");
        return true;
    }
    ++lines_;
    return false;
}

std::optional<Refusal> apply_target(std::string_view target, http::RequestHead& head) {
    if (head.method == http::Method::connect) return refused("CONNECT", Status::method_not_allowed);
    if (target.find('#') != std::string_view::npos) return refused("fragment in the target");
    if (target == "*") {
        if (head.method != http::Method::options) return refused("asterisk-form without OPTIONS");
        head.path = "*";
        return std::nullopt;
    }
    if (!target.starts_with('/')) {
        std::size_t scheme = 0;
        if (starts_with_ignoring_case(target, "http://")) scheme = 7;
        if (starts_with_ignoring_case(target, "https://")) scheme = 8;
        if (scheme == 0) return refused("target form");
        target.remove_prefix(scheme);
        std::size_t end = std::min(target.find_first_of("/?"), target.size());
        if (!is_authority(target.substr(0, end))) return refused("authority in the target");
        head.host = lower(target.substr(0, end));
        target.remove_prefix(end);
        if (target.empty() && head.method == http::Method::options) {
            head.path = "*";  // RFC 9110 §9.3.7
            return std::nullopt;
        }
    }
    std::size_t mark = target.find('?');
    head.path = mark == 0 || target.empty() ? std::string("/") : std::string(target.substr(0, mark));
    if (mark != std::string_view::npos) head.query = std::string(target.substr(mark + 1));
    return std::nullopt;
}

std::optional<Refusal> apply_framing(http::RequestHead& head) {
    std::size_t hosts = head.headers.count("Host");
    if (hosts > 1) return refused("more than one host");
    if (hosts == 0 && !head.http_1_0) return refused("no host");
    if (hosts == 1) {
        std::string_view host = trimmed(head.headers.get("Host"));
        if (!is_authority(host)) return refused("host");
        // RFC 9112 §3.2.2: the authority of an absolute-form target counts, Host is ignored.
        if (head.host.empty()) head.host = lower(host);
    }
    for (const auto& [name, value] : head.headers.fields()) {
        if (!is_token(name)) return refused("field name");
    }
    if (head.headers.has("Transfer-Encoding")) return apply_transfer_encoding(head);
    if (head.headers.has("Content-Length")) return apply_content_length(head);
    return std::nullopt;
}

ChunkDecoder::Step ChunkDecoder::next(std::string_view input) {
    Step step;
    while (step.used < input.size() && part_ != Part::done && part_ != Part::refused) {
        if (part_ == Part::payload) {
            std::size_t run = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size() - step.used));
            step.payload = input.substr(step.used, run);
            step.used += run;
            left_ -= run;
            if (left_ == 0) part_ = Part::payload_cr;
            break;
        }
        take(input[step.used]);
        ++step.used;
    }
    if (part_ == Part::done) step.state = State::done;
    if (part_ == Part::refused) step.state = State::refused;
    return step;
}

void ChunkDecoder::refuse(std::string_view why) {
    part_ = Part::refused;
    why_ = why;
}

void ChunkDecoder::take(char octet) {
    switch (part_) {
        case Part::size: {
            int digit = -1;
            if (octet >= '0' && octet <= '9') digit = octet - '0';
            if (octet >= 'a' && octet <= 'f') digit = octet - 'a' + 10;
            if (octet >= 'A' && octet <= 'F') digit = octet - 'A' + 10;
            if (digit >= 0) {
                if (++digits_ > kSizeDigitsMax) return refuse("chunk size too long");
                left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
                return;
            }
            if (digits_ == 0) return refuse("chunk size");
            if (octet == ';') {
                part_ = Part::extension;
            } else if (octet == '\r') {
                part_ = Part::size_lf;
            } else {
                refuse("chunk size");
            }
            return;
        }
        case Part::extension:
            if (octet == '\r') {
                part_ = Part::size_lf;
                return;
            }
            if (++extension_bytes_ > kExtensionBytesMax) return refuse("chunk extension too long");
            if ((static_cast<unsigned char>(octet) < 0x20 && octet != '\t') || octet == 0x7F) {
                refuse("control character in a chunk extension");
            }
            return;
        case Part::size_lf:
            if (octet != '\n') return refuse("bare CR after a chunk size");
            return end_size();
        case Part::payload_cr:
            if (octet != '\r') return refuse("chunk longer than its size");
            part_ = Part::payload_lf;
            return;
        case Part::payload_lf:
            if (octet != '\n') return refuse("bare CR after a chunk");
            part_ = Part::size;
            return;
        case Part::trailer:
            if (octet == '\r') {
                part_ = Part::trailer_lf;
                return;
            }
            if (++trailer_bytes_ > kTrailerBytesMax) return refuse("trailer too long");
            if ((static_cast<unsigned char>(octet) < 0x20 && octet != '\t') || octet == 0x7F) {
                return refuse("control character in a trailer");
            }
            trailer_.push_back(octet);
            return;
        case Part::trailer_lf:
            if (octet != '\n') return refuse("bare CR in a trailer");
            return end_trailer();
        case Part::payload:
        case Part::done:
        case Part::refused: return;
    }
}

void ChunkDecoder::end_size() {
    // 16 digits fit in 64 bits; what no file can hold is a forged size.
    if (left_ > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return refuse("chunk size");
    part_ = left_ == 0 ? Part::trailer : Part::payload;
    digits_ = 0;
    extension_bytes_ = 0;
}

void ChunkDecoder::end_trailer() {
    if (trailer_.empty()) {
        part_ = Part::done;
        return;
    }
    std::size_t colon = trailer_.find(':');
    std::string_view name = std::string_view(trailer_).substr(0, colon);
    if (colon == std::string::npos || !is_token(name)) return refuse("trailer field");
    for (std::string_view framing : {"Content-Length", "Transfer-Encoding", "Host"}) {
        if (http::equal_ignoring_case(name, framing)) return refuse("framing field in a trailer");
    }
    trailer_.clear();
    part_ = Part::trailer;
}

}  // namespace net
