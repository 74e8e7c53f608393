#include "carddav/index.h"

#include <algorithm>
#include <array>

#include "carddav/merge.h"
#include "dav/text_match.h"
#include "storage/base/log.h"
#include "storage/sql.h"

namespace carddav {
namespace {

constexpr const char* kSchemaSql =
#include "cards_sql.inc"
    ;

// The columns of texts in the order of the table, after `uid`. Each names the property that it holds.
constexpr std::array<std::string_view, 7> kColumns = {"FN", "N", "NICKNAME", "ORG", "EMAIL", "TEL", "KIND"};
#define TEXT_COLUMNS "fn, n, nickname, org, email, tel, kind"

// Between the values of one column. A line break inside a value is written as the other.
constexpr char kBetween = '\n';
constexpr char kInside = '\x1f';

std::string column_text(const std::string& value) {
    std::string text = dav::collated(value, dav::Collation::unicode_casemap);
    std::replace(text.begin(), text.end(), kBetween, kInside);
    return text;
}

std::optional<std::string> column_of(const Card& card, std::string_view property) {
    std::optional<std::string> text;
    for (const ContentLine& line : card.lines) {
        if (!line.is(property)) continue;
        if (text)
            *text += kBetween;
        else
            text.emplace();
        *text += column_text(unescaped(line.value));
    }
    return text;
}

sql::Query& bind(sql::Query& query, const std::optional<std::string>& text) {
    return text ? query.bind_text(*text) : query.bind_null();
}

// ---- what the index says of a filter ----

enum class Said : std::uint8_t { no, yes, unsure };

Said either(Said a, Said b) {
    if (a == Said::yes || b == Said::yes) return Said::yes;
    return a == Said::unsure || b == Said::unsure ? Said::unsure : Said::no;
}
Said both(Said a, Said b) {
    if (a == Said::no || b == Said::no) return Said::no;
    return a == Said::unsure || b == Said::unsure ? Said::unsure : Said::yes;
}
Said together(Test test, Said a, Said b) {
    return test == Test::anyof ? either(a, b) : both(a, b);
}

bool is_exact(const dav::TextMatch& text) {
    const std::string& wanted = text.wanted();
    return text.collation() == dav::Collation::unicode_casemap && wanted.find(kBetween) == std::string::npos &&
           wanted.find(kInside) == std::string::npos;
}

// One value of the property against its filter.
Said of_value(const PropFilter& filter, std::string_view value) {
    if (filter.texts.empty() && filter.params.empty()) return Said::yes;
    Said said = filter.test == Test::anyof ? Said::no : Said::yes;
    for (const dav::TextMatch& text : filter.texts) {
        const Said one = !is_exact(text) ? Said::unsure : text.matches_collated(value) ? Said::yes : Said::no;
        said = together(filter.test, said, one);
    }
    if (!filter.params.empty()) said = together(filter.test, said, Said::unsure);
    return said;
}

// `column`: all values of the property; empty: it has none.
Said of_column(const PropFilter& filter, std::optional<std::string_view> column) {
    if (filter.is_not_defined) return column ? Said::no : Said::yes;
    if (!column) return Said::no;
    Said said = Said::no;
    for (std::string_view rest = *column;;) {
        const std::size_t end = rest.find(kBetween);
        said = either(said, of_value(filter, rest.substr(0, end)));
        if (end == std::string_view::npos || said == Said::yes) return said;
        rest.remove_prefix(end + 1);
    }
}

// Which column a filter asks; none: the octets alone tell.
std::optional<std::size_t> column_asked(const PropFilter& filter) {
    if (!filter.group.empty()) return std::nullopt;
    const auto found = std::find_if(kColumns.begin(), kColumns.end(),
                                    [&](std::string_view column) { return equal_names(column, filter.name); });
    if (found == kColumns.end()) return std::nullopt;
    return static_cast<std::size_t>(found - kColumns.begin());
}

std::optional<std::string_view> text_or_none(const sql::Query& query, int column) {
    return query.is_null(column) ? std::nullopt : std::optional(query.text(column));
}

// `first`: where the columns of texts begin in the row; before them stands the UID.
Said of_row(const Filter& filter, const sql::Query& row, int first) {
    if (filter.props.empty()) return Said::yes;
    Said said = filter.test == Test::anyof ? Said::no : Said::yes;
    for (const PropFilter& one : filter.props) {
        Said of_one = Said::unsure;
        if (one.group.empty() && equal_names(one.name, "UID")) {
            const std::string_view uid = row.text(first - 1);  // empty: also where there is no such line
            if (!uid.empty()) of_one = of_column(one, column_text(std::string(uid)));
        } else if (const auto column = column_asked(one)) {
            of_one = of_column(one, text_or_none(row, first + static_cast<int>(*column)));
        }
        said = together(filter.test, said, of_one);
    }
    return said;
}

void add(Candidates& candidates, Said said, storage::NodeId node) {
    if (said == Said::yes) candidates.matched.push_back(node);
    if (said == Said::unsure) candidates.unsure.push_back(node);
}

bool asks_names_alone(const Filter& filter) {
    return filter.props.size() == 1 && column_asked(filter.props.front()) == 0 && !filter.props.front().is_not_defined;
}

}  // namespace

const storage::SchemaPart kCardSchema{"cards", 1, kSchemaSql};

CardEntry::CardEntry(const Card& card) : texts_(kColumns.size()), dates_(dates_in(card)) {
    const ContentLine* uid = card.find("UID");
    uid_ = uid ? unescaped(uid->value) : std::string();
    for (std::size_t i = 0; i < kColumns.size(); ++i) texts_[i] = column_of(card, kColumns[i]);
}

CardEntry::CardEntry(const BadCard& bad) : fault_(bad.what()), texts_(kColumns.size()) {
    if (bad.line() > 0) fault_ = "line " + std::to_string(bad.line()) + ": " + fault_;
}

void CardEntry::store(sql::Connection& connection, storage::NodeId node) const {
    connection.query("DELETE FROM card_date WHERE node = ?1").bind(node).run();
    auto query =
        connection.query("INSERT OR REPLACE INTO card (node, book, uid, " TEXT_COLUMNS
                         ") VALUES (?1, (SELECT parent FROM node WHERE id = ?1), ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
    query.bind(node);
    if (fault_.empty())
        query.bind_text(uid_);
    else
        query.bind_null();
    for (const auto& text : texts_) bind(query, text);
    query.run();
    std::int64_t number = 0;
    for (const CardDate& date : dates_) {
        auto insert = connection.query(
            "INSERT INTO card_date (node, number, kind, label, year, month, day) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
        insert.bind(node).bind(++number).bind(static_cast<std::int64_t>(date.kind)).bind_text(date.label);
        insert.bind(date.year ? std::optional<std::int64_t>(*date.year) : std::nullopt).bind(std::int64_t{date.month});
        insert.bind(std::int64_t{date.day}).run();
    }
}

bool CardEntry::is_stored(sql::Connection& connection, storage::NodeId node) const {
    auto row = connection.query("SELECT book IS (SELECT parent FROM node WHERE id = ?1), uid, " TEXT_COLUMNS
                                " FROM card WHERE node = ?1");
    row.bind(node);
    if (!row.next() || row.integer(0) == 0) return false;
    if (text_or_none(row, 1) != (fault_.empty() ? std::optional<std::string_view>(uid_) : std::nullopt)) return false;
    for (std::size_t i = 0; i < texts_.size(); ++i) {
        const auto there = text_or_none(row, static_cast<int>(i) + 2);
        if (there.has_value() != texts_[i].has_value() || (there && *there != *texts_[i])) return false;
    }
    auto dates =
        connection.query("SELECT kind, label, year, month, day FROM card_date WHERE node = ?1 ORDER BY number");
    dates.bind(node);
    for (const CardDate& date : dates_) {
        if (!dates.next() || dates.integer(0) != static_cast<std::int64_t>(date.kind)) return false;
        const bool year_known = !dates.is_null(2);
        if (dates.text(1) != date.label || year_known != date.year.has_value()) return false;
        if (year_known && dates.integer(2) != *date.year) return false;
        if (dates.integer(3) != date.month || dates.integer(4) != date.day) return false;
    }
    return !dates.next();
}

std::unique_ptr<storage::IndexEntry> card_entry(std::string_view octets) {
    try {
        return std::make_unique<CardEntry>(parse_card(octets));
    } catch (const BadCard& bad) {  // kept as it is; `check` names it
        return std::make_unique<CardEntry>(bad);
    }
}

std::optional<std::string> merged_cards(const std::string* before, std::string_view later, std::string_view earlier) {
    try {
        const Card last = parse_card(later);
        const Card first = parse_card(earlier);
        Card base;
        if (before) {
            base = parse_card(*before);
        } else {  // both made it: it began with its UID
            base.version = last.version;
            for (const ContentLine* uid : last.all("UID")) base.lines.push_back(*uid);
        }
        const auto both = merged({base, first, last});
        if (!both) return std::nullopt;
        if (!both->lost.empty()) {
            std::string names;
            for (const std::string& name : both->lost) names += (names.empty() ? "" : ", ") + name;
            base::log_info("carddav", "a card was changed in two homes; of one its history alone has: " + names);
        }
        std::string octets = print_card(both->card);
        if (octets == print_card(last)) return std::string(later);
        if (octets == print_card(first)) return std::string(earlier);
        return octets;
    } catch (const BadCard&) {  // what shows stays
        return std::nullopt;
    }
}

std::string uid_of(storage::ReadTxn& txn, storage::NodeId card) {
    auto query = txn.connection().query("SELECT uid FROM card WHERE node = ?1");
    query.bind(card);
    return query.next() ? std::string(query.text(0)) : std::string();
}

std::vector<storage::NodeId> cards_of_uid(storage::ReadTxn& txn, storage::NodeId book, std::string_view uid) {
    std::vector<storage::NodeId> cards;
    auto query = txn.connection().query("SELECT node FROM card WHERE uid = ?1 AND book = ?2 ORDER BY node");
    query.bind_text(uid).bind(book);
    while (query.next()) cards.push_back(query.integer(0));
    return cards;
}

Candidates candidates(storage::ReadTxn& txn, storage::NodeId book, const Filter& filter) {
    Candidates found;
    if (asks_names_alone(filter)) {
        auto names =
            txn.connection().query("SELECT node, fn FROM card INDEXED BY card_fn WHERE book = ?1 AND fn IS NOT NULL");
        names.bind(book);
        while (names.next()) add(found, of_column(filter.props.front(), names.text(1)), names.integer(0));
        std::sort(found.matched.begin(), found.matched.end());
        std::sort(found.unsure.begin(), found.unsure.end());
        return found;
    }
    auto cards = txn.connection().query("SELECT node, uid, " TEXT_COLUMNS
                                        " FROM card INDEXED BY card_fn WHERE book = ?1 AND uid IS NOT NULL");
    cards.bind(book);
    while (cards.next()) add(found, of_row(filter, cards, 2), cards.integer(0));
    std::sort(found.matched.begin(), found.matched.end());
    std::sort(found.unsure.begin(), found.unsure.end());
    return found;
}

std::vector<DateOfCard> dates_of_book(storage::ReadTxn& txn, storage::NodeId book) {
    std::vector<DateOfCard> dates;
    auto query = txn.connection().query(
        "SELECT d.node, d.kind, d.label, d.year, d.month, d.day FROM card AS c JOIN card_date AS d ON d.node = c.node"
        " WHERE c.book = ?1 ORDER BY d.node, d.number");
    query.bind(book);
    while (query.next()) {
        DateOfCard one;
        one.card = query.integer(0);
        one.date.kind = static_cast<DateKind>(query.integer(1));
        one.date.label = query.text(2);
        if (!query.is_null(3)) one.date.year = static_cast<int>(query.integer(3));
        one.date.month = static_cast<int>(query.integer(4));
        one.date.day = static_cast<int>(query.integer(5));
        dates.push_back(std::move(one));
    }
    return dates;
}

}  // namespace carddav
