#include "dav/hot_files.h"

#include <functional>
#include <utility>

#include "storage/base/path.h"
#include "storage/root_state.h"
#include "storage/store.h"

namespace dav {

struct HotFiles::Entry {
    base::Id128 uid;
    storage::Scope scope = storage::Scope::all;
    base::Segments subtree;
    std::string path;
    Ticket ticket;
    HotFile hot;  // without a file: only the folder is known

    bool is_for(const http::RequestHead& head, const Caller& caller) const {
        return path == head.path && uid == caller.uid && scope == caller.scope && subtree == caller.subtree;
    }
};

namespace {

// What changes the answer or needs the clock goes the long way.
bool is_plain(const http::RequestHead& head, const Caller& caller) {
    if (head.method != http::Method::get || caller.kind != CallerKind::user || !head.query.empty()) return false;
    if (head.path.size() > HotFiles::kPathBytesMax || head.has_body()) return false;
    for (const char* name : {"Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since",
                             "If-Unmodified-Since", "If", "Expect"}) {
        if (head.headers.has(name)) return false;
    }
    return true;
}

}  // namespace

HotFiles::HotFiles(Context& context)
    : context_(context), slots_((context.limits.hot_files_max + kWays - 1) / kWays * kWays) {}

HotFiles::~HotFiles() = default;

HotFiles::Place HotFiles::find(const http::RequestHead& head, const Caller& caller) {
    const std::size_t path = std::hash<std::string_view>{}(head.path);
    const std::size_t uid = std::hash<base::Id128>{}(caller.uid);
    const std::size_t first =
        (path ^ (uid + 0x9e3779b97f4a7c15U + (path << 6) + (path >> 2))) % (slots_.size() / kWays) * kWays;
    std::optional<std::size_t> empty;
    for (std::size_t slot = first; slot < first + kWays; ++slot) {
        std::shared_ptr<const Entry> entry = look(slot);
        if (entry && entry->is_for(head, caller)) return {slot, std::move(entry)};
        if (!entry && !empty) empty = slot;
    }
    return {empty.value_or(first + next_victim_.fetch_add(1, std::memory_order_relaxed) % kWays), nullptr};
}

std::shared_ptr<const HotFiles::Entry> HotFiles::look(std::size_t slot) {
    Slot& at = slots_[slot];
    if (at.busy.test_and_set(std::memory_order_acquire)) return nullptr;
    std::shared_ptr<const Entry> entry = at.entry;
    at.busy.clear(std::memory_order_release);
    return entry;
}

void HotFiles::put(std::size_t slot, std::shared_ptr<const Entry> entry) {
    Slot& at = slots_[slot];
    if (at.busy.test_and_set(std::memory_order_acquire)) return;
    at.entry.swap(entry);
    at.busy.clear(std::memory_order_release);
    // What was there dies here, outside: closing a file may take a while.
}

std::optional<http::Response> HotFiles::answer(const http::RequestHead& head, const Caller& caller) {
    if (slots_.empty() || !is_plain(head, caller)) return std::nullopt;
    const auto [slot, entry] = find(head, caller);
    if (!entry || !entry->hot.file) return std::nullopt;
    const Ticket& ticket = entry->ticket;
    const bool fresh = context_.services.files && context_.store.state().readable() &&
                       context_.store.generation(ticket.parent) == ticket.generation &&
                       context_.accounts.book() == ticket.book;
    if (!fresh || !entry->hot.file->facts().same_version(entry->hot.facts)) {
        put(slot, nullptr);
        return std::nullopt;
    }
    http::Response response;
    response.headers = entry->hot.headers;
    response.body = entry->hot.body;
    return response;
}

HotFiles::Ticket HotFiles::begin(const http::RequestHead& head, const Caller& caller) {
    Ticket ticket;
    if (slots_.empty() || !is_plain(head, caller)) return ticket;
    const std::shared_ptr<const Entry> entry = find(head, caller).entry;
    if (!entry) return ticket;
    ticket.parent = entry->ticket.parent;
    ticket.generation = context_.store.generation(ticket.parent);
    ticket.book = context_.accounts.book();
    return ticket;
}

void HotFiles::keep(const http::RequestHead& head, const Caller& caller, const Ticket& ticket, storage::NodeId parent,
                    HotFile found) {
    if (slots_.empty() || !is_plain(head, caller)) return;
    auto entry = std::make_shared<Entry>();
    entry->uid = caller.uid;
    entry->scope = caller.scope;
    entry->subtree = caller.subtree;
    entry->path = head.path;
    if (ticket.parent == parent) {
        entry->ticket = ticket;
        entry->hot = std::move(found);
    } else {
        entry->ticket.parent = parent;
    }
    put(find(head, caller).slot, std::move(entry));
}

}  // namespace dav
