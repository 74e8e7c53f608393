// The fuzz targets, compiled in under names of their own, run over their corpus with every compiler.
#include "storage/base/failure.h"

#define LLVMFuzzerTestOneInput path_one_input
#include "tests/fuzz/path_fuzz.cc"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput range_one_input
#include "tests/fuzz/range_fuzz.cc"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput conditional_one_input
#include "tests/fuzz/conditional_fuzz.cc"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput if_one_input
#include "tests/fuzz/if_fuzz.cc"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput lock_headers_one_input
#include "tests/fuzz/lock_headers_fuzz.cc"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput xml_one_input
#include "tests/fuzz/xml_fuzz.cc"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput report_one_input
#include "tests/fuzz/report_fuzz.cc"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput sync_token_one_input
#include "tests/fuzz/sync_token_fuzz.cc"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput proppatch_one_input
#include "tests/fuzz/proppatch_fuzz.cc"
#undef LLVMFuzzerTestOneInput

#undef CHECK  // from here on it is the one of Catch2
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

TEST_CASE("fuzz targets hold over their corpus") {
    const struct {
        const char* name;
        int (*one_input)(const std::uint8_t*, std::size_t);
    } targets[] = {
        {"path_fuzz", path_one_input},
        {"range_fuzz", range_one_input},
        {"conditional_fuzz", conditional_one_input},
        {"if_fuzz", if_one_input},
        {"lock_headers_fuzz", lock_headers_one_input},
        {"xml_fuzz", xml_one_input},
        {"proppatch_fuzz", proppatch_one_input},
        {"report_fuzz", report_one_input},
        {"sync_token_fuzz", sync_token_one_input},
    };
    for (const auto& target : targets) {
        std::size_t replayed = 0;
        const auto folder = std::filesystem::path(HEARTH_SOURCE_DIR) / "tests/fuzz/corpus" / target.name;
        for (const auto& entry : std::filesystem::directory_iterator(folder)) {
            CAPTURE(entry.path().string());
            std::ifstream file(entry.path(), std::ios::binary);
            const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
            // Every prefix, too: most bugs of parsers are at an end that comes too early.
            for (std::size_t length = 0; length <= std::min<std::size_t>(bytes.size(), 1024); ++length)
                CHECK(target.one_input(reinterpret_cast<const std::uint8_t*>(bytes.data()), length) == 0);
            CHECK(target.one_input(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()) == 0);
            ++replayed;
        }
        CAPTURE(target.name);
        CHECK(replayed >= 5);
    }
}
