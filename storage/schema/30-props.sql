-- prop: one row per (node, property): dead properties and the writable live ones, last writer wins. value NULL = removed, kept
-- so that an older write from a peer does not bring it back. Written by set_prop and copies; dies with its node.
CREATE TABLE prop (
    node   INTEGER NOT NULL REFERENCES node (id) ON DELETE CASCADE,
    ns     TEXT NOT NULL,
    name   TEXT NOT NULL,
    value  TEXT,
    hlc    INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    seq    INTEGER NOT NULL,
    PRIMARY KEY (node, ns, name)
) STRICT, WITHOUT ROWID;
