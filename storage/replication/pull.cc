#include "storage/replication/pull.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <optional>

#include "storage/base/failure.h"
#include "storage/base/log.h"
#include "storage/replication/contents.h"

namespace storage {

namespace {

constexpr int kApplyTriesMax = 64;  // each fetches what the one before found missing

std::optional<Space> space_named(ReadTxn& txn, const SpaceName& name) {
    if (name.kind != SpaceKind::sys) return txn.space_of(name.kind, name.owner);
    for (const Space& space : txn.spaces()) {
        if (space.kind == SpaceKind::sys) return space;
    }
    return std::nullopt;
}

std::optional<Content> receive(Store& to, const WantedContent& wanted,
                               const std::function<bool(base::ByteSink&)>& send) {
    return receive_content(to.tree(), to.seams().rng, wanted, send);
}

// Applies a batch, fetching what it turns out to want. What is still missing is in `pulled.waiting`.
bool apply_batch(Store& to, SpaceId space, const SpaceName& name, Source& from, const std::vector<LogRecord>& batch,
                 FetchedContents& fetched, Pulled& pulled) {
    for (int tries = 0; tries < kApplyTriesMax; ++tries) {
        try {
            pulled.records += to.write([&](WriteTxn& txn) { return txn.apply(space, batch, fetched); });
            pulled.waiting.clear();
            return true;
        } catch (const MissingContents& missing) {
            pulled.waiting.clear();
            for (const WantedContent& wanted : missing.wanted()) {
                auto content =
                    receive(to, wanted, [&](base::ByteSink& sink) { return read_content(to, wanted, sink); });
                if (!content) {
                    content =
                        receive(to, wanted, [&](base::ByteSink& sink) { return from.content(name, wanted, sink); });
                    if (content) ++pulled.contents;
                }
                if (content)
                    fetched.emplace(wanted.hash, std::move(*content));
                else
                    pulled.waiting.push_back(wanted);
            }
            if (!pulled.waiting.empty()) return false;
        }
    }
    throw base::Failure(base::Fault::busy, "what records want keeps changing while they are applied");
}

// What plain records will want; whatever else, the application says.
void fetch_ahead(Store& to, SpaceId space, const SpaceName& name, Source& from, std::span<const LogRecord> records,
                 FetchedContents& fetched, Pulled& pulled) {
    for (const LogRecord& record : records) {
        const auto body = decode(record.body);
        if (!body || !body->content || !body->content->hash) continue;
        const WantedContent wanted{space, record.oid, std::nullopt, *body->content->hash, body->content->size};
        const bool here = to.read([&](ReadTxn& txn) {
            const auto node = txn.by_oid(space, record.oid);
            return node && node->hash == wanted.hash;
        });
        if (here) continue;
        auto content = receive(to, wanted, [&](base::ByteSink& sink) { return from.content(name, wanted, sink); });
        if (!content) continue;
        ++pulled.contents;
        fetched.emplace(wanted.hash, std::move(*content));
    }
}

}  // namespace

Feed StoreSource::records(const SpaceName& name, std::span<const Dot> known, Lsn from, const FeedLimits& limits) {
    return store_.read([&](ReadTxn& txn) {
        const auto space = space_named(txn, name);
        return space ? txn.records(space->id, known, from, limits) : Feed{};
    });
}

bool StoreSource::content(const SpaceName& name, const WantedContent& wanted, base::ByteSink& to) {
    const auto space = store_.read([&](ReadTxn& txn) { return space_named(txn, name); });
    if (!space) return false;
    WantedContent here = wanted;
    here.space = space->id;
    return read_content(store_, here, to);
}

bool read_content(Store& store, const WantedContent& wanted, base::ByteSink& to) {
    std::optional<std::string> octets;
    const std::string path = store.read([&](ReadTxn& txn) {
        octets = txn.body(wanted.hash);
        if (octets) return std::string();
        store.settle(txn.lsn());
        return content_path(txn, wanted);
    });
    if (octets) {
        to.write(*octets);
        return true;
    }
    return send_content(store.tree(), path, wanted, to);
}

Pulled pull(Store& to, const SpaceName& name, Source& from, Lsn since, const FeedLimits& limits) {
    const auto space = to.read([&](ReadTxn& txn) { return space_named(txn, name); });
    if (!space) throw base::Failure(base::Fault::corrupt, "a pull into a space that is not there");
    Pulled pulled;
    pulled.next = since;
    std::vector<LogRecord> batch;
    FetchedContents fetched;
    std::vector<Dot> known = to.read([&](ReadTxn& txn) { return txn.vector(space->id); });
    for (;;) {
        FeedLimits left = limits;
        left.records = std::min(left.records, kApplyRecordsMax - batch.size());
        Feed feed = from.records(name, known, pulled.next, left);
        const std::size_t before = batch.size();
        std::move(feed.records.begin(), feed.records.end(), std::back_inserter(batch));
        if (batch.size() == before && pulled.waiting.empty()) {
            pulled.next = feed.next;
            return pulled;
        }
        fetch_ahead(to, space->id, name, from, std::span(batch).subspan(before), fetched, pulled);
        if (apply_batch(to, space->id, name, from, batch, fetched, pulled)) {
            batch.clear();
            fetched.clear();
            known = to.read([&](ReadTxn& txn) { return txn.vector(space->id); });
            pulled.next = feed.next;
            continue;
        }
        // What is not to be had any more is replaced by a record that follows: all of them at once say so.
        if (batch.size() == before || batch.size() == kApplyRecordsMax) return pulled;
        for (const LogRecord& record : std::span(batch).subspan(before)) {
            const auto at = std::find_if(known.begin(), known.end(),
                                         [&](const Dot& dot) { return dot.origin == record.dot.origin; });
            if (at == known.end())
                known.push_back(record.dot);
            else
                *at = record.dot;
        }
    }
}

}  // namespace storage
