#include "storage/volume.h"

#include "storage/base/failure.h"  // before Catch: both have a CHECK, and here it is the test's

#include <catch2/catch.hpp>

#include "tests/storage/mounted.h"
#include "tests/storage/store_support.h"
#include "tests/storage/temp_root.h"

namespace storage {
namespace {

using test::Mounted;

Volume volume_at(const std::string& path, VolumePolicy policy = VolumePolicy::proven) {
    const auto tree = system_fs().open_tree(path, false);
    tree->identify_volume(policy);
    return tree->try_volume("trial");
}

TEST_CASE("a file system is known by its name") {
    struct Expected {
        const char* name;
        Volume::Kind kind;
        Order order;
    };
    using enum Volume::Kind;
    const Expected expected[] = {
        {"ext4", strong, Order::journal},
        {"xfs", strong, Order::journal},
        {"btrfs", strong, Order::checkpoint},
        {"f2fs", strong, Order::checkpoint},
        {"zfs", strong, Order::checkpoint},
        {"overlay", strong, Order::checkpoint},
        {"bcachefs", strong, Order::checkpoint},
        {"tmpfs", strong, Order::journal},
        {"ext2", weak, Order::none},
        {"jfs", weak, Order::none},
        {"", weak, Order::none},
    };
    for (const Expected& one : expected) {
        CAPTURE(one.name);
        const Volume volume = known_volume(one.name, VolumePolicy::proven);
        CHECK(volume.kind == one.kind);
        CHECK(volume.order == one.order);
        CHECK(volume.refusal.empty());
    }
    CHECK_FALSE(known_volume("tmpfs", VolumePolicy::proven).lasting);
    CHECK(known_volume("ext2", VolumePolicy::strong).order == Order::journal);
    CHECK(known_volume("ext4", VolumePolicy::weak).order == Order::none);
}

TEST_CASE("no policy takes what can never be safe") {
    for (const char* name : {"nfs", "nfs4", "cifs", "smb3", "vfat", "exfat", "ntfs", "ntfs3"}) {
        CAPTURE(name);
        for (const auto policy : {VolumePolicy::proven, VolumePolicy::weak, VolumePolicy::strong}) {
            const Volume volume = known_volume(name, policy);
            CHECK(volume.kind == Volume::Kind::refused);
            CHECK(volume.refusal.size() > 20);
        }
    }
}

TEST_CASE("an admin may answer for a file system that a program or a network serves") {
    for (const char* name : {"fuse", "fuseblk", "fuse.sshfs", "virtiofs", "9p", "ceph"}) {
        CAPTURE(name);
        CHECK(known_volume(name, VolumePolicy::proven).kind == Volume::Kind::refused);
        CHECK(known_volume(name, VolumePolicy::strong).kind == Volume::Kind::refused);
        CHECK(known_volume(name, VolumePolicy::weak).kind == Volume::Kind::weak);
    }
}

TEST_CASE("the disk of this machine passes the trial, and nothing is left of it") {
    test::TempRoot root;
    const Volume volume = volume_at(root.path());
    CHECK(volume.refusal.empty());
    CHECK(volume.kind != Volume::Kind::refused);
    CHECK_FALSE(root.tree().stat("trial"));
}

TEST_CASE("a trial that was cut is made again") {
    test::TempRoot root;
    root.tree().make_folder("trial");
    root.write("trial/trial", "left by a start that was killed");
    CHECK(volume_at(root.path()).refusal.empty());
    CHECK_FALSE(root.tree().stat("trial"));
}

TEST_CASE("memory is told from a disk") {
    const Mounted memory("tmpfs", "size=1m");
    if (!memory) return;
    const Volume volume = volume_at(memory.path());
    CHECK(volume.file_system == "tmpfs");
    CHECK(volume.kind == Volume::Kind::strong);
    CHECK_FALSE(volume.lasting);
    CHECK(volume.swaps);
    CHECK(volume.promises().front().text.find("NOTHING") != std::string::npos);
    CHECK(volume.promises().front().warns);
}

TEST_CASE("ext4 with a journal is strong and without one is weak") {
    const Mounted journal("ext4", "-I 256 -O has_journal"), plain("ext4", "-I 256 -O ^has_journal");
    if (!journal || !plain) return;
    CHECK(volume_at(journal.path()).kind == Volume::Kind::strong);
    CHECK(volume_at(plain.path()).kind == Volume::Kind::weak);
}

TEST_CASE("a disk that keeps times in seconds is refused") {
    const Mounted old("ext4", "-I 128");
    if (!old) return;
    const Volume volume = volume_at(old.path());
    CHECK(volume.kind == Volume::Kind::refused);
    CHECK(volume.refusal.find("256") != std::string::npos);
}

TEST_CASE("a read-only disk is refused, and says how it becomes writable") {
    const Mounted disk("tmpfs", "size=1m");
    if (!disk || !disk.remount("ro")) return;
    const auto tree = system_fs().open_tree(disk.path(), false);
    const Volume& volume = tree->identify_volume(VolumePolicy::weak);
    CHECK(volume.kind == Volume::Kind::refused);
    CHECK(volume.refusal.find("remount,rw") != std::string::npos);
    try {
        open_store(disk.path());
        FAIL("it opened");
    } catch (const Store::NotARoot& refused) {
        CHECK(std::string(refused.what()).find("remount,rw") != std::string::npos);
    }
}

TEST_CASE("a kernel without exchange is known, and its root is taken") {
    const auto fs = make_linux_fs({true, false});
    test::TempRoot root;
    const auto tree = fs->open_tree(root.path(), false);
    tree->identify_volume(VolumePolicy::proven);
    const Volume& volume = tree->try_volume("trial");
    CHECK(volume.kind != Volume::Kind::refused);
    CHECK_FALSE(volume.swaps);
}

}  // namespace
}  // namespace storage
