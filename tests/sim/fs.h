#pragma once

#include <memory>
#include <string>

#include "storage/disk.h"
#include "tests/sim/disk.h"
#include "tests/sim/exec.h"

namespace sim {

// The storage core's file system on a Disk; "/root" is its only tree that is opened. Calls give other threads their
// turn.
class SimFs final : public storage::Fs {
  public:
    SimFs(Disk& disk, Exec& exec) : disk_(disk), exec_(exec) {}
    std::unique_ptr<storage::Tree> open_tree(const std::string& absolute_path, bool create) override;
    const char* sqlite_vfs() const override;
    std::unique_ptr<storage::File> lock_file(const std::string& absolute_path, std::string& holder) override;

  private:
    Disk& disk_;
    Exec& exec_;
};

// Registers SQLite's VFS over this disk; one at a time. SQLite's calls never change threads.
void use_for_sqlite(Disk* disk);
const char* vfs_name();

}  // namespace sim
