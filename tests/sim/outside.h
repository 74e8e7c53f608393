#pragma once

#include <set>
#include <string>

#include "tests/sim/machine.h"

namespace sim {

// What a user wrote and may ask for.
struct Octets {
    std::set<std::string> acknowledged;  // ever
    std::string under_way;  // of the operation at hand; empty: none, or another program took it away already
};

// A program beside the store, as a shell or Samba: it writes where a user's files are and knows nothing of us. Each of
// its changes is one moment; it leaves no file open.
class Outside {
  public:
    Outside(Machine& machine, std::string folder) : machine_(machine), folder_(std::move(folder)) {}

    void act(int operations, Octets& of_user);
    // From now on it touches what it left itself, and nothing that the store wrote.
    void spare() { spares_ = true; }
    // What it wrote and nobody overwrote since.
    const std::set<std::string>& left() const { return left_; }
    void forget() { left_.clear(); }

  private:
    struct Found {
        std::string path;
        storage::DiskKind kind;
    };
    void change(Octets& of_user);
    void list(const std::string& path, std::vector<Found>& found);
    std::string new_bytes();
    void write_new(const std::string& path, const std::string& bytes);
    void gone(const Inode& inode, Octets& of_user);

    Machine& machine_;
    const std::string folder_;  // on the disk
    bool spares_ = false;
    std::set<std::string> left_;
};

}  // namespace sim
