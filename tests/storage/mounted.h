#pragma once

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace storage::test {

// A small file system of its own on a temporary folder, for tests of what file systems promise; unmounted and removed
// at the end. False where this process may not mount.
class Mounted {
  public:
    // `type` "tmpfs": `options` of the mount, like "size=1m". Else `options` of mkfs, on a loop device of 64 MiB.
    Mounted(const std::string& type, const std::string& options) {
        std::string pattern = "/tmp/hearth-mount-XXXXXX";
        path_ = ::mkdtemp(pattern.data());
        if (type == "tmpfs") {
            mounted_ = run("mount -t tmpfs -o " + options + " hearth-test " + path_);
        } else {
            image_ = path_ + ".image";
            mounted_ = run("truncate -s 64M " + image_) && run("mkfs." + type + " -q " + options + " " + image_) &&
                       run("losetup -f --show " + image_ + " > " + image_ + ".device") && mount_device();
        }
        if (!mounted_) std::printf("SKIP mount: %s can not be mounted here\n", type.c_str());
    }
    ~Mounted() {
        unmount();
        ::rmdir(path_.c_str());
        if (image_.empty()) return;
        run("losetup -d $(cat " + image_ + ".device)");
        ::unlink((image_ + ".device").c_str());
        ::unlink(image_.c_str());
    }
    Mounted(const Mounted&) = delete;

    explicit operator bool() const { return mounted_; }
    const std::string& path() const { return path_; }
    // As `mount -o remount,OPTIONS`; false: the kernel refused.
    bool remount(const std::string& options) const { return run("mount -o remount," + options + " " + path_); }
    // From the tree of names at once, from the kernel when nobody has it open any more.
    void unmount() {
        if (mounted_) run("umount -l " + path_);
        mounted_ = false;
    }

    // The same disk at the same place, after unmount().
    bool mount_again() { return mounted_ = mount_device(); }
    // As if the kernel had found ext4 damaged: with `-e remount-ro` it turns read-only at once.
    bool fail() const { return run("echo 1 > /sys/fs/ext4/$(basename $(cat " + image_ + ".device))/trigger_fs_error"); }

  private:
    bool mount_device() const { return run("mount $(cat " + image_ + ".device) " + path_); }
    static bool run(const std::string& command) {
        return std::system(("{ " + command + "; } 2>/dev/null").c_str()) == 0;
    }

    std::string path_;
    std::string image_;
    bool mounted_ = false;
};

}  // namespace storage::test
