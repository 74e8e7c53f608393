#pragma once

#include <string>
#include <vector>

#include "storage/base/hash.h"
#include "storage/filer.h"
#include "tests/storage/temp_root.h"

namespace storage::test {

inline std::string version_path(const std::string& bytes) {
    const std::string hash = base::hex(base::sha256(bytes).view());
    return ".hearth/versions/" + hash.substr(0, 2) + "/" + hash;
}

// Steps as a store would write them, in order.
class Script {
  public:
    explicit Script(TempRoot& root) : root_(root) {}

    FileStep& add(StepOp op) {
        FileStep step;
        step.lsn = static_cast<Lsn>(steps.size()) + 100;
        step.op = op;
        step.node = step.lsn * 10;
        step.mtime_ns = step.lsn * 1'000'000'000;
        steps.push_back(step);
        return steps.back();
    }
    FileStep& write(const std::string& dst, const std::string& bytes, const std::string& replaced = "\x01") {
        auto& step = add(StepOp::write_inline);
        step.dst = dst;
        step.bytes = bytes;
        if (replaced != "\x01") step.keep = version_path(replaced);
        return step;
    }
    FileStep& stage(const std::string& dst, const std::string& bytes, const std::string& replaced = "\x01") {
        auto& step = add(StepOp::place_staged);
        step.dst = dst;
        step.src = ".hearth/staging/upload-" + std::to_string(step.lsn);
        root_.write(step.src, bytes, step.mtime_ns);
        step.src_ino = root_.tree().stat(step.src)->ino;
        step.src_mtime_ns = step.mtime_ns;
        if (replaced != "\x01") step.keep = version_path(replaced);
        return step;
    }
    void folder(const std::string& dst) { add(StepOp::make_folder).dst = dst; }
    FileStep& two(StepOp op, const std::string& src, const std::string& dst) {
        auto& step = add(op);
        step.src = src;
        step.dst = dst;
        return step;
    }
    void discard(const std::string& src) { add(StepOp::discard).src = src; }

    std::vector<FileStep> steps;

  private:
    TempRoot& root_;
};

}  // namespace storage::test
