// The fuzz targets of cards, compiled in under names of their own, run over their corpus with every compiler.
#include "storage/base/failure.h"

#define LLVMFuzzerTestOneInput vcard_one_input
#include "tests/fuzz/vcard_fuzz.cc"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput card_merge_one_input
#include "tests/fuzz/card_merge_fuzz.cc"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput card_filter_one_input
#include "tests/fuzz/card_filter_fuzz.cc"
#undef LLVMFuzzerTestOneInput

#undef CHECK  // from here on it is the one of Catch2
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

TEST_CASE("fuzz targets of cards hold over their corpus and all prefixes of it") {
    const struct {
        const char* name;
        int (*one_input)(const std::uint8_t*, std::size_t);
    } targets[] = {
        {"vcard_fuzz", vcard_one_input},
        {"card_merge_fuzz", card_merge_one_input},
        {"card_filter_fuzz", card_filter_one_input},
    };
    for (const auto& target : targets) {
        std::size_t replayed = 0;
        const auto folder = std::filesystem::path(HEARTH_SOURCE_DIR) / "tests/fuzz/corpus" / target.name;
        for (const auto& entry : std::filesystem::directory_iterator(folder)) {
            CAPTURE(entry.path().string());
            std::ifstream file(entry.path(), std::ios::binary);
            const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
            for (std::size_t length = 0; length <= bytes.size(); ++length)
                CHECK(target.one_input(reinterpret_cast<const std::uint8_t*>(bytes.data()), length) == 0);
            ++replayed;
        }
        CAPTURE(target.name);
        CHECK(replayed >= 3);
    }
}
