#pragma once

#include <map>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "storage/replication/record.h"
#include "storage/staging.h"

// What applying the records of another home takes and gives; the work is WriteTxn::apply.
namespace storage {

// Octets that a home has to have before it shows something.
struct WantedContent {
    SpaceId space = 0;
    Oid oid;                     // of the object that shows them
    std::optional<Oid> copy_of;  // it is a conflict copy of that one
    base::Hash hash;
    std::int64_t size = 0;
    bool operator==(const WantedContent&) const = default;
};

// Octets that were brought here for records that are about to be applied; one entry for each file that shows them. Not
// consumed by a transaction that is rolled back; outlives the store.write that applies.
using FetchedContents = std::multimap<base::Hash, Content>;

// Nothing of the records was kept: these are shown after them and are neither here nor among what was fetched. Fetch
// them and apply again; what its home does not have any more is replaced by a later record: apply it with more records.
class MissingContents : public std::runtime_error {
  public:
    explicit MissingContents(std::vector<WantedContent> wanted)
        : std::runtime_error("contents are missing"), wanted_(std::move(wanted)) {}
    const std::vector<WantedContent>& wanted() const { return wanted_; }

  private:
    std::vector<WantedContent> wanted_;
};

// Records of one batch; a longer one would hold the writer up.
inline constexpr std::size_t kApplyRecordsMax = 1000;

}  // namespace storage
