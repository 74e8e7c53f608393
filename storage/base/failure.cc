#include "storage/base/failure.h"

#include <cstdio>
#include <cstdlib>
#include <system_error>

namespace base {
namespace {

Fault fault_of(int error) {
    switch (error) {
        case ENOSPC:
        case EDQUOT: return Fault::disk_full;
        case EMFILE:
        case ENFILE:
        case ENOMEM:
        case EAGAIN: return Fault::busy;
        case EROFS: return Fault::unavailable;
        case EACCES:
        case EPERM: return Fault::denied;
        default: return Fault::io;
    }
}

}  // namespace

void throw_errno(std::string_view attempted, int error) {
    throw Failure(fault_of(error), std::string(attempted) + ": " + std::generic_category().message(error));
}

namespace {
void (*instead_of_stopping)() = nullptr;
}  // namespace

void replace_stop_at_once(void (*instead)()) {
    instead_of_stopping = instead;
}

void stop_at_once() {
    if (instead_of_stopping != nullptr) instead_of_stopping();
    std::abort();
}

void check_failed(const char* condition, const char* file, int line) noexcept {
    std::fprintf(stderr, "hearth: broken invariant: %s (%s:%d)\n", condition, file, line);
    std::abort();
}

}  // namespace base
