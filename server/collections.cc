#include "server/collections.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "carddav/card_rule.h"
#include "dav/error.h"
#include "dav/homes.h"
#include "dav/stored_text.h"
#include "storage/base/log.h"

namespace server {
namespace {

constexpr std::array kRules = {&carddav::kCardRule};
constexpr std::string_view kKeptFolder = ".hearth-contacts";

std::string quoted(const std::string& name) {
    return "\"" + base::printable(name, 64) + "\"";
}

const dav::ItemRule& rule_of_kind(const Json& request) {
    const std::string kind = text_of(request, "kind");
    for (const dav::ItemRule* rule : kRules)
        if (rule->kind_name == kind) return *rule;
    throw Refused(quoted(kind) + " is no kind of collection; there are contacts");
}

const dav::ItemRule& rule_asked(const Json& request) {
    const std::string format = text_of(request, "format");
    if (const dav::ItemRule* rule = rule_of_format(format)) return *rule;
    throw Refused(quoted(format) + " is no format that can be imported or exported");
}

// A user or a group: both own collections.
const storage::Principal& owner_of(const storage::AccountBook& book, const Json& request) {
    const std::string name = text_of(request, "user");
    if (const auto* found = book.find(name)) return *found;
    throw Refused("there is no user or group " + base::printable(name, 64));
}

storage::Space space_of(storage::ReadTxn& txn, const dav::ItemRule& rule, const storage::Principal& owner) {
    if (auto space = txn.space_of(rule.home, owner.uid)) return *std::move(space);
    throw Refused(owner.name + " has no " + std::string(rule.kind_name));
}

storage::Node collection_of(storage::ReadTxn& txn, const dav::ItemRule& rule, const storage::Principal& owner,
                            const std::string& name) {
    const auto node = txn.child(space_of(txn, rule, owner).root, name);
    if (node && node->kind == rule.collection) return *node;
    throw Refused(owner.name + " has no " + std::string(rule.collection_name) + " " + quoted(name) +
                  "; `hearth collection list " + owner.name + "` names them");
}

std::string title_of(storage::ReadTxn& txn, const storage::Node& node) {
    for (const storage::Prop& prop : txn.props(node.id))
        if (auto title = dav::displayname_of(prop)) return *std::move(title);
    return node.name;
}

Json collection_json(storage::ReadTxn& txn, const dav::ItemRule& rule, const storage::Node& node) {
    return {{"id", base::uuid_text(node.oid)},
            {"kind", rule.kind_name},
            {"name", node.name},
            {"title", title_of(txn, node)},
            {"items", txn.count_children(node.id)}};
}

std::string without_break(std::string octets) {
    while (octets.ends_with('\n') || octets.ends_with('\r')) octets.pop_back();
    return octets;
}

}  // namespace

const dav::ItemRule* rule_of_format(std::string_view format) {
    for (const dav::ItemRule* rule : kRules)
        if (rule->name_suffix.substr(1) == format) return rule;
    return nullptr;
}

Outcome collection_list(Core& core, const Json& request) {
    const auto book = core.accounts().book();
    const storage::Principal& owner = owner_of(*book, request);
    Outcome outcome{Json::array(), {}};
    std::vector<std::vector<std::string>> rows = {{"KIND", "NAME", "TITLE", "ITEMS"}};
    core.store().read([&](storage::ReadTxn& txn) {
        for (const dav::ItemRule* rule : kRules) {
            const auto space = txn.space_of(rule->home, owner.uid);
            if (!space) continue;
            std::vector<storage::Node> nodes;
            txn.list(space->root, storage::Need::none, "", storage::kListPageMax,
                     [&](const storage::Row& row) { nodes.push_back(row.node); });
            for (const storage::Node& node : nodes) {
                Json one = collection_json(txn, *rule, node);
                rows.push_back(
                    {one["kind"], one["name"], one["title"], std::to_string(one["items"].get<std::size_t>())});
                outcome.value().push_back(std::move(one));
            }
        }
    });
    outcome.text = outcome.value().empty() ? "none\n" : columns(rows);
    return outcome;
}

Outcome collection_add(Core& core, const Json& request) {
    const dav::ItemRule& rule = rule_of_kind(request);
    const auto book = core.accounts().book();
    const storage::Principal& owner = owner_of(*book, request);
    const std::string name = base::to_nfc(text_of(request, "name"));
    if (base::name_fault(name) || dav::is_marked(name)) throw Refused(quoted(name) + " can not be a name");
    const std::string title = text_of(request, "title");
    return core.store().write([&](storage::WriteTxn& txn) {
        const storage::Space space = space_of(txn, rule, owner);
        if (txn.child(space.root, name)) throw Refused("the name " + quoted(name) + " is taken");
        const auto props = dav::displayname_as(title.empty() ? name : title);
        storage::WriteTxn::Make make;
        make.parent = space.root;
        make.name = name;
        make.kind = rule.collection;
        make.props = props;
        const storage::Node made = txn.make(make, kAdmin);
        return Outcome{collection_json(txn, rule, made),
                       std::string(rule.collection_name) + " " + name + " of " + owner.name + " added\n"};
    });
}

Outcome collection_set(Core& core, const Json& request) {
    const dav::ItemRule& rule = rule_of_kind(request);
    const auto book = core.accounts().book();
    const storage::Principal& owner = owner_of(*book, request);
    const std::string name = text_of(request, "name");
    return core.store().write([&](storage::WriteTxn& txn) {
        const storage::Node node = collection_of(txn, rule, owner, name);
        storage::PropChanges changes;
        changes.props = dav::displayname_as(text_of(request, "title"));
        txn.set_props(node.id, changes, kAdmin);
        return Outcome{collection_json(txn, rule, node), std::string(rule.collection_name) + " " + name + " changed\n"};
    });
}

Outcome collection_remove(Core& core, const Json& request) {
    const dav::ItemRule& rule = rule_of_kind(request);
    const auto book = core.accounts().book();
    const storage::Principal& owner = owner_of(*book, request);
    const std::string name = text_of(request, "name");
    return core.store().write([&](storage::WriteTxn& txn) {
        const storage::Node node = collection_of(txn, rule, owner, name);
        Json value = collection_json(txn, rule, node);
        txn.remove(node.id, kAdmin);
        return Outcome{std::move(value), std::string(rule.collection_name) + " " + name + " of " + owner.name +
                                             " removed; history has it\n"};
    });
}

Outcome import_items(Core& core, const Json& request) {
    const dav::ItemRule& rule = rule_asked(request);
    const auto book = core.accounts().book();
    const storage::Principal& owner = owner_of(*book, request);
    const auto items = request.value("items", Json::array());
    if (items.size() > kImportItemsMax) throw Refused("too many items in one request");
    struct Item {
        dav::PreparedItem prepared;
        std::string octets;
        base::Hash hash;
    };
    std::vector<Item> ready;
    Json aside = Json::array();
    for (std::size_t i = 0; i < items.size(); ++i) {
        try {
            std::string octets = base::unbase64(items[i].get<std::string>()).value_or(std::string());
            dav::PreparedItem prepared = rule.admit(octets);
            if (prepared.rewritten) octets = *prepared.rewritten;
            const base::Hash hash = base::sha256(octets);
            ready.push_back({std::move(prepared), std::move(octets), hash});
        } catch (const dav::DavError& error) {  // one bad item stops none of the others
            aside.push_back({{"item", i}, {"why", error.what()}});
        }
    }
    std::size_t added = 0, changed = 0, unchanged = 0;
    core.store().write([&](storage::WriteTxn& txn) {
        added = changed = unchanged = 0;  // may run twice
        const storage::Node collection = collection_of(txn, rule, owner, text_of(request, "collection"));
        for (const Item& item : ready) {
            storage::WriteTxn::PutContent put;
            put.parent = collection.id;
            put.kind = rule.item;
            const auto holders = rule.holders(txn, collection.id, item.prepared.uid);
            const auto there = holders.empty() ? std::nullopt : txn.node(holders.front());
            if (there) {
                const auto before = there->hash ? txn.body(*there->hash) : std::nullopt;
                if (before && without_break(*before) == without_break(item.octets)) {
                    ++unchanged;
                    continue;
                }
                put.name = there->name;
                ++changed;
            } else {
                put.name = dav::free_item_name(txn, collection.id, rule, item.prepared.uid);
                ++added;
            }
            txn.put(put, storage::Content::inlined(item.octets, item.hash), *item.prepared.index, kAdmin);
        }
    });
    return {{{"added", added}, {"changed", changed}, {"unchanged", unchanged}, {"aside", std::move(aside)}}, {}};
}

std::string keep_collections(Core& core, const storage::Principal& owner) {
    const auto files =
        core.store().read([&](storage::ReadTxn& txn) { return txn.space_of(storage::SpaceKind::files, owner.uid); });
    if (!files) return {};
    const std::string folder = files->dir + "/" + std::string(kKeptFolder);
    bool any = false;
    for (const dav::ItemRule* rule : kRules) {
        const Json list = collection_list(core, {{"user", owner.name}}).value();
        for (const Json& one : list) {
            if (one["kind"] != rule->kind_name || one["items"] == 0) continue;
            const std::string name = one["name"];
            Json page = {{"format", rule->name_suffix.substr(1)}, {"user", owner.name}, {"collection", name}};
            storage::Tree& tree = core.store().tree();
            tree.make_folders(folder);
            const std::string path = folder + "/" + name + std::string(rule->name_suffix);
            tree.unlink(path);  // of a removal that did not come about
            const auto file = tree.create(path);
            if (!file) throw Refused(path + " can not be made");
            for (std::string after;;) {
                page["after"] = after;
                const Outcome piece = export_items(core, page);
                file->append(base::unbase64(piece.value()["octets"].get<std::string>()).value_or(std::string()));
                after = piece.value()["next"].get<std::string>();
                if (after.empty()) break;
            }
            file->sync();
            tree.sync_folder(folder);
            tree.sync_folder(files->dir);  // the folder's own name, before the removal is recorded
            any = true;
        }
    }
    return any ? folder : std::string();
}

Outcome export_items(Core& core, const Json& request) {
    const dav::ItemRule& rule = rule_asked(request);
    const auto book = core.accounts().book();
    const storage::Principal& owner = owner_of(*book, request);
    std::string octets;
    std::string next = text_of(request, "after");
    bool more = true;
    core.store().read([&](storage::ReadTxn& txn) {
        const storage::Node collection = collection_of(txn, rule, owner, text_of(request, "collection"));
        while (more && octets.size() < kExportBytes) {
            constexpr std::size_t kPage = 32;
            const std::size_t given =
                txn.list(collection.id, storage::Need::octets, next, kPage, [&](const storage::Row& row) {
                    next = row.node.name;
                    octets += row.octets;
                    if (!octets.ends_with('\n')) octets += "\r\n";
                });
            more = given == kPage;
        }
    });
    return {{{"octets", base::base64(octets)}, {"next", more ? next : std::string()}}, {}};
}

}  // namespace server
