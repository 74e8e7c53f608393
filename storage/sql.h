#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

struct sqlite3_stmt;

// SQLite for storage and the domains' index tables. The only user of SQLite's and SQLiteCpp's headers is sql.cc.
namespace sql {

class Connection;

// A write that a constraint of the schema refused (UNIQUE, CHECK, foreign key). The transaction is still open.
class Refused : public std::runtime_error {
    using runtime_error::runtime_error;
};

// One use of a cached statement: bind in order, then `run` or `next`. Resets the statement when it goes, so that no
// read stays open. Text and blobs are bound without a copy: what is bound outlives the Query.
class Query {
  public:
    Query(Query&& other) noexcept;
    Query& operator=(Query&&) = delete;
    ~Query();

    Query& bind(std::int64_t value);
    Query& bind_text(std::string_view value);
    Query& bind_blob(std::string_view value);
    Query& bind_null();
    Query& bind(std::optional<std::int64_t> value) { return value ? bind(*value) : bind_null(); }

    bool next();   // true: a row stands ready
    void run();    // to the end; rows are ignored
    void again();  // ready to be bound once more

    std::int64_t integer(int column) const;
    std::string_view text(int column) const;  // valid until the next step
    std::string_view blob(int column) const;  // valid until the next step; empty for NULL
    bool is_null(int column) const;

  private:
    friend class Connection;
    Query(Connection& connection, sqlite3_stmt* statement) : connection_(&connection), statement_(statement) {}

    Connection* connection_;
    sqlite3_stmt* statement_;
    int bound_ = 0;
    bool owned_ = false;  // not from the cache: a second use while the first is open
};

enum class Access { writer, reader };

// One connection: one thread at a time. Errors are base::Failure (a full disk: Fault::disk_full) or Refused. An I/O
// error at COMMIT aborts the process: what is in memory is then not what is on the disk, and recovery decides. Only
// when the file system turned read-only it is Fault::unavailable: nothing can be written any more, and reads go on.
// Any other I/O error ends the transaction: all that is asked for until rollback() or begin() is a Failure.
class Connection {
  public:
    Connection(const std::string& path, Access access, const char* vfs);
    ~Connection();
    Connection(const Connection&) = delete;

    // `constant` must be a string that lives as long as the connection (a literal): its address is the cache key.
    Query query(const char* constant);
    void script(const char* statements);  // several, no parameters

    void begin();  // writer: BEGIN IMMEDIATE; reader: BEGIN, and the view is fixed by the first read
    void commit();
    void rollback() noexcept;
    bool in_transaction() const;

    // Writer, outside a transaction. Off: COMMIT writes to the log and leaves its sync to somebody else; checkpoints
    // sync all the same. Visible to readers at once.
    void sync_commits(bool on);

    std::int64_t changes() const;  // rows of the last write

    struct Wal {
        int frames = 0;
        int moved = 0;  // of these, already in the database
    };
    int wal_frames() const;  // length of the log after the last commit of this connection
    Wal checkpoint();        // PASSIVE: never waits for readers
    // All of the log into the database, so that the next commit begins it anew; waits a while for readers. False: one
    // stayed.
    bool bring_in_log();
    // Makes the write-ahead log at least this long, once, so that later commits overwrite blocks (no journal commits of
    // the file system). Nothing of it becomes part of the database.
    void grow_wal(std::int64_t bytes);

  private:
    friend class Query;
    struct State;
    [[noreturn]] void fail(const char* attempted, int code) const;
    std::unique_ptr<State> state_;
};

}  // namespace sql
