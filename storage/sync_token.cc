#include "storage/sync_token.h"

#include <algorithm>

#include "storage/base/failure.h"
#include "storage/base/hash.h"
#include "storage/base/varint.h"

namespace storage {
namespace {

constexpr std::string_view kPrefix = "urn:hearth:sync:1:";
constexpr char kPlaceFollows = ':';

void put_fixed(std::string& out, std::uint64_t value, int octets) {
    for (int shift = 8 * (octets - 1); shift >= 0; shift -= 8) out += static_cast<char>((value >> shift) & 0xFF);
}

class Octets {
  public:
    explicit Octets(std::string_view bytes) : bytes_(bytes) {}
    bool empty() const { return bytes_.empty(); }
    std::optional<std::uint8_t> next() {
        if (bytes_.empty()) return std::nullopt;
        const auto octet = static_cast<std::uint8_t>(bytes_.front());
        bytes_.remove_prefix(1);
        return octet;
    }
    std::optional<std::uint64_t> fixed(int octets) {
        std::uint64_t value = 0;
        for (int i = 0; i < octets; ++i) {
            const auto octet = next();
            if (!octet) return std::nullopt;
            value = value << 8 | *octet;
        }
        return value;
    }
    std::optional<std::uint64_t> varint() { return base::take_varint(bytes_); }
    // What SQLite can hold.
    static std::optional<std::int64_t> number(std::optional<std::uint64_t> read) {
        if (!read || *read >> 63 != 0) return std::nullopt;
        return static_cast<std::int64_t>(*read);
    }

  private:
    std::string_view bytes_;
};

}  // namespace

bool SyncToken::covers(const Dot& dot) const {
    const auto at = std::lower_bound(vector.begin(), vector.end(), dot.origin,
                                     [](const Dot& entry, std::int64_t origin) { return entry.origin < origin; });
    return at != vector.end() && at->origin == dot.origin && dot.seq <= at->seq;
}

SyncToken sync_token(const Oid& collection, std::uint32_t epoch, std::vector<Dot> vector,
                     std::optional<SyncPlace> place) {
    CHECK(vector.size() <= kTokenOriginsMax);
    SyncToken token;
    std::copy_n(collection.bytes.begin(), token.collection.size(), token.collection.begin());
    token.epoch = epoch;
    std::sort(vector.begin(), vector.end());
    token.vector = std::move(vector);
    token.place = place;
    return token;
}

std::string encode(const SyncToken& token) {
    std::string octets(token.collection.begin(), token.collection.end());
    put_fixed(octets, token.epoch, 4);
    for (const Dot& entry : token.vector) {
        put_fixed(octets, static_cast<std::uint64_t>(entry.origin), 8);
        base::put_varint(octets, static_cast<std::uint64_t>(entry.seq));
    }
    std::string text = std::string(kPrefix) + base::base64url(octets);
    if (!token.place) return text;
    std::string place;
    put_fixed(place, static_cast<std::uint64_t>(token.place->origin), 8);
    for (const std::int64_t number : {token.place->from, token.place->step, token.place->base}) {
        base::put_varint(place, static_cast<std::uint64_t>(number));
    }
    return text + kPlaceFollows + base::base64url(place);
}

std::optional<SyncToken> decode_sync_token(std::string_view text) {
    if (!text.starts_with(kPrefix)) return std::nullopt;
    text.remove_prefix(kPrefix.size());
    const std::size_t follows = text.find(kPlaceFollows);
    const auto raw = base::unbase64url(text.substr(0, follows));
    if (!raw) return std::nullopt;
    Octets octets(*raw);
    SyncToken token;
    for (auto& octet : token.collection) {
        const auto next = octets.next();
        if (!next) return std::nullopt;
        octet = *next;
    }
    const auto epoch = octets.fixed(4);
    if (!epoch) return std::nullopt;
    token.epoch = static_cast<std::uint32_t>(*epoch);
    while (!octets.empty()) {
        const auto origin = octets.number(octets.fixed(8));
        const auto seq = octets.number(octets.varint());
        if (!origin || !seq || *seq == 0 || token.vector.size() == kTokenOriginsMax) return std::nullopt;
        const Dot entry{*origin, *seq};
        if (!token.vector.empty() && token.vector.back().origin >= entry.origin) return std::nullopt;
        token.vector.push_back(entry);
    }
    if (follows == std::string_view::npos) return token;
    const auto raw_place = base::unbase64url(text.substr(follows + 1));
    if (!raw_place) return std::nullopt;
    Octets rest(*raw_place);
    const auto origin = rest.number(rest.fixed(8));
    const auto from = rest.number(rest.varint());
    const auto step = rest.number(rest.varint());
    const auto base = rest.number(rest.varint());
    if (!origin || !from || !step || !base || !rest.empty()) return std::nullopt;
    token.place = SyncPlace{*origin, *from, *step, *base};
    return token;
}

}  // namespace storage
