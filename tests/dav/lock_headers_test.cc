#include "dav/lock_headers.h"

#include <catch2/catch.hpp>
#include <string>

namespace dav {

TEST_CASE("Lock-Token holds one absolute URI between angle brackets") {
    struct Row {
        const char* field;
        std::optional<std::string> token;
    };
    const Row rows[] = {
        {"<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>", "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"},
        {"  <opaquelocktoken:a> ", "opaquelocktoken:a"},
        {"<http://h/lock?1>", "http://h/lock?1"},
        {"", {}},
        {"<", {}},
        {">", {}},
        {"<>", {}},
        {"urn:uuid:a", {}},
        {"<urn:uuid:a", {}},
        {"<1795186481>", {}},
        {"<urn:x:a> <urn:x:b>", {}},
        {"<urn:x:a>, <urn:x:a>", {}},
        {"<urn:x:a b>", {}},
        {"(<urn:x:a>)", {}},
    };
    for (const Row& row : rows) {
        INFO(row.field);
        CHECK(parse_lock_token(row.field) == row.token);
    }
}

TEST_CASE("Timeout grants what the first of its types asks for, within bounds") {
    struct Row {
        const char* field;
        std::optional<std::int64_t> seconds;
    };
    const Row rows[] = {
        {"Second-600", 600},
        {"second-600", 600},
        {" Second-600 ", 600},
        {"Infinite", 3600},
        {"INFINITE", 3600},
        {"Infinite, Second-600", 3600},
        {"Second-600,Infinite", 600},
        {"Second-0", 1},
        {"Second-3600", 3600},
        {"Second-3601", 3600},
        {"Second-4294967295", 3600},
        {"Second-4294967296", {}},
        {"Second-99999999999999999999", {}},
        {"Second--1", {}},
        {"Second-+1", {}},
        {"Second-", {}},
        {"Second", {}},
        {"Second-1.5", {}},
        {"Second-1 2", {}},
        {"600", {}},
        {"Extend", {}},
        {"Second-600,", {}},
        {"Second-600, soon", {}},
        {",", {}},
        {"", {}},
    };
    for (const Row& row : rows) {
        INFO(row.field);
        CHECK(parse_timeout(row.field) == row.seconds);
    }
}

TEST_CASE("an absolute URI has a scheme and nothing that ends it early") {
    for (const char* text : {"a:", "DAV:no-lock", "urn:uuid:x", "a+b-c.1:x"}) CHECK(is_absolute_uri(text));
    for (const char* text :
         {"", ":", ":a", "a", "1a:b", "a b:c", "a:b c", "a:<b", "a:b>", "a:\"", "\xc3\xa9:a", "a:\x7f"})
        CHECK_FALSE(is_absolute_uri(text));
}

}  // namespace dav
