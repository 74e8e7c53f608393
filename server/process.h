#pragma once

#include <string>
#include <string_view>

namespace server {

// What the process asks of the kernel and the C library for itself. Called before any thread is there.

// Becomes `user` with that user's groups, for good. Throws base::Failure: unknown user, or no right to.
void become(const std::string& user);

// As root, becomes the owner of `root` if that is somebody else: what an administrator's command leaves there must
// stay usable for the server. Nothing when it is missing or owned by root.
void become_owner_of(const std::string& root);

// Few malloc arenas and early return of memory: with one arena per thread, 40 threads would hold 40 times the peak.
void keep_memory_small();

// No core dump and no ptrace by others: keys and passwords are in memory. Descriptors up to kDescriptorsMax.
inline constexpr unsigned long kDescriptorsMax = 8192;
void harden();

// Tells systemd (Type=notify) how it stands, e.g. "READY=1". Nothing when it did not start us.
void notify_supervisor(std::string_view state);

}  // namespace server
