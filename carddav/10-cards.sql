-- card: one row per card, what is asked of it without reading its octets. Written by CardEntry alone and made anew from
-- the octets by a repair. uid NULL: the octets can not be read, and the row says nothing else. A column of texts has the
-- values of its property as they compare by i;unicode-casemap, one in a line; NULL: the card has no such property. Dies
-- with its node.
CREATE TABLE card (
    node     INTEGER PRIMARY KEY REFERENCES node (id) ON DELETE CASCADE,
    book     INTEGER,
    uid      TEXT,
    fn       TEXT,
    n        TEXT,
    nickname TEXT,
    org      TEXT,
    email    TEXT,
    tel      TEXT,
    kind     TEXT
) STRICT;
CREATE INDEX card_uid ON card (uid);
-- What most queries ask, read from the index alone.
CREATE INDEX card_fn ON card (book, fn);

-- A card that is moved is in another book; nothing else about it changes.
CREATE TRIGGER card_moves AFTER UPDATE OF parent ON node WHEN new.kind = 6 BEGIN
    UPDATE card SET book = new.parent WHERE node = new.id;
END;

-- card_date: the days that a card names, in their order: kind as in dates.h, year NULL = not known.
CREATE TABLE card_date (
    node   INTEGER NOT NULL REFERENCES node (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    kind   INTEGER NOT NULL,
    label  TEXT NOT NULL,
    year   INTEGER,
    month  INTEGER NOT NULL,
    day    INTEGER NOT NULL,
    PRIMARY KEY (node, number)
) STRICT, WITHOUT ROWID;
