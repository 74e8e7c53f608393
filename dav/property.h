#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dav/acl.h"
#include "dav/conditions.h"
#include "dav/context.h"
#include "dav/xml/element.h"
#include "dav/xml/writer.h"
#include "storage/node.h"
#include "storage/sync.h"

namespace dav {

// Kinds of resources, as sets: what a property is defined on.
enum class Kinds : std::uint16_t {
    none = 0,
    folder = 1,
    file = 2,
    calendar = 4,
    addressbook = 8,
    event = 16,
    card = 32,
    synthetic = 64,  // "/", "/dav/", …
    principal = 128,
    content = file | event | card,
    stored_collection = folder | calendar | addressbook,
    collection = stored_collection | synthetic,
    stored = content | stored_collection,
    any = 0xffff,
};
constexpr Kinds operator|(Kinds a, Kinds b) {
    return static_cast<Kinds>(static_cast<std::uint16_t>(a) | static_cast<std::uint16_t>(b));
}
constexpr bool covers(Kinds set, Kinds one) {
    return (static_cast<std::uint16_t>(set) & static_cast<std::uint16_t>(one)) != 0;
}
Kinds kind_of(storage::NodeKind kind);

// same_for_kind: all resources of one kind show the same in one answer.
enum class Flags : std::uint8_t { none = 0, allprop = 1, report_only = 2, same_for_kind = 4 };
constexpr Flags operator|(Flags a, Flags b) {
    return static_cast<Flags>(static_cast<std::uint8_t>(a) | static_cast<std::uint8_t>(b));
}
constexpr bool has(Flags set, Flags one) {
    return (static_cast<std::uint8_t>(set) & static_cast<std::uint8_t>(one)) != 0;
}

// One resource as readers see it: a stored row, a principal, or a synthetic collection.
struct Resource {
    Kinds kind = Kinds::none;  // exactly one
    std::string_view name;     // the last name of its path; of a principal its name
    std::string_view href;     // as written in its response
    const Rights* rights = nullptr;
    const storage::Row* row = nullptr;                      // stored kinds
    const storage::Principal* principal = nullptr;          // principals
    const std::vector<storage::Lock>* inherited = nullptr;  // locks of infinite depth above it; null = none
};

class Registry;

// What is stored under that name; null: nothing, or this kind of resource stores nothing.
const storage::Prop* stored_prop(const Resource& resource, xml::QName name);

// What is the same for all resources of one answer. One thread.
class View {
  public:
    View(const Context& context, const Registry& registry, const Caller& caller, const storage::AccountBook& book,
         const storage::Principal* owner, const HomeKind* home, std::int64_t used_bytes)
        : context_(context),
          registry_(registry),
          caller_(caller),
          book_(book),
          owner_(owner),
          home_(home),
          used_bytes_(used_bytes) {}

    const Context& context() const { return context_; }
    const Registry& registry() const { return registry_; }
    const Caller& caller() const { return caller_; }
    const storage::AccountBook& book() const { return book_; }
    const storage::Principal* owner() const { return owner_; }  // of the tree; null outside trees
    const HomeKind* home() const { return home_; }              // of the tree; null outside trees
    std::uint64_t used_bytes() const { return used_bytes_ > 0 ? static_cast<std::uint64_t>(used_bytes_) : 0; }
    // What the quota and the disk leave; asks the disk once per answer.
    std::uint64_t available_bytes() const;
    // Of the tree's space, for Need::sync: null where nobody asked for it.
    const storage::SyncState* sync() const { return sync_ ? &*sync_ : nullptr; }
    void know(storage::SyncState sync) { sync_ = std::move(sync); }

  private:
    const Context& context_;
    const Registry& registry_;
    const Caller& caller_;
    const storage::AccountBook& book_;
    const storage::Principal* owner_;
    const HomeKind* home_;
    std::int64_t used_bytes_;
    mutable std::optional<std::uint64_t> available_bytes_;
    std::optional<storage::SyncState> sync_;
};

enum class Read : std::uint8_t { written, missing };

// Writes the element `self` whole, or nothing when this resource has no such property.
using Reader = Read (*)(const Resource& resource, const View& view, xml::QName self, xml::Writer& writer);

// Why a property can not be set as asked: what its propstat says.
struct Refusal {
    http::Status status;
    std::optional<Condition> condition;
    bool operator==(const Refusal&) const = default;
};

// Adds to `changes` what a client asks for: `value` is the element it sent, null when it removes the property. Empty:
// done. Looks at nothing but the value; limits are counted behind it.
using PropertyWriter = std::optional<Refusal> (*)(xml::QName self, const xml::Element* value,
                                                  storage::PropChanges& changes);

// Stores the element as it is, so that it comes back equal (RFC 4918 §4.3).
std::optional<Refusal> write_dead(xml::QName self, const xml::Element* value, storage::PropChanges& changes);

// A property as a report asks for it, with what stands in the element that asked. One request.
class AskedProperty {
  public:
    virtual ~AskedProperty() = default;
    virtual Read write(const Resource& resource, const View& view, xml::QName self, xml::Writer& writer) = 0;
};

// One property: the row that PROPFIND, allprop, propname, PROPPATCH and MKCOL read. Nothing else mentions its name. A
// name without a row is a dead property: anything may be stored under it.
struct PropertyDef {
    xml::QName name;
    Kinds kinds;
    storage::Need need;
    Flags flags;
    Reader read;
    PropertyWriter write = nullptr;  // null: protected
    // Of Flags::report_only, which has no `read`. Throws DavError for what can not be answered.
    std::unique_ptr<AskedProperty> (*asked)(const xml::Element& asked) = nullptr;
};

template <typename Table>
constexpr bool names_are_unique(const Table& table) {
    for (std::size_t i = 0; i < table.size(); ++i) {
        for (std::size_t j = i + 1; j < table.size(); ++j) {
            if (table[i].name == table[j].name) return false;
        }
    }
    return true;
}

}  // namespace dav
