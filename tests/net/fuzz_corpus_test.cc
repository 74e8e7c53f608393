// The fuzz target of the edge, run over its corpus with every compiler.
#include "tests/fuzz/request_fuzz.cc"

#undef CHECK  // from here on it is the one of Catch2
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>

TEST_CASE("the request fuzz target holds over its corpus and all prefixes of it") {
    std::size_t replayed = 0;
    const auto folder = std::filesystem::path(HEARTH_SOURCE_DIR) / "tests/fuzz/corpus/request_fuzz";
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        CAPTURE(entry.path().string());
        std::ifstream file(entry.path(), std::ios::binary);
        const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
        for (std::size_t length = 0; length <= bytes.size(); ++length) {
            CHECK(LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), length) == 0);
        }
        ++replayed;
    }
    CHECK(replayed >= 10);
}
