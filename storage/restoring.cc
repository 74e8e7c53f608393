#include "storage/restoring.h"

#include <algorithm>
#include <utility>

#include "storage/base/failure.h"
#include "storage/base/hash.h"
#include "storage/base/log.h"

namespace storage {

namespace {

constexpr std::size_t kReadBytes = 256 * 1024;
constexpr std::size_t kNameBytesMax = 255;
constexpr int kDepthMax = 4096;  // as in reading.cc
constexpr int kLooksMax = 3;     // when a file gets another content while it is copied

base::Hash hash_of(const File& file) {
    base::Hasher hasher;
    std::string buffer(kReadBytes, '\0');
    std::uint64_t offset = 0;
    while (const std::size_t got = file.read_at(buffer.data(), buffer.size(), offset)) {
        hasher.update(std::string_view(buffer).substr(0, got));
        offset += got;
    }
    return hasher.finish_sha256();
}

// Below the root of its space, and not in a tree that is being built or removed.
bool is_shown(ReadTxn& txn, const Node& node) {
    const auto space = txn.space(node.space);
    std::optional<Node> at = node;
    for (int depth = 0; at && depth < kDepthMax; ++depth) {
        if (at->parent == 0) return space && at->id == space->root;
        at = txn.node(at->parent);
    }
    return false;
}

// Where to put it: the folder that had it, or the nearest above that is still there, wherever it is now.
NodeId living_folder(ReadTxn& txn, const PastNode& was, Lsn at) {
    NodeId id = was.parent;
    Past past = txn.past();
    for (int depth = 0; id != 0 && depth < kDepthMax; ++depth) {
        const auto oid = past.oid_of(id);
        if (!oid) break;
        const auto now = txn.by_oid(was.space, *oid);
        if (now && is_shown(txn, *now)) return now->id;
        const auto then = past.find(was.space, *oid, at);
        id = then ? then->parent : 0;
    }
    const auto space = txn.space(was.space);
    if (!space) throw base::Failure(base::Fault::corrupt, "no space to put anything back into");
    return space->root;
}

std::string free_name(ReadTxn& txn, NodeId folder, const std::string& wanted) {
    if (!txn.child(folder, wanted)) return wanted;
    const std::size_t dot = wanted.rfind('.');
    const bool has_extension = dot != std::string::npos && dot > 0;
    const std::string stem = wanted.substr(0, has_extension ? dot : wanted.size());
    const std::string extension = has_extension ? wanted.substr(dot) : std::string();
    for (int i = 1; i <= kRestoredNamesMax; ++i) {
        const std::string mark = i == 1 ? " (restored)" : " (restored " + std::to_string(i) + ")";
        const std::string end = mark + extension;
        if (end.size() >= kNameBytesMax) break;
        std::size_t length = std::min(stem.size(), kNameBytesMax - end.size());
        while (length < stem.size() && length > 0 && (static_cast<unsigned char>(stem[length]) & 0xC0) == 0x80)
            --length;
        std::string name = stem.substr(0, length) + end;
        if (!txn.child(folder, name)) return name;
    }
    throw base::Failure(base::Fault::busy, "no free name to put back " + wanted);
}

// What makes the properties `now` those of `then`.
std::vector<PropChange> changes_to(const PastFacts& then, const std::vector<Prop>& now) {
    std::vector<PropChange> changes;
    for (const auto& [key, value] : then.props) {
        const auto same = [&name = key](const Prop& prop) { return prop.ns == name.first && prop.name == name.second; };
        const auto there = std::find_if(now.begin(), now.end(), same);
        const bool changes_it = there == now.end() ? value.has_value() : value != there->value;
        if (changes_it) changes.push_back({key.first, key.second, value});
    }
    return changes;
}

Revive revive_of(const Oid& oid, const PastFacts& then) {
    Revive revive{oid, then.created_ms, {}};
    for (const auto& [key, value] : then.props) {
        if (!value) revive.lost.push_back({key.first, key.second, std::nullopt});
    }
    return revive;
}

// One operation.
class Restoring {
  public:
    Restoring(Store& store, const PutBack& what, const Author& author)
        : store_(store), tree_(store.tree()), what_(what), author_(author) {
        author_.cause = Cause::restore;
    }
    ~Restoring();
    Restoring(const Restoring&) = delete;

    std::optional<PutBackDone> run();

  private:
    struct Folder {
        PastNode from;
        NodeId to = 0;
        std::string to_path;
    };
    struct Target {
        NodeId folder = 0;
        std::string name;
    };

    PastFacts facts_of(const Oid& oid) const {
        const auto at = facts_.find(oid);
        return at == facts_.end() ? PastFacts{} : at->second;
    }
    Target target(WriteTxn& txn, std::int64_t bytes);
    std::optional<Content> stage(const PastNode& node);
    std::optional<Content> stage_octets(const PastNode& node, PastOctets octets);
    bool put_file();
    bool put_into_hidden(const PastNode& member, const std::string& path, WriteTxn::Copied& copied);
    void put_folder();
    void learn_facts();
    std::vector<PastNode> members(NodeId folder, const std::string& after);
    void copy_members(const Folder& folder, const std::vector<PastNode>& members);
    void write_group();

    Store& store_;
    Tree& tree_;
    const PutBack& what_;
    Author author_;
    PastNode was_;
    bool is_there_ = false;
    bool on_disk_ = false;
    std::map<Oid, PastFacts> facts_;
    std::optional<Node> hidden_;  // a tree being built that nobody sees yet
    std::vector<Folder> open_;
    std::vector<WriteTxn::Copied> group_;
    std::vector<std::pair<std::size_t, Folder>> below_;  // the folders among them, by their place in the group
    std::int64_t bytes_ = 0;
    PutBackDone done_;
};

Restoring::~Restoring() {
    if (!hidden_) return;
    try {
        store_.write([&](WriteTxn& txn) {
            if (txn.node(hidden_->id)) txn.remove(hidden_->id, author_);
        });
    } catch (const std::exception& error) {  // the next start removes what was being built
        base::log_warn("history", std::string("leftover of putting back: ") + error.what());
    }
}

std::optional<PutBackDone> Restoring::run() {
    const bool found = store_.read([&](ReadTxn& txn) {
        const auto was = txn.past().find(what_.space, what_.oid, what_.at);
        if (!was) return false;
        was_ = *was;
        const auto now = txn.by_oid(what_.space, what_.oid);
        is_there_ = now && is_shown(txn, *now);
        const auto space = txn.space(what_.space);
        on_disk_ = space && !space->dir.empty();
        return true;
    });
    if (!found) return std::nullopt;
    if (!is_collection(was_.kind)) {
        if (!put_file()) return std::nullopt;
    } else {
        put_folder();
    }
    return std::move(done_);
}

Restoring::Target Restoring::target(WriteTxn& txn, std::int64_t bytes) {
    Target target;
    target.folder = what_.into ? *what_.into : living_folder(txn, was_, what_.at);
    target.name = free_name(txn, target.folder, what_.name.empty() ? was_.name : what_.name);
    if (what_.may) what_.may(txn, target.folder, target.name, bytes);
    return target;
}

// ---- files ----

std::optional<Content> Restoring::stage(const PastNode& node) {
    PastNode look = node;
    for (int i = 0; i < kLooksMax; ++i) {
        if (PastOctets octets = open_past(store_, look)) {
            if (auto content = stage_octets(look, std::move(octets))) return content;
        }
        // What it showed then may have been replaced just now, and be a version.
        const auto again = store_.read([&](ReadTxn& txn) { return txn.past().find(node.space, node.oid, what_.at); });
        if (!again) return std::nullopt;
        look = *again;
    }
    base::log_warn("history", "not kept as it was: " + node.name);
    return std::nullopt;
}

std::optional<Content> Restoring::stage_octets(const PastNode& node, PastOctets octets) {
    const PastContent& was = *node.content;
    if (octets.text) return Content::inlined(*octets.text, *was.hash);
    if (was.size <= static_cast<std::int64_t>(kInlineBytesMax)) {
        Upload upload(tree_, store_.seams().rng, {std::nullopt, kInlineBytesMax, false, false, false});
        std::string bytes(static_cast<std::size_t>(kInlineBytesMax) + 1, '\0');
        bytes.resize(octets.file->read_at(bytes.data(), bytes.size(), 0));
        if (bytes.size() > kInlineBytesMax) return std::nullopt;
        upload.write(bytes);
        if (was.hash && upload.close().sha256 != *was.hash) return std::nullopt;
        upload.close();
        return upload.finish(was.mtime_ns);
    }
    const std::string staged = ".hearth/staging/" + base::hex(base::new_random_id(store_.seams().rng).view());
    const auto facts = tree_.copy_file(octets.path, staged);
    if (!facts) return std::nullopt;
    const auto file = tree_.open(staged);
    if (!file) throw base::Failure(base::Fault::io, "a staged copy vanished");
    const base::Hash hash = hash_of(*file);
    Content content = Content::staged(tree_, staged, facts->copy, hash);
    if (was.hash && hash != *was.hash) return std::nullopt;
    file->sync();
    keep_staged(tree_, staged);
    return content;
}

bool Restoring::put_file() {
    CHECK(!is_collection(was_.kind));
    auto content = stage(was_);
    if (!content) return false;
    facts_ = past_facts(store_, was_.space, std::span(&was_.oid, 1), what_.at);
    const PastFacts facts = facts_of(was_.oid);
    const std::int64_t mtime_ns = facts.mtime_ns.value_or(was_.content->mtime_ns);
    const auto index = is_item(was_.kind) ? store_.index_entry(was_.kind, content->bytes()) : make_no_index();
    done_.node = store_.write([&](WriteTxn& txn) {
        const auto now = txn.by_oid(was_.space, was_.oid);
        const bool there = now && is_shown(txn, *now);
        const auto changes = changes_to(facts, there ? txn.props(now->id) : std::vector<Prop>());
        if (there && now->hash == content->hash()) {
            if (what_.may) what_.may(txn, now->parent, now->name, 0);
            txn.set_props(now->id, {changes, mtime_ns, facts.exec}, author_);
            return *txn.node(now->id);
        }
        WriteTxn::PutContent put;
        if (there) {
            if (what_.may) what_.may(txn, now->parent, now->name, content->size());
            put.parent = now->parent;
            put.name = now->name;
        } else {
            Target to = target(txn, content->size());
            put.parent = to.folder;
            put.name = std::move(to.name);
            // In a tree that is just being removed the id is still taken.
            if (!now) put.revive = revive_of(was_.oid, facts);
        }
        put.kind = was_.kind;
        put.mtime_ns = mtime_ns;
        put.exec = facts.exec;
        put.props = changes;
        // The function may run again: octets in memory are copied, a staged file stays ours until the commit.
        if (content->is_inline())
            return txn.put(put, Content::inlined(content->bytes(), content->hash()), *index, author_).node;
        return txn.put(put, std::move(*content), *index, author_).node;
    });
    done_.files = 1;
    return true;
}

// ---- folders ----

// Out of sight, like a COPY: files outside the writer, rows in groups, and one record that shows it all.
void Restoring::put_folder() {
    const bool comes_back = !is_there_ && !store_.read([&](ReadTxn& txn) {
        return txn.by_oid(was_.space, was_.oid).has_value();  // being removed
    });
    learn_facts();
    const PastFacts facts = facts_of(was_.oid);
    std::optional<Revive> revive;
    if (comes_back) revive = revive_of(was_.oid, facts);
    hidden_ = store_.write([&](WriteTxn& txn) { return txn.make_hidden(was_.space, author_, revive, was_.kind); });
    PropChanges changes{changes_to(facts, {}), facts.mtime_ns, std::nullopt};
    if (!changes.empty()) store_.write([&](WriteTxn& txn) { txn.set_props(hidden_->id, changes, author_); });
    const std::string path = store_.read([&](ReadTxn& txn) { return txn.disk_path(*hidden_); });
    open_.push_back({was_, hidden_->id, path});
    while (!open_.empty()) {
        const Folder folder = std::move(open_.back());
        open_.pop_back();
        std::string after;
        for (;;) {
            const std::vector<PastNode> page = members(folder.from.id, after);
            if (page.empty()) break;
            after = page.back().name;
            copy_members(folder, page);
            if (page.size() < kCopyGroupMax) break;
        }
        if (open_.empty()) write_group();
    }
    tree_.sync_all();
    done_.node = store_.write([&](WriteTxn& txn) {
        const Target to = target(txn, bytes_);
        return txn.place(hidden_->id, to.folder, to.name, author_);
    });
    hidden_.reset();
}

// Of all below, in one reading of the log.
void Restoring::learn_facts() {
    std::vector<Oid> oids{was_.oid};
    std::vector<NodeId> folders{was_.id};
    while (!folders.empty()) {
        const NodeId folder = folders.back();
        folders.pop_back();
        std::string after;
        for (std::vector<PastNode> page; !(page = members(folder, after)).empty();) {
            after = page.back().name;
            for (const PastNode& member : page) {
                oids.push_back(member.oid);
                if (is_collection(member.kind)) folders.push_back(member.id);
            }
            if (oids.size() > kPutBackMax) throw base::Failure(base::Fault::busy, "too much to put back at once");
        }
    }
    facts_ = past_facts(store_, was_.space, oids, what_.at);
}

std::vector<PastNode> Restoring::members(NodeId folder, const std::string& after) {
    std::vector<PastNode> page;
    store_.read([&](ReadTxn& txn) {
        txn.past().list(folder, what_.at, after, kCopyGroupMax,
                        [&](const PastNode& member) { page.push_back(member); });
    });
    return page;
}

bool Restoring::put_into_hidden(const PastNode& member, const std::string& path, WriteTxn::Copied& copied) {
    if (is_item(member.kind)) {
        if (!member.content || !member.content->hash) return false;
        copied.size = member.content->size;
        copied.hash = member.content->hash;
        return store_.read([&](ReadTxn& txn) { return txn.body(*copied.hash).has_value(); });
    }
    if (is_collection(member.kind)) {
        if (!on_disk_) return true;
        tree_.make_folder(path);
        copied.facts = tree_.stat(path);
        return true;
    }
    PastNode look = member;
    for (int i = 0; i < kLooksMax && look.content; ++i) {
        const PastOctets octets = open_past(store_, look);
        const auto facts = octets.file ? tree_.copy_file(octets.path, path) : std::nullopt;
        const auto file = facts ? tree_.open(path) : nullptr;
        const base::Hash hash = file ? hash_of(*file) : base::Hash{};
        if (file && (!look.content->hash || hash == *look.content->hash)) {
            copied.size = facts->copy.size;
            copied.hash = hash;
            copied.facts = facts->copy;
            return true;
        }
        if (file) tree_.unlink(path);
        const auto again =
            store_.read([&](ReadTxn& txn) { return txn.past().find(member.space, member.oid, what_.at); });
        if (!again) break;
        look = *again;
    }
    base::log_warn("history", "not kept any more: " + member.name);
    return false;
}

void Restoring::copy_members(const Folder& folder, const std::vector<PastNode>& page) {
    for (const PastNode& member : page) {
        const PastFacts facts = facts_of(member.oid);
        const std::string path = folder.to_path + "/" + member.name;
        WriteTxn::Copied copied;
        copied.parent = folder.to;
        copied.name = member.name;
        copied.kind = member.kind;
        copied.mtime_ns =
            facts.mtime_ns.value_or(member.content ? member.content->mtime_ns : facts.created_ms * 1'000'000);
        copied.exec = facts.exec;
        copied.props = changes_to(facts, {});
        if (!put_into_hidden(member, path, copied)) {
            ++done_.missing;
            continue;
        }
        // A copy of a folder that is there takes no ids; nor does one of a member that is.
        if (!is_there_) copied.revive = revive_of(member.oid, facts);
        bytes_ += copied.size;
        if (is_collection(member.kind))
            below_.push_back({group_.size(), {member, 0, path}});
        else
            ++done_.files;
        group_.push_back(std::move(copied));
        if (group_.size() == kCopyGroupMax) write_group();
    }
}

void Restoring::write_group() {
    if (group_.empty()) return;
    const auto ids = store_.write([&](WriteTxn& txn) {
        // Decided on the writer: what is there has its id.
        std::vector<WriteTxn::Copied> members = group_;
        for (WriteTxn::Copied& member : members) {
            if (member.revive && txn.by_oid(was_.space, member.revive->oid)) member.revive.reset();
        }
        return txn.add_copied(members, author_);
    });
    CHECK(ids.size() == group_.size());
    for (auto& [member, folder] : below_) {
        folder.to = ids[member];
        open_.push_back(std::move(folder));
    }
    group_.clear();
    below_.clear();
}

}  // namespace

std::optional<PutBackDone> put_back(Store& store, const PutBack& what, const Author& author) {
    return Restoring(store, what, author).run();
}

}  // namespace storage
