#include "server/process.h"

#include <grp.h>
#include <malloc.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "storage/base/failure.h"

namespace server {
namespace {

void drop_to(const char* name, uid_t uid, gid_t gid) {
    // In this order: after setuid the right to change groups is gone.
    const int groups = name != nullptr ? ::initgroups(name, gid) : ::setgroups(0, nullptr);
    if (groups != 0) base::throw_errno("setting the groups of the user to run as");
    if (::setresgid(gid, gid, gid) != 0) base::throw_errno("becoming the group of the user to run as");
    if (::setresuid(uid, uid, uid) != 0) base::throw_errno("becoming the user to run as");
    CHECK(::geteuid() == uid && (uid == 0 || ::setuid(0) != 0));
}

}  // namespace

void become(const std::string& user) {
    errno = 0;
    const passwd* entry = ::getpwnam(user.c_str());
    if (entry == nullptr) throw base::Failure(base::Fault::io, "run_as: there is no user " + user + " on this system");
    if (entry->pw_uid == ::geteuid()) return;
    if (::geteuid() != 0) throw base::Failure(base::Fault::io, "run_as: only root can become " + user);
    drop_to(entry->pw_name, entry->pw_uid, entry->pw_gid);
}

void become_owner_of(const std::string& root) {
    struct stat facts {};
    if (::geteuid() != 0 || ::stat(root.c_str(), &facts) != 0 || facts.st_uid == 0) return;
    const passwd* entry = ::getpwuid(facts.st_uid);
    drop_to(entry == nullptr ? nullptr : entry->pw_name, facts.st_uid, facts.st_gid);
}

void keep_memory_small() {
    // Two cost the threads that serve small files a tenth of their time in waiting for each other; eight cost 0.2 MiB
    // more.
    constexpr int kArenas = 8;
    constexpr int kTrimBytes = 256 * 1024;
    ::mallopt(M_ARENA_MAX, kArenas);
    ::mallopt(M_TRIM_THRESHOLD, kTrimBytes);
    ::mallopt(M_MMAP_THRESHOLD, kTrimBytes);
}

void harden() {
    ::prctl(PR_SET_DUMPABLE, 0);
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    const rlim_t wanted = std::min<rlim_t>(limit.rlim_max, kDescriptorsMax);
    if (limit.rlim_cur >= wanted) return;
    limit.rlim_cur = wanted;
    // A sandbox may refuse it; then the limit it set holds.
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

void notify_supervisor(std::string_view state) {
    const char* path = std::getenv("NOTIFY_SOCKET");
    sockaddr_un to{};
    if (path == nullptr || std::strlen(path) < 2 || std::strlen(path) >= sizeof to.sun_path) return;
    to.sun_family = AF_UNIX;
    std::memcpy(to.sun_path, path, std::strlen(path));
    if (to.sun_path[0] == '@') to.sun_path[0] = '\0';
    const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (socket < 0) return;
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path));
    ::sendto(socket, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&to), length);
    ::close(socket);
}

}  // namespace server
