#include "dav/prop_update.h"

#include <algorithm>
#include <map>
#include <utility>

#include "dav/error.h"

namespace dav {

namespace {

using http::Status;

constexpr Refusal kProtected{Status::forbidden, cond::cannot_modify_protected_property};
constexpr Refusal kTooMuch{Status::insufficient_storage, std::nullopt};

std::size_t size_of(std::string_view ns, std::string_view name, std::string_view value) {
    return ns.size() + name.size() + value.size();
}

}  // namespace

std::optional<Refusal> write_dead(xml::QName self, const xml::Element* value, storage::PropChanges& changes) {
    storage::PropChange change{std::string(self.ns), std::string(self.local), std::nullopt};
    if (value) change.value = value->source();
    changes.props.push_back(std::move(change));
    return std::nullopt;
}

PropUpdate PropUpdate::from_proppatch(xml::Element body, const Registry& registry, const Limits& limits) {
    if (!body.is(name::propertyupdate)) throw DavError(Status::bad_request).detail("the body is no propertyupdate");
    PropUpdate update(std::move(body), registry);
    bool any = false;
    for (const xml::Element& instruction : update.body_->children()) {
        const bool set = instruction.is(name::set);
        if (!set && !instruction.is(name::remove)) continue;
        any = true;
        update.add(instruction, set, limits);
    }
    if (!any) throw DavError(Status::bad_request).detail("a propertyupdate sets or removes");
    update.ask_writers();
    return update;
}

PropUpdate PropUpdate::from_mkcol(xml::Element body, const Registry& registry, const Limits& limits) {
    PropUpdate update(std::move(body), registry);
    for (const xml::Element& instruction : update.body_->children()) {
        if (instruction.is(name::set)) update.add(instruction, true, limits);
    }
    update.ask_writers();
    return update;
}

void PropUpdate::add(const xml::Element& instruction, bool set, const Limits& limits) {
    for (const xml::Element& prop : instruction.children()) {
        if (!prop.is(name::prop)) continue;
        for (const xml::Element& property : prop.children()) {
            // A later instruction takes the place of an earlier one.
            std::erase_if(items_, [&](const Item& item) { return property.is(item.name); });
            if (items_.size() == limits.proppatch_names_max) {
                throw DavError(Status::content_too_large).detail("more properties than one request may change");
            }
            Item item;
            item.name = xml::Name(property.name());
            item.value = set ? &property : nullptr;
            item.definition = registry_.find(item.name);
            items_.push_back(std::move(item));
        }
    }
}

void PropUpdate::ask_writers() {
    for (Item& item : items_) {
        const PropertyWriter writer = item.definition ? item.definition->write : write_dead;
        if (!writer) {
            item.refusal = kProtected;
            continue;
        }
        const std::size_t before = changes_.props.size();
        item.refusal = writer(item.name, item.value, changes_);
        if (changes_.props.size() > before) item.change = before;
    }
}

const xml::Element* PropUpdate::value_of(xml::QName name) const {
    const auto found = std::find_if(items_.begin(), items_.end(), [&](const Item& item) { return item.name == name; });
    return found == items_.end() ? nullptr : found->value;
}

void PropUpdate::settle(xml::QName name, std::optional<Refusal> refusal) {
    for (Item& item : items_) {
        if (item.name == name) item.refusal = refusal;
    }
}

bool PropUpdate::judge(Kinds kind, const std::vector<storage::Prop>& stored, const Limits& limits) {
    for (Item& item : items_) {
        const Kinds kinds = item.definition ? item.definition->kinds : Kinds::stored;
        item.judgement.reset();
        if (!covers(kinds, kind) || !covers(Kinds::stored, kind)) item.judgement = kProtected;
    }
    count(stored, limits);
    return !refused();
}

// The limits hold for what would be there afterwards; what a reader of ours keeps for itself is not counted.
void PropUpdate::count(const std::vector<storage::Prop>& stored, const Limits& limits) {
    std::map<xml::QName, std::size_t> sizes;
    std::size_t bytes = 0;
    for (const storage::Prop& prop : stored) {
        const PropertyDef* definition = registry_.find({prop.ns, prop.name});
        if (definition && !definition->write) continue;
        const std::size_t size = size_of(prop.ns, prop.name, prop.value);
        sizes.emplace(xml::QName{prop.ns, prop.name}, size);
        bytes += size;
    }
    const auto drop = [&](xml::QName name) {
        const auto at = sizes.find(name);
        if (at == sizes.end()) return;
        bytes -= at->second;
        sizes.erase(at);
    };
    for (const Item& item : items_) drop(item.name);
    for (Item& item : items_) {
        if (!item.change || !item.value) continue;
        const storage::PropChange& change = changes_.props[*item.change];
        const std::size_t size = size_of(change.ns, change.name, *change.value);
        if (size > limits.property_bytes_max || sizes.size() == limits.properties_max ||
            size + bytes > limits.properties_bytes_max) {
            item.judgement = kTooMuch;
            continue;
        }
        sizes.emplace(item.name, size);
        bytes += size;
    }
}

bool PropUpdate::refused() const {
    return std::any_of(items_.begin(), items_.end(), [](const Item& item) { return item.refusal || item.judgement; });
}

std::uint64_t PropUpdate::bytes() const {
    std::uint64_t bytes = 0;
    for (const storage::PropChange& change : changes_.props) {
        if (change.value) bytes += size_of(change.ns, change.name, *change.value);
    }
    return bytes;
}

Refusal PropUpdate::outcome(const Item& item, bool any_refused) const {
    if (item.refusal) return *item.refusal;
    if (item.judgement) return *item.judgement;
    return {any_refused ? Status::failed_dependency : Status::ok, std::nullopt};
}

http::Status PropUpdate::worst() const {
    for (const Item& item : items_) {
        if (const Refusal one = outcome(item, false); one.status != Status::ok) return one.status;
    }
    return Status::ok;
}

void PropUpdate::write(xml::Writer& writer) const {
    const bool any_refused = refused();
    std::vector<Refusal> outcomes;  // the different ones, what only followed from others last
    for (const Item& item : items_) {
        const Refusal one = outcome(item, any_refused);
        if (std::find(outcomes.begin(), outcomes.end(), one) == outcomes.end()) outcomes.push_back(one);
    }
    if (outcomes.empty()) outcomes.push_back({Status::ok, std::nullopt});
    std::stable_partition(outcomes.begin(), outcomes.end(),
                          [](const Refusal& one) { return one.status != Status::failed_dependency; });
    for (const Refusal& one : outcomes) {
        const auto propstat = writer.element(name::propstat);
        {
            const auto prop = writer.element(name::prop);
            for (const Item& item : items_) {
                if (outcome(item, any_refused) == one) writer.empty(item.name);
            }
        }
        writer.text(name::status, http::status_line(one.status));
        if (!one.condition) continue;
        const auto error = writer.element(name::error);
        writer.empty(one.condition->element);
    }
}

}  // namespace dav
