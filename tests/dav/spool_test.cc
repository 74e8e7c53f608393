#include "dav/http/spool.h"

#include "storage/base/failure.h"

#undef CHECK  // here it is the one of Catch2
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace {

class Folder {
  public:
    Folder() {
        std::string pattern = "/tmp/hearth-spool-XXXXXX";
        REQUIRE(::mkdtemp(pattern.data()) != nullptr);
        path = pattern;
    }
    ~Folder() { std::filesystem::remove_all(path); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    std::string path;
};

}  // namespace

TEST_CASE("a small body stays in memory and needs no folder") {
    http::Spool spool("/nonexistent", 10);
    spool.write("hello");
    spool.write("there");
    CHECK(spool.size() == 10);
    auto body = spool.finish();
    REQUIRE(std::holds_alternative<std::string>(body));
    CHECK(std::get<std::string>(body) == "hellothere");
    CHECK(spool.size() == 0);
}

TEST_CASE("a large body goes to a file that has no name") {
    const Folder folder;
    http::Spool spool(folder.path, 1000);
    std::string expected;
    for (int i = 0; i < 5000; ++i) {
        const auto line = std::to_string(i) + "\n";
        spool.write(line);
        expected += line;
    }
    CHECK(std::filesystem::is_empty(folder.path));
    const auto body = spool.finish();
    REQUIRE(std::holds_alternative<std::shared_ptr<const http::Spooled>>(body));
    CHECK(http::body_size(body) == expected.size());
    const auto& spooled = std::get<std::shared_ptr<const http::Spooled>>(body);
    std::string got(expected.size() + 100, '\0');
    CHECK(spooled->read_at(got.data(), got.size(), 0) == expected.size());
    got.resize(expected.size());
    CHECK(got == expected);
    char piece[4];
    CHECK(spooled->read_at(piece, 4, 2) == 4);
    CHECK(std::string(piece, 4) == expected.substr(2, 4));
    CHECK(spooled->read_at(piece, 4, expected.size()) == 0);
}

TEST_CASE("a spool has an end, and says which trouble it is in") {
    const auto fault_of = [](http::Spool& spool, std::string_view bytes) {
        try {
            spool.write(bytes);
        } catch (const base::Failure& failure) {
            return std::optional(failure.fault());
        }
        return std::optional<base::Fault>();
    };
    http::Spool bounded("/nonexistent", 100, 10);
    CHECK_FALSE(fault_of(bounded, "0123456789"));
    CHECK(fault_of(bounded, "x") == base::Fault::disk_full);
    CHECK(bounded.size() == 10);
    http::Spool homeless("/nonexistent", 4);
    CHECK(fault_of(homeless, "01234") == base::Fault::io);
}
