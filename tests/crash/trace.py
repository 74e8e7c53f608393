"""A recorded trace, and what a power cut may leave of it.

ordered: the disk has a journal, like ext4 and XFS: of the changes of names and times that were not flushed a prefix is left. A
flushed file is there whole, and with it all changes of names before the last one that is about it; a flushed folder likewise.
loose: each change of a name is there or not, whole and after those before it of the same name; a flushed folder has its own, a flushed file its octets and times only.
In both, octets that were not flushed are there or not, each block of 4 KiB for itself.
"""
import os, struct

CREATE, WRITE, TRUNCATE, ATTRIBUTES, MKDIR, RMDIR, LINK, UNLINK, RENAME, EXCHANGE, FSYNC, FDATASYNC, SYNCFS = range(1, 14)
FLUSHES = (FSYNC, FDATASYNC, SYNCFS)
NAMES = {FSYNC: "fsync", FDATASYNC: "fdatasync", SYNCFS: "syncfs"}
HEAD = struct.Struct("=IIIIqqQqQqqIIQqqII")  # as in record.c
TABLE = struct.Struct("=QQQ")                # as in recall.c
ROW = struct.Struct("=QQqq")
BLOCK = 4096
EVER = 1 << 62
NOT_DURABLE = (".hearth/hearth.db-shm", ".hearth/control.sock")  # built anew by whoever opens the root


class Event:
    __slots__ = "kind begun ended begun_events offset path other octets facts other_facts".split()

    def about(self, root):
        return f"{NAMES.get(self.kind, self.kind)} {self.path.removeprefix(root)}"


def read(file, before):
    """The events of one process; `before`: how many there were before it."""
    with open(file, "rb") as trace:
        octets = trace.read()
    events, at = [], 0
    while at < len(octets):
        fields = HEAD.unpack_from(octets, at)
        at += HEAD.size
        event = Event()
        event.kind, path, other, data = fields[:4]
        event.begun, event.ended, event.begun_events, event.offset = fields[4:8]
        event.begun_events += before
        event.facts, event.other_facts = fields[8:12], fields[13:17]  # ino, mtime, ctime, mode
        event.path = octets[at:at + path].decode()
        event.other = octets[at + path:at + path + other].decode()
        event.octets = octets[at + path + other:at + path + other + data]
        at += path + other + data
        events.append(event)
    return events


class Inode:
    """entries: of a folder, what stands on the platter; now: what programs see. Of a file likewise."""

    def __init__(self, facts, folder):
        self.ino, self.folder = facts[0], folder
        self.entries, self.now = ({}, {}) if folder else (None, None)
        self.durable, self.octets = bytearray(), bytearray()
        self.writes = []             # (event, offset, octets), or (event, size, None): cut to that
        self.facts, self.later_facts = facts, []  # (event, facts)


def put(octets, offset, piece):
    if len(octets) < offset:
        octets.extend(bytes(offset - len(octets)))
    octets[offset:offset + len(piece)] = piece


def cut(octets, size):
    del octets[size:]
    octets.extend(bytes(size - len(octets)))


class Disk:
    def __init__(self, root, loose=False):
        self.loose = loose
        self.root, self.count, self.dev = root, 0, os.lstat(root).st_dev
        self.settled = -1  # the journal is on the platter up to this event, with what it says of times and sizes
        self.inodes = {}   # by number; one that is gone may have its number taken
        self.top = self.taken(root)
        self.journal = []  # (event, kind, folder, name, folder, name, inode, inode) that are not on the platter

    def taken(self, path):
        """What stands there now, as if it were on the platter."""
        status = os.lstat(path)
        facts = (status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_mode)
        folder = os.path.isdir(path)
        inode = self.inodes[facts[0]] = Inode(facts, folder)
        if folder:
            inode.entries = {name: self.taken(f"{path}/{name}") for name in os.listdir(path)
                             if not f"{path}/{name}".endswith(NOT_DURABLE)}
            inode.now = dict(inode.entries)
        else:
            with open(path, "rb") as file:
                inode.durable = bytearray(file.read())
            inode.octets = bytearray(inode.durable)
        return inode

    # ---- what happened ----

    def place(self, path):
        folder = self.top
        *above, name = path.removeprefix(self.root + "/").split("/")
        for part in above:
            folder = folder.now[part]
        return folder, name

    def apply(self, event):
        if event.path.endswith(NOT_DURABLE):
            pass
        elif event.kind in FLUSHES:
            self.flush(event)
        else:
            self.change(event)
        self.count += 1

    def change(self, event):
        number, kind = self.count, event.kind
        if kind in (WRITE, TRUNCATE, ATTRIBUTES):
            inode = self.inodes[event.facts[0]]
            if kind == WRITE:
                put(inode.octets, event.offset, event.octets)
                inode.writes.append((number, event.offset, event.octets))
            elif kind == TRUNCATE:
                cut(inode.octets, event.offset)
                inode.writes.append((number, event.offset, None))
            inode.later_facts.append((number, event.facts))
            return
        folder, name = self.place(event.path)
        to, to_name = self.place(event.other) if event.other else (None, None)
        if kind in (CREATE, MKDIR):
            inode = self.inodes[event.facts[0]] = Inode(event.facts, kind == MKDIR)
            inode.later_facts.append((number, event.facts))
        else:
            inode = folder.now[name]
        if kind in (RENAME, EXCHANGE):
            inode.later_facts.append((number, event.other_facts))
        other = to.now[to_name] if kind == EXCHANGE else None
        if other:
            other.later_facts.append((number, event.facts))
        if kind in (LINK, UNLINK):
            inode.later_facts.append((number, event.facts))
        change = (number, kind, folder, name, to, to_name, inode, other)
        settle(change, lambda one: one.now)
        self.journal.append(change)

    def flush(self, event):
        before = event.begun_events
        if event.kind == SYNCFS:
            for inode in self.all():
                self.flush_inode(inode, before)
            return self.commit(lambda change: True, before)
        inode = self.inodes[event.facts[0]]
        self.flush_inode(inode, before)
        if self.loose:
            return self.commit_some(lambda change: inode in (change[2], change[4]) and change[0] < before)
        if event.kind == FDATASYNC:
            return self.commit(lambda change: change[1] == CREATE and change[6] is inode, before)
        self.commit(lambda change: inode in (change[2], change[4], change[6], change[7]), before)

    def all(self):
        found, open_ = {id(self.top): self.top}, [self.top]
        while open_:
            for inode in [*open_[-1].now.values(), *open_.pop().entries.values()]:
                if id(inode) not in found:
                    found[id(inode)] = inode
                    if inode.folder:
                        open_.append(inode)
        return found.values()

    def flush_inode(self, inode, before):
        while inode.writes and inode.writes[0][0] < before:
            _, offset, octets = inode.writes.pop(0)
            if octets is None:
                cut(inode.durable, offset)
            else:
                put(inode.durable, offset, octets)
        while inode.later_facts and inode.later_facts[0][0] < before:
            inode.facts = inode.later_facts.pop(0)[1]

    def commit(self, forced, before):
        """All changes up to the last one that is forced."""
        upto = 0
        for i, change in enumerate(self.journal):
            if change[0] < before and forced(change):
                upto = i + 1
        for change in self.journal[:upto]:
            settle(change, lambda one: one.entries)
            self.settled = change[0]
        del self.journal[:upto]

    def commit_some(self, flushed):
        taken = with_earlier(self.journal, flushed)
        for change in taken:
            settle(change, lambda one: one.entries)
        gone = set(map(id, taken))
        self.journal = [change for change in self.journal if id(change) not in gone]

    # ---- what is left of it ----

    def left(self, mode, random):
        """{path: (inode, octets or None, facts)} after a power cut. mode: lost, all, names (the names of all, octets of none), random."""
        kept, until = self.changes_left(mode, random)
        folders = {}

        def entries(folder):
            if id(folder) not in folders:
                folders[id(folder)] = dict(folder.entries)
            return folders[id(folder)]

        for change in kept:
            settle(change, entries)
        left, open_, contents = {}, [("", self.top)], {}
        while open_:
            path, folder = open_.pop()
            left[path] = (folder, None, folder.facts)
            for name, inode in entries(folder).items():
                at = f"{path}/{name}"
                if inode.folder:
                    open_.append((at, inode))
                    continue
                if id(inode) not in contents:
                    share = {"lost": 0, "names": 0, "all": 1, "random": random.choice([0, 0.5, 1])}[mode]
                    if self.loose:
                        until = EVER if mode == "all" or mode == "random" and random.random() < 0.5 else -1
                    contents[id(inode)] = (self.octets_left(inode, until, share, random), self.facts_left(inode, until))
                left[at] = (inode, *contents[id(inode)])
        return left

    def changes_left(self, mode, random):
        """The changes of names, and the event before which times and sizes are left."""
        count = len(self.journal)
        if self.loose:
            share = {"lost": 0, "all": 1, "names": 1, "random": random.choice([0, 0.5, 1])}[mode]
            return with_earlier(self.journal, lambda change: random.random() < share), EVER
        kept = {"lost": 0, "all": count, "names": count, "random": random.randint(0, count)}[mode]
        until = self.settled if mode == "lost" else self.journal[kept][0] if kept < count else EVER
        return self.journal[:kept], until

    def octets_left(self, inode, until, share, random):
        if not inode.writes or share == 1 and until == EVER:
            return inode.octets if inode.writes else inode.durable
        octets = bytearray(inode.durable)
        for number, offset, piece in inode.writes:
            if piece is None:
                if number < until:
                    cut(octets, offset)
                continue
            done = 0
            while done < len(piece):
                length = min(len(piece) - done, BLOCK - (offset + done) % BLOCK)
                if share and random.random() < share:
                    put(octets, offset + done, piece[done:done + length])
                done += length
        return octets

    def facts_left(self, inode, until):
        facts = inode.facts
        for number, later in inode.later_facts:
            if number < until:
                facts = later
        return facts


def with_earlier(journal, chosen):
    """The changes that are chosen, each with those before it of the same names: a name can not be put to its third use before its second."""
    taken, names = [], set()
    for change in reversed(journal):
        own = {(id(change[2]), change[3]), (id(change[4]), change[5])} - {(id(None), None)}
        if chosen(change) or names & own:
            taken.append(change)
            names |= own
    return taken[::-1]


def settle(change, entries):
    """A change whole; where names are loose, others may be missing that were there when it was made."""
    _, kind, folder, name, to, to_name, inode, other = change
    here = entries(folder)
    if kind in (CREATE, MKDIR):
        here[name] = inode
    elif kind == LINK:
        entries(to)[to_name] = inode
    elif kind == EXCHANGE:
        here[name], entries(to)[to_name] = other, inode
    elif here.get(name) is inode:
        del here[name]
    if kind == RENAME:
        entries(to)[to_name] = inode


def build(left, dev, root, table):
    """Puts what is left below `root`, and the table by which recall.c gives it the numbers that it had."""
    made, rows = {}, []
    for path in sorted(left):
        inode, octets, facts = left[path]
        at = root + path
        if inode.folder:
            os.mkdir(at, facts[3] & 0o7777)
        elif id(inode) in made:
            os.link(made[id(inode)], at)
            continue
        else:
            with open(at, "wb", buffering=0) as file:
                file.write(octets)
                os.fchmod(file.fileno(), facts[3] & 0o7777)
            os.utime(at, ns=(facts[1], facts[1]))
        made[id(inode)] = at
    for path, (inode, _, facts) in left.items():
        status = os.lstat(made[id(inode)])
        rows.append((status.st_ino, inode.ino, status.st_ctime_ns, facts[2]))
    rows = sorted(set(rows))
    with open(table, "wb") as out:
        out.write(TABLE.pack(os.lstat(root).st_dev, dev, len(rows)))
        out.write(b"".join(ROW.pack(*row) for row in rows))
