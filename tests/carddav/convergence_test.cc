#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <random>
#include <set>

#include "carddav/card_rule.h"
#include "carddav/index.h"
#include "storage/past.h"
#include "storage/replication/merging.h"
#include "storage/replication/pull.h"
#include "tests/storage/store_support.h"

// Last: Catch and ours both define CHECK.
#include <catch2/catch.hpp>

// Three homes change the same cards without knowing of each other: whatever they do, they come to show the same, they
// stop merging, and what anybody was told is stored is somewhere.

using namespace carddav;
using storage::Node;
using storage::NodeKind;
using storage::Oid;
using storage::ReadTxn;
using storage::WriteTxn;

namespace {

const base::Id128 kOwner{{1, 2, 3}};
const storage::SpaceName kContacts{storage::SpaceKind::contacts, kOwner};
const std::array<base::Id128, 2> kBooks = {base::Id128{{9, 1}}, base::Id128{{9, 2}}};
constexpr std::size_t kHomes = 3;
constexpr std::size_t kHistories = 50;  // of one world: each with cards of its own
constexpr std::size_t kRounds = 10;
constexpr std::size_t kSettledAfter = 8;  // exchanges of all with all

class SeededRng final : public base::Rng {
  public:
    explicit SeededRng(std::uint64_t seed) : bits_(seed) {}
    void fill(std::span<std::uint8_t> bytes) override {
        const std::scoped_lock lock(mutex_);
        for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(bits_());
    }

  private:
    std::mutex mutex_;
    std::mt19937_64 bits_;
};

using Dice = std::mt19937;
std::size_t roll(Dice& dice, std::size_t sides) {
    return dice() % sides;
}

// What one may change in a card.
struct Person {
    std::string uid, name, note;
    std::set<std::string> numbers, lists;

    std::string octets() const {
        std::string text = "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:" + uid + "\r\nFN:" + name + "\r\n";
        if (!note.empty()) text += "NOTE:" + note + "\r\n";
        for (const std::string& one : numbers) text += "TEL;TYPE=HOME:" + one + "\r\n";
        if (!lists.empty()) {
            text += "CATEGORIES:";
            for (const std::string& one : lists) text += (one == *lists.begin() ? "" : ",") + one;
            text += "\r\n";
        }
        return text + "END:VCARD\r\n";
    }
};

Person person_in(const std::string& octets) {
    const Card card = parse_card(octets);
    Person person;
    person.uid = card.find("UID")->value;
    for (const ContentLine& line : card.lines) {
        if (line.is("FN")) person.name = line.value;
        if (line.is("NOTE")) person.note = line.value;
        if (line.is("TEL")) person.numbers.insert(line.value);
        if (!line.is("CATEGORIES")) continue;
        for (std::size_t from = 0; from <= line.value.size();) {
            const std::size_t end = std::min(line.value.find(',', from), line.value.size());
            person.lists.insert(line.value.substr(from, end - from));
            from = end + 1;
        }
    }
    return person;
}

void change(Person& person, Dice& dice) {
    const std::string digit = std::to_string(roll(dice, 5));
    std::set<std::string>& some = roll(dice, 2) == 0 ? person.numbers : person.lists;
    switch (roll(dice, 4)) {
        case 0: person.name = "Name " + digit; return;
        case 1: person.note = roll(dice, 3) == 0 ? "" : "Note " + digit; return;
        case 2: some.insert(digit); return;
        default: some.erase(digit); return;
    }
}

using Told = std::set<std::pair<Oid, std::string>>;  // the object, and the hash of what it was given

class Home {
  public:
    Home(std::size_t number, std::uint64_t seed)
        : clock_(1'800'000'000'000 + static_cast<std::int64_t>(number) * 3), rng_(seed) {
        storage::Store::Options options;
        options.root = dir_.path();
        options.schema = {kCardSchema};
        options.indexers = {kCardRule.indexer};
        store_ = storage::Store::open(std::move(options), {clock_, rng_, storage::system_fs(), base::system_exec()});
        space_ = store_->write([&](WriteTxn& txn) {
            const storage::Space space = txn.make_space(storage::SpaceKind::contacts, kOwner, "", {});
            if (number == 0)
                for (const base::Id128& oid : kBooks)
                    txn.make({space.root, oid == kBooks[0] ? "one" : "two", NodeKind::addressbook, oid, {}}, {});
            return space;
        });
    }

    void pass(std::int64_t ms) { clock_.advance(ms); }
    std::size_t pull_from(Home& other) {
        storage::StoreSource source(other.store());
        return storage::pull(*store_, kContacts, source).records;
    }
    std::size_t merge() { return storage::merge_items(*store_, space_.id); }
    storage::Store& store() { return *store_; }
    storage::SpaceId space() const { return space_.id; }

    // One change to the cards of one history.
    void act(WriteTxn& txn, const std::string& history, Dice& dice, Told& told) {
        const Node book = txn.by_oid(space_.id, kBooks[roll(dice, 2)]).value();
        const std::string name = history + std::to_string(roll(dice, 2));
        const auto node = txn.child(book.id, name);
        const std::size_t what = roll(dice, 10);
        if (!node) {
            if (what < 7) put(txn, book, name, {name, "New", "", {}, {}}, told);
            return;
        }
        if (what < 6) {
            Person person = person_in(txn.body(*node->hash).value());
            for (std::size_t i = 0; i <= roll(dice, 2); ++i) change(person, dice);
            put(txn, book, name, person, told);
        } else if (what < 8) {
            txn.remove(node->id, {});
        } else {
            const Node to = txn.by_oid(space_.id, kBooks[roll(dice, 2)]).value();
            const std::string other = history + std::to_string(roll(dice, 2));
            if (to.id == book.id && other == name) return;
            if (const auto there = txn.child(to.id, other)) txn.remove(there->id, {});
            txn.place(node->id, to.id, other, {});
        }
    }

    // Path below the space -> octets.
    std::map<std::string, std::string> cards() {
        std::map<std::string, std::string> all;
        store_->read([&](ReadTxn& txn) {
            for (const base::Id128& oid : kBooks) {
                const Node book = txn.by_oid(space_.id, oid).value();
                txn.list(book.id, storage::Need::octets, "", storage::kListPageMax,
                         [&](const storage::Row& row) { all[book.name + "/" + row.node.name] = row.octets; });
            }
        });
        return all;
    }
    std::string digest() {
        return store_->read([&](ReadTxn& txn) { return base::hex(txn.node(space_.root)->tree.view()); });
    }
    std::vector<std::string> findings() {
        std::vector<std::string> found;
        for (const auto& one : store_->check(false)) found.push_back(one.what + " " + one.where);
        return found;
    }
    // What the object shows or its history has, as far as the octets are here too.
    std::set<std::string> contents(const Oid& oid) {
        std::set<std::string> hashes;
        store_->read([&](ReadTxn& txn) {
            for (const auto& one : txn.past().contents(space_.id, oid, 0, 1000))
                if (one.hash && txn.body(*one.hash)) hashes.insert(base::hex(one.hash->view()));
        });
        return hashes;
    }

  private:
    static void put(WriteTxn& txn, const Node& book, const std::string& name, const Person& person, Told& told) {
        const std::string octets = person.octets();
        const Node node =
            txn.put({book.id, name, NodeKind::card, {}, {}}, storage::text_content(octets), *card_entry(octets), {})
                .node;
        told.emplace(node.oid, base::hex(base::sha256(octets).view()));
    }

    storage::TempDir dir_{"/dev/shm/hearth-store-XXXXXX"};
    storage::SetClock clock_;
    SeededRng rng_;
    std::unique_ptr<storage::Store> store_;
    storage::Space space_;
};

class World {
  public:
    explicit World(std::uint32_t seed) : dice_(seed) {
        for (std::size_t i = 0; i < kHomes; ++i) homes_.push_back(std::make_unique<Home>(i, seed * kHomes + i));
        exchange();
    }

    void live() {
        for (std::size_t round = 0; round < kRounds; ++round) {
            for (auto& home : homes_) {
                home->pass(static_cast<std::int64_t>(roll(dice_, 5)));
                home->store().write([&](WriteTxn& txn) {
                    for (std::size_t i = 0; i < kHistories; ++i)
                        if (roll(dice_, 3) == 0) home->act(txn, "h" + std::to_string(i) + "-", dice_, told_);
                });
            }
            const std::size_t pulls = roll(dice_, 3);
            for (std::size_t i = 0; i < pulls; ++i) any().pull_from(any());
            if (roll(dice_, 4) == 0) any().merge();
        }
    }

    // How many rounds of merging it took until there was nothing to merge.
    std::size_t settle() {
        for (std::size_t round = 0; round < kSettledAfter; ++round) {
            exchange();
            std::size_t merged = 0;
            for (auto& home : homes_) {
                merged += home->merge();
                if (roll(dice_, 3) == 0) any().pull_from(any());
            }
            if (merged == 0) return round;
        }
        return kSettledAfter;
    }

    std::vector<std::unique_ptr<Home>>& homes() { return homes_; }
    const Told& told() const { return told_; }

  private:
    Home& any() { return *homes_[roll(dice_, kHomes)]; }
    void exchange() {
        for (std::size_t i = 0; i < 2; ++i)
            for (auto& to : homes_)
                for (auto& from : homes_)
                    if (to != from) to->pull_from(*from);
    }

    Dice dice_;
    std::vector<std::unique_ptr<Home>> homes_;
    Told told_;
};

}  // namespace

TEST_CASE("three homes that change the same cards come to show the same and lose nothing") {
    const char* more = std::getenv("HEARTH_WORLDS");
    const std::uint32_t worlds = more ? static_cast<std::uint32_t>(std::atoi(more)) : 2;
    for (std::uint32_t seed = 1; seed <= worlds; ++seed) {
        INFO("world " << seed);
        World world(seed);
        world.live();
        CHECK(world.settle() < kSettledAfter);
        Home& first = *world.homes().front();
        for (auto& home : world.homes()) {
            CHECK(home->cards() == first.cards());
            CHECK(home->digest() == first.digest());
            CHECK(home->findings() == std::vector<std::string>{});
        }
        std::map<Oid, std::set<std::string>> known;
        for (const auto& [oid, hash] : world.told()) {
            auto [there, is_new] = known.try_emplace(oid);
            if (is_new)
                for (auto& home : world.homes()) there->second.merge(home->contents(oid));
            if (!there->second.contains(hash)) {
                INFO("nowhere: " << hash << " of " << base::hex(oid.view()));
                CHECK(false);
            }
        }
    }
}
