#include "storage/disk.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>

#include "storage/base/failure.h"
#include "storage/tree_linux.h"

namespace storage {
namespace {

constexpr unsigned kRootMode = 0750;
constexpr std::size_t kHolderBytesMax = 64;

class LinuxFs final : public Fs {
  public:
    explicit LinuxFs(KernelFeatures features) : features_(features) {}

    std::unique_ptr<Tree> open_tree(const std::string& absolute_path, bool create) override {
        const bool made = create && ::mkdir(absolute_path.c_str(), kRootMode) == 0;
        if (create && !made && errno != EEXIST && errno != ENOENT && errno != ENOTDIR)
            base::throw_errno("making " + absolute_path);
        UniqueFd root(::open(absolute_path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!root && (errno == ENOENT || errno == ENOTDIR)) return nullptr;
        if (!root) base::throw_errno("opening " + absolute_path);
        if (made && ::fchmod(root.get(), kRootMode) != 0) base::throw_errno("fchmod " + absolute_path);
        return std::make_unique<LinuxTree>(std::move(root), features_);
    }

    const char* sqlite_vfs() const override { return "unix"; }

    std::unique_ptr<File> lock_file(const std::string& absolute_path, std::string& holder) override {
        UniqueFd fd(::open(absolute_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (!fd) base::throw_errno("opening " + absolute_path);
        auto file = std::make_unique<LinuxFile>(std::move(fd));
        // flock and not fcntl: the lock belongs to this descriptor, not to the process, and dies with it.
        while (::flock(file->descriptor(), LOCK_EX | LOCK_NB) != 0) {
            if (errno == EINTR) continue;
            if (errno != EWOULDBLOCK) base::throw_errno("flock " + absolute_path);
            std::array<char, kHolderBytesMax> text;
            holder.assign(text.data(), file->read_at(text.data(), text.size(), 0));
            while (holder.ends_with('\n')) holder.pop_back();
            return nullptr;
        }
        // Over what stands there: a block that was given away first might not be there again on a full disk.
        const std::string text = std::to_string(::getpid()) + "\n";
        file->append(text);
        if (::ftruncate(file->descriptor(), static_cast<off_t>(text.size())) != 0)
            base::throw_errno("truncating " + absolute_path);
        return file;
    }

  private:
    const KernelFeatures features_;
};

}  // namespace

Fs& system_fs() {
    static LinuxFs fs{KernelFeatures{}};
    return fs;
}

const Volume& Tree::volume() const {
    static const Volume strong;
    return strong;
}

const Volume& Tree::try_volume(std::string_view) {
    return volume();
}

std::unique_ptr<Fs> make_linux_fs(KernelFeatures features) {
    return std::make_unique<LinuxFs>(features);
}

void remove_tree(Tree& tree, std::string_view path) {
    const auto top = tree.stat(path);
    if (!top) return;
    if (top->kind != DiskKind::folder) {
        tree.unlink(path);
        return;
    }
    struct Work {
        std::string folder;
        bool emptied;
    };
    std::vector<Work> work{{std::string(path), false}};
    while (!work.empty()) {
        if (work.back().emptied) {
            tree.remove_folder(work.back().folder);
            work.pop_back();
            continue;
        }
        work.back().emptied = true;
        const std::string folder = work.back().folder;
        for (const auto& entry : tree.list(folder)) {
            const std::string child = folder + "/" + entry.name;
            if (entry.kind == DiskKind::folder)
                work.push_back({child, false});
            else
                tree.unlink(child);
        }
    }
}

}  // namespace storage
