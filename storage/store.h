#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "storage/base/clock.h"
#include "storage/base/exec.h"
#include "storage/disk.h"
#include "storage/durability.h"
#include "storage/retention.h"
#include "storage/txn.h"

namespace storage {

class RootState;

// The seams; they outlive the store.
struct Seams {
    base::Clock& clock;
    base::Rng& rng;
    Fs& fs;
    base::Exec& exec;
};

// A storage root: `<root>/files/<user>/` plain files, `<root>/.hearth/` everything else (hearth.db root.json lock
// control.sock keys/ staging/ versions/ trash/). One Store per process and root; thread-safe.
class Store {
  public:
    struct Options {
        std::string root;         // absolute
        bool create = true;       // only in a missing or empty folder
        std::size_t readers = 4;  // read connections
        std::size_t write_queue_max = 512;
        std::vector<SchemaPart> schema;      // of the domains
        std::vector<Indexer> indexers;       // one for each kind of items that is stored
        std::int64_t wal_bytes = 16 << 20;   // the write-ahead log is grown to that once; 0 = as it comes
        std::uint64_t free_floor_bytes = 0;  // below it content writes throw Fault::disk_full
        VolumePolicy volume = VolumePolicy::proven;
        Durability durability = Durability::strict;  // what an acknowledgement promises: durability.h
    };
    // Another process has the root.
    class InUse : public std::runtime_error {
      public:
        InUse(const std::string& root, std::string pid)
            : std::runtime_error("the storage root " + root + " is in use by process " + pid), pid_(std::move(pid)) {}
        const std::string& pid() const { return pid_; }

      private:
        std::string pid_;
    };
    // Not empty and not a Hearth root, or made by a newer version: what() says which and what to do.
    class NotARoot : public std::runtime_error {
        using runtime_error::runtime_error;
    };

    // Opens (locks, migrates, drains fs_todo, removes what was being built) or makes a root.
    static std::unique_ptr<Store> open(Options options, Seams seams);
    virtual ~Store() = default;  // finishes what is queued, checkpoints, closes

    // Runs `fn(ReadTxn&)` on this thread over a read connection from the pool; waits for a free one.
    template <typename Fn>
    auto read(Fn&& fn) {
        using Result = std::invoke_result_t<Fn&, ReadTxn&>;
        if constexpr (std::is_void_v<Result>) {
            run_read([&](ReadTxn& txn) { fn(txn); });
        } else {
            std::optional<Result> result;
            run_read([&](ReadTxn& txn) { result.emplace(fn(txn)); });
            return std::move(*result);
        }
    }

    // Runs `fn(WriteTxn&)` on the writer thread and returns when its (shared) commit is durable and its file steps are
    // done; relaxed, when it is written and visible, and WriteTxn::require_durable did not ask for more. What fn throws
    // is thrown here and nothing of it is kept. May run fn twice (see WriteTxn).
    template <typename Fn>
    auto write(Fn&& fn) {
        using Result = std::invoke_result_t<Fn&, WriteTxn&>;
        if constexpr (std::is_void_v<Result>) {
            run_write([&](WriteTxn& txn) { fn(txn); });
        } else {
            std::optional<Result> result;
            run_write([&](WriteTxn& txn) { result.emplace(fn(txn)); });
            return std::move(*result);
        }
    }

    // Waits until the file steps of `lsn` are done (a reader that saw a row before its file was in place). False: gave
    // up after a bounded wait.
    virtual bool settle(Lsn lsn) = 0;

    // Records up to it survive a power cut: all that are visible, unless relaxed.
    virtual Lsn durable() const = 0;

    // Counter of commits that touched children of `parent` or something below; for caches of answers. 4,096 slots,
    // hashed: two folders may share one. Lock-free.
    virtual std::uint64_t generation(NodeId parent) const = 0;

    virtual Tree& tree() = 0;  // the storage root; its volume() says what the file system promises
    virtual const Seams& seams() const = 0;
    virtual const std::string& root() const = 0;
    virtual base::Id128 uuid() const = 0;
    // What the domain of that kind makes of octets, for put; no_index() where none reads the kind. Any thread.
    virtual std::unique_ptr<IndexEntry> index_entry(NodeKind kind, std::string_view octets) const = 0;
    // What it makes of two contents (indexer.h). Any thread.
    virtual std::optional<std::string> merged_item(NodeKind kind, const std::optional<std::string>& before,
                                                   std::string_view later, std::string_view earlier) const = 0;
    virtual RootState& state() = 0;  // whether it takes writes, and why not
    // A committed change of `path`, or of what is above or below it, could not be brought to the disk yet: what the
    // tree has there is not what the index says, and nobody else's doing.
    virtual bool behind(const std::string& path) = 0;

    // Jobs of the keeper; each bounded, safe to call at any time from any worker.
    virtual void checkpoint() = 0;
    virtual std::size_t drain_hidden(std::size_t limit) = 0;  // removes leftovers of big removals
    // Thins history by the policy, at most `limit` rows looked at or folders removed in one commit. Says how many that
    // were: fewer than `limit` = done for now. Where it got to is kept, so that no row is looked at again for nothing.
    virtual std::size_t expire_history(const Retention& policy, std::int64_t now_ms, std::size_t limit) = 0;
    // Drops the knowledge that something was removed, once its trash has expired: tokens from before are refused then.
    // Past places of what is still there are kept longer, for history.
    struct Forget {
        std::int64_t removals_before_ms = 0;
        std::int64_t places_before_ms = 0;  // not later than the other
    };
    virtual std::size_t forget_removals(const Forget& what, std::size_t limit) = 0;

    struct Finding {
        static constexpr std::string_view kKeptAside = "kept-aside";  // for people to look at; no fault
        static constexpr std::string_view kCaseTwin = "case-twin";    // one name to Windows, macOS and phones; no fault
        static constexpr std::string_view kLookTwin = "look-twin";    // one name to a reader, NFC and NFD; no fault
        static constexpr std::string_view kHardLink = "hard-link";    // another name may change the octets; no fault
        static constexpr std::string_view kMissingVersion = "missing-version";  // a state of history without octets
        static constexpr std::string_view kUnknownVersion = "unknown-version";  // octets that no state leads to
        static constexpr std::string_view kUnknownTrash = "unknown-trash";      // and those that no removal does
        static constexpr std::string_view kUnreadable = "unreadable-item";      // a card or an event; no fault of ours
        bool is_fault() const {
            return what != kKeptAside && what != kCaseTwin && what != kLookTwin && what != kHardLink &&
                   what != kUnreadable;
        }
        std::string what;  // "digest", "missing-file", "schema", …
        std::string where;
        bool repaired = false;
    };
    // Compares index, files, history and digests. With `repair`, rebuilds what can be recomputed, and gives a state of
    // history its octets back where they are found; removes nothing.
    virtual std::vector<Finding> check(bool repair) = 0;

  protected:
    virtual void run_read(const std::function<void(ReadTxn&)>& fn) = 0;
    virtual void run_write(const std::function<void(WriteTxn&)>& fn) = 0;
};

}  // namespace storage
