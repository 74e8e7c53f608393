#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dav/context.h"
#include "dav/http/message.h"
#include "storage/disk.h"

namespace dav {

// A small file as a GET found it.
struct HotFile {
    std::shared_ptr<const storage::File> file;  // held open: its stat shows a change, a replacement and a removal
    storage::FileFacts facts;
    http::Headers headers;
    std::shared_ptr<const std::string> body;
};

// Small files that were asked for twice, answered on the io thread without a wait. Thread-safe: workers fill it, io
// threads read it. A slot that another thread is looking at counts as empty, so nobody ever waits here.
// An answer is used only while nothing was committed in its folder and no folder was moved, the accounts are the same,
// and the stat of its open file is the one it was made from.
class HotFiles {
  public:
    static constexpr std::size_t kBodyBytesMax = 16 * 1024;
    static constexpr std::size_t kPathBytesMax = 1024;

    explicit HotFiles(Context& context);
    ~HotFiles();

    std::optional<http::Response> answer(const http::RequestHead& head, const Caller& caller);

    // Where a file was found, and the counters read before it was looked up: what makes it safe to keep.
    struct Ticket {
        storage::NodeId parent = 0;  // 0: asked for the first time
        std::uint64_t generation = 0;
        std::shared_ptr<const storage::AccountBook> book;
    };
    // Before the look-up of a GET.
    Ticket begin(const http::RequestHead& head, const Caller& caller);
    // After it. Keeps the file when the ticket covers the folder it was found in, else remembers the folder for next
    // time.
    void keep(const http::RequestHead& head, const Caller& caller, const Ticket& ticket, storage::NodeId parent,
              HotFile found);

  private:
    struct Entry;
    struct Slot {
        std::atomic_flag busy;
        std::shared_ptr<const Entry> entry;
    };
    // Where a request's entry is, and the entry; without one, where it may go.
    struct Place {
        std::size_t slot = 0;
        std::shared_ptr<const Entry> entry;
    };
    Place find(const http::RequestHead& head, const Caller& caller);
    std::shared_ptr<const Entry> look(std::size_t slot);
    void put(std::size_t slot, std::shared_ptr<const Entry> entry);

    // Each request may stand in any of the slots of its set. With one slot each, a hundred files in turn would have
    // some ten that throw one another out at every turn.
    static constexpr std::size_t kWays = 4;

    Context& context_;
    std::vector<Slot> slots_;  // a multiple of kWays
    std::atomic<std::size_t> next_victim_ = 0;
};

}  // namespace dav
