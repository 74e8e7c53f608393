"""Random operations on an area, as far as its state allows them."""
import random

import rig

SIZES = [0, 1, 700, 4096, 16384, 16385, 70_000, 400_000]
FILES = ["f0", "f1", "f2", "f3"]
FOLDERS = ["d0", "d1", "d2"]
VALUES_MAX = 1000

# How often each is tried; what the state does not allow is drawn again.
WEIGHTS = {"put": 40, "over": 20, "move": 10, "copy": 8, "delete": 8, "mkcol": 8, "proppatch": 10}
LOCKS = {"lock": 4, "unlock": 4}


class Load:
    """sent: gets the digest of each content, before it is sent."""

    def __init__(self, ledger, seed, weights=None, sizes=None, sent=None):
        self.ledger, self.random = ledger, random.Random(seed)
        self.weights, self.sizes = weights or WEIGHTS, sizes or SIZES
        self.sent = sent if sent is not None else set()

    def content(self):
        octets = self.random.randbytes(self.random.choice(self.sizes))
        self.sent.add(rig.digest_of(octets))
        return octets

    def next(self):
        while True:
            operation = self.draw(self.ledger.states[0])
            if operation is not None:
                return operation

    def draw(self, state):
        """An operation that this state allows, or None."""
        area = self.ledger.area
        if area not in state:
            return rig.mkcol(area)
        folders = [p for p, e in state.items() if e.digest is None]
        files = [p for p, e in state.items() if e.digest is not None]
        inner = [p for p in folders if p != area]
        target = f"{self.random.choice(folders)}/{self.random.choice(FILES)}"
        kind = self.random.choices(list(self.weights), self.weights.values())[0]
        if kind == "put":
            return rig.put(target, self.content(), token=self.token(target))
        if kind == "mkcol":
            path = f"{area}/{self.random.choice(FOLDERS)}"
            return rig.mkcol(path) if path not in state else None
        if kind == "proppatch":
            path = self.random.choice(folders + files)
            values = {f"p{n}": self.random.choice([None, str(self.random.randrange(VALUES_MAX))]) for n in range(2)}
            return rig.proppatch(path, values) if not self.token(path) else None
        if kind == "over":
            path = self.random.choice(files) if files else None
            return rig.put(path, self.content(), etag=self.ledger.etag(path), token=self.token(path)) if path else None
        if kind == "lock":
            path = self.random.choice(files) if files else None
            return rig.lock(path) if path and not self.token(path) else None
        if kind == "unlock":
            locked = [p for p in files if self.token(p)]
            return rig.unlock(locked[0], self.token(locked[0])) if locked else None
        source = self.random.choice(files + inner) if files + inner else None
        if source is None:
            return None
        if source in inner:
            target = f"{area}/{self.random.choice(FOLDERS)}"
        # What a lock below would refuse is not asked for.
        held = [p for p in state if state[p].lock and rig.is_at_or_below(p, source, target)]
        if kind == "delete":
            return rig.delete(source) if not held else None
        return rig.transfer(kind.upper(), source, target) if target != source and not held else None

    def token(self, path):
        entry = self.ledger.states[0].get(path)
        return entry.lock if entry else None
