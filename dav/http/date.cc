#include "dav/http/date.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace http {
namespace {

constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 7> kLongDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                       "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::int64_t kSecondsMin = -62'167'219'200;  // 0000-01-01T00:00:00Z
constexpr std::int64_t kSecondsMax = 253'402'300'799;  // 9999-12-31T23:59:59Z

struct Moment {
    unsigned year, month, day, weekday, hour, minute, second;
};

Moment moment_of(std::int64_t unix_s) {
    const std::chrono::sys_seconds time{std::chrono::seconds{std::clamp(unix_s, kSecondsMin, kSecondsMax)}};
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date{day};
    const auto second_of_day = static_cast<unsigned>((time - day).count());
    return {static_cast<unsigned>(static_cast<int>(date.year())),
            static_cast<unsigned>(date.month()),
            static_cast<unsigned>(date.day()),
            std::chrono::weekday{day}.c_encoding(),
            second_of_day / 3600,
            second_of_day / 60 % 60,
            second_of_day % 60};
}

// Dates are formatted by hand: a listing writes two for each resource, and printf costs more than all else in its row.
void put_word(std::string& text, std::size_t at, std::string_view word) {
    text.replace(at, word.size(), word);
}

void put_number(std::string& text, std::size_t at, std::size_t width, unsigned value) {
    for (std::size_t i = at + width; i-- > at; value /= 10) text[i] = static_cast<char>('0' + value % 10);
}

void put_clock(std::string& text, std::size_t at, const Moment& moment) {
    put_number(text, at, 2, moment.hour);
    put_number(text, at + 3, 2, moment.minute);
    put_number(text, at + 6, 2, moment.second);
}

// Reads a text from the left; after the first thing that does not fit, everything fails.
class Scanner {
  public:
    explicit Scanner(std::string_view text) : rest_(text) {}

    Scanner& skip(std::string_view expected) {
        ok_ = ok_ && rest_.substr(0, expected.size()) == expected;
        if (ok_) rest_.remove_prefix(expected.size());
        return *this;
    }

    // Exactly `width` digits; `padded`: the first may be a space.
    int number(std::size_t width, bool padded = false) {
        ok_ = ok_ && rest_.size() >= width;
        if (!ok_) return 0;
        int value = 0;
        for (std::size_t i = 0; i < width; ++i) {
            const char c = rest_[i];
            if (padded && i == 0 && c == ' ') continue;
            ok_ = ok_ && c >= '0' && c <= '9';
            value = value * 10 + (c - '0');
        }
        rest_.remove_prefix(width);
        return value;
    }

    template <std::size_t N>
    unsigned one_of(const std::array<std::string_view, N>& words) {
        for (unsigned i = 0; ok_ && i < N; ++i) {
            if (rest_.substr(0, words[i].size()) != words[i]) continue;
            rest_.remove_prefix(words[i].size());
            return i;
        }
        ok_ = false;
        return 0;
    }

    bool done() const { return ok_ && rest_.empty(); }

  private:
    std::string_view rest_;
    bool ok_ = true;
};

struct Parts {
    int year = 0, day = 0, hour = 0, minute = 0, second = 0;
    unsigned month = 0;  // from 0
};

std::optional<std::int64_t> seconds_of(const Parts& parts) {
    const std::chrono::year_month_day date{std::chrono::year{parts.year}, std::chrono::month{parts.month + 1},
                                           std::chrono::day{static_cast<unsigned>(parts.day)}};
    // 60 is a leap second in all three forms; it is the first of the next minute to everybody who counts in Unix time.
    if (!date.ok() || parts.hour > 23 || parts.minute > 59 || parts.second > 60) return std::nullopt;
    const auto days = std::chrono::sys_days{date}.time_since_epoch();
    return std::chrono::seconds{days}.count() + parts.hour * 3600 + parts.minute * 60 + parts.second;
}

void scan_clock(Scanner& scan, Parts& parts) {
    parts.hour = scan.number(2);
    parts.minute = scan.skip(":").number(2);
    parts.second = scan.skip(":").number(2);
}

std::optional<std::int64_t> parse_imf(std::string_view text) {
    Scanner scan(text);
    Parts parts;
    scan.one_of(kDays);
    parts.day = scan.skip(", ").number(2);
    parts.month = scan.skip(" ").one_of(kMonths);
    parts.year = scan.skip(" ").number(4);
    scan.skip(" ");
    scan_clock(scan, parts);
    return scan.skip(" GMT").done() ? seconds_of(parts) : std::nullopt;
}

std::optional<std::int64_t> parse_rfc850(std::string_view text, std::int64_t now_s) {
    Scanner scan(text);
    Parts parts;
    scan.one_of(kLongDays);
    parts.day = scan.skip(", ").number(2);
    parts.month = scan.skip("-").one_of(kMonths);
    parts.year = scan.skip("-").number(2);
    scan.skip(" ");
    scan_clock(scan, parts);
    if (!scan.skip(" GMT").done()) return std::nullopt;
    // RFC 9110 §5.6.7: what seems to be more than 50 years ahead is the most recent such year in the past.
    const int this_year = static_cast<int>(moment_of(now_s).year);
    parts.year += this_year - this_year % 100;
    if (parts.year > this_year + 50) parts.year -= 100;
    return seconds_of(parts);
}

std::optional<std::int64_t> parse_asctime(std::string_view text) {
    Scanner scan(text);
    Parts parts;
    scan.one_of(kDays);
    parts.month = scan.skip(" ").one_of(kMonths);
    parts.day = scan.skip(" ").number(2, true);
    scan.skip(" ");
    scan_clock(scan, parts);
    parts.year = scan.skip(" ").number(4);
    return scan.done() ? seconds_of(parts) : std::nullopt;
}

}  // namespace

std::string http_date(std::int64_t unix_s) {
    struct Last {
        std::int64_t unix_s = 0;
        std::string text;
    };
    thread_local Last last;
    if (last.text.empty() || last.unix_s != unix_s) {
        const Moment at = moment_of(unix_s);
        std::string text = "Sun, 00 Jan 0000 00:00:00 GMT";
        put_word(text, 0, kDays[at.weekday]);
        put_number(text, 5, 2, at.day);
        put_word(text, 8, kMonths[at.month - 1]);
        put_number(text, 12, 4, at.year);
        put_clock(text, 17, at);
        last = {unix_s, std::move(text)};
    }
    return last.text;
}

std::optional<std::int64_t> parse_http_date(std::string_view text, std::int64_t now_s) {
    if (auto time = parse_imf(text)) return time;
    if (auto time = parse_rfc850(text, now_s)) return time;
    return parse_asctime(text);
}

std::string iso_8601(std::int64_t unix_s) {
    const Moment at = moment_of(unix_s);
    std::string text = "0000-00-00T00:00:00Z";
    put_number(text, 0, 4, at.year);
    put_number(text, 5, 2, at.month);
    put_number(text, 8, 2, at.day);
    put_clock(text, 11, at);
    return text;
}

}  // namespace http
