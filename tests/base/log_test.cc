#include "storage/base/log.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>

namespace base {
namespace {

// What `work` writes to stderr.
template <typename Work>
std::string stderr_of(const Work& work) {
    FILE* const file = ::tmpfile();
    REQUIRE(file);
    ::fflush(stderr);
    const int before = ::dup(2);
    ::dup2(::fileno(file), 2);
    work();
    ::fflush(stderr);
    ::dup2(before, 2);
    ::close(before);
    std::string text(64 * 1024, '\0');
    const auto length = ::pread(::fileno(file), text.data(), text.size(), 0);
    text.resize(static_cast<std::size_t>(length));
    ::fclose(file);
    return text;
}

TEST_CASE("one event is one line") {
    const std::string text =
        stderr_of([] { log_info("store", "open path=/x\n2026-01-01T00:00:00.000Z error forged \x1b[2J"); });
    REQUIRE(text.size() > 25);
    CHECK(text.substr(23) == "Z info store open path=/x\\x0a2026-01-01T00:00:00.000Z error forged \\x1b[2J\n");
    CHECK(text[4] == '-');
    CHECK(text[10] == 'T');
    CHECK(text[19] == '.');
}

TEST_CASE("levels and long lines") {
    CHECK(!log_enabled(Level::debug));
    CHECK(stderr_of([] { log_debug("x", "quiet"); }) == "");
    set_log_level(Level::debug);
    CHECK(stderr_of([] { log_debug("x", "loud {} %s"); }).ends_with("Z debug x loud {} %s\n"));
    set_log_level(Level::info);
    const std::string text = stderr_of([] { log_error("x", std::string(100'000, 'y')); });
    CHECK(text.size() < 9000);
    CHECK(std::count(text.begin(), text.end(), '\n') == 1);
}

TEST_CASE("printable text") {
    CHECK(printable("plain \xc3\xa9") == "plain \xc3\xa9");
    CHECK(printable("a\"b\\c") == "a\\x22b\\x5cc");
    CHECK(printable("a\r\n\t\x7f") == "a\\x0d\\x0a\\x09\\x7f");
    CHECK(printable("\xff\xc3") == "\\xff\\xc3");
    CHECK(printable("\xc2\x9b") == "\\xc2\\x9b");  // a control character of ISO 6429
    CHECK(printable("\xed\xa0\x80") == "\\xed\\xa0\\x80");
    CHECK(printable("abcdef", 3) == "abc...");
    CHECK(printable("ab\xc3\xa9", 3) == "ab...");
    CHECK(printable("") == "");
}

}  // namespace
}  // namespace base
