#include "carddav/index.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "carddav/card_rule.h"
#include "tests/storage/store_support.h"

// Last: Catch and ours both define CHECK.
#include <catch2/catch.hpp>

// What the index says of a filter against what the octets say.

using namespace carddav;

namespace {

struct Book {
    Book() {
        storage::Store::Options options;
        options.root = dir.path();
        options.schema = {kCardSchema};
        options.indexers = {kCardRule.indexer};
        store = storage::Store::open(
            std::move(options), {base::system_clock(), base::system_rng(), storage::system_fs(), base::system_exec()});
        const std::string folder = std::string(HEARTH_SOURCE_DIR) + "/tests/carddav/cards";
        for (const auto& file : std::filesystem::directory_iterator(folder)) {
            if (file.path().extension() != ".vcf") continue;
            std::ifstream in(file.path(), std::ios::binary);
            texts.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
        }
        store->write([&](storage::WriteTxn& txn) {
            const auto space = txn.make_space(storage::SpaceKind::contacts, base::Id128{{1}}, "", {});
            id = txn.make({space.root, "book", storage::NodeKind::addressbook, {}, {}}, {}).id;
            for (std::size_t i = 0; i < texts.size(); ++i) {
                const auto entry = card_entry(texts[i]);
                const auto node = txn.put({id, std::to_string(i), storage::NodeKind::card, {}, {}},
                                          storage::text_content(texts[i]), *entry, {});
                nodes.push_back(node.node.id);
            }
        });
    }
    storage::TempDir dir;
    std::unique_ptr<storage::Store> store;
    storage::NodeId id = 0;
    std::vector<std::string> texts;
    std::vector<storage::NodeId> nodes;
};

class Generator {
  public:
    explicit Generator(const std::vector<std::string>& texts) : texts_(texts) {}

    Filter filter() {
        Filter made;
        made.test = pick(2) ? Test::anyof : Test::allof;
        for (std::size_t i = pick(4); i > 0; --i) made.props.push_back(prop());
        return made;
    }

  private:
    std::size_t pick(std::size_t below) { return random_() % below; }

    PropFilter prop() {
        constexpr const char* kNames[] = {"FN",  "N",    "EMAIL", "TEL",  "ORG", "NICKNAME", "KIND",
                                          "UID", "NOTE", "fn",    "X-AB", "ADR", "email",    "TITLE"};
        PropFilter made;
        made.name = kNames[pick(std::size(kNames))];
        if (pick(12) == 0) made.group = "item1";
        made.test = pick(2) ? Test::anyof : Test::allof;
        if (pick(6) == 0) {
            made.is_not_defined = true;
            return made;
        }
        for (std::size_t i = pick(3); i > 0; --i) made.texts.push_back(text());
        if (pick(6) == 0) {
            ParamFilter param;
            param.name = "TYPE";
            param.is_not_defined = pick(2) != 0;
            made.params.push_back(param);
        }
        return made;
    }

    // Mostly something that is in one of the cards.
    dav::TextMatch text() {
        const std::string& from = texts_[pick(texts_.size())];
        std::string wanted = from.substr(pick(from.size()), pick(8));
        while (!wanted.empty() && !base::is_utf8(wanted)) wanted.pop_back();
        if (pick(10) == 0) wanted = "\n";
        const auto collation = pick(5) == 0 ? (pick(2) ? dav::Collation::octet : dav::Collation::ascii_casemap)
                                            : dav::Collation::unicode_casemap;
        const dav::MatchType types[] = {dav::MatchType::contains, dav::MatchType::contains, dav::MatchType::starts_with,
                                        dav::MatchType::ends_with, dav::MatchType::equals};
        return {wanted, collation, types[pick(std::size(types))], pick(4) == 0};
    }

    const std::vector<std::string>& texts_;
    std::mt19937 random_{20261127};
};

}  // namespace

TEST_CASE("the index never says otherwise than the octets") {
    Book book;
    Generator generate(book.texts);
    std::vector<Card> cards;
    for (const std::string& text : book.texts) cards.push_back(parse_card(text));
    std::size_t sure = 0;
    std::size_t unsure = 0;
    for (int round = 0; round < 3000; ++round) {
        const Filter filter = generate.filter();
        const Candidates said =
            book.store->read([&](storage::ReadTxn& txn) { return candidates(txn, book.id, filter); });
        CHECK(std::is_sorted(said.matched.begin(), said.matched.end()));
        sure += said.matched.size();
        unsure += said.unsure.size();
        for (std::size_t i = 0; i < book.nodes.size(); ++i) {
            const bool truth = matches(filter, cards[i]);
            const bool yes = std::binary_search(said.matched.begin(), said.matched.end(), book.nodes[i]);
            const bool maybe = std::binary_search(said.unsure.begin(), said.unsure.end(), book.nodes[i]);
            if ((truth && (yes || maybe)) || (!truth && !yes)) continue;
            INFO("round " << round << ": " << book.texts[i]);
            REQUIRE(truth == yes);
        }
    }
    // It says something, and not of everything.
    CHECK(sure > 10'000);
    CHECK(unsure > 1'000);
}
