#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dav/context.h"
#include "storage/store.h"

namespace dav {

// One file or item read for a copy: its octets staged and hashed, ready to be put.
struct FileCopy {
    storage::Node node;
    storage::Content content;
    std::vector<storage::Prop> props;
};
// Throws Failure (503) while the disk is behind the index at `path`: bytes that are not there yet were not removed by
// somebody else, and older ones are not what was acknowledged.
void require_on_disk(const Context& context, const std::string& path);

// Empty: it went away meanwhile.
std::optional<FileCopy> copy_file(const Context& context, storage::NodeId source);

// A tree being copied under a hidden folder: files outside the writer, rows in groups, so that neither the writer nor
// memory holds the whole. Nobody sees it until `root` is placed; dropped without that, it is thrown away.
class TreeCopy {
  public:
    TreeCopy(Context& context, const storage::Space& space, storage::NodeKind kind, const storage::Author& author);
    ~TreeCopy();
    TreeCopy(const TreeCopy&) = delete;
    TreeCopy& operator=(const TreeCopy&) = delete;

    void fill(storage::NodeId source);  // all below it, and its own properties and time
    storage::NodeId root() const { return root_.id; }
    void placed() { placed_ = true; }

  private:
    struct Folder {
        storage::NodeId from = 0;
        storage::NodeId to = 0;
        std::string to_path;  // below the storage root
    };
    struct Page;
    Page read_page(const Folder& folder, const std::string& after);
    std::optional<storage::WriteTxn::Copied> copy_member(const storage::Row& row, const std::string& from,
                                                         const std::string& to);
    void copy_page(const Folder& folder, const Page& page);
    void write_group();

    Context& context_;
    storage::Author author_;
    const bool on_disk_;
    storage::Node root_;
    std::string root_path_;
    std::vector<Folder> open_;                      // still to do; bounded by the number of nodes the caller allowed
    std::vector<storage::WriteTxn::Copied> group_;  // copied, without their rows yet
    std::vector<std::pair<std::size_t, Folder>> below_;  // the folders among them, by their place in the group
    bool placed_ = false;
};

}  // namespace dav
