#include <map>

#include "carddav/card_rule.h"
#include "carddav/index.h"
#include "storage/accounts.h"
#include "storage/past.h"
#include "storage/replication/merging.h"
#include "storage/replication/pull.h"
#include "storage/restoring.h"
#include "storage/sql.h"
#include "tests/storage/store_support.h"

// Last: Catch and ours both define CHECK.
#include <catch2/catch.hpp>

// Cards in a store: their index, two homes, their past, a repair.

using namespace carddav;
using storage::Node;
using storage::NodeId;
using storage::NodeKind;
using storage::ReadTxn;
using storage::WriteTxn;

namespace {

const base::Id128 kOwner{{1, 2, 3}};
const storage::SpaceName kContacts{storage::SpaceKind::contacts, kOwner};
const base::Id128 kBookOid{{9, 9}};

std::string card(const std::string& uid, const std::string& name, const std::string& more = "") {
    return "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:" + uid + "\r\nFN:" + name + "\r\n" + more + "END:VCARD\r\n";
}

// One home with a space of contacts and, where `makes`, the book; others hear of it.
class Home {
  public:
    enum class Book { made, heard_of };
    explicit Home(Book book) {
        storage::Store::Options options;
        options.root = dir_.path();
        options.schema = {kCardSchema};
        options.indexers = {kCardRule.indexer};
        store_ = storage::Store::open(
            std::move(options), {base::system_clock(), base::system_rng(), storage::system_fs(), base::system_exec()});
        space_ = store_->write([&](WriteTxn& txn) {
            const storage::Space space = txn.make_space(storage::SpaceKind::contacts, kOwner, "", {});
            if (book == Book::made) txn.make({space.root, "book", NodeKind::addressbook, kBookOid, {}}, {});
            return space;
        });
    }
    storage::Store& store() { return *store_; }
    storage::SpaceId space() const { return space_.id; }
    Node book() {
        return store_->read([&](ReadTxn& txn) { return txn.by_oid(space_.id, kBookOid).value(); });
    }
    std::optional<Node> find(const std::string& name) {
        return store_->read([&](ReadTxn& txn) { return txn.child(book().id, name); });
    }
    Node put(const std::string& name, const std::string& octets) {
        const auto entry = card_entry(octets);
        const NodeId book = this->book().id;
        return store_->write([&](WriteTxn& txn) {
            return txn.put({book, name, NodeKind::card, {}, {}}, storage::text_content(octets), *entry, {}).node;
        });
    }
    void remove(NodeId id) {
        store_->write([&](WriteTxn& txn) { txn.remove(id, {}); });
    }
    std::size_t pull_from(Home& other) {
        storage::StoreSource source(other.store());
        return storage::pull(*store_, kContacts, source).records;
    }
    std::size_t merge() { return storage::merge_items(*store_, space_.id); }

    // name -> octets
    std::map<std::string, std::string> cards() {
        std::map<std::string, std::string> all;
        store_->read([&](ReadTxn& txn) {
            txn.list(book().id, storage::Need::octets, "", storage::kListPageMax,
                     [&](const storage::Row& row) { all[row.node.name] = row.octets; });
        });
        return all;
    }
    std::string digest() {
        return store_->read([&](ReadTxn& txn) { return base::hex(txn.node(space_.root)->tree.view()); });
    }
    std::vector<std::string> named(const std::string& text) {
        Filter filter;
        PropFilter names;
        names.name = "FN";
        names.texts.emplace_back(text, dav::Collation::unicode_casemap, dav::MatchType::contains, false);
        filter.props.push_back(names);
        std::vector<std::string> found;
        store_->read([&](ReadTxn& txn) {
            for (const NodeId id : candidates(txn, book().id, filter).matched) found.push_back(txn.node(id)->name);
        });
        return found;
    }
    std::vector<std::string> findings(bool repair = false) {
        std::vector<std::string> found;
        for (const auto& one : store_->check(repair)) found.push_back(one.what + " " + one.where);
        return found;
    }
    // Past all verbs, as a fault of ours would.
    void damage(const char* statement) {
        store_->write([&](WriteTxn& txn) { txn.connection().script(statement); });
    }

  private:
    storage::TempDir dir_;
    std::unique_ptr<storage::Store> store_;
    storage::Space space_;
};

using Names = std::vector<std::string>;

void exchange(Home& a, Home& b) {
    for (int i = 0; i < 4; ++i) {
        a.pull_from(b);
        b.pull_from(a);
    }
}

}  // namespace

TEST_CASE("cards are found by their index, whoever wrote them") {
    Home here(Home::Book::made);
    Home there(Home::Book::heard_of);
    here.put("a", card("a", "Anna"));
    here.put("b", card("b", "Bert"));
    there.pull_from(here);
    for (Home* home : {&here, &there}) {
        CHECK(home->named("ann") == Names{"a"});
        CHECK(home->findings() == Names{});
        home->store().read([&](ReadTxn& txn) {
            const auto cards = cards_of_uid(txn, home->book().id, "b");
            REQUIRE(cards.size() == 1);
            CHECK(uid_of(txn, cards.front()) == "b");
            CHECK(txn.node(cards.front())->name == "b");
        });
    }
    CHECK(here.cards() == there.cards());
    CHECK(here.digest() == there.digest());

    there.put("a", card("a", "Hanna"));
    there.remove(there.find("b")->id);
    here.pull_from(there);
    CHECK(here.named("ann") == Names{"a"});
    CHECK(here.named("hann") == Names{"a"});
    CHECK(here.named("bert") == Names{});
    CHECK(here.digest() == there.digest());
    CHECK(here.findings() == Names{});
}

TEST_CASE("a card that moves to another book is searched there") {
    Home home(Home::Book::made);
    const Node one = home.put("a", card("a", "Anna"));
    const Node other = home.store().write([&](WriteTxn& txn) {
        return txn.make({txn.space(home.space())->root, "other", NodeKind::addressbook, {}, {}}, {});
    });
    home.store().write([&](WriteTxn& txn) { txn.place(one.id, other.id, "x", {}); });
    CHECK(home.named("anna") == Names{});
    home.store().read([&](ReadTxn& txn) {
        CHECK(cards_of_uid(txn, home.book().id, "a").empty());
        CHECK(cards_of_uid(txn, other.id, "a").size() == 1);
    });
    CHECK(home.findings() == Names{});
}

TEST_CASE("check finds wrong rows of the index, and a repair makes them anew") {
    Home home(Home::Book::made);
    home.put("a", card("a", "Anna", "BDAY:1980-02-03\r\n"));
    home.put("b", card("b", "Bert"));
    const char* damages[] = {
        "DELETE FROM card",
        "UPDATE card SET fn = 'other' WHERE uid = 'a'",
        "UPDATE card SET uid = NULL",
        "UPDATE card SET email = ''",
        "UPDATE card SET book = NULL",
        "DELETE FROM card_date",
        "UPDATE card_date SET year = NULL",
        "INSERT INTO card_date SELECT node, 7, 1, '', 1990, 1, 1 FROM card",
    };
    for (const char* damage : damages) {
        INFO(damage);
        home.damage(damage);
        const Names found = home.findings();
        CHECK(std::find(found.begin(), found.end(), "index book/a") != found.end());
        CHECK_FALSE(home.findings(true).empty());
        CHECK(home.findings() == Names{});
        CHECK(home.named("anna") == Names{"a"});
    }
}

TEST_CASE("a stored card that can not be read is named by check and given as it is") {
    Home home(Home::Book::made);
    const std::string broken = "BEGIN:VCARD\r\nVERSION:3.0\r\nno colon\r\nEND:VCARD\r\n";
    home.put("a", card("a", "Anna"));
    home.put("x", broken);
    CHECK(home.cards().at("x") == broken);
    CHECK(home.named("a") == Names{"a"});
    const auto found = home.store().check(false);
    REQUIRE(found.size() == 1);
    CHECK(found.front().what == storage::Store::Finding::kUnreadable);
    CHECK(found.front().where == "book/x: line 3: a line without a colon");
    CHECK_FALSE(found.front().is_fault());
    home.store().read([&](ReadTxn& txn) { CHECK(uid_of(txn, home.find("x")->id).empty()); });
}

TEST_CASE("the past of cards is read and put back, with their index") {
    Home home(Home::Book::made);
    const Node node = home.put("a", card("a", "Anna"));
    const auto lsn = [&] { return home.store().read([](ReadTxn& txn) { return txn.lsn(); }); };
    const storage::Lsn first = lsn();
    home.put("a", card("a", "Hanna"));
    const storage::Lsn second = lsn();
    home.remove(node.id);
    CHECK(home.cards().empty());

    const auto at = [&](storage::Lsn when) {
        return home.store().read([&](ReadTxn& txn) { return txn.past().find(home.space(), node.oid, when); });
    };
    CHECK(storage::open_past(home.store(), at(first).value()).text == card("a", "Anna"));
    CHECK(storage::open_past(home.store(), at(second).value()).text == card("a", "Hanna"));
    CHECK_FALSE(at(lsn()));

    storage::PutBack what;
    what.space = home.space();
    what.oid = node.oid;
    what.at = first;
    REQUIRE(storage::put_back(home.store(), what, {}));
    CHECK(home.cards() == std::map<std::string, std::string>{{"a", card("a", "Anna")}});
    CHECK(home.find("a")->oid == node.oid);
    CHECK(home.named("anna") == Names{"a"});
    what.at = second;
    REQUIRE(storage::put_back(home.store(), what, {}));
    CHECK(home.named("hanna") == Names{"a"});
    CHECK(home.findings() == Names{});
}

TEST_CASE("a removed book comes back with its cards") {
    Home home(Home::Book::made);
    home.put("a", card("a", "Anna"));
    home.put("b", card("b", "Bert"));
    const storage::Lsn then = home.store().read([](ReadTxn& txn) { return txn.lsn(); });
    home.remove(home.book().id);
    storage::PutBack what;
    what.space = home.space();
    what.oid = kBookOid;
    what.at = then;
    const auto done = storage::put_back(home.store(), what, {});
    REQUIRE(done);
    CHECK(done->missing == 0);
    CHECK(home.book().kind == NodeKind::addressbook);
    CHECK(home.cards().size() == 2);
    CHECK(home.named("bert") == Names{"b"});
    CHECK(home.findings() == Names{});
}

TEST_CASE("what two homes changed in one card is in both of them") {
    Home here(Home::Book::made);
    Home there(Home::Book::heard_of);
    here.put("a", card("a", "Anna", "TEL:1\r\n"));
    there.pull_from(here);
    here.put("a", card("a", "Anna", "TEL:1\r\nEMAIL:a@x\r\n"));
    there.put("a", card("a", "Anna Ahn", "TEL:1\r\n"));
    exchange(here, there);
    CHECK(here.cards() == there.cards());
    CHECK(here.cards().size() == 1);  // no second card beside it
    CHECK(here.findings() == Names{});
    CHECK(there.findings() == Names{});

    SECTION("one home merges") {
        CHECK(here.merge() == 1);
        CHECK(here.merge() == 0);
        exchange(here, there);
        CHECK(there.merge() == 0);
    }
    SECTION("both merge at a time") {
        CHECK(here.merge() == 1);
        CHECK(there.merge() == 1);
        exchange(here, there);
        CHECK(here.merge() + there.merge() == 0);
    }
    const std::string merged = here.cards().at("a");
    CHECK(merged.find("FN:Anna Ahn") != std::string::npos);
    CHECK(merged.find("EMAIL:a@x") != std::string::npos);
    CHECK(here.cards() == there.cards());
    CHECK(here.digest() == there.digest());
    CHECK(here.named("ahn") == Names{"a"});
    CHECK(there.named("ahn") == Names{"a"});
    CHECK(here.findings() == Names{});
    // All that was written is in the past of one of them.
    const auto states = there.store().read(
        [&](ReadTxn& txn) { return txn.past().contents(there.space(), there.find("a")->oid, 0, 10); });
    std::set<std::string> hashes;
    for (const auto& state : states) hashes.insert(base::hex(state.hash->view()));
    for (const std::string& octets : {card("a", "Anna", "TEL:1\r\n"), card("a", "Anna", "TEL:1\r\nEMAIL:a@x\r\n"),
                                      card("a", "Anna Ahn", "TEL:1\r\n")})
        CHECK(hashes.contains(base::hex(base::sha256(octets).view())));
    // And from here on it is an object like any other.
    here.put("a", card("a", "Last"));
    exchange(here, there);
    CHECK(there.cards().at("a") == card("a", "Last"));
    CHECK(there.digest() == here.digest());
}

TEST_CASE("a card that two homes made under one name is one; of two people the later one stays") {
    Home here(Home::Book::made);
    Home there(Home::Book::heard_of);
    there.pull_from(here);
    here.put("a", card("a", "Anna", "EMAIL:a@x\r\n"));
    there.put("a", card("a", "Anna", "TEL:1\r\n"));
    here.put("b", card("b1", "Bert"));
    there.put("b", card("b2", "Berta"));
    exchange(here, there);
    CHECK(here.cards() == there.cards());
    here.merge();
    exchange(here, there);
    there.merge();
    exchange(here, there);
    CHECK(here.merge() + there.merge() == 0);
    CHECK(here.cards() == there.cards());
    CHECK(here.digest() == there.digest());
    const std::string merged = here.cards().at("a");
    CHECK(merged.find("EMAIL:a@x") != std::string::npos);
    CHECK(merged.find("TEL:1") != std::string::npos);
    CHECK(here.cards().at("b") == card("b2", "Berta"));
    CHECK(here.find("a")->oid == there.find("a")->oid);
    CHECK(there.findings() == Names{});
}

TEST_CASE("an edit outlives a removal that had not heard of it") {
    Home here(Home::Book::made);
    Home there(Home::Book::heard_of);
    here.put("a", card("a", "Anna"));
    there.pull_from(here);
    here.remove(here.find("a")->id);
    there.put("a", card("a", "Hanna"));
    exchange(here, there);
    CHECK(here.cards() == std::map<std::string, std::string>{{"a", card("a", "Hanna")}});
    CHECK(there.cards() == here.cards());
    CHECK(here.named("hanna") == Names{"a"});
    CHECK(here.digest() == there.digest());
}

TEST_CASE("the days that the cards of a book name are in the index") {
    Home home(Home::Book::made);
    home.put("a", card("a", "Anna", "BDAY:1980-02-03\r\n"));
    home.put("b", card("b", "Bert", "BDAY;X-APPLE-OMIT-YEAR=1604:1604-02-29\r\n"));
    home.put("c", card("c", "Cleo",
                       "X-ANNIVERSARY:2001-05-06\r\nitem1.X-ABDATE:2011-11-11\r\nitem1.X-ABLABEL:First met\r\n"));
    home.store().read([&](ReadTxn& txn) {
        const auto dates = dates_of_book(txn, home.book().id);
        REQUIRE(dates.size() == 4);
        CHECK(dates[0].date == CardDate{DateKind::birthday, "", 1980, 2, 3});
        CHECK(dates[1].date == CardDate{DateKind::birthday, "", std::nullopt, 2, 29});
        CHECK(dates[2].date == CardDate{DateKind::anniversary, "", 2001, 5, 6});
        CHECK(dates[3].date == CardDate{DateKind::other, "First met", 2011, 11, 11});
    });
}

TEST_CASE("a user's default book is one book in every home, and removed in one stays removed") {
    struct Place {
        Place() {
            storage::Store::Options options;
            options.root = dir.path();
            options.schema = {kCardSchema};
            options.indexers = {kCardRule.indexer};
            store = storage::Store::open(std::move(options), {base::system_clock(), base::system_rng(),
                                                              storage::system_fs(), base::system_exec()});
            const auto no_props = [](std::string_view) { return std::vector<storage::PropChange>(); };
            accounts = std::make_unique<storage::Accounts>(
                *store, std::vector<storage::DefaultCollection>{
                            {storage::SpaceKind::contacts, NodeKind::addressbook, "contacts", "Contacts", no_props}});
        }
        void pull_from(Place& other, const base::Id128& owner) {
            storage::StoreSource source(*other.store);
            storage::pull(*store, {storage::SpaceKind::sys, {}}, source);
            storage::pull(*store, {storage::SpaceKind::contacts, owner}, source);
            accounts->reload();
        }
        std::optional<Node> book(const base::Id128& owner) {
            return store->read([&](ReadTxn& txn) -> std::optional<Node> {
                const auto space = txn.space_of(storage::SpaceKind::contacts, owner);
                return space ? txn.child(space->root, "contacts") : std::nullopt;
            });
        }
        storage::TempDir dir;
        std::unique_ptr<storage::Store> store;
        std::unique_ptr<storage::Accounts> accounts;
    };
    Place here, there;
    const base::Id128 ana = here.accounts->add_user("ana", false, "", {}).uid;
    there.pull_from(here, ana);
    REQUIRE(there.book(ana));
    CHECK(there.book(ana)->oid == here.book(ana)->oid);
    there.accounts->complete_spaces();  // as at its next start
    here.pull_from(there, ana);
    const std::string octets = card("a", "Anna");
    const auto entry = card_entry(octets);
    there.store->write([&](WriteTxn& txn) {
        txn.put({there.book(ana)->id, "a", NodeKind::card, {}, {}}, storage::text_content(octets), *entry, {});
    });
    here.pull_from(there, ana);
    here.store->read([&](ReadTxn& txn) { CHECK(txn.child(here.book(ana)->id, "a")); });
    here.store->write([&](WriteTxn& txn) { txn.remove(here.book(ana)->id, {}); });
    there.pull_from(here, ana);
    there.accounts->complete_spaces();
    here.pull_from(there, ana);
    CHECK_FALSE(there.book(ana));
    CHECK_FALSE(here.book(ana));
}

TEST_CASE("what two homes made alike keeps no card from being merged") {
    Home here(Home::Book::made);
    Home there(Home::Book::heard_of);
    there.pull_from(here);
    for (Home* home : {&here, &there}) {
        const NodeId book = home->book().id;
        home->store().write([&](WriteTxn& txn) {
            for (std::size_t i = 0; i < storage::kMergesAtOnce + 200; ++i) {
                const std::string name = std::to_string(i);
                const std::string octets = card(name, "Same");
                txn.put({book, name, NodeKind::card, {}, {}}, storage::text_content(octets), *card_entry(octets), {});
            }
        });
        for (const char* name : {"a", "b", "c", "d", "e", "f", "g", "h"})
            home->put(name, card(name, "Anna", home == &here ? "EMAIL:a@x\r\n" : "TEL:1\r\n"));
    }
    exchange(here, there);
    CHECK(here.merge() == 8);
    exchange(here, there);
    CHECK(there.merge() == 0);
    CHECK(here.cards() == there.cards());
}
