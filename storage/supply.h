#pragma once

#include "storage/replication/apply.h"
#include "storage/writing.h"

namespace storage {

// Hands out fetched contents, each once in an application. What a rolled back application took is there for the next.
class Writing::Supply {
  public:
    explicit Supply(FetchedContents* fetched) : fetched_(fetched) {}

    Content* take(const base::Hash& hash) {  // null: there is none left
        if (fetched_ == nullptr) return nullptr;
        const auto [first, last] = fetched_->equal_range(hash);
        const auto at = static_cast<std::ptrdiff_t>(taken_[hash]);
        if (std::distance(first, last) <= at) return nullptr;
        ++taken_[hash];
        return &std::next(first, at)->second;
    }
    std::size_t left(const base::Hash& hash) const {
        if (fetched_ == nullptr) return 0;
        const auto taken = taken_.find(hash);
        return fetched_->count(hash) - (taken == taken_.end() ? 0 : taken->second);
    }

  private:
    FetchedContents* fetched_;
    std::map<base::Hash, std::size_t> taken_;
};

}  // namespace storage
