#include "storage/root_state.h"

#include <utility>

#include "storage/base/failure.h"
#include "storage/base/log.h"

namespace storage {
namespace {

constexpr std::size_t kMarkerBytesMax = 4096;

std::string field(const std::string& text, const std::string& name) {
    const std::string key = "\"" + name + "\"";
    std::size_t at = text.find(key);
    if (at == std::string::npos) return {};
    at = text.find('"', at + key.size());
    if (at == std::string::npos) return {};
    const std::size_t end = text.find('"', at + 1);
    return end == std::string::npos ? std::string() : text.substr(at + 1, end - at - 1);
}

bool is_same_inode(const std::optional<FileFacts>& a, const std::optional<FileFacts>& b) {
    return a && b && a->ino == b->ino && a->dev == b->dev && a->kind == b->kind;
}

// Not only the same inode: another marker may have been written over it.
bool is_same_marker(const std::optional<FileFacts>& a, const std::optional<FileFacts>& b) {
    return is_same_inode(a, b) && a->same_version(*b);
}

}  // namespace

std::optional<Marker> read_marker(const Tree& tree) {
    const auto file = tree.open(kMarker);
    if (!file) return std::nullopt;
    std::string text(kMarkerBytesMax, '\0');
    text.resize(file->read_at(text.data(), text.size(), 0));
    return Marker{field(text, "root"), field(text, "db")};
}

std::string marker_text(const Marker& marker) {
    return "{\"root\": \"" + marker.root + "\", \"db\": \"" + marker.db + "\", \"format\": 1}\n";
}

RootState::RootState(Fs& fs, Tree& tree, std::string root, base::Exec& exec)
    : fs_(fs), tree_(tree), root_(std::move(root)), monitor_(exec.monitor()) {}

void RootState::know(const Marker& marker) {
    base::Locked hold(*monitor_);
    marker_ = marker;
    marker_facts_ = tree_.stat(kMarker);
    files_facts_ = tree_.stat(kFilesFolder);
}

void RootState::refuse(std::string why, Files files) {
    base::Locked hold(*monitor_);
    if (until_restart_) return;
    become(Trouble{std::move(why), files});
    until_restart_ = true;
}

void RootState::look() {
    base::Locked hold(*monitor_);
    if (until_restart_ || !marker_) return;
    try {
        become(find_trouble());
    } catch (const base::Failure& failure) {  // a disk that was pulled out answers like this
        become(Trouble{root_ + " can not be looked at (" + failure.what() + "); is its disk still there?",
                       Files::unreadable});
    }
}

std::optional<RootState::Trouble> RootState::find_trouble() {
    if (auto other = find_other_root()) return other;
    const auto files = tree_.stat(kFilesFolder);
    if (!is_same_inode(files, files_facts_)) {
        // A folder that was put in its place by hand is taken, unless nothing is in it.
        if (!files || files->kind != DiskKind::folder || tree_.list(kFilesFolder).empty())
            return Trouble{root_ + "/files is missing or empty; put it back", Files::unreadable};
        files_facts_ = files;
    }
    if (!tree_.space().writable)
        return Trouble{"the file system of " + root_ +
                           " became read-only; look into the kernel's log for why, and mount it for writing again",
                       Files::readable};
    return std::nullopt;
}

// By its path, as the next start would find it: the tree itself is held open, and goes on to lead to what was
// unmounted.
std::optional<RootState::Trouble> RootState::find_other_root() {
    const auto by_path = fs_.open_tree(root_, false);
    const auto found = by_path ? by_path->stat(kMarker) : std::nullopt;
    if (is_same_marker(found, marker_facts_)) return std::nullopt;
    const auto held = tree_.stat(kMarker);
    if (!is_same_inode(by_path ? by_path->stat("") : std::nullopt, tree_.stat("")) || (found && !held))
        return Trouble{root_ +
                           " leads to another folder than at the start: it was unmounted, or something was mounted "
                           "over it; mount it again",
                       Files::unreadable};
    if (!held)
        return Trouble{root_ + "/" + kMarker + " was removed; put it back, it holds: " + marker_text(*marker_),
                       Files::readable};
    if (read_marker(tree_) != marker_)
        return Trouble{root_ + "/" + kMarker +
                           " names another database by now; put the right one back, it holds: " + marker_text(*marker_),
                       Files::readable};
    marker_facts_ = held;
    return std::nullopt;
}

void RootState::become(std::optional<Trouble> trouble) {
    const std::string why = trouble ? trouble->why : std::string();
    if (why != why_) {
        if (trouble)
            base::log_error("store", "read-only: " + base::printable(why, 1000));
        else
            base::log_info("store", "the storage root takes writes again");
    }
    why_ = why;
    readable_ = !trouble || trouble->files == Files::readable;
    writable_ = !trouble;
}

std::string RootState::trouble() const {
    base::Locked hold(*monitor_);
    return why_;
}

void RootState::require_writable() const {
    if (!writable_) unavailable();
}

void RootState::require_readable() const {
    if (!readable_) unavailable();
}

void RootState::unavailable() const {
    throw base::Failure(base::Fault::unavailable, "the storage root is read-only: " + trouble());
}

}  // namespace storage
