#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "tests/sim/client.h"

namespace sim {

// All that clients, other programs and who looks into history can see, in lines: what is shown, and what of it.
using State = std::map<std::string, std::string>;

// One life of one store, on a copy of a disk. One at a time: SQLite knows one disk.
class Stage {
  public:
    // Lives of one disk have numbers of their own: what they draw is not what an earlier one drew.
    Stage(std::uint64_t life, const Disk& disk, const Heard* heard = nullptr);
    ~Stage();
    Stage(const Stage&) = delete;

    void open();    // throws base::Failure, as all below
    void settle();  // what is done lately, a second later, is done
    void close() { store_.reset(); }

    Client client() { return {machine_, *store_, heard_}; }
    Machine& machine() { return machine_; }
    Disk& disk() { return machine_.disk; }
    std::unique_ptr<storage::Store> open_other();  // of another home
    const std::vector<std::string>& broken() const { return machine_.report.broken; }

    State shown();
    // Files that the index does not know as they are on the disk: whoever asks next has to read them.
    std::vector<std::string> not_known();
    State past(storage::Lsn at);          // the files of then, as history has them
    std::vector<std::string> findings();  // of a check, and leftovers in staging

  private:
    void look_at_index(const std::function<void(const std::string& at, const storage::Row& row)>& each);
    void show_index(State& state);
    void show_disk(State& state, const std::string& path, const char* what);

    Machine machine_;
    const Heard* heard_;
    std::unique_ptr<storage::Store> store_;
};

std::string octets_text(const std::string& bytes);  // short, and other for others
// The octets of all files below a folder of a disk.
std::vector<std::string> octets_below(Disk& disk, const std::string& path);

}  // namespace sim
