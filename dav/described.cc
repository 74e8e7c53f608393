#include "dav/described.h"

#include "dav/merged.h"
#include "dav/names.h"
#include "dav/preconditions.h"
#include "dav/registry.h"
#include "dav/xml/reader.h"
#include "storage/store.h"

namespace dav {

namespace {

constexpr xml::Prefix kPrefixes[] = {{"D", kDav}};

using storage::Need;
constexpr Need kEverything = Need::props | Need::disk | Need::locks | Need::octets;

// What we wrote is read back whole: escaping and declarations from outside make a stored value longer than the tag, and
// deeper than the document, that it came in.
constexpr xml::ReadLimits kOurs{16 << 20, 128, 40'000, 128, 128, 16 << 20, 1 << 20};

}  // namespace

Kinds kind_of(const Target& target) {
    if (target.place == Place::tree) return kind_of(target.node().kind);
    return target.place == Place::principal ? Kinds::principal : Kinds::synthetic;
}

Described::Described(const Call& call, storage::ReadTxn& txn, const Target& target)
    : href_(href_of(call.context, target)),
      view_(call.context, call.registry, call.caller, *target.book,
            target.place == Place::tree ? target.owner : nullptr, target.home, target.space.used_bytes) {
    resource_.kind = kind_of(target);
    resource_.rights = &target.rights;
    resource_.href = href_;
    if (!target.url.empty()) resource_.name = target.url.back();
    if (target.place == Place::principal) resource_.principal = target.owner;
    if (target.place != Place::tree) return;
    row_ = row_of(txn, target, kEverything);
    CHECK(row_);
    resource_.row = &*row_;
    inherited_ = locks_over(txn, target);
    std::erase_if(inherited_, [&](const storage::Lock& lock) { return lock.node == target.node().id; });
    resource_.inherited = &inherited_;
    view_.know(txn.sync_state(target.space.id));
}

std::optional<xml::Element> Described::value_of(xml::QName name) const {
    xml::StringSink sink;
    xml::Writer writer(sink, kPrefixes);
    {
        const auto prop = writer.element(name::prop);
        if (const PropertyDef* definition = view_.registry().find(name)) {
            if (has(definition->flags, Flags::report_only) || !covers(definition->kinds, resource_.kind) ||
                definition->read(resource_, view_, name, writer) == Read::missing) {
                return std::nullopt;
            }
        } else if (const storage::Prop* stored = stored_prop(resource_, name)) {
            writer.raw(stored->value);
        } else {
            return std::nullopt;
        }
    }
    writer.finish();
    const xml::Element document = xml::parse(sink.text, kOurs);
    return document.children().empty() ? std::nullopt : std::optional(document.children().front());
}

}  // namespace dav
