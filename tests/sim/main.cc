// The simulator. Ends with 1 when an invariant broke.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#include "storage/base/log.h"
#include "storage/base/planted.h"
#include "tests/sim/cuts.h"
#include "tests/sim/world.h"

namespace {

constexpr const char* kUsage =
    "usage: %s --seed N | --seeds A..B [--minutes M] [--first on] [--traces on] [--names ordered|loose]"
    " [--durability strict|group|relaxed]%s\n       %s --cuts on|OPERATION%s\n";

void list_plants(std::FILE* to) {
    for (const base::PlantName& one : base::kPlants) {
        std::fprintf(to, "%s %.*s\n", one.second ? "second" : "first", static_cast<int>(one.name.size()),
                     one.name.data());
    }
}

}  // namespace

int main(int argc, char** argv) {
    std::uint64_t from = 1, to = 1;
    double minutes = 0;
    bool quiet = true, traces = false, first = false;
    sim::Names names = sim::Names::ordered;
    auto durability = sim::Durability::strict;
    std::string cuts;
    for (int i = 1; i < argc; i += 2) {
        const std::string option = i + 1 < argc ? argv[i] : "";
        const std::string value = i + 1 < argc ? argv[i + 1] : "";
        if (option == "--seed") {
            from = to = std::strtoull(argv[i + 1], nullptr, 10);
            quiet = false;
        } else if (option == "--seeds") {
            char* rest = nullptr;
            from = std::strtoull(argv[i + 1], &rest, 10);
            to = std::strtoull(rest + std::strspn(rest, "."), nullptr, 10);
        } else if (option == "--minutes") {
            minutes = std::strtod(argv[i + 1], nullptr);
        } else if (option == "--traces") {
            traces = value == "on";
        } else if (option == "--first") {  // failing seed is the last
            first = value == "on";
        } else if (base::kCanPlant && option == "--plants") {
            list_plants(stdout);
            return 0;
        } else if (base::kCanPlant && option == "--plant") {
            if (base::plant(value)) continue;
            std::fprintf(stderr, "no plant is named %s; there are:\n", value.c_str());
            list_plants(stderr);
            return 2;
        } else if (option == "--cuts" && !value.empty()) {
            cuts = value;
        } else if (option == "--names" && (value == "ordered" || value == "loose")) {
            names = value == "loose" ? sim::Names::loose : sim::Names::ordered;
        } else if (option == "--durability" && storage::durability_named(value)) {
            durability = *storage::durability_named(value);
        } else {
            const char* plants = base::kCanPlant ? " [--plant NAME]" : "";
            std::fprintf(stderr, kUsage, argv[0], base::kCanPlant ? " [--plant NAME] | --plants on" : "", argv[0],
                         plants);
            return 2;
        }
    }
    std::setvbuf(stdout, nullptr, _IOLBF, 0);  // a run that is ended has said what it found
    base::set_log_level(quiet ? base::Level::error : base::Level::warn);
    const auto begin = std::chrono::steady_clock::now();
    const auto seconds = [&] {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    };
    if (!cuts.empty()) {
        const std::size_t broken = sim::run_cuts(cuts == "on" ? "" : cuts);
        std::printf("cuts broken %zu, %.1f s\n", broken, seconds());
        return broken == 0 ? 0 : 1;
    }
    std::map<std::string, std::uint64_t> counts;
    std::uint64_t ran = 0, counted = 0, failed = 0;
    for (std::uint64_t seed = from; seed <= to && (minutes == 0 || seconds() < minutes * 60); ++seed) {
        const sim::Report report = sim::run_seed(seed, names, durability);
        ++ran;
        if (report.counted()) ++counted;
        for (const auto& [what, n] : report.counts) counts[what] += n;
        if (traces) {
            std::printf("trace %llu %016llx\n", static_cast<unsigned long long>(seed),
                        static_cast<unsigned long long>(report.trace));
        }
        if (report.broken.empty()) continue;
        ++failed;
        std::printf("FAIL hearth_sim --seed %llu%s%s\n", static_cast<unsigned long long>(seed),
                    names == sim::Names::loose ? " --names loose" : "",
                    durability == sim::Durability::strict  ? ""
                    : durability == sim::Durability::group ? " --durability group"
                                                           : " --durability relaxed");
        for (const std::string& what : report.broken) std::printf("  %s\n", what.c_str());
        if (first) break;
    }
    std::printf("seeds %llu, counted %llu, failed %llu, %.1f seeds a second\n", static_cast<unsigned long long>(ran),
                static_cast<unsigned long long>(counted), static_cast<unsigned long long>(failed),
                static_cast<double>(ran) / seconds());
    for (const auto& [what, n] : counts) std::printf("  %s %llu\n", what.c_str(), static_cast<unsigned long long>(n));
    return failed == 0 ? 0 : 1;
}
