#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "dav/property.h"
#include "dav/registry.h"

namespace dav {

// What a PROPPATCH or an extended MKCOL asks to be set and removed, and how each property fares: all of it is done, or
// nothing (RFC 4918 §9.2). Owned by one request.
class PropUpdate {
  public:
    // The body of a PROPPATCH. Throws DavError: 400 for what is no propertyupdate, 413 for more properties than
    // allowed. The writers of all properties have run afterwards.
    static PropUpdate from_proppatch(xml::Element body, const Registry& registry, const Limits& limits);
    // The `set` elements of an extended MKCOL (RFC 5689 §5.1).
    static PropUpdate from_mkcol(xml::Element body, const Registry& registry, const Limits& limits);

    // The value a property is to get; null: it is not set. With `settle` the caller decides about it instead of a
    // writer: resourcetype of MKCOL, which nothing else may set.
    const xml::Element* value_of(xml::QName name) const;
    void settle(xml::QName name, std::optional<Refusal> refusal);

    // Looks whether a resource of `kind` can have these properties beside those `stored` for it; again in every
    // transaction. False: something is refused, and nothing may be written.
    bool judge(Kinds kind, const std::vector<storage::Prop>& stored, const Limits& limits);

    const storage::PropChanges& changes() const { return changes_; }
    std::uint64_t bytes() const;  // of the values to be stored

    // The propstats, as judged: 200 for all, or the refusals and 424 for the rest.
    void write(xml::Writer& writer) const;
    http::Status worst() const;  // of the first property refused; 200 when none is

  private:
    struct Item {
        xml::Name name;
        const xml::Element* value = nullptr;  // null: to be removed
        const PropertyDef* definition = nullptr;
        std::optional<std::size_t> change;  // in changes_.props
        std::optional<Refusal> refusal;     // by its writer
        std::optional<Refusal> judgement;   // by what there is
    };

    PropUpdate(xml::Element body, const Registry& registry)
        : body_(std::make_unique<xml::Element>(std::move(body))), registry_(registry) {}
    void add(const xml::Element& instruction, bool set, const Limits& limits);
    void ask_writers();
    void count(const std::vector<storage::Prop>& stored, const Limits& limits);
    bool refused() const;
    Refusal outcome(const Item& item, bool any_refused) const;

    std::unique_ptr<xml::Element> body_;  // what the items point into
    const Registry& registry_;
    std::vector<Item> items_;  // in the order in which they take effect, each name once
    storage::PropChanges changes_;
};

}  // namespace dav
