#include "storage/replication/record.h"

#include <limits>

#include "storage/base/varint.h"

namespace storage {

namespace {

constexpr char kVersion = 1;

// Tags of a body.
enum : std::uint64_t { kCreate = 1, kPlace = 2, kContent = 3, kMeta = 4, kRemoved = 5, kKv = 6 };
// Tags inside facets; each facet has its own space, `parents` is the same in all.
enum : std::uint64_t { kParents = 1 };
enum : std::uint64_t { kCreateKind = 2, kCreateTime = 3, kCreateFrom = 4 };
enum : std::uint64_t { kPlaceParent = 2, kPlaceName = 3 };
enum : std::uint64_t { kContentHash = 2, kContentSize = 3, kContentMtime = 4, kContentExec = 5 };
enum : std::uint64_t { kMetaEntry = 2, kEntryNs = 2, kEntryName = 3, kEntryValue = 4 };
enum : std::uint64_t { kRemovedOid = 2 };
enum : std::uint64_t { kKvTable = 2, kKvKey = 3, kKvField = 4, kKvValue = 5 };

using base::put_varint;

void put(std::string& out, std::uint64_t tag, std::string_view value) {
    put_varint(out, tag);
    put_varint(out, value.size());
    out += value;
}

void put_number(std::string& out, std::uint64_t tag, std::int64_t value) {
    std::string octets;
    put_varint(octets, base::zigzag(value));
    put(out, tag, octets);
}

void put_dots(std::string& out, const std::vector<Dot>& dots) {
    if (dots.empty()) return;
    std::string octets;
    for (const Dot& dot : dots) {
        put_varint(octets, static_cast<std::uint64_t>(dot.origin));
        put_varint(octets, static_cast<std::uint64_t>(dot.seq));
    }
    put(out, kParents, octets);
}

void put_unknown(std::string& out, const UnknownTags& unknown) {
    for (const auto& [tag, value] : unknown) put(out, tag, value);
}

// Reads a list of (tag, value); `bad` once anything does not fit.
class Fields {
  public:
    explicit Fields(std::string_view octets) : rest_(octets) {}

    bool next() {
        if (bad_ || rest_.empty()) return false;
        tag_ = varint();
        const std::uint64_t length = varint();
        if (bad_ || length > rest_.size()) {
            bad_ = true;
            return false;
        }
        value_ = rest_.substr(0, static_cast<std::size_t>(length));
        rest_.remove_prefix(static_cast<std::size_t>(length));
        return true;
    }
    std::uint64_t tag() const { return tag_; }
    std::string_view value() const { return value_; }
    std::string text() const { return std::string(value_); }
    bool bad() const { return bad_; }
    void spoil() { bad_ = true; }

    std::int64_t number() {
        Fields inner(value_);
        const std::uint64_t raw = inner.varint();
        if (inner.bad_ || !inner.rest_.empty()) bad_ = true;
        return base::unzigzag(raw);
    }
    std::vector<Dot> dots() {
        std::vector<Dot> dots;
        Fields inner(value_);
        while (!inner.rest_.empty() && !inner.bad_) {
            const std::uint64_t origin = inner.varint();
            const std::uint64_t seq = inner.varint();
            constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
            if (origin > kMax || seq > kMax) inner.bad_ = true;
            dots.push_back({static_cast<std::int64_t>(origin), static_cast<std::int64_t>(seq)});
        }
        if (inner.bad_) bad_ = true;
        return dots;
    }
    Oid oid() {
        const auto oid = base::id_from(value_);
        if (!oid) bad_ = true;
        return oid.value_or(Oid{});
    }

  private:
    std::uint64_t varint() {
        const auto value = base::take_varint(rest_);
        if (!value) bad_ = true;
        return value.value_or(0);
    }

    std::string_view rest_;
    std::uint64_t tag_ = 0;
    std::string_view value_;
    bool bad_ = false;
};

std::string encode_create(const CreateFacet& facet) {
    std::string out;
    put_number(out, kCreateKind, static_cast<std::int64_t>(facet.kind));
    put_number(out, kCreateTime, facet.created_ms);
    if (facet.moved_from) put(out, kCreateFrom, facet.moved_from->view());
    put_unknown(out, facet.unknown);
    return out;
}

CreateFacet decode_create(Fields& fields) {
    CreateFacet facet;
    while (fields.next()) {
        switch (fields.tag()) {
            case kCreateKind: {
                const std::int64_t kind = fields.number();
                // A kind of a later version is nothing this one could place.
                if (kind < 1 || kind > static_cast<std::int64_t>(NodeKind::card)) fields.spoil();
                facet.kind = static_cast<NodeKind>(kind);
                break;
            }
            case kCreateTime: facet.created_ms = fields.number(); break;
            case kCreateFrom: facet.moved_from = fields.oid(); break;
            default: facet.unknown.emplace_back(fields.tag(), fields.text());
        }
    }
    return facet;
}

std::string encode_place(const PlaceFacet& facet) {
    std::string out;
    put_dots(out, facet.parents);
    put(out, kPlaceParent, facet.parent.view());
    put(out, kPlaceName, facet.name);
    put_unknown(out, facet.unknown);
    return out;
}

PlaceFacet decode_place(Fields& fields) {
    PlaceFacet facet;
    while (fields.next()) {
        switch (fields.tag()) {
            case kParents: facet.parents = fields.dots(); break;
            case kPlaceParent: facet.parent = fields.oid(); break;
            case kPlaceName: facet.name = fields.text(); break;
            default: facet.unknown.emplace_back(fields.tag(), fields.text());
        }
    }
    return facet;
}

std::string encode_content(const ContentFacet& facet) {
    std::string out;
    put_dots(out, facet.parents);
    if (facet.hash) {
        std::string hash(1, static_cast<char>(base::kSha256));
        hash += facet.hash->view();
        put(out, kContentHash, hash);
    }
    put_number(out, kContentSize, facet.size);
    put_number(out, kContentMtime, facet.mtime_ns);
    put_number(out, kContentExec, facet.exec ? 1 : 0);
    put_unknown(out, facet.unknown);
    return out;
}

ContentFacet decode_content(Fields& fields) {
    ContentFacet facet;
    while (fields.next()) {
        switch (fields.tag()) {
            case kParents: facet.parents = fields.dots(); break;
            case kContentHash: {
                const std::string_view value = fields.value();
                if (value.empty() || value.front() != static_cast<char>(base::kSha256))
                    fields.spoil();
                else
                    facet.hash = base::hash_from(value.substr(1));
                if (!facet.hash) fields.spoil();
                break;
            }
            case kContentSize: facet.size = fields.number(); break;
            case kContentMtime: facet.mtime_ns = fields.number(); break;
            case kContentExec: facet.exec = fields.number() != 0; break;
            default: facet.unknown.emplace_back(fields.tag(), fields.text());
        }
    }
    return facet;
}

std::string encode_meta(const MetaFacet& facet) {
    std::string out;
    put_dots(out, facet.parents);
    for (const MetaEntry& entry : facet.entries) {
        std::string octets;
        put(octets, kEntryNs, entry.ns);
        put(octets, kEntryName, entry.name);
        if (entry.value) put(octets, kEntryValue, *entry.value);
        put(out, kMetaEntry, octets);
    }
    put_unknown(out, facet.unknown);
    return out;
}

MetaFacet decode_meta(Fields& fields) {
    MetaFacet facet;
    while (fields.next()) {
        if (fields.tag() == kParents) {
            facet.parents = fields.dots();
            continue;
        }
        if (fields.tag() != kMetaEntry) {
            facet.unknown.emplace_back(fields.tag(), fields.text());
            continue;
        }
        MetaEntry entry;
        Fields inner(fields.value());
        while (inner.next()) {
            switch (inner.tag()) {
                case kEntryNs: entry.ns = inner.text(); break;
                case kEntryName: entry.name = inner.text(); break;
                case kEntryValue: entry.value = inner.text(); break;
                default: break;  // an entry has no room for more; the facet has
            }
        }
        if (inner.bad()) fields.spoil();
        facet.entries.push_back(std::move(entry));
    }
    return facet;
}

std::string encode_removed(const Removed& removed) {
    std::string out;
    put_dots(out, removed.seen);
    put(out, kRemovedOid, removed.oid.view());
    return out;
}

Removed decode_removed(Fields& fields) {
    Removed removed;
    while (fields.next()) {
        if (fields.tag() == kParents) removed.seen = fields.dots();
        if (fields.tag() == kRemovedOid) removed.oid = fields.oid();
    }
    return removed;
}

std::string encode_kv(const KvFacet& facet) {
    std::string out;
    put_dots(out, facet.parents);
    put(out, kKvTable, facet.table);
    put(out, kKvKey, facet.key);
    put(out, kKvField, facet.field);
    if (facet.value) put(out, kKvValue, *facet.value);
    put_unknown(out, facet.unknown);
    return out;
}

KvFacet decode_kv(Fields& fields) {
    KvFacet facet;
    while (fields.next()) {
        switch (fields.tag()) {
            case kParents: facet.parents = fields.dots(); break;
            case kKvTable: facet.table = fields.text(); break;
            case kKvKey: facet.key = fields.text(); break;
            case kKvField: facet.field = fields.text(); break;
            case kKvValue: facet.value = fields.text(); break;
            default: facet.unknown.emplace_back(fields.tag(), fields.text());
        }
    }
    return facet;
}

}  // namespace

std::string encode(const RecordBody& body) {
    std::string out(1, kVersion);
    if (body.create) put(out, kCreate, encode_create(*body.create));
    if (body.place) put(out, kPlace, encode_place(*body.place));
    if (body.content) put(out, kContent, encode_content(*body.content));
    if (body.meta) put(out, kMeta, encode_meta(*body.meta));
    for (const Removed& removed : body.removed) put(out, kRemoved, encode_removed(removed));
    if (body.kv) put(out, kKv, encode_kv(*body.kv));
    put_unknown(out, body.unknown);
    return out;
}

std::optional<RecordBody> decode(std::string_view octets) {
    if (octets.empty() || octets.size() > kRecordBytesMax || octets.front() != kVersion) return std::nullopt;
    RecordBody body;
    Fields fields(octets.substr(1));
    while (fields.next()) {
        Fields facet(fields.value());
        switch (fields.tag()) {
            case kCreate: body.create = decode_create(facet); break;
            case kPlace: body.place = decode_place(facet); break;
            case kContent: body.content = decode_content(facet); break;
            case kMeta: body.meta = decode_meta(facet); break;
            case kRemoved: body.removed.push_back(decode_removed(facet)); break;
            case kKv: body.kv = decode_kv(facet); break;
            default: body.unknown.emplace_back(fields.tag(), fields.text());
        }
        if (facet.bad()) return std::nullopt;
    }
    if (fields.bad()) return std::nullopt;
    return body;
}

}  // namespace storage
