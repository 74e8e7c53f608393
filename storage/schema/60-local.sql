-- fs_todo: steps on the file system that a commit promised, key = lsn * 16 + step: the redo list. Written in the commit, performed
-- after it in key order, performed again at start; rows die in pieces once their folders are durable. `expect` is what a
-- step needs beside its paths (filer.h), `inline` the octets of a small file.
CREATE TABLE fs_todo (
    key    INTEGER PRIMARY KEY,
    op     INTEGER NOT NULL,
    space  INTEGER NOT NULL,
    src    TEXT NOT NULL,
    dst    TEXT NOT NULL,
    expect BLOB NOT NULL,
    inline BLOB
) STRICT;

-- local: small values of this server alone, never logged: counters, last uses, positions of jobs. Written by set_local.
CREATE TABLE local (
    tbl   TEXT NOT NULL,
    key   TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (tbl, key)
) STRICT, WITHOUT ROWID;
