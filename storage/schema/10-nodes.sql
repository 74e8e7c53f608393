-- meta: one row per fact about this database: the ids that tie it to root.json, its origin (63 random bits, minted with
-- the database), the last hybrid clock value and the last lsn, how often it was opened, and the version of each domain's schema. Written at
-- start and with each commit (hlc_last, lsn_last). Never dies.
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

-- space: one row per tree that replicates on its own: `sys` (accounts and the like, no nodes), `files:<user>` with a folder
-- on disk (`dir`), `contacts:<user>` and `calendars:<user>` without. next_seq and used_bytes (octets of files, and of names and values of properties)
-- are brought up to date once per commit. A row dies when its principal is removed; its id is never used again, since log
-- rows name it.
CREATE TABLE space (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    uid        BLOB NOT NULL UNIQUE,
    kind       INTEGER NOT NULL,
    owner      BLOB NOT NULL,
    root_node  INTEGER,
    dir        TEXT,
    epoch      INTEGER NOT NULL DEFAULT 0,
    next_seq   INTEGER NOT NULL DEFAULT 1,
    used_bytes INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX space_owner ON space (kind, owner);

-- node: one row per object at its place now. Written by the verbs of WriteTxn only. parent NULL = root of a space, or hidden
-- (a copy being built: name empty; a big removal being drained: name not empty). name_key is set only where it differs from
-- name, so that its index stays nearly empty. `tree` is the digest of what is below a collection. A row dies with the
-- removal of its object and then lives on in `gone` and `version`.
CREATE TABLE node (
    id          INTEGER PRIMARY KEY,
    oid         BLOB NOT NULL,
    space       INTEGER NOT NULL,
    parent      INTEGER,
    name        TEXT NOT NULL,
    name_key    TEXT,
    kind        INTEGER NOT NULL,
    created_ms  INTEGER NOT NULL,
    mtime_ns    INTEGER NOT NULL,
    exec        INTEGER NOT NULL DEFAULT 0,
    size        INTEGER NOT NULL DEFAULT 0,
    hash        BLOB,
    tree        BLOB,
    c_origin    INTEGER NOT NULL,
    c_seq       INTEGER NOT NULL,
    c_hlc       INTEGER NOT NULL,
    p_origin    INTEGER NOT NULL,
    p_seq       INTEGER NOT NULL,
    p_hlc       INTEGER NOT NULL,
    content_lsn INTEGER NOT NULL,
    placed_lsn  INTEGER NOT NULL,
    changed_lsn INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX node_oid ON node (space, oid);
CREATE UNIQUE INDEX node_name ON node (parent, name);
CREATE INDEX node_key ON node (parent, name_key) WHERE name_key IS NOT NULL;
CREATE INDEX node_changed ON node (space, changed_lsn);
-- Collections that were moved since they were made: with them all below has a new URL. A content record makes a collection.
CREATE INDEX node_moved ON node (space, placed_lsn) WHERE kind IN (1, 3, 4) AND placed_lsn <> content_lsn;
-- Only cards and events: says whether a row of `body` is still somebody's.
CREATE INDEX node_body ON node (hash) WHERE kind IN (5, 6);

-- body: octets of cards and events, current and past, once per content. Written by put; dies when neither a node nor a
-- version names the hash any more.
CREATE TABLE body (
    hash  BLOB PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT;

-- disk: what a stat of a node's file or folder said when we last put or saw it. A stat that differs means that somebody else
-- wrote. Written in the commit after the file step; local, never logged.
CREATE TABLE disk (
    node     INTEGER PRIMARY KEY REFERENCES node (id) ON DELETE CASCADE,
    handle   BLOB,
    dev      INTEGER NOT NULL,
    ino      INTEGER NOT NULL,
    size     INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL,
    racy     INTEGER NOT NULL DEFAULT 0
) STRICT;
