// Preloaded into the server by tests/crash/shim: counts the calls that reach files below the storage root, and at the
// Nth call of one kind lets it fail, writes a part only, or kills the process before or after it.
//
// HEARTH_SHIM_ROOT: the storage root, absolute and without links. HEARTH_SHIM_CONTROL: a file of sizeof(struct control)
// octets, mapped by the driver too: the driver arms and disarms a running server by writing to it.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

// The numbers are the driver's too: KINDS and MODES in tests/crash/shim.
enum kind { OPEN, READ, WRITE, FSYNC, FDATASYNC, SYNCFS, RENAME, LINK, UNLINK, MKDIR, TRUNCATE, ALLOCATE, ATTRIBUTES, CLOSE, MAP, KINDS };
enum mode { ONCE = 1, STAY, SHORT, KILL, AFTER, TORN };
enum verdict { PASS, FAIL, PART, PART_AND_DIE, DIE_AFTER };

struct control {
    uint32_t armed, kind, mode;
    int32_t error;
    uint64_t nth, fired;
    uint64_t counts[KINDS];
    char where[256];
};

static struct control* control;
static const char* root;
static size_t root_length;

static int below_root(const char* path) {
    return strncmp(path, root, root_length) == 0 && (path[root_length] == '/' || path[root_length] == '\0');
}

// The path a descriptor stands for, without a wrapped call.
static int target_of(int fd, char* into, size_t size) {
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t length = readlink(link, into, size - 1);
    if (length < 0) return 0;
    into[length] = '\0';
    return 1;
}

// path NULL: the descriptor itself.
static int ours(int fd, const char* path, char* into, size_t size) {
    if (path && path[0] == '/') {
        snprintf(into, size, "%s", path);
        return below_root(into);
    }
    if (fd < 0 || !target_of(fd, into, size) || !below_root(into)) return 0;
    const size_t length = strlen(into);
    if (path && length < size) snprintf(into + length, size - length, "/%s", path);
    return 1;
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

static enum verdict decide(enum kind kind, int fd, const char* path) {
    if (!control || !__atomic_load_n(&control->armed, __ATOMIC_ACQUIRE)) return PASS;
    const int error = errno;
    char where[sizeof control->where];
    const int mine = ours(fd, path, where, sizeof where);
    errno = error;
    if (!mine) return PASS;
    const uint64_t count = __atomic_add_fetch(&control->counts[kind], 1, __ATOMIC_RELAXED);
    if (kind != control->kind || count < control->nth) return PASS;
    if (count > control->nth && control->mode != STAY) return PASS;
    if (__atomic_fetch_add(&control->fired, 1, __ATOMIC_RELAXED) == 0) memcpy(control->where, where, sizeof where);
    switch (control->mode) {
        case KILL: die(); return PASS;
        case AFTER: return DIE_AFTER;
        case SHORT: return PART;
        case TORN: return PART_AND_DIE;
        default: errno = control->error; return FAIL;
    }
}

__attribute__((constructor)) static void enter(void) {
    root = getenv("HEARTH_SHIM_ROOT");
    const char* path = getenv("HEARTH_SHIM_CONTROL");
    if (!root || !path) return;
    root_length = strlen(root);
    const int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    void* at = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at != MAP_FAILED) control = at;
    syscall(SYS_close, fd);
}

#define REAL(type, name, ...)                                       \
    static type (*real)(__VA_ARGS__);                               \
    if (!real) *(void**)&real = dlsym(RTLD_NEXT, #name)

// A call that happens whole or fails: `call` unless the verdict says otherwise.
#define WHOLE(kind, fd, path, failed, call)                         \
    const enum verdict verdict = decide(kind, fd, path);            \
    if (verdict == FAIL) return failed;                             \
    __auto_type result = (call);                                    \
    if (verdict == DIE_AFTER || verdict == PART_AND_DIE) die();     \
    return result

#define OPENS(name)                                                 \
    int name(const char* path, int flags, ...) {                    \
        va_list rest;                                               \
        va_start(rest, flags);                                      \
        const mode_t mode = (mode_t)va_arg(rest, unsigned);         \
        va_end(rest);                                               \
        REAL(int, name, const char*, int, ...);                     \
        WHOLE(OPEN, -1, path, -1, real(path, flags, mode));         \
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
        WHOLE(OPEN, at, path, -1, real(at, path, flags, mode));     \
    }
OPENS_AT(openat)
OPENS_AT(openat64)

#define READS(name, offset)                                         \
    ssize_t name(int fd, void* into, size_t length, offset at) {    \
        REAL(ssize_t, name, int, void*, size_t, offset);            \
        WHOLE(READ, fd, NULL, -1, real(fd, into, length, at));      \
    }
READS(pread, off_t)
READS(pread64, off64_t)
ssize_t read(int fd, void* into, size_t length) {
    REAL(ssize_t, read, int, void*, size_t);
    WHOLE(READ, fd, NULL, -1, real(fd, into, length));
}

// A short write gives the caller half of what it asked for, and at least one octet.
#define WRITTEN(fd, length, call)                                   \
    const enum verdict verdict = decide(WRITE, fd, NULL);           \
    if (verdict == FAIL) return -1;                                 \
    const int part = verdict == PART || verdict == PART_AND_DIE;    \
    if (part && length > 1) length /= 2;                            \
    const ssize_t result = (call);                                  \
    if (verdict == DIE_AFTER || verdict == PART_AND_DIE) die();     \
    return result

#define WRITES(name, offset)                                        \
    ssize_t name(int fd, const void* from, size_t length, offset at) { \
        REAL(ssize_t, name, int, const void*, size_t, offset);      \
        WRITTEN(fd, length, real(fd, from, length, at));            \
    }
WRITES(pwrite, off_t)
WRITES(pwrite64, off64_t)
ssize_t write(int fd, const void* from, size_t length) {
    REAL(ssize_t, write, int, const void*, size_t);
    WRITTEN(fd, length, real(fd, from, length));
}
ssize_t copy_file_range(int in, off64_t* in_at, int out, off64_t* out_at, size_t length, unsigned flags) {
    REAL(ssize_t, copy_file_range, int, off64_t*, int, off64_t*, size_t, unsigned);
    WRITTEN(out, length, real(in, in_at, out, out_at, length, flags));
}

#define OF_FD(kind, name)                                           \
    int name(int fd) {                                              \
        REAL(int, name, int);                                       \
        WHOLE(kind, fd, NULL, -1, real(fd));                        \
    }
OF_FD(FSYNC, fsync)
OF_FD(FDATASYNC, fdatasync)
OF_FD(SYNCFS, syncfs)

// The descriptor is gone even where close() reports an error.
int close(int fd) {
    REAL(int, close, int);
    const enum verdict verdict = decide(CLOSE, fd, NULL);
    const int result = real(fd);
    if (verdict == DIE_AFTER) die();
    if (verdict != FAIL) return result;
    errno = control->error;
    return -1;
}

int rename(const char* from, const char* to) {
    REAL(int, rename, const char*, const char*);
    WHOLE(RENAME, -1, to, -1, real(from, to));
}
int renameat(int from_at, const char* from, int to_at, const char* to) {
    REAL(int, renameat, int, const char*, int, const char*);
    WHOLE(RENAME, to_at, to, -1, real(from_at, from, to_at, to));
}
int renameat2(int from_at, const char* from, int to_at, const char* to, unsigned flags) {
    REAL(int, renameat2, int, const char*, int, const char*, unsigned);
    WHOLE(RENAME, to_at, to, -1, real(from_at, from, to_at, to, flags));
}
int link(const char* from, const char* to) {
    REAL(int, link, const char*, const char*);
    WHOLE(LINK, -1, to, -1, real(from, to));
}
int linkat(int from_at, const char* from, int to_at, const char* to, int flags) {
    REAL(int, linkat, int, const char*, int, const char*, int);
    WHOLE(LINK, to_at, to, -1, real(from_at, from, to_at, to, flags));
}
int unlink(const char* path) {
    REAL(int, unlink, const char*);
    WHOLE(UNLINK, -1, path, -1, real(path));
}
int unlinkat(int at, const char* path, int flags) {
    REAL(int, unlinkat, int, const char*, int);
    WHOLE(UNLINK, at, path, -1, real(at, path, flags));
}
int mkdir(const char* path, mode_t mode) {
    REAL(int, mkdir, const char*, mode_t);
    WHOLE(MKDIR, -1, path, -1, real(path, mode));
}
int mkdirat(int at, const char* path, mode_t mode) {
    REAL(int, mkdirat, int, const char*, mode_t);
    WHOLE(MKDIR, at, path, -1, real(at, path, mode));
}

#define TRUNCATES(name, offset)                                     \
    int name(int fd, offset length) {                               \
        REAL(int, name, int, offset);                               \
        WHOLE(TRUNCATE, fd, NULL, -1, real(fd, length));            \
    }
TRUNCATES(ftruncate, off_t)
TRUNCATES(ftruncate64, off64_t)

#define ALLOCATES(name, offset)                                     \
    int name(int fd, int how, offset at, offset length) {           \
        REAL(int, name, int, int, offset, offset);                  \
        WHOLE(ALLOCATE, fd, NULL, -1, real(fd, how, at, length));   \
    }
ALLOCATES(fallocate, off_t)
ALLOCATES(fallocate64, off64_t)

int fchmod(int fd, mode_t mode) {
    REAL(int, fchmod, int, mode_t);
    WHOLE(ATTRIBUTES, fd, NULL, -1, real(fd, mode));
}
int futimens(int fd, const struct timespec times[2]) {
    REAL(int, futimens, int, const struct timespec*);
    WHOLE(ATTRIBUTES, fd, NULL, -1, real(fd, times));
}

#define MAPS(name, offset)                                          \
    void* name(void* at, size_t length, int how, int flags, int fd, offset from) { \
        REAL(void*, name, void*, size_t, int, int, int, offset);    \
        WHOLE(MAP, fd, NULL, MAP_FAILED, real(at, length, how, flags, fd, from)); \
    }
MAPS(mmap, off_t)
MAPS(mmap64, off64_t)

// Where libc has no wrapper: openat2, and renameat2 in the same way.
long syscall(long number, ...) {
    long a[6];
    va_list rest;
    va_start(rest, number);
    for (int i = 0; i < 6; ++i) a[i] = va_arg(rest, long);
    va_end(rest);
    REAL(long, syscall, long, ...);
    if (number == SYS_openat2) {
        WHOLE(OPEN, (int)a[0], (const char*)a[1], -1, real(number, a[0], a[1], a[2], a[3], a[4], a[5]));
    }
    if (number == SYS_renameat2) {
        WHOLE(RENAME, (int)a[2], (const char*)a[3], -1, real(number, a[0], a[1], a[2], a[3], a[4], a[5]));
    }
    return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
