#pragma once

#include <stdlib.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>

// A temporary folder for one test.
class Scratch {
  public:
    Scratch() {
        path_ = (std::filesystem::temp_directory_path() / "hearth-test-XXXXXX").string();
        REQUIRE(::mkdtemp(path_.data()) != nullptr);
    }
    ~Scratch() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    std::string root() const { return path_ + "/root"; }

  private:
    std::string path_;
};
