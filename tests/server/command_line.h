#pragma once

#include <stdlib.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "server/admin_cli.h"

// One run of the command line in this process.
struct Ran {
    int status = 0;
    std::string out;
    std::string error;
    nlohmann::json json() const { return nlohmann::json::parse(out); }
};

// Stands in for a stream while it lives.
class Diverted {
  public:
    Diverted(std::ios& stream, std::streambuf* to) : stream_(stream), kept_(stream.rdbuf(to)) {}
    ~Diverted() {
        stream_.rdbuf(kept_);
        stream_.clear();
    }
    Diverted(const Diverted&) = delete;
    Diverted& operator=(const Diverted&) = delete;

  private:
    std::ios& stream_;
    std::streambuf* kept_;
};

inline Ran hearth(std::vector<std::string> words, const std::string& input = "") {
    // Cheap hashes: these tests are about other things.
    ::setenv("HEARTH_AUTH_ARGON2_MEMORY_KIB", "8192", 1);
    ::setenv("HEARTH_AUTH_ARGON2_PASSES", "1", 1);
    words.insert(words.begin(), "hearth");
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    std::istringstream in(input);
    std::ostringstream out;
    std::ostringstream error;
    const Diverted diverted_in(std::cin, in.rdbuf());
    const Diverted diverted_out(std::cout, out.rdbuf());
    const Diverted diverted_error(std::cerr, error.rdbuf());
    Ran ran;
    ran.status = server::run(static_cast<int>(arguments.size()), arguments.data());
    ran.out = out.str();
    ran.error = error.str();
    return ran;
}
