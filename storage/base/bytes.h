#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace base {

// Octets travel as std::string_view everywhere in Hearth: cheap to slice, and no cast at the borders to OpenSSL,
// SQLite and libxml2. Text that must be UTF-8 says so where it is declared.

// Where octets go. Blocking; used by one thread at a time. Throws base::Failure when the machine fails.
class ByteSink {
  public:
    virtual ~ByteSink() = default;
    virtual void write(std::string_view bytes) = 0;
};

inline namespace literals {
constexpr std::uint64_t operator""_KiB(unsigned long long n) { return n << 10; }
constexpr std::uint64_t operator""_MiB(unsigned long long n) { return n << 20; }
constexpr std::uint64_t operator""_GiB(unsigned long long n) { return n << 30; }
}  // namespace literals

}  // namespace base
