#include "server/commands.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <sstream>

#include <nlohmann/json.hpp>

#include "dav/merged.h"
#include "server/certificates.h"
#include "server/collections.h"
#include "server/command.h"
#include "server/config_keys.h"
#include "server/credentials.h"
#include "server/password.h"
#include "storage/base/failure.h"
#include "storage/base/log.h"

namespace server {
namespace {

std::uint64_t used_bytes(Core& core, const base::Id128& owner) {
    const auto space =
        core.store().read([&](storage::ReadTxn& t) { return t.space_of(storage::SpaceKind::files, owner); });
    return space ? static_cast<std::uint64_t>(std::max<std::int64_t>(space->used_bytes, 0)) : 0;
}

Json principal_json(Core& core, const storage::Principal& who) {
    Json value = {{"id", base::uuid_text(who.uid)},
                  {"name", who.name},
                  {"kind", kind_text(who.kind)},
                  {"created", date_text(who.created_ms)},
                  {"used_bytes", used_bytes(core, who.uid)}};
    // Another home had somebody of that name first.
    if (who.given_name != who.name) value["given_name"] = who.given_name;
    if (who.kind == storage::PrincipalKind::user) {
        value["admin"] = who.admin;
        value["disabled"] = who.disabled;
    }
    value["quota_bytes"] = who.quota_bytes ? Json(*who.quota_bytes) : Json();
    return value;
}

Json principal_json(Core& core, const std::string& name) {
    const auto book = core.accounts().book();
    const auto* who = book->find(name);
    return who == nullptr ? Json{{"name", name}} : principal_json(core, *who);
}

// ---- users ----

// The password of the request, or a new one that `value` then carries (shown once).
struct NewPassword {
    std::string phc;
    std::string shown;  // empty: the caller knows it
};

// What anybody would try first for this user at this machine.
std::vector<std::string> own_words(const std::string& user) {
    std::vector<std::string> words = {user, "hearth"};
    for (const std::string& host : names_of_machine({}).hosts) {
        std::istringstream labels(host);
        for (std::string label; std::getline(labels, label, '.');) words.push_back(label);
    }
    return words;
}

NewPassword new_password(Core& core, const Json& request, const std::string& user) {
    if (!request.contains("password")) {
        const std::string made = new_account_password(core.store().seams().rng);
        return {core.credentials().hash(made), made};
    }
    const std::string chosen = text_of(request, "password");
    if (const auto fault = password_fault(chosen, own_words(user))) throw Refused(*fault);
    return {core.credentials().hash(chosen), {}};
}

void show_password(Outcome& outcome, const NewPassword& password) {
    if (password.shown.empty()) return;
    outcome.value()["password"] = password.shown;
    outcome.text += "password: " + password.shown + "\n";
}

Outcome user_add(Core& core, const Json& request) {
    const std::string name = text_of(request, "name");
    // Before the hash is made: it takes a while, and a wrong name is the more useful thing to say.
    if (!storage::is_principal_name(name)) {
        throw Refused("\"" + base::printable(name, 64) +
                      "\" can not be a user: a name has 1 to 32 of a-z, 0-9, dot, dash, underscore and starts with a "
                      "letter or digit");
    }
    if (core.accounts().book()->find(name) != nullptr) throw Refused("the name " + name + " is taken");
    const auto password = new_password(core, request, name);
    core.accounts().add_user(name, flag_of(request, "admin"), password.phc, kAdmin);
    Outcome outcome{principal_json(core, name), "user " + name + " added\n"};
    show_password(outcome, password);
    return outcome;
}

Outcome user_passwd(Core& core, const Json& request) {
    const std::string name = text_of(request, "name");
    principal(*core.accounts().book(), name, storage::PrincipalKind::user);
    const auto password = new_password(core, request, name);
    core.accounts().set_password(name, password.phc, kAdmin);
    Outcome outcome{principal_json(core, name), "password of " + name + " changed\n"};
    show_password(outcome, password);
    return outcome;
}

Outcome list_principals(Core& core, storage::PrincipalKind kind) {
    Json list = Json::array();
    std::vector<std::vector<std::string>> rows;
    const auto book = core.accounts().book();
    if (kind == storage::PrincipalKind::user) {
        rows.push_back({"NAME", "STATE", "USED", "QUOTA", "CREATED"});
    } else {
        rows.push_back({"NAME", "MEMBERS", "USED", "CREATED"});
    }
    for (const auto& [name, who] : book->by_name) {
        if (who.kind != kind) continue;
        Json value = principal_json(core, who);
        const std::string used = std::to_string(value["used_bytes"].get<std::uint64_t>());
        const std::string created = value["created"];
        const std::string shown = who.given_name == name ? name : name + " (added as " + who.given_name + ")";
        if (kind == storage::PrincipalKind::user) {
            const std::string state = who.disabled ? "disabled" : who.admin ? "admin" : "user";
            rows.push_back({shown, state, used, who.quota_bytes ? std::to_string(*who.quota_bytes) : "none", created});
        } else {
            const auto members = book->members_of.find(who.uid);
            rows.push_back(
                {shown, std::to_string(members == book->members_of.end() ? 0 : members->second.size()), used, created});
        }
        list.push_back(std::move(value));
    }
    return {list, list.empty() ? "none\n" : columns(rows)};
}

Outcome user_list(Core& core, const Json&) {
    return list_principals(core, storage::PrincipalKind::user);
}

Outcome set_disabled(Core& core, const Json& request, bool disabled) {
    const std::string name = text_of(request, "name");
    principal(*core.accounts().book(), name, storage::PrincipalKind::user);
    core.accounts().set_disabled(name, disabled, kAdmin);
    return {principal_json(core, name), "user " + name + (disabled ? " disabled\n" : " enabled\n")};
}

Outcome user_disable(Core& core, const Json& request) {
    return set_disabled(core, request, true);
}
Outcome user_enable(Core& core, const Json& request) {
    return set_disabled(core, request, false);
}

Outcome remove_principal(Core& core, const Json& request, storage::PrincipalKind kind) {
    const std::string name = text_of(request, "name");
    const auto book = core.accounts().book();
    const storage::Principal& who = principal(*book, name, kind);
    const std::string id = base::uuid_text(who.uid);
    const std::string kept = keep_collections(core, who);
    const std::string place = core.accounts().remove(name, kAdmin);
    std::string text = kind_text(kind) + " " + name + " removed";
    Json value = {{"id", id}, {"name", name}};
    if (!place.empty()) {
        value["files"] = core.store().root() + "/" + place;
        text += "; the files are kept for a while in " + value["files"].get<std::string>();
        if (!kept.empty()) text += ", its address books as files in " + kept.substr(kept.rfind('/') + 1) + " there";
    }
    return {value, text + "\n"};
}

Outcome user_remove(Core& core, const Json& request) {
    return remove_principal(core, request, storage::PrincipalKind::user);
}

Outcome user_quota(Core& core, const Json& request) {
    const std::string name = text_of(request, "name");
    const std::string wanted = text_of(request, "size");
    principal(*core.accounts().book(), name, storage::PrincipalKind::user);
    std::optional<std::uint64_t> quota;
    if (wanted != "none") {
        const auto bytes = parse_bytes(wanted);
        if (!bytes)
            throw Refused("\"" + base::printable(wanted, 64) +
                          "\" is not a size like \"10 GiB\", a number of bytes, or none");
        quota = static_cast<std::uint64_t>(*bytes);
    }
    core.accounts().set_quota(name, quota, kAdmin);
    return {principal_json(core, name),
            "quota of " + name + ": " + (quota ? std::to_string(*quota) + " bytes" : "none") + "\n"};
}

// ---- groups ----

Outcome group_add(Core& core, const Json& request) {
    const std::string name = text_of(request, "name");
    core.accounts().add_group(name, kAdmin);
    return {principal_json(core, name), "group " + name + " added\n"};
}

Outcome group_list(Core& core, const Json&) {
    return list_principals(core, storage::PrincipalKind::group);
}

Outcome group_remove(Core& core, const Json& request) {
    return remove_principal(core, request, storage::PrincipalKind::group);
}

Outcome group_members(Core& core, const Json& request) {
    const std::string name = text_of(request, "name");
    const auto uid = principal(*core.accounts().book(), name, storage::PrincipalKind::group).uid;
    for (const bool member : {true, false}) {
        for (const auto& user : request.value(member ? "add" : "remove", Json::array())) {
            principal(*core.accounts().book(), user.get<std::string>(), storage::PrincipalKind::user);
            core.accounts().set_member(name, user.get<std::string>(), member, kAdmin);
        }
    }
    const auto book = core.accounts().book();
    Outcome outcome{Json::array(), {}};
    const auto members = book->members_of.find(uid);
    if (members == book->members_of.end()) return outcome;
    for (const auto& member : members->second) {
        const auto* who = book->find(member);
        if (who == nullptr) continue;
        outcome.value().push_back({{"id", base::uuid_text(member)}, {"name", who->name}});
        outcome.text += who->name + "\n";
    }
    return outcome;
}

// ---- app passwords ----

Json app_password_json(const storage::AppPassword& password) {
    return {{"id", password.id},
            {"label", password.label},
            {"scope", storage::scope_name(password.scope)},
            {"read_only", password.read_only},
            {"path", base::join(password.subtree)},
            {"books", password.books},
            {"created", date_text(password.created_ms)},
            {"last_used", password.last_used_ms ? Json(date_text(*password.last_used_ms)) : Json()}};
}

base::Segments subtree_of(const std::string& path) {
    base::Segments segments;
    std::size_t begin = 0;
    while (begin <= path.size()) {
        const auto slash = std::min(path.find('/', begin), path.size());
        const std::string name = path.substr(begin, slash - begin);
        begin = slash + 1;
        if (name.empty()) continue;
        if (base::name_fault(name) || segments.size() == base::kSegmentsMax) {
            throw Refused("\"" + base::printable(path, 64) + "\" is not a path below the user's files");
        }
        segments.push_back(base::to_nfc(name));
    }
    return segments;
}

// "contacts,club~family,merged"; "all" = empty.
std::vector<std::string> book_names(const std::string& list) {
    std::vector<std::string> names;
    if (list == "all") return names;
    for (std::size_t begin = 0; begin < list.size();) {
        const std::size_t comma = std::min(list.find(',', begin), list.size());
        std::string name = list.substr(begin, comma - begin);
        begin = comma + 1;
        if (name == "merged") name = dav::kMergedName;
        if (base::name_fault(name)) throw Refused("\"" + base::printable(list, 64) + "\" is no list of address books");
        names.push_back(base::to_nfc(name));
    }
    return names;
}

Outcome user_books(Core& core, const Json& request) {
    const std::string name = text_of(request, "name");
    const auto books = book_names(text_of(request, "books"));
    core.accounts().set_books(name, books, kAdmin);
    return {{{"name", name}, {"books", books}},
            "address books of " + name + ": " + (books.empty() ? "all" : text_of(request, "books")) + "\n"};
}

Outcome user_card(Core& core, const Json& request) {
    const std::string name = text_of(request, "name");
    const std::string card = text_of(request, "card");
    const std::size_t slash = card.find('/');
    if (card != "none" && (slash == std::string::npos || base::name_fault(card.substr(0, slash)) ||
                           base::name_fault(card.substr(slash + 1))))
        throw Refused("a card is named by its address book and its name there, like contacts/ana.vcf");
    core.accounts().set_card(name, card == "none" ? std::string() : card, kAdmin);
    return {{{"name", name}, {"card", card}}, "card of " + name + ": " + card + "\n"};
}

Outcome app_password_add(Core& core, const Json& request) {
    const std::string user = text_of(request, "user");
    principal(*core.accounts().book(), user, storage::PrincipalKind::user);
    storage::AppPassword wanted;
    wanted.label = text_of(request, "label");
    constexpr std::size_t kLabelMax = 64;
    if (wanted.label.empty() || wanted.label.size() > kLabelMax || !base::is_utf8(wanted.label)) {
        throw Refused("a label has 1 to 64 octets of UTF-8");
    }
    const std::string scope = text_of(request, "scope");
    const auto known = storage::scope_from(scope.empty() ? "all" : scope);
    if (!known) throw Refused("\"" + base::printable(scope, 64) + "\" is not one of files, calendars, contacts, all");
    wanted.scope = *known;
    wanted.read_only = flag_of(request, "read_only");
    wanted.subtree = subtree_of(text_of(request, "path"));
    wanted.books = book_names(text_of(request, "books"));
    const std::string secret = new_app_password(core.store().seams().rng);
    wanted.secret = app_password_hash(*normalised_app_password(secret));
    const auto made = core.accounts().add_app_password(user, wanted, kAdmin);
    Json value = app_password_json(made);
    value["user"] = user;
    value["password"] = secret;
    return {value, "app password " + made.id + " (" + made.label + ") of " + user + "\npassword: " + secret + "\n"};
}

Outcome app_password_list(Core& core, const Json& request) {
    const auto book = core.accounts().book();
    const auto uid = principal(*book, text_of(request, "user"), storage::PrincipalKind::user).uid;
    std::vector<const storage::AppPassword*> all;
    for (const auto& [hash, password] : book->app_passwords) {
        if (password.user == uid) all.push_back(&password);
    }
    std::ranges::sort(all, {}, [](const auto* p) { return std::pair(p->created_ms, p->id); });
    Json list = Json::array();
    std::vector<std::vector<std::string>> rows = {{"ID", "SCOPE", "RIGHTS", "CREATED", "LAST USED", "LABEL"}};
    for (const auto* password : all) {
        list.push_back(app_password_json(*password));
        rows.push_back({password->id, std::string(storage::scope_name(password->scope)),
                        password->read_only ? "read" : "read, write", date_text(password->created_ms),
                        password->last_used_ms ? date_text(*password->last_used_ms) : "never",
                        base::printable(password->label)});
    }
    return {list, list.empty() ? "none\n" : columns(rows)};
}

Outcome app_password_revoke(Core& core, const Json& request) {
    const std::string user = text_of(request, "user");
    const std::string id = text_of(request, "id");
    principal(*core.accounts().book(), user, storage::PrincipalKind::user);
    core.accounts().revoke_app_password(user, id, kAdmin);
    return {{{"id", id}, {"user", user}}, "app password " + id + " of " + user + " revoked\n"};
}

// ---- locks ----

Outcome lock_list(Core& core, const Json&) {
    const auto book = core.accounts().book();
    Json list = Json::array();
    std::vector<std::vector<std::string>> rows = {{"USER", "SCOPE", "DEPTH", "UNTIL", "TOKEN", "PATH"}};
    for (const auto& lock : core.store().read([](storage::ReadTxn& txn) { return txn.locks(); })) {
        const auto* who = book->find(lock.principal);
        const std::string user = who == nullptr ? "-" : who->name;
        const std::string scope = lock.scope == storage::LockScope::exclusive ? "exclusive" : "shared";
        const std::string depth = lock.depth == storage::LockDepth::zero ? "0" : "infinity";
        list.push_back({{"id", lock.token},
                        {"user", user},
                        {"scope", scope},
                        {"depth", depth},
                        {"path", lock.href},
                        {"owner", lock.owner_xml},
                        {"expires", date_text(lock.expires_ms)}});
        rows.push_back({user, scope, depth, date_text(lock.expires_ms), lock.token, lock.href});
    }
    return {list, list.empty() ? "none\n" : columns(rows)};
}

Outcome lock_break(Core& core, const Json& request) {
    const std::string token = text_of(request, "token");
    core.store().write([&](storage::WriteTxn& txn) {
        const auto locks = txn.locks();
        if (std::ranges::find(locks, token, &storage::Lock::token) == locks.end())
            throw Refused("there is no lock " + base::printable(token, 64));
        txn.remove_lock(token);
    });
    return {{{"id", token}}, "lock " + token + " broken\n"};
}

// ---- the root ----

struct Advice {
    std::string_view what;
    std::string_view text;
};

// What a person can do about findings that --repair leaves.
constexpr std::array kAdvice = {
    Advice{storage::Store::Finding::kUnknownVersion,
           "what history holds and no state of it leads to, perhaps of a database that was restored from a backup: "
           "nothing removes it; look at it, take back what you want, delete the rest"},
    Advice{storage::Store::Finding::kUnknownTrash,
           "what is in trash and no known removal put there: nothing removes it; look at it, take back what you "
           "want, delete the rest"},
    Advice{storage::Store::Finding::kMissingVersion,
           "a state of history that lost its octets: --repair finds them where a current file or something else in "
           "history has the same; else put the file there from a backup"},
};

Outcome check(Core& core, const Json& request) {
    const auto findings = core.store().check(flag_of(request, "repair"));
    Outcome outcome{Json::array(), {}};
    std::size_t kept_aside = 0;
    for (const auto& finding : findings) {
        const std::string id = std::to_string(outcome.value().size() + 1);
        outcome.value().push_back(
            {{"id", id}, {"what", finding.what}, {"where", finding.where}, {"repaired", finding.repaired}});
        if (finding.what == storage::Store::Finding::kKeptAside) {
            ++kept_aside;
            continue;
        }
        outcome.text +=
            finding.what + ": " + base::printable(finding.where, 4096) + (finding.repaired ? " (repaired)\n" : "\n");
        if (finding.is_fault() && !finding.repaired) outcome.status = 1;
    }
    if (outcome.text.empty()) outcome.text = "no findings\n";
    for (const Advice& advice : kAdvice) {
        const auto is_left = [&](const auto& finding) { return finding.what == advice.what && !finding.repaired; };
        if (std::ranges::any_of(findings, is_left))
            outcome.text += std::string(advice.what) + " is " + std::string(advice.text) + "\n";
    }
    if (kept_aside > 0)
        outcome.text += "kept aside, because they stood in the way of a change: " + std::to_string(kept_aside) +
                        " (--json says where)\n";
    return outcome;
}

struct Command {
    std::string_view name;
    Outcome (*run)(Core&, const Json&);
};

constexpr std::array kCommands = {
    Command{"user add", user_add},
    Command{"user passwd", user_passwd},
    Command{"user list", user_list},
    Command{"user disable", user_disable},
    Command{"user enable", user_enable},
    Command{"user quota", user_quota},
    Command{"user books", user_books},
    Command{"user card", user_card},
    Command{"user remove", user_remove},
    Command{"group add", group_add},
    Command{"group members", group_members},
    Command{"group list", group_list},
    Command{"group remove", group_remove},
    Command{"app-password add", app_password_add},
    Command{"app-password list", app_password_list},
    Command{"app-password revoke", app_password_revoke},
    Command{"collection list", collection_list},
    Command{"collection add", collection_add},
    Command{"collection set", collection_set},
    Command{"collection remove", collection_remove},
    Command{"import", import_items},
    Command{"export", export_items},
    Command{"lock list", lock_list},
    Command{"lock break", lock_break},
    Command{"check", check},
};

std::string error_answer(const std::string& line) {
    return Json{{"error", line}}.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string execute_command(Core& core, std::string_view request) {
    // Whatever goes wrong is one line for the person who asked.
    try {
        const Json parsed = Json::parse(request);
        const std::string name = text_of(parsed, "command");
        const auto command = std::ranges::find(kCommands, name, &Command::name);
        if (command == kCommands.end()) return error_answer("unknown command " + base::printable(name, 64));
        const Outcome outcome = command->run(core, parsed);
        const Json answer = {{"value", outcome.value()}, {"text", outcome.text}, {"status", outcome.status}};
        return answer.dump(-1, ' ', false, Json::error_handler_t::replace);
    } catch (const Json::exception&) {
        return error_answer("the request is not what this server understands");
    } catch (const std::exception& error) {
        return error_answer(error.what());
    }
}

}  // namespace server
