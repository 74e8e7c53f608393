#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>

namespace sim {

// What a disk is asked for, as far as it can be refused.
enum class Call : std::uint8_t { open, read, write, name, sync, sync_all };

// Calls that fail, drawn for a seed: each kind may be left out. Rates are per 10,000 calls.
struct Faults {
    unsigned open = 0;   // EMFILE
    unsigned read = 0;   // EIO
    unsigned write = 0;  // EIO, after a part of the octets perhaps
    unsigned name = 0;   // EIO: making, renaming, linking, unlinking
    unsigned sync = 0;   // EIO, and what was not written yet is forgotten: a second sync says nothing of it
    unsigned full = 0;   // the disk fills for a while: ENOSPC for what makes it grow

    static Faults drawn(std::mt19937_64& dice) {
        Faults faults;
        const auto rate = [&dice](unsigned most) {
            return dice() % 3 == 0 ? 1 + static_cast<unsigned>(dice() % most) : 0;
        };
        faults.open = rate(8);
        faults.read = rate(24);
        // A transaction reads little: what it needs is in memory.
        if (dice() % 4 == 0) faults.read *= 8;
        faults.write = rate(12);
        faults.name = rate(12);
        faults.sync = rate(60);
        faults.full = rate(20);
        return faults;
    }
};

using Counts = std::map<std::string, std::uint64_t>;  // how often each thing happened

}  // namespace sim
