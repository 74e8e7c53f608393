#pragma once

#include <memory>
#include <string>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/replication/apply.h"
#include "storage/replication/feed.h"
#include "storage/store.h"

// Brings to one store what another home has and it lacks. Stateless: what is lacking follows from the store's own
// vector, so a pull that is cut anywhere is made again.
namespace storage {

// A space as homes name it to each other: local ids differ.
struct SpaceName {
    SpaceKind kind = SpaceKind::files;
    base::Id128 owner;  // principal's uid; zero for sys
    auto operator<=>(const SpaceName&) const = default;
};

// Another home. Calls may block; failures are base::Failure.
class Source {
  public:
    virtual ~Source() = default;
    virtual Feed records(const SpaceName& space, std::span<const Dot> known, Lsn from, const FeedLimits& limits) = 0;
    // Writes the octets into `to`. False: it does not have them (any more).
    virtual bool content(const SpaceName& space, const WantedContent& wanted, base::ByteSink& to) = 0;
};

// A store of the same process.
class StoreSource final : public Source {
  public:
    explicit StoreSource(Store& store) : store_(store) {}
    Feed records(const SpaceName& space, std::span<const Dot> known, Lsn from, const FeedLimits& limits) override;
    bool content(const SpaceName& space, const WantedContent& wanted, base::ByteSink& to) override;

  private:
    Store& store_;
};

struct Pulled {
    std::size_t records = 0;
    std::size_t contents = 0;  // fetched from the source
    Lsn next = 0;              // where to look from the next time (Feed::next)
    // Octets of a record are wanted that the source does not have at the moment; what comes after it waits.
    std::vector<WantedContent> waiting;
};

// All that `from` has of the space, in batches. The space is there.
Pulled pull(Store& to, const SpaceName& space, Source& from, Lsn since = 0, const FeedLimits& limits = {});

// The octets of an object of this store: where it stands, or in history. False: they are not here, or the file was
// changed by another program since.
bool read_content(Store& store, const WantedContent& wanted, base::ByteSink& to);

}  // namespace storage
