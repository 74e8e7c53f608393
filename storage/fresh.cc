#include "storage/fresh.h"

namespace storage {

namespace {

bool leaves_file(StepOp op) {
    return op == StepOp::write_inline || op == StepOp::place_staged || op == StepOp::move || op == StepOp::set_exec;
}

}  // namespace

void FreshFacts::launch(const std::vector<FileStep>& steps) {
    base::Locked hold(*monitor_);
    for (const FileStep& step : steps) {
        if (step.node == 0) continue;
        Entry& entry = entries_[step.node];
        if (entry.steps++ == 0) entry.flying_lsn = step.lsn;
    }
    count_ = entries_.size();
}

void FreshFacts::recall(const std::vector<FileStep>& steps) {
    base::Locked hold(*monitor_);
    for (const FileStep& step : steps) {
        const auto at = entries_.find(step.node);
        if (step.node == 0 || at == entries_.end()) continue;
        if (--at->second.steps == 0 && at->second.lsn == 0) entries_.erase(at);
    }
    count_ = entries_.size();
}

void FreshFacts::land(const FileStep& step, const StepOutcome& outcome) {
    if (step.node == 0) return;
    base::Locked hold(*monitor_);
    const auto at = entries_.find(step.node);
    if (at == entries_.end()) return;
    Entry& entry = at->second;
    --entry.steps;
    if (entry.steps > 0) entry.flying_lsn = step.lsn + 1;  // the others are later ones
    if (outcome.facts || leaves_file(step.op)) entry.left = outcome.facts;
    if (outcome.facts) {
        if (entry.lsn == 0) ++landed_count_;
        entry.lsn = step.lsn;
        entry.facts = *outcome.facts;
    }
    if (entry.steps == 0 && entry.lsn == 0) entries_.erase(at);
    count_ = entries_.size();
}

FreshFacts::Look FreshFacts::look(NodeId node, Lsn lsn) const {
    if (count_ == 0) return {};
    base::Locked hold(*monitor_);
    const auto at = entries_.find(node);
    if (at == entries_.end()) return {};
    const Entry& entry = at->second;
    if (entry.steps > 0 && entry.flying_lsn <= lsn) return {State::flying, {}};
    if (entry.lsn != 0 && entry.lsn <= lsn) return {State::facts, entry.facts};
    return {};
}

bool FreshFacts::flying(NodeId node) const {
    if (count_ == 0) return false;
    base::Locked hold(*monitor_);
    const auto at = entries_.find(node);
    return at != entries_.end() && at->second.steps > 0;
}

std::optional<FileFacts> FreshFacts::left(NodeId node) const {
    if (count_ == 0) return std::nullopt;
    base::Locked hold(*monitor_);
    const auto at = entries_.find(node);
    return at == entries_.end() ? std::nullopt : at->second.left;
}

std::vector<FreshFacts::Landed> FreshFacts::landed(std::size_t limit) const {
    std::vector<Landed> rows;
    if (landed_count_ == 0) return rows;
    base::Locked hold(*monitor_);
    for (const auto& [node, entry] : entries_) {
        if (rows.size() == limit) break;
        if (entry.lsn != 0) rows.push_back({node, entry.lsn, entry.facts});
    }
    return rows;
}

void FreshFacts::written(const std::vector<Landed>& rows) {
    base::Locked hold(*monitor_);
    for (const Landed& row : rows) {
        const auto at = entries_.find(row.node);
        if (at == entries_.end() || at->second.lsn != row.lsn) continue;  // newer facts came meanwhile
        at->second.lsn = 0;
        --landed_count_;
        if (at->second.steps == 0) entries_.erase(at);
    }
    count_ = entries_.size();
}

}  // namespace storage
