-- kv: one row per field of a replicated record that is no file: users, app passwords, memberships, shares, grants, quotas, peers.
-- Logged in the sys space; value NULL = removed. Of several heads (records that nobody who wrote later had seen) it holds the
-- one that is shown, by the rules of replication/kv_state. Written by set_kv and take_kv only.
CREATE TABLE kv (
    tbl    TEXT NOT NULL,
    key    TEXT NOT NULL,
    field  TEXT NOT NULL,
    value  BLOB,
    hlc    INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    seq    INTEGER NOT NULL,
    PRIMARY KEY (tbl, key, field)
) STRICT, WITHOUT ROWID;

-- kv_beside: the other heads of a row of `kv`, from homes that wrote without knowing of each other; nearly always empty. At
-- most one per home and row. They go with the next record of the row, which names them. The columns of the key come first:
-- else the integrity check of SQLite 3.40 takes a NULL of `value` for one of another column.
CREATE TABLE kv_beside (
    tbl    TEXT NOT NULL,
    key    TEXT NOT NULL,
    field  TEXT NOT NULL,
    origin INTEGER NOT NULL,
    seq    INTEGER NOT NULL,
    value  BLOB,
    hlc    INTEGER NOT NULL,
    PRIMARY KEY (tbl, key, field, origin, seq)
) STRICT, WITHOUT ROWID;
