#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "storage/node.h"

namespace sql {
class Connection;
}

namespace storage {

// Which nodes may have locks rooted there, so that a walk through folders without any costs no query: a bit for each
// node's slot, which other nodes share. Written by the writer thread, read by all.
// Never wrong the dangerous way: a bit stands before its lock is committed, and is taken back after no row has it.
class LockedNodes {
  public:
    bool maybe(NodeId node) const { return (words_[word(node)].load() >> bit(node) & 1) != 0; }
    void add(NodeId node) { words_[word(node)].fetch_or(std::uint64_t{1} << bit(node)); }
    void load(sql::Connection& db);  // after a commit that took locks away, and at start

  private:
    static constexpr std::size_t kWords = 256;  // 16,384 slots for at most about 1,000 locks
    static std::size_t word(NodeId node) { return static_cast<std::uint64_t>(node) / 64 % kWords; }
    static unsigned bit(NodeId node) { return static_cast<unsigned>(static_cast<std::uint64_t>(node) % 64); }

    std::array<std::atomic<std::uint64_t>, kWords> words_{};
};

}  // namespace storage
