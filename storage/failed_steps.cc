#include <utility>

#include "storage/base/failure.h"
#include "storage/filer.h"

namespace storage {

void FailedSteps::add(const FileStep& step) {
    add(Entry{step, has_mark(step), false});
}

// It needs no mark: it was performed, in its order.
void FailedSteps::add_performed(const FileStep& step) {
    add(Entry{step, false, true});
}

void FailedSteps::add(Entry entry) {
    if (entries_.size() >= kStepsMax) return;
    if (!entry.marked && !entry.performed) ++unmarked_;
    for (const auto* name : {&entry.step.src, &entry.step.dst})
        if (!name->empty()) names_.insert(*name);
    entries_.push_back(std::move(entry));
}

std::vector<FileStep> FailedSteps::take() {
    if (entries_.size() >= kStepsMax) return {};
    std::vector<FileStep> steps;
    names_.clear();
    unmarked_ = 0;
    for (Entry& entry : std::exchange(entries_, {})) {
        if (entry.performed)
            add(std::move(entry));
        else
            steps.push_back(std::move(entry.step));
    }
    return steps;
}

void FailedSteps::mark_all(const std::function<bool(const FileStep&)>& make) {
    for (Entry& entry : entries_) {
        if (unmarked_ == 0) return;
        if (entry.marked || entry.performed) continue;
        if (!make(entry.step)) return;  // in order: a mark says that those before it were tried
        entry.marked = true;
        set_mark(entry.step, true);
        --unmarked_;
    }
}

void FailedSteps::set_mark(const FileStep& step, bool there) {
    if (there)
        marks_.emplace(step.lsn, step.step);
    else
        marks_.erase({step.lsn, step.step});
}

bool FailedSteps::concern(const FileStep& step) const {
    return concern(step.src) || concern(step.dst);
}

bool FailedSteps::concern(const std::string& path) const {
    if (entries_.empty() || path.empty()) return false;
    if (unmarked_ > 0 || entries_.size() >= kStepsMax) return true;
    for (std::string at = path; !at.empty(); at = parent_of(at))
        if (names_.contains(at)) return true;
    const auto below = names_.lower_bound(path + "/");
    return below != names_.end() && is_at_or_below(*below, path);
}

}  // namespace storage
