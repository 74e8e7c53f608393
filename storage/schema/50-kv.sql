-- kv: one row per field of a replicated record that is no file: users, app passwords, memberships, shares, grants, quotas, peers.
-- Logged in the sys space, last writer wins per field; value NULL = removed. Written by set_kv only.
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
