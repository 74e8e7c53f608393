#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "storage/base/exec.h"
#include "storage/filer.h"

namespace storage {

// What file steps left, until it is in `disk`: facts are known only after the rename, so their row comes with the next
// commit. Also which nodes have a step in the air: what the disk shows for them is then neither old nor new.
// Thread-safe.
class FreshFacts {
  public:
    explicit FreshFacts(base::Exec& exec) : monitor_(exec.monitor()) {}

    void launch(const std::vector<FileStep>& steps);  // before COMMIT, so that no reader sees the row first
    void recall(const std::vector<FileStep>& steps);  // the commit failed
    void land(const FileStep& step, const StepOutcome& outcome);

    enum class State { row, facts, flying };
    struct Look {
        State state = State::row;  // row: what `disk` says holds
        FileFacts facts;
    };
    // For a view that contains records up to `lsn`: newer facts belong to content it does not know.
    Look look(NodeId node, Lsn lsn) const;
    bool flying(NodeId node) const;
    // What the last performed step of a node left, as long as another is in the air; none when it was changed by
    // another program.
    std::optional<FileFacts> left(NodeId node) const;

    struct Landed {
        NodeId node = 0;
        Lsn lsn = 0;
        FileFacts facts;
    };
    std::vector<Landed> landed(std::size_t limit) const;  // not in `disk` yet
    void written(const std::vector<Landed>& rows);        // now they are
    bool any_landed() const { return landed_count_.load() > 0; }

  private:
    struct Entry {
        int steps = 0;       // in the air
        Lsn flying_lsn = 0;  // lowest of them
        Lsn lsn = 0;         // of the facts; 0 = none
        FileFacts facts;
        std::optional<FileFacts> left;
    };

    std::unique_ptr<base::Monitor> monitor_;
    std::unordered_map<NodeId, Entry> entries_;  // bounded by the steps of the groups under way
    std::atomic<std::size_t> count_ = 0;
    std::atomic<std::size_t> landed_count_ = 0;
};

}  // namespace storage
