#include "storage/sql.h"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <sqlite3.h>

#include <cerrno>
#include <unordered_map>
#include <utility>

#include "storage/base/failure.h"
#include "storage/base/log.h"
#include "storage/base/planted.h"

namespace sql {

// SQLiteCpp opens and owns the database; statements go to the C interface behind it, because SQLiteCpp::Column copies a
// shared_ptr for every column of every row, which is a third of the time of a listing of 10,000 rows.
struct Connection::State {
    State(const std::string& path, Access access_, const char* vfs)
        : database(path,
                   access_ == Access::writer ? SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE | SQLite::OPEN_NOMUTEX
                                             : SQLite::OPEN_READWRITE | SQLite::OPEN_NOMUTEX,
                   kBusyMs, vfs ? vfs : ""),
          access(access_) {}

    static constexpr int kBusyMs = 5000;

    SQLite::Database database;
    Access access;
    // SQLite rolls a transaction back by itself when a read or write of the file fails. What its owner still asks for
    // would then be committed one by one.
    void require_transaction() const {
        if (base::planted(base::Plant::ended_transaction)) return;
        if (begun && sqlite3_get_autocommit(database.getHandle()) != 0)
            throw base::Failure(base::Fault::io, "sqlite: the transaction ended by an error before this");
    }

    int wal_frames = 0;
    bool begun = false;
    std::unordered_map<const char*, sqlite3_stmt*> statements;
};

namespace {

constexpr const char* kWriterPragmas =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;"
    "PRAGMA journal_size_limit = -1; PRAGMA cache_size = -16384; PRAGMA foreign_keys = ON;"
    "PRAGMA cell_size_check = ON; PRAGMA secure_delete = OFF; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;"
    "PRAGMA trusted_schema = OFF;";
constexpr const char* kReaderPragmas =
    "PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = -1; PRAGMA cache_size = -4096;"
    "PRAGMA foreign_keys = ON; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;"
    "PRAGMA trusted_schema = OFF; PRAGMA query_only = ON;";

// Long text of errors carries the statement, never bound values.
std::string describe(const char* attempted, sqlite3* handle, int code) {
    return std::string("sqlite: ") + attempted + ": " + sqlite3_errstr(code) + " (" + sqlite3_errmsg(handle) + ")";
}

constexpr std::size_t kValueBytesMax = 1000000000;  // SQLITE_MAX_LENGTH

// Statistics that nobody reads would take a lock at each allocation. Refused where somebody else opened a database
// before us: then it only stays slower.
void configure() {
    [[maybe_unused]] static const int done = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

int length_of(std::string_view value) {
    CHECK(value.size() <= kValueBytesMax);
    return static_cast<int>(value.size());
}

}  // namespace

Connection::Connection(const std::string& path, Access access, const char* vfs) try
    : state_((configure(), std::make_unique<State>(path, access, vfs))) {
    sqlite3_extended_result_codes(state_->database.getHandle(), 1);
    script(access == Access::writer ? kWriterPragmas : kReaderPragmas);
    if (base::planted(base::Plant::database_unsynced)) script("PRAGMA synchronous = NORMAL;");
    if (access == Access::writer) {
        int keep = 1;  // the log file stays when the last connection closes: it was grown once
        sqlite3_wal_hook(
            state_->database.getHandle(),
            [](void* state, sqlite3*, const char*, int frames) {
                static_cast<State*>(state)->wal_frames = frames;
                return SQLITE_OK;
            },
            state_.get());
        sqlite3_file_control(state_->database.getHandle(), "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
    }
} catch (const SQLite::Exception& error) {
    throw base::Failure(base::Fault::io, "opening the database " + path + ": " + error.what());
}

Connection::~Connection() {
    for (auto& [text, statement] : state_->statements) sqlite3_finalize(statement);
}

void Connection::fail(const char* attempted, int code) const {
    const std::string text = describe(attempted, state_->database.getHandle(), code);
    switch (code & 0xff) {
        case SQLITE_CONSTRAINT: throw Refused(text);
        case SQLITE_FULL: throw base::Failure(base::Fault::disk_full, text);
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
        case SQLITE_NOMEM: throw base::Failure(base::Fault::busy, text);
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB: throw base::Failure(base::Fault::corrupt, text);
        default: throw base::Failure(base::Fault::io, text);
    }
}

Query Connection::query(const char* constant) {
    auto [at, fresh] = state_->statements.try_emplace(constant, nullptr);
    if (fresh) {
        const int code = sqlite3_prepare_v3(state_->database.getHandle(), constant, -1, SQLITE_PREPARE_PERSISTENT,
                                            &at->second, nullptr);
        if (code != SQLITE_OK) {
            state_->statements.erase(at);
            fail(constant, code);
        }
    }
    // A statement in use twice at once (a callback inside a listing) would lose its first use.
    if (sqlite3_stmt_busy(at->second)) {
        sqlite3_stmt* second = nullptr;
        const int code = sqlite3_prepare_v3(state_->database.getHandle(), constant, -1, 0, &second, nullptr);
        if (code != SQLITE_OK) fail(constant, code);
        Query query(*this, second);
        query.owned_ = true;
        return query;
    }
    return Query(*this, at->second);
}

void Connection::script(const char* statements) {
    state_->require_transaction();
    const int code = sqlite3_exec(state_->database.getHandle(), statements, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) fail("script", code);
}

void Connection::begin() {
    state_->begun = false;
    query(state_->access == Access::writer ? "BEGIN IMMEDIATE" : "BEGIN").run();
    state_->begun = true;
}

void Connection::commit() {
    Query commit = query("COMMIT");
    errno = 0;  // SQLite keeps the one of a log that could not be written to itself
    const int code = sqlite3_step(commit.statement_);
    if (code == SQLITE_DONE) {
        state_->begun = false;
        return;
    }
    const int error = errno;
    if ((code & 0xff) == SQLITE_IOERR && error == EROFS)
        throw base::Failure(base::Fault::unavailable,
                            describe("COMMIT on a read-only file system", state_->database.getHandle(), code));
    if ((code & 0xff) == SQLITE_IOERR) {
        base::log_error("store", describe("COMMIT", state_->database.getHandle(), code) +
                                     "; memory is not trusted any more, stopping so that recovery decides");
        base::stop_at_once();
    }
    fail("COMMIT", code);
}

void Connection::rollback() noexcept {
    state_->begun = false;
    if (!in_transaction()) return;
    try {
        query("ROLLBACK").run();      // prepared once: every read ends with one
    } catch (const base::Failure&) {  // SQLite has rolled back by itself
    }
}

bool Connection::in_transaction() const {
    return sqlite3_get_autocommit(state_->database.getHandle()) == 0;
}

void Connection::sync_commits(bool on) {
    script(on ? "PRAGMA synchronous = FULL;" : "PRAGMA synchronous = NORMAL;");
}

std::int64_t Connection::changes() const {
    return sqlite3_changes64(state_->database.getHandle());
}

int Connection::wal_frames() const {
    return state_->wal_frames;
}

Connection::Wal Connection::checkpoint() {
    Wal wal;
    const int code = sqlite3_wal_checkpoint_v2(state_->database.getHandle(), "main", SQLITE_CHECKPOINT_PASSIVE,
                                               &wal.frames, &wal.moved);
    if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY) fail("checkpoint", code);
    return wal;
}

bool Connection::bring_in_log() {
    Wal wal;
    const int code = sqlite3_wal_checkpoint_v2(state_->database.getHandle(), "main", SQLITE_CHECKPOINT_RESTART,
                                               &wal.frames, &wal.moved);
    if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY) fail("checkpoint", code);
    return code == SQLITE_OK && wal.moved == wal.frames;
}

void Connection::grow_wal(std::int64_t bytes) {
    // A transaction that does not fit into the cache spills its pages into the log; rolled back, the file stays long.
    script("PRAGMA cache_size = -64; PRAGMA cache_spill = ON;");
    begin();
    try {
        Query fill = query("INSERT INTO local (tbl, key, value) VALUES ('grow', 'grow', zeroblob(?1))");
        fill.bind(bytes).run();
    } catch (const base::Failure& failure) {
        // A disk too full for this serves reads and removals well enough.
        base::log_warn("store", std::string("the write-ahead log was not grown: ") + failure.what());
    }
    rollback();
    script("PRAGMA cache_size = -16384;");
}

Query::Query(Query&& other) noexcept
    : connection_(other.connection_),
      statement_(std::exchange(other.statement_, nullptr)),
      bound_(other.bound_),
      owned_(other.owned_) {}

Query::~Query() {
    if (!statement_) return;
    if (owned_) {
        sqlite3_finalize(statement_);
        return;
    }
    sqlite3_reset(statement_);
    if (bound_ > 0) sqlite3_clear_bindings(statement_);
}

Query& Query::bind(std::int64_t value) {
    const int code = sqlite3_bind_int64(statement_, ++bound_, value);
    CHECK(code == SQLITE_OK);
    return *this;
}

Query& Query::bind_text(std::string_view value) {
    const char* data = value.data() ? value.data() : "";  // a null pointer would bind NULL
    const int code = sqlite3_bind_text(statement_, ++bound_, data, length_of(value), SQLITE_STATIC);
    CHECK(code == SQLITE_OK);
    return *this;
}

Query& Query::bind_blob(std::string_view value) {
    const char* data = value.data() ? value.data() : "";
    const int code = sqlite3_bind_blob(statement_, ++bound_, data, length_of(value), SQLITE_STATIC);
    CHECK(code == SQLITE_OK);
    return *this;
}

Query& Query::bind_null() {
    const int code = sqlite3_bind_null(statement_, ++bound_);
    CHECK(code == SQLITE_OK);
    return *this;
}

bool Query::next() {
    connection_->state_->require_transaction();
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    connection_->fail(sqlite3_sql(statement_), code);
}

void Query::run() {
    while (next()) {
    }
}

void Query::again() {
    sqlite3_reset(statement_);
    bound_ = 0;
}

std::int64_t Query::integer(int column) const {
    return sqlite3_column_int64(statement_, column);
}

std::string_view Query::text(int column) const {
    const auto* data = sqlite3_column_text(statement_, column);
    if (!data) return {};
    return {reinterpret_cast<const char*>(data), static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::string_view Query::blob(int column) const {
    const void* data = sqlite3_column_blob(statement_, column);
    if (!data) return {};
    return {static_cast<const char*>(data), static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

bool Query::is_null(int column) const {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

}  // namespace sql
