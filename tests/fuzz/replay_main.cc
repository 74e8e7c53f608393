// Runs a fuzz target over files and folders of inputs, for compilers without libFuzzer:
//   path_fuzz tests/fuzz/corpus/path_fuzz
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void replay(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    const std::vector<char> bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    std::fprintf(stderr, "%s\n", path.c_str());  // the last one printed is the one that crashed
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

}  // namespace

int main(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        if (argument.front() == '-') continue;  // options of libFuzzer
        if (!std::filesystem::is_directory(argument)) {
            replay(argument);
            continue;
        }
        for (const auto& entry : std::filesystem::directory_iterator(argument)) replay(entry.path());
    }
    return 0;
}
