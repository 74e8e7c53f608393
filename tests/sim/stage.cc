#include "tests/sim/stage.h"

#include <array>

#include "storage/base/failure.h"
#include "storage/past.h"

namespace sim {

namespace {

constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::int64_t kLaterMs = 600;  // more than the store lets a flush wait
constexpr int kTurns = 100;

constexpr std::array kTables = {"user", "group", "member", "app_password", "quota"};

Stage* the_stage = nullptr;

std::unique_ptr<storage::Store> open_store(Machine& machine, const std::string& root) {
    storage::Store::Options options;
    options.root = root;
    options.readers = 1;
    options.wal_bytes = 0;
    return storage::Store::open(std::move(options), machine.seams());
}

std::string name_of(const storage::Space& space) {
    return space.dir.empty() ? "space " + std::to_string(space.id) : space.dir;
}

std::string read_file(const storage::File& file) {
    std::string bytes(static_cast<std::size_t>(file.facts().size), '\0');
    bytes.resize(file.read_at(bytes.data(), bytes.size(), 0));
    return bytes;
}

}  // namespace

std::string octets_text(const std::string& bytes) {
    return base::hex(base::sha256(bytes).view()).substr(0, 8) + " " + short_text(bytes);
}

Stage::Stage(std::uint64_t life, const Disk& disk, const Heard* heard) : machine_(life, disk), heard_(heard) {
    CHECK(the_stage == nullptr);
    the_stage = this;
    machine_.clock.jump(static_cast<std::int64_t>(life) * kHourMs);
    machine_.exec.know_power([this] { return machine_.disk.dead(); },
                             [this](const std::string& what) { machine_.broken(what); });
    use_for_sqlite(&machine_.disk);
    base::replace_stop_at_once([] {
        the_stage->machine_.disk.cut();
        throw base::Failure(base::Fault::io, "stopped at once");
    });
}

Stage::~Stage() {
    close();
    base::replace_stop_at_once(nullptr);
    use_for_sqlite(nullptr);
    the_stage = nullptr;
}

void Stage::open() {
    store_ = open_store(machine_, "/root");
}

std::unique_ptr<storage::Store> Stage::open_other() {
    return open_store(machine_, "/root2");
}

// The flusher goes by the clock, and the writer tidies after it: each gets its turns.
void Stage::settle() {
    for (int pass = 0; pass < 3; ++pass) {
        for (int turn = 0; turn < kTurns; ++turn) machine_.exec.yield();
        machine_.exec.advance_ms(kLaterMs);
    }
}

State Stage::shown() {
    State state;
    show_index(state);
    show_disk(state, "files", "disk ");
    show_disk(state, ".hearth/versions", "history ");
    show_disk(state, ".hearth/trash", "history ");
    return state;
}

void Stage::look_at_index(const std::function<void(const std::string& at, const storage::Row& row)>& each) {
    store_->read([&](storage::ReadTxn& txn) {
        store_->settle(txn.lsn());
        std::vector<std::pair<storage::NodeId, std::string>> open;
        for (const storage::Space& space : txn.spaces())
            if (space.root != 0) open.emplace_back(space.root, name_of(space));
        while (!open.empty()) {
            const auto [folder, above] = open.back();
            open.pop_back();
            const std::string& path = above;
            const storage::Need needs = storage::Need::props | storage::Need::disk;
            txn.list(folder, needs, "", storage::kListPageMax, [&](const storage::Row& row) {
                const std::string at = path + "/" + row.node.name;
                each(at, row);
                if (storage::is_collection(row.node.kind)) open.emplace_back(row.node.id, at);
            });
        }
    });
}

void Stage::show_index(State& state) {
    look_at_index([&](const std::string& at, const storage::Row& row) {
        std::string& text = state["index " + at];
        text = base::hex(row.node.oid.view()).substr(0, 12) + " " + storage::etag_of(row.node) + " " +
               std::to_string(row.node.mtime_ns) + (row.node.exec ? " exec" : "");
        for (const storage::Prop& prop : row.props) text += " " + prop.name + "=" + prop.value;
    });
    store_->read([&](storage::ReadTxn& txn) {
        for (const storage::Space& space : txn.spaces())
            state["space " + name_of(space)] = std::to_string(space.used_bytes);
        for (const storage::Lock& lock : txn.locks()) state["lock " + lock.token] = lock.href;
        for (const char* table : kTables) {
            for (const storage::KvRow& row : txn.kv_rows(table))
                state[std::string("row ") + table + " " + row.at.key + " " + row.at.field] = row.value;
        }
    });
}

std::vector<std::string> Stage::not_known() {
    std::vector<std::string> files;
    look_at_index([&](const std::string& at, const storage::Row& row) {
        if (storage::is_collection(row.node.kind) || storage::is_item(row.node.kind)) return;
        const auto there = store_->tree().stat(at);
        if (!row.disk || !there || !there->same_version(*row.disk)) files.push_back(at);
    });
    return files;
}

void Stage::show_disk(State& state, const std::string& path, const char* what) {
    for (const storage::DirEntry& one : store_->tree().list(path)) {
        const std::string at = path + "/" + one.name;
        const auto file = store_->tree().open(at);
        const bool is_shelf = path == ".hearth/versions" && one.kind == storage::DiskKind::folder;
        if (!is_shelf) state[what + at] = file ? octets_text(read_file(*file)) : "folder";
        // What history has of a time is in its rows.
        if (file && *what == 'd')
            state[what + at] += " " + std::to_string(file->facts().mtime_ns) + (file->facts().exec ? " exec" : "");
        if (one.kind == storage::DiskKind::folder) show_disk(state, at, what);
    }
}

State Stage::past(storage::Lsn at) {
    std::vector<std::pair<std::string, storage::PastNode>> files;
    store_->read([&](storage::ReadTxn& txn) {
        const auto space = txn.space_of(kClientSpace.kind, kClientSpace.owner);
        std::vector<std::pair<storage::NodeId, std::string>> open{{space->root, ""}};
        while (!open.empty()) {
            const auto [folder, path] = open.back();
            open.pop_back();
            const std::string above = path;
            txn.past().list(folder, at, "", storage::kListPageMax, [&](const storage::PastNode& node) {
                const std::string name = under(above, node.name);
                if (storage::is_collection(node.kind))
                    open.emplace_back(node.id, name);
                else
                    files.emplace_back(name, node);
            });
        }
    });
    State state;
    for (const auto& [path, node] : files) {
        const storage::PastOctets octets = storage::open_past(*store_, node);
        state["past " + path] = octets.file ? octets_text(read_file(*octets.file)) : "nothing";
    }
    return state;
}

std::vector<std::string> Stage::findings() {
    std::vector<std::string> found;
    for (const auto& finding : store_->check(false)) found.push_back("check: " + finding.what + " " + finding.where);
    for (const storage::DirEntry& one : store_->tree().list(".hearth/staging"))
        found.push_back("left in staging: " + one.name);
    return found;
}

std::vector<std::string> octets_below(Disk& disk, const std::string& path) {
    std::vector<std::string> octets;
    std::vector<const Inode*> open{disk.find(path)};
    while (!open.empty()) {
        const Inode* one = open.back();
        open.pop_back();
        if (one == nullptr) continue;
        if (one->kind == storage::DiskKind::file) octets.push_back(one->bytes);
        for (const auto& [name, ino] : one->entries) open.push_back(disk.at(ino));
    }
    return octets;
}

}  // namespace sim
