-- lock: one row per WebDAV lock on a node (RFC 4918 section 6). Local, never logged, but survives a restart. A row is a lock
-- while expires_ms lies ahead; what has expired is nobody's and leaves with the next lock that is added. Dies by UNLOCK, when
-- its node is removed or moved, or when a folder above is.
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

-- lock_above: one row per lock and folder above its node, distance 1 = the parent: an index that finds the locks below a folder
-- without a walk. It never goes stale, because a lock does not live through a move of anything above it. Written and gone with
-- its lock.
CREATE TABLE lock_above (
    node     INTEGER NOT NULL,
    distance INTEGER NOT NULL,
    token    TEXT NOT NULL REFERENCES lock (token) ON DELETE CASCADE,
    PRIMARY KEY (node, distance, token)
) STRICT, WITHOUT ROWID;
CREATE INDEX lock_above_token ON lock_above (token);
