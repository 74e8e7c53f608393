#include "storage/ordered_tree.h"

#include "storage/base/failure.h"

namespace storage {
namespace {

std::string_view folder_of(std::string_view path) {
    const auto slash = path.rfind('/');
    return path.substr(0, slash == std::string_view::npos ? 0 : slash);
}

}  // namespace

void OrderedTree::sync_above(std::string_view path) {
    try {
        tree_.sync_folder(folder_of(path));
    } catch (const base::Failure&) {
        sync_failed_ = true;
        throw;
    }
}

// The folder that got the name comes first: of a file system that writes them one by one, both names are left rather
// than none.
void OrderedTree::sync_above(std::string_view first, std::string_view second) {
    sync_above(first);
    if (folder_of(first) != folder_of(second)) sync_above(second);
}

bool OrderedTree::make_folder(std::string_view path, unsigned mode) {
    const bool made = tree_.make_folder(path, mode);
    if (made) sync_above(path);
    return made;
}

void OrderedTree::make_folders(std::string_view path, unsigned mode) {
    for (std::size_t slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/', slash + 1)) {
        if (!tree_.stat(path.substr(0, slash))) make_folder(path.substr(0, slash), mode);
    }
    if (!tree_.stat(path)) make_folder(path, mode);
    tree_.make_folders(path, mode);  // says what is wrong, if anything is
}

Rename OrderedTree::rename(std::string_view from, std::string_view to) {
    const Rename outcome = tree_.rename(from, to);
    if (outcome == Rename::done) sync_above(to, from);
    return outcome;
}

Rename OrderedTree::exchange(std::string_view a, std::string_view b) {
    const Rename outcome = tree_.exchange(a, b);
    if (outcome == Rename::done) sync_above(a, b);
    return outcome;
}

Rename OrderedTree::replace(std::string_view from, std::string_view to) {
    const Rename outcome = tree_.replace(from, to);
    if (outcome == Rename::done) sync_above(to, from);
    return outcome;
}

bool OrderedTree::link(std::string_view from, std::string_view to) {
    const bool linked = tree_.link(from, to);
    if (linked) sync_above(to);
    return linked;
}

bool OrderedTree::unlink(std::string_view path) {
    const bool gone = tree_.unlink(path);
    if (gone) sync_above(path);
    return gone;
}

bool OrderedTree::remove_folder(std::string_view path) {
    const bool gone = tree_.remove_folder(path);
    if (gone) sync_above(path);
    return gone;
}

}  // namespace storage
