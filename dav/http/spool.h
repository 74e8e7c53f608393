#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "dav/http/message.h"
#include "storage/base/bytes.h"

namespace http {

inline constexpr std::uint64_t kSpoolMemoryBytes = 256 << 10;
inline constexpr std::uint64_t kSpoolBytesMax = std::uint64_t{1} << 30;

// Bytes on their way to a client: in memory up to `memory_limit`, then in an unlinked file, so a listing of 100,000
// takes no more memory than one of 100. Owned by one request; not thread-safe; movable, not copyable.
class Spool final : public base::ByteSink {
  public:
    // `folder` is where the file would be, on a disk and not in RAM: the staging folder of the root.
    explicit Spool(std::string folder, std::uint64_t memory_limit = kSpoolMemoryBytes,
                   std::uint64_t bytes_max = kSpoolBytesMax);
    ~Spool() override;
    Spool(Spool&&) noexcept;
    Spool& operator=(Spool&&) noexcept;

    void write(std::string_view bytes) override;  // Failure{disk_full} beyond bytes_max
    std::uint64_t size() const;

    // The finished body: plain text when it stayed in memory, else the spooled file. The spool is empty afterwards.
    Body finish();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace http
