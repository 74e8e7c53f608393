#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "storage/store.h"
#include "tests/sim/machine.h"
#include "tests/sim/outside.h"

namespace sim {

struct Entry {
    bool folder = false;
    std::string bytes;
    std::string property;
    bool operator==(const Entry&) const = default;
};
using Folder = std::map<std::string, Entry>;  // path below a user's folder
inline constexpr const char* kShared = "s";   // the folder that all homes write to
std::vector<std::string> names_of(const std::string& user, const std::string& path);

// One person with a folder that nobody else writes to through a store: what was acknowledged, and what may have
// happened when an answer did not come.
struct User {
    struct Written {
        storage::Lsn lsn = 0;  // not before it, and nothing of the user's came in between
        std::string path;
        std::string bytes;
    };
    std::string name;
    bool has_outsider = false;  // another program writes there as well: the disk may show anything of its
    Folder acknowledged;
    std::vector<Folder> possible;  // beside it: an operation was under way
    Octets octets;
    std::vector<Written> written;  // all that was acknowledged
    // Relaxed: what his folder was before a write that is not durable yet, with the record with which that is.
    std::vector<std::pair<storage::Lsn, Folder>> before;
};

// One store, its users, and what must hold for them. Homes with the same space mirror each other.
class Home {
  public:
    Home(Machine& machine, std::string root, std::vector<std::string> users, bool with_outsider);

    // Throw base::Failure.
    void open();
    void make_folders();  // the users' and the shared one
    void close();
    bool is_open() const { return store_ != nullptr; }
    storage::Store& store() { return *store_; }
    const std::string& root() const { return root_; }

    // Everybody acts until his operations are done or the power is cut.
    void work(std::vector<std::unique_ptr<base::Thread>>& threads, int operations);
    void check();  // after a start: all invariants of one store
    void spare() { outside_.spare(); }
    // How somebody writes to the shared folder.
    struct Ways {
        std::string names = "n";  // how they begin: with the same at two homes most things get into each other's way
        bool deep = false;        // folders in folders, which are moved and removed
    };
    // Another home writes there as well.
    void mirrors(Ways ways) { mirrors_ = true, ways_ = std::move(ways); }
    void check_layout();   // at any time
    void check_outside();  // before an orderly end or after a kill: what another program left is somewhere (I9)
    void nobody_synced_outside() { outside_.forget(); }
    void power_was_cut();  // relaxed: what was acknowledged and not durable may be lost

    // What was acknowledged in the shared folder, and of it what somebody who saw it may have taken away.
    const std::set<std::string>& shared_contents() const { return shared_contents_; }
    const std::set<base::Hash>& taken_away() const { return taken_away_; }
    std::set<base::Hash> shown_contents();  // of the shared folder

    // Of the whole space: for comparing homes.
    std::string digest();
    std::map<std::string, std::string> shown();

  private:
    void act(User& user, int operations);
    void acknowledge(User& user, Folder after);
    void acknowledge(const std::string& octets);
    void wander(int operations);
    bool settle_refused(User& user, const Folder& before, const Folder& after);
    std::function<void()> choose(User& user, Folder& after);
    std::function<void()> put(User& user, const std::string& path, Folder& after);
    std::string pick(const Folder& folder, bool folders, bool top);
    storage::Content uploaded(const std::string& bytes, std::optional<std::int64_t> mtime_ns);
    storage::Node node(storage::ReadTxn& txn, const std::string& user, const std::string& path);
    void remember(const std::string& bytes);

    bool has_outsider() const { return users_.back().has_outsider; }
    void check_user(User& user, const std::set<std::string>& everything);
    void check_contents(const std::string& whose, const std::set<std::string>& wanted,
                        const std::set<std::string>& everything);
    void check_etags(const std::string& folder);
    void check_dots();
    Folder index_of(const std::string& user);
    Folder disk_of(const std::string& top);
    void look_at_disk(const User& user);
    void remember_when(User& user, const Folder& after);
    void check_past(const User& user);
    void take_away(storage::ReadTxn& txn, const storage::Node& top);
    std::string read_file(const std::string& path);
    void read_all(const std::string& path, std::set<std::string>& contents);

    Machine& machine_;
    const std::string root_;
    std::vector<User> users_;
    std::set<std::string> shared_contents_;  // acknowledged in the folder that all homes write to
    std::set<base::Hash> taken_away_;
    bool mirrors_ = false;
    Ways ways_;
    Outside outside_;
    std::unique_ptr<storage::Store> store_;
    storage::Lsn durable_ = 0;                                  // when it was closed
    std::vector<std::pair<storage::Lsn, std::string>> recent_;  // octets acknowledged with a record not durable yet
    storage::NodeId top_ = 0;
    storage::SpaceId space_ = 0;
    std::map<base::Hash, std::string> contents_;
    std::map<storage::Dot, std::string> dots_;  // every record ever seen, by its octets (I7)
};

}  // namespace sim
