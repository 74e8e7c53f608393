-- lock: one row per WebDAV lock on a node (RFC 4918 section 6). Local, never logged, but survives a restart. Dies by UNLOCK,
-- by time, when its node is removed or moved.
CREATE TABLE lock (
    token      TEXT PRIMARY KEY,
    node       INTEGER NOT NULL REFERENCES node (id) ON DELETE CASCADE,
    depth      INTEGER NOT NULL,
    scope      INTEGER NOT NULL,
    principal  BLOB NOT NULL,
    owner_xml  TEXT NOT NULL,
    href       TEXT NOT NULL,
    expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX lock_node ON lock (node);
