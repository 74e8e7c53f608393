#pragma once

#include <random>
#include <string>

#include "storage/store.h"
#include "tests/sim/disk.h"
#include "tests/sim/exec.h"
#include "tests/sim/fs.h"
#include "tests/sim/world.h"

namespace sim {

// What everything in a run stands on, all drawn from one seed.
class Machine {
  public:
    Machine(std::uint64_t seed, Names names)
        : dice(seed), exec(dice()), clock(exec, 1'795'000'000'000), rng(dice()), disk(dice(), names), fs(disk, exec) {
        report.seed = seed;
    }
    // One that finds a disk as another left it.
    Machine(std::uint64_t seed, const Disk& left)
        : dice(seed), exec(dice()), clock(exec, 1'795'000'000'000), rng(dice()), disk(left), fs(disk, exec) {
        report.seed = seed;
    }

    void broken(const std::string& what) { report.broken.push_back(what); }
    void count(const std::string& what) { ++report.counts[what]; }
    std::uint64_t below(std::uint64_t n) { return dice() % n; }
    storage::Seams seams() { return {clock, rng, fs, exec}; }

    // The octets a run writes: each content once.
    std::string new_content(bool big) {
        const std::uint64_t number = ++contents_;
        std::string bytes = "content " + std::to_string(number) + "\n";
        if (big) bytes.append(kBigBytes, static_cast<char>('a' + number % 26));
        return bytes;
    }
    std::string new_name() { return "n" + std::to_string(names_++ % 40); }

    Report report;
    Durability durability = Durability::strict;
    std::mt19937_64 dice;
    Exec exec;
    Clock clock;
    Rng rng;
    Disk disk;
    SimFs fs;

  private:
    static constexpr std::size_t kBigBytes = 20'000;  // beyond what travels inside a redo entry
    std::uint64_t contents_ = 0;
    std::uint64_t names_ = 0;
};

// What the last octets of a content say, for a person.
inline std::string short_text(const std::string& bytes) {
    return bytes.substr(0, std::min(bytes.find('\n'), std::size_t{24}));
}

inline std::string under(const std::string& folder, const std::string& name) {
    return folder.empty() ? name : folder + "/" + name;
}
inline std::string name_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? path : path.substr(slash + 1);
}
inline std::string folder_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? "" : path.substr(0, slash);
}

}  // namespace sim
