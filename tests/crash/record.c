// Preloaded into the server by tests/crash/replay: writes down each change below the storage root, in the order in
// which the kernel made them, and each flush.
//
// HEARTH_RECORD_ROOT: the storage root, absolute and without links. HEARTH_RECORD_TRACE: a file for the events.
// HEARTH_RECORD_LAST: after that many events the process is killed; 0 = never. Changes are made one at a time, under a
// lock, so that the trace is their order; flushes run beside them and say how many events there were when they began: only
// those are durable when they end.
//
// What is mapped is not seen: SQLite maps only the index of its log, and builds that anew.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

// The numbers are the driver's too: tests/crash/trace.py.
enum kind { CREATE = 1, WRITE, TRUNCATE, ATTRIBUTES, MKDIR, RMDIR, LINK, UNLINK, RENAME, EXCHANGE, FSYNC, FDATASYNC, SYNCFS };

struct facts {
    uint64_t ino;
    int64_t mtime_ns, ctime_ns;
    uint32_t mode, links;
};

// Followed by path, other and data.
struct event {
    uint32_t kind, path_length, other_length, data_length;
    int64_t begun_ns, ended_ns;
    uint64_t begun_events;
    int64_t offset;  // TRUNCATE: the size
    struct facts one, two;
};

static const char* root;
static size_t root_length;
static int trace = -1;
static uint64_t events, last;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

__attribute__((constructor)) static void enter(void) {
    const char* path = getenv("HEARTH_RECORD_TRACE");
    root = getenv("HEARTH_RECORD_ROOT");
    if (!root || !path) return;
    root_length = strlen(root);
    const char* limit = getenv("HEARTH_RECORD_LAST");
    last = limit ? strtoull(limit, NULL, 10) : 0;
    trace = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

#define REAL(type, name, ...)                                       \
    static type (*real)(__VA_ARGS__);                               \
    if (!real) *(void**)&real = dlsym(RTLD_NEXT, #name)

// The absolute path of `path` below the directory `at`, or of the descriptor itself where path is NULL.
static int name_of(int at, const char* path, char* into, size_t size) {
    if (trace < 0) return 0;
    if (path && path[0] == '/') {
        snprintf(into, size, "%s", path);
    } else {
        char link[40];
        snprintf(link, sizeof link, "/proc/self/fd/%d", at);
        const ssize_t length = readlink(link, into, size - 1);
        if (length < 0) return 0;
        into[length] = '\0';
        if (path) snprintf(into + length, size - (size_t)length, "/%s", path);
    }
    return strncmp(into, root, root_length) == 0 && (into[root_length] == '/' || into[root_length] == '\0');
}

static int ours(int at, const char* path, char* into) {
    const int error = errno;
    const int mine = name_of(at, path, into, PATH_MAX);
    errno = error;
    return mine;
}

static struct facts facts_from(const struct stat* status) {
    struct facts facts = {status->st_ino, (int64_t)status->st_mtim.tv_sec * 1000000000 + status->st_mtim.tv_nsec,
                          (int64_t)status->st_ctim.tv_sec * 1000000000 + status->st_ctim.tv_nsec, status->st_mode,
                          (uint32_t)status->st_nlink};
    return facts;
}

static struct facts facts_of_fd(int fd) {
    struct stat status;
    memset(&status, 0, sizeof status);
    fstat(fd, &status);
    return facts_from(&status);
}

static struct facts facts_of(const char* path) {
    struct stat status;
    memset(&status, 0, sizeof status);
    lstat(path, &status);
    return facts_from(&status);
}

// Under the lock.
static void append(struct event event, const char* path, const char* other, const void* data) {
    const int error = errno;
    event.path_length = path ? (uint32_t)strlen(path) : 0;
    event.other_length = other ? (uint32_t)strlen(other) : 0;
    event.ended_ns = now_ns();
    if (event.kind < FSYNC) event.begun_events = events;
    const struct iovec parts[] = {{&event, sizeof event},
                                  {(void*)(uintptr_t)path, event.path_length},
                                  {(void*)(uintptr_t)other, event.other_length},
                                  {(void*)(uintptr_t)data, event.data_length}};
    size_t all = 0;
    for (int i = 0; i < 4; ++i) all += parts[i].iov_len;
    if (syscall(SYS_writev, trace, parts, 4) != (long)all) abort();
    if (++events == last) {
        kill(getpid(), SIGKILL);
        for (;;) pause();
    }
    errno = error;
}

// CALL changes what `path` is about; when it succeeded, FILL completes the event.
#define RECORDED(at, name, kind_, failed, call, fill)               \
    char path[PATH_MAX];                                            \
    if (!ours(at, name, path)) return call;                         \
    pthread_mutex_lock(&lock);                                      \
    ours(at, name, path); /* what is above it may just have been renamed */ \
    struct event event = {.kind = kind_, .begun_ns = now_ns()};     \
    const void* data = NULL;                                        \
    const char* other = NULL;                                       \
    int changed = 1;                                                \
    const __auto_type result = call;                                \
    if (result != (failed)) {                                       \
        fill;                                                       \
        if (changed) append(event, path, other, data);              \
    }                                                               \
    pthread_mutex_unlock(&lock);                                    \
    return result

// ---- files ----

// A file is new when there was none of its name; one that is cut to nothing is a truncation.
#define OPENED(at, name, call)                                      \
    struct stat before;                                             \
    char whole[PATH_MAX];                                           \
    if (!(flags & (O_CREAT | O_TRUNC)) || !ours(at, name, whole)) return call; \
    pthread_mutex_lock(&lock);                                      \
    ours(at, name, whole);                                          \
    const int64_t begun = now_ns();                                 \
    const int there = lstat(whole, &before) == 0;                   \
    const int fd = call;                                            \
    if (fd >= 0 && (!there || (flags & O_TRUNC))) {                 \
        struct event event = {.kind = there ? TRUNCATE : CREATE, .begun_ns = begun, .one = facts_of_fd(fd)}; \
        append(event, whole, NULL, NULL);                           \
    }                                                               \
    pthread_mutex_unlock(&lock);                                    \
    return fd

#define OPENS(name)                                                 \
    int name(const char* path, int flags, ...) {                    \
        va_list rest;                                               \
        va_start(rest, flags);                                      \
        const mode_t mode = (mode_t)va_arg(rest, unsigned);         \
        va_end(rest);                                               \
        REAL(int, name, const char*, int, ...);                     \
        OPENED(AT_FDCWD, path, real(path, flags, mode));            \
    }
OPENS(open)
OPENS(open64)

#define OPENS_AT(name)                                              \
    int name(int at, const char* path, int flags, ...) {            \
        va_list rest;                                               \
        va_start(rest, flags);                                      \
        const mode_t mode = (mode_t)va_arg(rest, unsigned);         \
        va_end(rest);                                               \
        REAL(int, name, int, const char*, int, ...);                \
        OPENED(at, path, real(at, path, flags, mode));              \
    }
OPENS_AT(openat)
OPENS_AT(openat64)

#define WRITTEN(at, from) (event.offset = (int64_t)(at), event.data_length = (uint32_t)result, data = (from), \
                           event.one = facts_of_fd(fd), changed = result > 0)

#define WRITES(name, off)                                        \
    ssize_t name(int fd, const void* from, size_t length, off at) { \
        REAL(ssize_t, name, int, const void*, size_t, off);      \
        RECORDED(fd, NULL, WRITE, -1, real(fd, from, length, at), WRITTEN(at, from)); \
    }
WRITES(pwrite, off_t)
WRITES(pwrite64, off64_t)

// Afterwards the position is behind what was written, whether it was appended or not.
ssize_t write(int fd, const void* from, size_t length) {
    REAL(ssize_t, write, int, const void*, size_t);
    RECORDED(fd, NULL, WRITE, -1, real(fd, from, length), WRITTEN(lseek(fd, 0, SEEK_CUR) - result, from));
}

static char* octets_at(int fd, int64_t offset, size_t length) {
    char* octets = malloc(length + 1);
    if (!octets || pread(fd, octets, length, offset) != (ssize_t)length) abort();
    return octets;
}

// What came into the file is read back; the descriptor has to be readable for that, as all of the store's are.
#define READ_BACK(length)                                           \
    do {                                                            \
        const int64_t at = (int64_t)lseek(fd, 0, SEEK_CUR) - (int64_t)(length); \
        char* octets = octets_at(fd, at, (size_t)(length));         \
        event.offset = at;                                          \
        event.data_length = (uint32_t)(length);                     \
        event.one = facts_of_fd(fd);                                \
        if ((length) > 0) append(event, path, NULL, octets);        \
        free(octets);                                               \
        changed = 0;                                                \
    } while (0)

ssize_t writev(int fd, const struct iovec* parts, int count) {
    REAL(ssize_t, writev, int, const struct iovec*, int);
    RECORDED(fd, NULL, WRITE, -1, real(fd, parts, count), READ_BACK(result));
}

// The store copies whole files to new ones, at their position.
ssize_t copy_file_range(int in, off64_t* in_at, int fd, off64_t* out_at, size_t length, unsigned flags) {
    REAL(ssize_t, copy_file_range, int, off64_t*, int, off64_t*, size_t, unsigned);
    if (out_at) abort();
    RECORDED(fd, NULL, WRITE, -1, real(in, in_at, fd, out_at, length, flags), READ_BACK(result));
}

int ioctl(int fd, unsigned long request, ...) {
    va_list rest;
    va_start(rest, request);
    void* argument = va_arg(rest, void*);
    va_end(rest);
    REAL(int, ioctl, int, unsigned long, ...);
    if (request != FICLONE) return real(fd, request, argument);
    struct stat status;
    RECORDED(fd, NULL, WRITE, -1, real(fd, request, argument), {
        fstat(fd, &status);
        char* octets = octets_at(fd, 0, (size_t)status.st_size);
        event.data_length = (uint32_t)status.st_size;
        event.one = facts_from(&status);
        append(event, path, NULL, octets);
        free(octets);
        changed = 0;
    });
}

#define TRUNCATES(name, off)                                     \
    int name(int fd, off length) {                               \
        REAL(int, name, int, off);                               \
        RECORDED(fd, NULL, TRUNCATE, -1, real(fd, length), (event.offset = (int64_t)length, event.one = facts_of_fd(fd))); \
    }
TRUNCATES(ftruncate, off_t)
TRUNCATES(ftruncate64, off64_t)

// With the size kept, nothing that is read changes.
#define ALLOCATES(name, off)                                     \
    int name(int fd, int how, off at, off length) {           \
        REAL(int, name, int, int, off, off);                  \
        RECORDED(fd, NULL, TRUNCATE, -1, real(fd, how, at, length), { \
            struct stat status;                                     \
            fstat(fd, &status);                                     \
            event.offset = status.st_size;                          \
            event.one = facts_from(&status);                        \
            changed = !(how & FALLOC_FL_KEEP_SIZE);                 \
        });                                                         \
    }
ALLOCATES(fallocate, off_t)
ALLOCATES(fallocate64, off64_t)

int fchmod(int fd, mode_t mode) {
    REAL(int, fchmod, int, mode_t);
    RECORDED(fd, NULL, ATTRIBUTES, -1, real(fd, mode), event.one = facts_of_fd(fd));
}
int fchown(int fd, uid_t owner, gid_t group) {
    REAL(int, fchown, int, uid_t, gid_t);
    RECORDED(fd, NULL, ATTRIBUTES, -1, real(fd, owner, group), event.one = facts_of_fd(fd));
}
int futimens(int fd, const struct timespec times[2]) {
    REAL(int, futimens, int, const struct timespec*);
    RECORDED(fd, NULL, ATTRIBUTES, -1, real(fd, times), event.one = facts_of_fd(fd));
}
int chmod(const char* name, mode_t mode) {
    REAL(int, chmod, const char*, mode_t);
    RECORDED(AT_FDCWD, name, ATTRIBUTES, -1, real(name, mode), event.one = facts_of(path));
}

// ---- names ----

#define OF_NAME(kind, at, name, call) RECORDED(at, name, kind, -1, call, event.one = facts_of(path))

int mkdir(const char* name, mode_t mode) {
    REAL(int, mkdir, const char*, mode_t);
    OF_NAME(MKDIR, AT_FDCWD, name, real(name, mode));
}
int mkdirat(int at, const char* name, mode_t mode) {
    REAL(int, mkdirat, int, const char*, mode_t);
    OF_NAME(MKDIR, at, name, real(at, name, mode));
}

// A file that has another name goes on without this one, with a new time of change.
static int take_away(int at, const char* name, int flags) {
    REAL(int, unlinkat, int, const char*, int);
    char path[PATH_MAX];
    if (!ours(at, name, path)) return real(at, name, flags);
    pthread_mutex_lock(&lock);
    ours(at, name, path);
    struct event event = {.kind = flags & AT_REMOVEDIR ? RMDIR : UNLINK, .begun_ns = now_ns()};
    const int file = (int)syscall(SYS_openat, AT_FDCWD, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    const int result = real(at, name, flags);
    const int error = errno;
    if (result == 0) {
        event.one = facts_of_fd(file);
        append(event, path, NULL, NULL);
    }
    syscall(SYS_close, file);
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}
int rmdir(const char* name) { return take_away(AT_FDCWD, name, AT_REMOVEDIR); }
int unlink(const char* name) { return take_away(AT_FDCWD, name, 0); }
int unlinkat(int at, const char* name, int flags) { return take_away(at, name, flags); }

#define OF_TWO(kind, from_at, from, to_at, to, call)                \
    char second[PATH_MAX];                                          \
    RECORDED(from_at, from, kind, -1, call, {                       \
        if (!ours(to_at, to, second)) abort();                      \
        other = second;                                             \
        event.one = facts_of(path);                                 \
        event.two = facts_of(second);                               \
    })

int rename(const char* from, const char* to) {
    REAL(int, rename, const char*, const char*);
    OF_TWO(RENAME, AT_FDCWD, from, AT_FDCWD, to, real(from, to));
}
int renameat(int from_at, const char* from, int to_at, const char* to) {
    REAL(int, renameat, int, const char*, int, const char*);
    OF_TWO(RENAME, from_at, from, to_at, to, real(from_at, from, to_at, to));
}
int renameat2(int from_at, const char* from, int to_at, const char* to, unsigned flags) {
    REAL(int, renameat2, int, const char*, int, const char*, unsigned);
    OF_TWO(flags & RENAME_EXCHANGE ? EXCHANGE : RENAME, from_at, from, to_at, to, real(from_at, from, to_at, to, flags));
}
int link(const char* from, const char* to) {
    REAL(int, link, const char*, const char*);
    OF_TWO(LINK, AT_FDCWD, from, AT_FDCWD, to, real(from, to));
}
int linkat(int from_at, const char* from, int to_at, const char* to, int flags) {
    REAL(int, linkat, int, const char*, int, const char*, int);
    OF_TWO(LINK, from_at, from, to_at, to, real(from_at, from, to_at, to, flags));
}

// ---- flushes ----

#define FLUSHES(kind_, name)                                        \
    int name(int fd) {                                              \
        REAL(int, name, int);                                       \
        char path[PATH_MAX];                                        \
        if (!ours(fd, NULL, path)) return real(fd);                 \
        pthread_mutex_lock(&lock);                                  \
        struct event event = {.kind = kind_, .begun_ns = now_ns(), .begun_events = events, .one = facts_of_fd(fd)}; \
        pthread_mutex_unlock(&lock);                                \
        const int result = real(fd);                                \
        if (result != 0) return result;                             \
        pthread_mutex_lock(&lock);                                  \
        append(event, path, NULL, NULL);                            \
        pthread_mutex_unlock(&lock);                                \
        return result;                                              \
    }
FLUSHES(FSYNC, fsync)
FLUSHES(FDATASYNC, fdatasync)
FLUSHES(SYNCFS, syncfs)
