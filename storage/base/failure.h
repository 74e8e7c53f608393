#pragma once

#include <cerrno>
#include <stdexcept>
#include <string>
#include <string_view>

namespace base {

// What kind of trouble the machine is in; dav/error maps it to a status once.
enum class Fault {
    io,           // an operation of the kernel failed: 500
    denied,       // the modes or flags another program gave a file keep us out: 403
    disk_full,    // ENOSPC, EDQUOT or the free-space floor: 507
    corrupt,      // stored data does not mean what it must: 500
    busy,         // a bounded queue is full or a wait ran out: 503
    unavailable,  // the root is not mounted, read-only or stopping: 503
};

// The machine failed (never: the client asked for something wrong). what() says what was attempted, for the log;
// it is never shown to a client.
class Failure : public std::runtime_error {
  public:
    Failure(Fault fault, const std::string& attempted) : std::runtime_error(attempted), fault_(fault) {}
    Fault fault() const noexcept { return fault_; }

  private:
    Fault fault_;
};

// Throws the Failure for `error` (an errno value): ENOSPC and EDQUOT are disk_full, EMFILE, ENFILE and ENOMEM are busy,
// EROFS is unavailable, EACCES and EPERM are denied, all others io.
[[noreturn]] void throw_errno(std::string_view attempted, int error = errno);

[[noreturn]] void check_failed(const char* condition, const char* file, int line) noexcept;

// Ends the process at once, as a power cut would: memory is not trusted any more and the next start decides.
[[noreturn]] void stop_at_once();
// For a simulator, whose power is cut instead: `instead` throws. Null: as ever. Not thread-safe.
void replace_stop_at_once(void (*instead)());

}  // namespace base

// For what must be true if our own code is right; stays on in release and aborts. Never for input.
#define CHECK(condition) (static_cast<bool>(condition) ? void() : ::base::check_failed(#condition, __FILE__, __LINE__))
