-- log: one row per record in local apply order (lsn). Written only by the verbs and by replication. Readers: peers (by
-- origin, seq), hooks and pages (by lsn); sync reports read node, gone and version instead. (space, origin, seq) is unique
-- because the one writer hands it out; an index for that would cost a tree per write. Rows leave when every member has
-- them and they are older than the token window.
CREATE TABLE log (
    lsn        INTEGER PRIMARY KEY,
    space      INTEGER NOT NULL,
    origin     INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    hlc        INTEGER NOT NULL,
    kind       INTEGER NOT NULL,
    oid        BLOB,
    cause      INTEGER NOT NULL,
    actor      BLOB,
    request_id BLOB,
    at_ms      INTEGER NOT NULL,
    body       BLOB NOT NULL
) STRICT;

-- vector: what of each origin's records is applied, per space, without holes up to seq, and the lsn that seq has here. One
-- row per space while alone. Written once per commit. floor_log and floor_token: up to them records and deletion knowledge
-- are gone; floor_lsn is the latter as it was counted here.
CREATE TABLE vector (
    space       INTEGER NOT NULL,
    origin      INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    floor_log   INTEGER NOT NULL DEFAULT 0,
    floor_token INTEGER NOT NULL DEFAULT 0,
    lsn         INTEGER NOT NULL DEFAULT 0,
    floor_lsn   INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (space, origin)
) STRICT, WITHOUT ROWID;

-- gone: an object stood at (parent, name) for [from_lsn, to_lsn) and does not any more: it moved or was removed by the record
-- r. Sync reports read removals from it, history the past. Ids grow with to_lsn. Dies when deletion knowledge is dropped,
-- which is later than its trash expires; a place of what is still there only when no content of then is kept any more.
CREATE TABLE gone (
    id       INTEGER PRIMARY KEY,
    oid      BLOB NOT NULL,
    node     INTEGER NOT NULL,
    space    INTEGER NOT NULL,
    parent   INTEGER NOT NULL,
    name     TEXT NOT NULL,
    kind     INTEGER NOT NULL,
    from_lsn INTEGER NOT NULL,
    to_lsn   INTEGER NOT NULL,
    r_origin INTEGER NOT NULL,
    r_seq    INTEGER NOT NULL
) STRICT;
CREATE INDEX gone_parent ON gone (parent, to_lsn);
CREATE INDEX gone_oid ON gone (space, oid);
-- Where an object stood at some time: the path of what was removed below it.
CREATE INDEX gone_node ON gone (node, to_lsn);

-- version: content an object had for [from_lsn, to_lsn). Its octets are in versions/<hh>/<hash> or in `body`; place says where
-- else below the storage root they are (a file inside a removed folder). cause and actor: of the change that ended it.
-- Rowids grow with to_lsn. Dies when retention says so (retention.h), unless pinned.
CREATE TABLE version (
    oid      BLOB NOT NULL,
    space    INTEGER NOT NULL,
    hash     BLOB,
    size     INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    from_lsn INTEGER NOT NULL,
    to_lsn   INTEGER NOT NULL,
    c_origin INTEGER NOT NULL,
    c_seq    INTEGER NOT NULL,
    cause    INTEGER NOT NULL,
    actor    BLOB,
    place    TEXT,
    pinned   INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX version_oid ON version (space, oid, to_lsn);
-- Whether octets in versions/ are still somebody's, and whether a folder in trash holds any.
CREATE INDEX version_hash ON version (hash) WHERE place IS NULL;
CREATE INDEX version_place ON version (place) WHERE place IS NOT NULL;

-- tangle: objects of a space that do not show as their own last records alone would say, because homes wrote without knowing of each
-- other: conflict copies and the files they belong to, several objects of one name, folders brought back, what is not shown (yet).
-- Records about them are applied by laying the whole space out anew. `shown`: the object behind which this one hides.
-- Local; made anew by each layout of the space; empty while a home is alone.
CREATE TABLE tangle (
    space INTEGER NOT NULL,
    oid   BLOB NOT NULL,
    shown BLOB,
    PRIMARY KEY (space, oid)
) STRICT, WITHOUT ROWID;
