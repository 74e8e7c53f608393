#include "storage/replication/state.h"

#include <algorithm>
#include <cstdlib>

namespace storage {

namespace {

template <typename Heads, typename Head>
void insert_by_rank(Heads& heads, Head head) {
    const auto at = std::lower_bound(heads.begin(), heads.end(), head.rank,
                                     [](const auto& one, const Rank& rank) { return one.rank < rank; });
    heads.insert(at, std::move(head));
}

// Contents that were never hashed are equal to nothing.
bool equal_octets(const ContentHead& a, const ContentHead& b) {
    return a.hash && a.hash == b.hash;
}

}  // namespace

const ContentHead* ObjectState::content() const {
    if (!contents_.empty()) return &contents_.back();
    return last_content_ ? &*last_content_ : nullptr;
}

std::vector<ContentHead> ObjectState::losers() const {
    std::vector<ContentHead> found;
    for (auto head = contents_.begin(); head != contents_.end(); ++head) {
        const bool outranked = std::any_of(std::next(head), contents_.end(),
                                           [&](const ContentHead& other) { return equal_octets(*head, other); });
        const bool shown = std::next(head) == contents_.end();
        if (!outranked && !shown) found.push_back(*head);
    }
    return found;
}

std::vector<Dot> ObjectState::shown_contents() const {
    std::vector<Dot> dots;
    for (const ContentHead& head : contents_) {
        if (&head == &contents_.back() || equal_octets(head, contents_.back())) dots.push_back(head.rank.dot);
    }
    return dots;
}

std::vector<Dot> ObjectState::live_contents() const {
    std::vector<Dot> dots;
    for (const ContentHead& head : contents_) dots.push_back(head.rank.dot);
    return dots;
}

bool ObjectState::is_plain() const {
    if (live_places_.size() != 1 || contents_.size() > 1) return false;
    const Dot& place = live_places_.front();
    return (place_ && place == place_->rank.dot) || place == hidden_;
}

Facts facts_of(const ObjectState& object, const ContentHead& content) {
    const auto later = [&](const char* name) -> const MetaHead* {
        const auto found = object.meta().find({std::string(kFactNamespace), name});
        const bool counts = found != object.meta().end() && found->second.value && content.rank < found->second.rank;
        return counts ? &found->second : nullptr;
    };
    Facts facts{content.mtime_ns, content.exec};
    if (const MetaHead* fact = later(kMtimeFact)) facts.mtime_ns = std::strtoll(fact->value->c_str(), nullptr, 10);
    if (const MetaHead* fact = later(kExecFact)) facts.exec = *fact->value == "1";
    return facts;
}

const ObjectState* SpaceState::find(const Oid& oid) const {
    const auto found = objects_.find(oid);
    return found == objects_.end() ? nullptr : &found->second;
}

bool SpaceState::knows_all(const RecordBody& body) const {
    const auto known = [this](const std::vector<Dot>& dots) {
        return std::all_of(dots.begin(), dots.end(), [this](const Dot& dot) { return applied_.contains(dot); });
    };
    if (body.place && !known(body.place->parents)) return false;
    if (body.content && !known(body.content->parents)) return false;
    if (body.meta && !known(body.meta->parents)) return false;
    return std::all_of(body.removed.begin(), body.removed.end(), [&](const Removed& one) { return known(one.seen); });
}

void SpaceState::end_content(const Dot& dot) {
    ObjectState& object = objects_[applied_.at(dot)];
    std::erase_if(object.contents_, [&](const ContentHead& head) { return head.rank.dot == dot; });
}

void SpaceState::end_place(const Dot& dot) {
    std::erase(objects_[applied_.at(dot)].live_places_, dot);
}

bool SpaceState::apply(const NodeRecord& record) {
    const Rank& rank = record.rank;
    const RecordBody& body = record.body;
    if (applied_.contains(rank.dot)) return true;
    if (!knows_all(body)) return false;
    applied_.emplace(rank.dot, record.oid);

    for (const Removed& one : body.removed) {
        for (const Dot& dot : one.seen) {
            end_content(dot);
            end_place(dot);
        }
    }
    if (!body.create && !body.place && !body.content && !body.meta) return true;

    ObjectState& object = objects_[record.oid];
    // Two homes may make the object of one name on their own; then the older record says what it is.
    if (body.create && (!object.created_ || rank < *object.created_)) {
        object.created_ = rank;
        object.kind_ = body.create->kind;
        object.created_ms_ = body.create->created_ms;
    }
    if (body.content) {
        for (const Dot& dot : body.content->parents) end_content(dot);
        const ContentFacet& facet = *body.content;
        ContentHead head{rank, facet.hash, facet.size, facet.mtime_ns, facet.exec};
        if (!object.last_content_ || object.last_content_->rank < rank) object.last_content_ = head;
        insert_by_rank(object.contents_, std::move(head));
    }
    if (body.place) {
        for (const Dot& dot : body.place->parents) end_place(dot);
        auto& live = object.live_places_;
        live.insert(std::lower_bound(live.begin(), live.end(), rank.dot), rank.dot);
        PlaceHead head{rank, body.place->parent, body.place->name};
        const bool hides = head.parent.is_zero();
        if (hides) object.hidden_ = rank.dot;
        if (!hides && (!object.place_ || object.place_->rank < rank)) object.place_ = head;
        if (!hides && is_collection(object.kind_)) insert_by_rank(object.places_, std::move(head));
    }
    if (body.meta) {
        for (const MetaEntry& entry : body.meta->entries) {
            MetaHead& head = object.meta_[{entry.ns, entry.name}];
            if (head.rank < rank) head = {rank, entry.value};
        }
    }
    return true;
}

// A record outranks all that it names: rank order is an order of causes.
SpaceState state_of(std::span<const NodeRecord> records) {
    std::vector<const NodeRecord*> order;
    for (const NodeRecord& record : records) order.push_back(&record);
    std::sort(order.begin(), order.end(), [](const NodeRecord* a, const NodeRecord* b) { return a->rank < b->rank; });
    SpaceState state;
    for (const NodeRecord* record : order) state.apply(*record);
    return state;
}

}  // namespace storage
