#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <utility>

#include "tests/sim/fs.h"

// SQLite on a Disk: files, the lock of a database file, and the shared memory of its write-ahead log.
namespace sim {

namespace {

constexpr const char* kName = "hearth-sim";
constexpr int kSectorBytes = 4096;

Disk* the_disk = nullptr;
std::uint64_t random_state = 0;

struct SimSqliteFile;

// What the connections of one database share: not on the disk, so a life ends with it.
struct Shared {
    std::vector<SimSqliteFile*> files;
    std::vector<std::unique_ptr<char[]>> regions;
    std::array<int, SQLITE_SHM_NLOCK> readers{};
    std::array<SimSqliteFile*, SQLITE_SHM_NLOCK> writer{};
};
std::map<std::pair<int, Ino>, Shared> shared_of;

struct SimSqliteFile {
    sqlite3_file base;
    Ino ino;
    int life;
    int level;  // of the database lock
    bool persist_wal;
    unsigned reads, writes;  // slots of the shared memory held
    Ino new_in;              // its folder is synced with the first sync, as SQLite's own does; 0 = no need
};

SimSqliteFile* mine(sqlite3_file* file) {
    return reinterpret_cast<SimSqliteFile*>(file);
}

Inode* inode_of(const SimSqliteFile* file) {
    if (the_disk->dead() || file->life != the_disk->life()) return nullptr;
    return the_disk->at(file->ino);
}

Shared& shared(const SimSqliteFile* file) {
    return shared_of[{file->life, file->ino}];
}

// A full disk has a code of its own, as SQLite's own file system says it.
template <typename Fn>
int guarded(int code, Fn call) {
    try {
        return call();
    } catch (const base::Failure& failure) {
        return failure.fault() == base::Fault::disk_full ? SQLITE_FULL : code;
    }
}

int x_close(sqlite3_file* file) {
    SimSqliteFile* self = mine(file);
    auto& files = shared(self).files;
    files.erase(std::remove(files.begin(), files.end(), self), files.end());
    if (files.empty()) shared_of.erase({self->life, self->ino});
    the_disk->closed(self->ino, self->life);
    return SQLITE_OK;
}

int x_read(sqlite3_file* file, void* into, int count, sqlite3_int64 offset) {
    const Inode* inode = inode_of(mine(file));
    if (inode == nullptr) return SQLITE_IOERR_READ;
    if (guarded(SQLITE_IOERR_READ, [] { return the_disk->may_fail(Call::read), SQLITE_OK; }) != SQLITE_OK)
        return SQLITE_IOERR_READ;
    const auto at = static_cast<std::size_t>(offset);
    const auto wanted = static_cast<std::size_t>(count);
    const std::size_t there = at < inode->bytes.size() ? std::min(wanted, inode->bytes.size() - at) : 0;
    if (there > 0) std::memcpy(into, inode->bytes.data() + at, there);
    if (there == wanted) return SQLITE_OK;
    std::memset(static_cast<char*>(into) + there, 0, wanted - there);
    return SQLITE_IOERR_SHORT_READ;
}

int x_write(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
    Inode* inode = inode_of(mine(file));
    if (inode == nullptr) return SQLITE_IOERR_WRITE;
    return guarded(SQLITE_IOERR_WRITE, [&] {
        the_disk->write(*inode, static_cast<std::uint64_t>(offset),
                        {static_cast<const char*>(bytes), static_cast<std::size_t>(count)});
        return SQLITE_OK;
    });
}

int x_truncate(sqlite3_file* file, sqlite3_int64 size) {
    Inode* inode = inode_of(mine(file));
    if (inode == nullptr) return SQLITE_IOERR_TRUNCATE;
    return guarded(SQLITE_IOERR_TRUNCATE, [&] {
        the_disk->truncate(*inode, static_cast<std::uint64_t>(size));
        return SQLITE_OK;
    });
}

int x_sync(sqlite3_file* file, int) {
    Inode* inode = inode_of(mine(file));
    if (inode == nullptr) return SQLITE_IOERR_FSYNC;
    return guarded(SQLITE_IOERR_FSYNC, [&] {
        the_disk->sync_file(*inode);
        Inode* folder = the_disk->at(std::exchange(mine(file)->new_in, 0));
        if (folder != nullptr) the_disk->sync_folder(*folder);
        return SQLITE_OK;
    });
}

int x_file_size(sqlite3_file* file, sqlite3_int64* size) {
    const Inode* inode = inode_of(mine(file));
    if (inode == nullptr) return SQLITE_IOERR_FSTAT;
    *size = static_cast<sqlite3_int64>(inode->bytes.size());
    return SQLITE_OK;
}

int x_lock(sqlite3_file* file, int level) {
    SimSqliteFile* self = mine(file);
    int highest_other = SQLITE_LOCK_NONE;
    for (const SimSqliteFile* other : shared(self).files) {
        if (other != self) highest_other = std::max(highest_other, other->level);
    }
    const bool free = level == SQLITE_LOCK_SHARED     ? highest_other < SQLITE_LOCK_PENDING
                      : level == SQLITE_LOCK_RESERVED ? highest_other < SQLITE_LOCK_RESERVED
                                                      : highest_other == SQLITE_LOCK_NONE;
    if (!free) return SQLITE_BUSY;
    self->level = std::max(self->level, level);
    return SQLITE_OK;
}

int x_unlock(sqlite3_file* file, int level) {
    mine(file)->level = std::min(mine(file)->level, level);
    return SQLITE_OK;
}

int x_check_reserved(sqlite3_file* file, int* held) {
    *held = 0;
    for (const SimSqliteFile* other : shared(mine(file)).files) {
        if (other->level >= SQLITE_LOCK_RESERVED) *held = 1;
    }
    return SQLITE_OK;
}

int x_control(sqlite3_file* file, int op, void* argument) {
    if (op != SQLITE_FCNTL_PERSIST_WAL) return SQLITE_NOTFOUND;
    int& wanted = *static_cast<int*>(argument);
    if (wanted >= 0) mine(file)->persist_wal = wanted != 0;
    wanted = mine(file)->persist_wal ? 1 : 0;
    return SQLITE_OK;
}

int x_sector(sqlite3_file*) {
    return kSectorBytes;
}

int x_traits(sqlite3_file*) {
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;  // as SQLite's own says of a real disk
}

int x_shm_map(sqlite3_file* file, int region, int size, int extend, void volatile** out) {
    SimSqliteFile* self = mine(file);
    *out = nullptr;
    auto& regions = shared(self).regions;
    while (static_cast<int>(regions.size()) <= region) {
        if (extend == 0) return SQLITE_OK;
        regions.emplace_back(new char[static_cast<std::size_t>(size)]());
    }
    *out = regions[static_cast<std::size_t>(region)].get();
    return SQLITE_OK;
}

int x_shm_lock(sqlite3_file* file, int first, int count, int flags) {
    SimSqliteFile* self = mine(file);
    Shared& all = shared(self);
    const bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
    for (int i = first; i < first + count; ++i) {
        const unsigned bit = 1U << i;
        const auto slot = static_cast<std::size_t>(i);
        if ((flags & SQLITE_SHM_UNLOCK) != 0) continue;
        const int others = all.readers[slot] - ((self->reads & bit) != 0 ? 1 : 0);
        const bool held = all.writer[slot] != nullptr && all.writer[slot] != self;
        if (held || (exclusive && others > 0)) return SQLITE_BUSY;
    }
    for (int i = first; i < first + count; ++i) {
        const unsigned bit = 1U << i;
        const auto slot = static_cast<std::size_t>(i);
        if ((flags & SQLITE_SHM_UNLOCK) != 0) {
            if ((self->reads & bit) != 0) --all.readers[slot];
            if ((self->writes & bit) != 0) all.writer[slot] = nullptr;
            self->reads &= ~bit;
            self->writes &= ~bit;
        } else if (exclusive) {
            all.writer[slot] = self;
            self->writes |= bit;
        } else if ((self->reads & bit) == 0) {
            ++all.readers[slot];
            self->reads |= bit;
        }
    }
    return SQLITE_OK;
}

void x_shm_barrier(sqlite3_file*) {}

int x_shm_unmap(sqlite3_file* file, int) {
    SimSqliteFile* self = mine(file);
    x_shm_lock(file, 0, SQLITE_SHM_NLOCK, SQLITE_SHM_UNLOCK | SQLITE_SHM_SHARED);
    if (shared(self).files.size() <= 1) shared(self).regions.clear();
    return SQLITE_OK;
}

const sqlite3_io_methods kMethods = {2,           x_close,   x_read,     x_write,          x_truncate,  x_sync,
                                     x_file_size, x_lock,    x_unlock,   x_check_reserved, x_control,   x_sector,
                                     x_traits,    x_shm_map, x_shm_lock, x_shm_barrier,    x_shm_unmap, nullptr,
                                     nullptr};

std::string below_root(const char* path) {
    std::string text(path);
    return text.substr(std::min(text.find_first_not_of('/'), text.size()));
}

int v_open(sqlite3_vfs*, const char* path, sqlite3_file* file, int flags, int* out_flags) {
    file->pMethods = nullptr;
    if (path == nullptr || the_disk == nullptr || the_disk->dead()) return SQLITE_CANTOPEN;
    return guarded(SQLITE_CANTOPEN, [&] {
        const std::string text = below_root(path);
        Inode* inode = the_disk->find(text);
        Ino new_in = 0;
        if (inode == nullptr) {
            std::string name;
            Inode* folder = the_disk->parent_of(text, name);
            if (folder == nullptr || (flags & SQLITE_OPEN_CREATE) == 0) return SQLITE_CANTOPEN;
            inode = the_disk->make(*folder, name, storage::DiskKind::file);
            if ((flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0) new_in = folder->ino;
        }
        SimSqliteFile* self = mine(file);
        *self = {{&kMethods}, inode->ino, the_disk->life(), SQLITE_LOCK_NONE, false, 0, 0, new_in};
        shared(self).files.push_back(self);
        the_disk->opened(*inode);
        if (out_flags != nullptr) *out_flags = flags;
        return SQLITE_OK;
    });
}

int v_delete(sqlite3_vfs*, const char* path, int sync_folder) {
    return guarded(SQLITE_IOERR_DELETE, [&] {
        std::string name;
        Inode* folder = the_disk->parent_of(below_root(path), name);
        if (folder == nullptr || !folder->entries.contains(name)) return SQLITE_IOERR_DELETE_NOENT;
        the_disk->unlink(*folder, name);
        if (sync_folder != 0) the_disk->sync_folder(*folder);
        return SQLITE_OK;
    });
}

int v_access(sqlite3_vfs*, const char* path, int, int* there) {
    return guarded(SQLITE_IOERR_ACCESS, [&] {
        *there = the_disk->find(below_root(path)) != nullptr ? 1 : 0;
        return SQLITE_OK;
    });
}

int v_full_path(sqlite3_vfs*, const char* path, int size, char* out) {
    sqlite3_snprintf(size, out, "%s", path);
    return SQLITE_OK;
}

int v_random(sqlite3_vfs*, int count, char* out) {
    for (int i = 0; i < count; ++i) {
        random_state = random_state * 6364136223846793005U + 1442695040888963407U;
        out[i] = static_cast<char>(random_state >> 33);
    }
    return count;
}

int v_sleep(sqlite3_vfs*, int micros) {
    return micros;
}

int v_time(sqlite3_vfs*, double* julian_day) {
    *julian_day = 2461000.5;
    return SQLITE_OK;
}

int v_error(sqlite3_vfs*, int, char*) {
    return 0;
}

sqlite3_vfs the_vfs = {1,        static_cast<int>(sizeof(SimSqliteFile)),
                       512,      nullptr,
                       kName,    nullptr,
                       v_open,   v_delete,
                       v_access, v_full_path,
                       nullptr,  nullptr,
                       nullptr,  nullptr,
                       v_random, v_sleep,
                       v_time,   v_error,
                       nullptr,  nullptr,
                       nullptr,  nullptr};

}  // namespace

const char* vfs_name() {
    return kName;
}

void use_for_sqlite(Disk* disk) {
    the_disk = disk;
    random_state = 0;
    sqlite3_randomness(0, nullptr);  // begins anew, from v_random
    if (disk == nullptr) return;
    shared_of.clear();
    [[maybe_unused]] static const int registered = sqlite3_vfs_register(&the_vfs, 1);
}

}  // namespace sim
