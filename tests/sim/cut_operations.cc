#include "tests/sim/cut_operations.h"

#include "storage/accounts.h"

namespace sim {

namespace {

using storage::WriteTxn;

std::string small(char which) {
    return std::string("small ") + which + "\n" + std::string(50, which);
}
std::string big(char which) {
    return std::string("big ") + which + "\n" + std::string(20'000, which);
}

using Steps = std::vector<std::string>;

Steps operator+(Steps a, const Steps& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

const Steps kCommit = {"6 commit: write the log", "6 commit: fsync of the log"};
// The redo rows go and the facts come with a second commit; the end of a life brings the log into the database.
const Steps kTidy = {"6 checkpoint: fsync of the log", "6 checkpoint: write the database",
                     "6 checkpoint: fsync of the database"};
const Steps kFolders = {"10 flush: fsync of a folder"};
const Steps kStage = {"1 stage: make", "1 stage: write", "3 stage: fsync", "4 second name: link",
                      "4 second name: link, fsync of a folder"};
const Steps kSecond = {"10 second name: unlink", "10 second name: unlink, fsync of a folder"};
const Steps kWrite = {"7 write: make", "7 write: octets", "7 write: time", "7 write: fsync",
                      "10 flush: fsync of a file"};
const Steps kPlaceNew = {"7 place: rename", "7 place: rename, fsync of a folder"};
const Steps kPlaceOver = {"7 place: exchange", "7 place: exchange, fsync of a folder", "8 keep: rename into history",
                          "8 keep: rename into history, fsync of a folder"};
const Steps kMove = {"7 move: rename", "7 move: rename, fsync of a folder"};
const Steps kRemoveFile = {"8 remove: rename into history", "8 remove: rename into history, fsync of a folder"};
const Steps kRemoveFolder = {"8 remove: rename into trash", "8 remove: rename into trash, fsync of a folder"};
const Steps kAlways = kCommit + kTidy;
const Steps kFiles = kAlways + kFolders;

void a_small(Client& client) {
    client.put("a", small('a'));
}
void a_big(Client& client) {
    client.put("a", big('a'));
}
void two_files(Client& client) {
    client.put("a", small('a'));
    client.put("b", big('b'));
}
void a_tree(Client& client) {
    client.make("d");
    client.put("d/a", small('a'), {{}, true});
    client.make("d/e");
    client.put("d/e/b", big('b'));
    client.change("d/a", {{{"urn:x", "p", "one"}}, {}, {}});
}
void two_trees(Client& client) {
    a_tree(client);
    client.make("t");
    client.put("t/c", small('c'));
    client.put("t/a", big('t'));
}

storage::Lock lock_on(Client& client, const std::string& path) {
    storage::Lock lock;
    lock.token = "urn:uuid:00000000-0000-4000-8000-000000000001";
    lock.node = client.store().read([&](storage::ReadTxn& txn) { return client.at(txn, path).id; });
    lock.principal = base::Id128{{7}};
    lock.href = "/files/home/" + path;
    lock.expires_ms = client.machine().clock.now_ms() + 100 * storage::Retention::kDayMs;
    return lock;
}

void add_ana(Client& client) {
    storage::Accounts(client.store()).add_user("ana", false, "$argon2id$1", {});
}

void a_card_book(Client& client) {
    client.store().write([](WriteTxn& txn) {
        const storage::Space pim = txn.make_space(storage::SpaceKind::contacts, kClientSpace.owner, "", {});
        txn.make({pim.root, "book", storage::NodeKind::addressbook, {}, {}}, {});
    });
}

std::vector<Operation> all_operations() {
    std::vector<Operation> all;
    const auto add = [&](Operation operation) { all.push_back(std::move(operation)); };

    // ---- PUT ----
    add({"PUT of a small file", {}, [](Client& c) { c.put("n", small('n')); }, kFiles + kWrite + kPlaceNew});
    add({"PUT of a big file", {}, [](Client& c) { c.put("n", big('n')); }, kFiles + kStage + kPlaceNew + kSecond});
    add({"PUT, small over small", a_small, [](Client& c) { c.put("a", small('n')); }, kFiles + kWrite + kPlaceOver});
    add({"PUT, big over big", a_big, [](Client& c) { c.put("a", big('n')); }, kFiles + kStage + kPlaceOver + kSecond});
    add({"PUT, big over small", a_small, [](Client& c) { c.put("a", big('n')); },
         kFiles + kStage + kPlaceOver + kSecond});
    add({"PUT, small over big", a_big, [](Client& c) { c.put("a", small('n')); }, kFiles + kWrite + kPlaceOver});
    add({"PUT of the same octets", a_small, [](Client& c) { c.put("a", small('a')); },
         kFiles + kWrite + Steps{"7 place: exchange"}});
    add({"PUT of octets that history has",
         [](Client& c) {
             c.put("a", big('a'));
             c.put("a", big('b'));
             c.put("a", big('a'));
         },
         [](Client& c) { c.put("a", big('c')); }, kFiles + kStage + Steps{"7 place: exchange", "8 keep: unlink"}});
    add({"PUT with a time and a mode", a_small,
         [](Client& c) {
             c.put("a", small('n'), {1'234'567'890'000'000'000, true});
         },
         kFiles + kWrite + kPlaceOver + Steps{"7 write: mode"}});
    add({"PUT of a big file with a time and a mode",
         {},
         [](Client& c) {
             c.put("n", big('n'), {1'234'567'890'000'000'000, true});
         },
         kFiles + kPlaceNew + Steps{"2 stage: time", "7 place: mode"}});
    add({"PUT of a card", a_card_book,
         [](Client& c) {
             c.store().write([](WriteTxn& txn) {
                 const auto pim = txn.space_of(storage::SpaceKind::contacts, kClientSpace.owner);
                 const std::string bytes = "BEGIN:VCARD\n";
                 txn.put({txn.child(pim->root, "book")->id, "c", storage::NodeKind::card, {}, {}, {}},
                         storage::Content::inlined(bytes, base::sha256(bytes)), storage::no_index(), {});
             });
         },
         kAlways});

    // ---- MKCOL, MOVE, COPY, DELETE ----
    add({"MKCOL",
         {},
         [](Client& c) { c.make("d"); },
         kFiles + Steps{"7 folder: make", "7 folder: make, fsync of a folder"}});
    add({"MOVE of a file", two_files, [](Client& c) { c.move("a", "n"); }, kFiles + kMove});
    add({"MOVE of a folder", a_tree, [](Client& c) { c.move("d", "n"); }, kFiles + kMove});
    add({"MOVE into another folder", two_trees, [](Client& c) { c.move("d/a", "t/n"); }, kFiles + kMove});
    add({"MOVE over a file", two_files, [](Client& c) { c.move("a", "b"); }, kFiles + kRemoveFile + kMove});
    add({"MOVE over a folder", two_trees, [](Client& c) { c.move("d", "t"); }, kFiles + kRemoveFolder + kMove});
    add({"COPY of a file", a_big, [](Client& c) { c.copy_file("a", "n"); },
         kFiles + kPlaceNew + kSecond +
             Steps{"1 stage: make", "1 stage: write", "2 stage: time", "3 stage: fsync", "4 second name: link"}});
    add({"COPY over a file", two_files, [](Client& c) { c.copy_file("b", "a"); }, kFiles + kPlaceOver + kSecond});
    const Steps copy = {"1 copy: make its folder", "1 copy: make",   "1 copy: make a folder",
                        "1 copy: write",           "2 copy: time",   "2 copy: mode",
                        "10 flush: syncfs",        "7 place: rename"};
    add({"COPY of a folder", a_tree, [](Client& c) { c.copy_folder("d", "n"); }, kFiles + copy});
    add({"COPY over a folder", two_trees, [](Client& c) { c.copy_folder("d", "t"); }, kFiles + copy + kRemoveFolder});
    add({"DELETE of a file", a_small, [](Client& c) { c.remove("a"); }, kFiles + kRemoveFile});
    add({"DELETE of octets that history has",
         [](Client& c) {
             two_files(c);
             c.put("b", small('a'));
             c.remove("b");
         },
         [](Client& c) { c.remove("a"); },
         kFiles + Steps{"8 remove: out of its place", "8 remove: out of its place, fsync of a folder", "8 keep: unlink",
                        "8 keep: unlink, fsync of a folder"}});
    add({"DELETE of a folder", a_tree, [](Client& c) { c.remove("d"); }, kFiles + kRemoveFolder});

    // ---- properties, locks, accounts ----
    add({"PROPPATCH", a_tree,
         [](Client& c) {
             c.change("d/a", {{{"urn:x", "p", "two"}, {"urn:x", "q", "new"}}, 1'111'000'000'000'000'000, {}});
         },
         kAlways});
    add({"PROPPATCH of the mode", a_small,
         [](Client& c) {
             c.change("a", {{}, {}, true});
         },
         kFiles + Steps{"7 mode", "10 flush: fsync of a file"}});
    add({"LOCK", a_tree,
         [](Client& c) {
             const storage::Lock lock = lock_on(c, "d");
             c.store().write([&](WriteTxn& txn) { txn.add_lock(lock); });
         },
         kAlways});
    add({"UNLOCK",
         [](Client& c) {
             a_tree(c);
             const storage::Lock lock = lock_on(c, "d/a");
             c.store().write([&](WriteTxn& txn) { txn.add_lock(lock); });
         },
         [](Client& c) {
             const std::string token = lock_on(c, "d/a").token;
             c.store().write([&](WriteTxn& txn) { txn.remove_lock(token); });
         },
         kAlways});
    add({"a new account", {}, add_ana, kFiles + Steps{"7 folder: make"}});
    add({"a password", add_ana, [](Client& c) { storage::Accounts(c.store()).set_password("ana", "$argon2id$2", {}); },
         kAlways});
    add({"an account that goes", add_ana, [](Client& c) { storage::Accounts(c.store()).remove("ana", {}); },
         kFiles + Steps{"8 remove: rename into trash"}});

    // ---- history ----
    const auto replaced = [](Client& c) {
        c.put("a", big('a'));
        c.put("a", small('b'));
    };
    add({"an old content comes back", replaced, [](Client& c) { c.put_back("a", c.now() - 1); },
         kFiles + Steps{"1 stage: make", "7 place: exchange"}});
    add({"a removed file comes back",
         [](Client& c) {
             c.put("a", small('a'));
             c.remove("a");
         },
         [](Client& c) { c.put_back("a", c.now() - 1); }, kFiles + Steps{"7 place: rename"}});
    add({"a removed folder comes back",
         [](Client& c) {
             a_tree(c);
             c.remove("d");
         },
         [](Client& c) { c.put_back("d", c.now() - 1); }, kFiles + copy});
    Operation expiry{"history expires",
                     [](Client& c) {
                         a_tree(c);
                         c.put("d/a", small('n'));
                         c.put("d/e/b", big('n'));
                         c.remove("d");
                     },
                     [](Client& c) { c.expire(); }, kFiles + Steps{"8 discard: unlink", "8 discard: remove a folder"}};
    expiry.forgets = true;
    add(std::move(expiry));

    // ---- what another home did ----
    const auto hear = [](Client& c) { c.hear(); };
    const auto heard = [&](const char* name, std::function<void(Client&)> prepare,
                           std::function<void(Client&)> elsewhere, Steps steps) {
        Operation operation{name, std::move(prepare), hear, std::move(steps)};
        operation.elsewhere = std::move(elsewhere);
        add(std::move(operation));
    };
    heard(
        "a new file of another home", {}, [](Client& c) { c.put("n", big('n')); },
        kFiles + Steps{"1 stage: make", "3 stage: fsync", "7 place: rename"});
    heard(
        "a small file of another home", {}, [](Client& c) { c.put("n", small('n')); }, kFiles);
    heard(
        "an edit of another home", a_big, [](Client& c) { c.put("a", big('n')); },
        kFiles + Steps{"7 place: exchange", "8 keep: rename into history"});
    heard(
        "a move and a removal of another home", two_trees,
        [](Client& c) {
            c.move("d/a", "n");
            c.remove("t");
        },
        kFiles + Steps{"7 move: rename"});
    return all;
}

}  // namespace

const std::vector<Operation>& operations() {
    static const std::vector<Operation> all = all_operations();
    return all;
}

}  // namespace sim
