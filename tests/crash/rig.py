"""What the crash rigs share: a server that can be killed, a client, and a ledger of what that client was promised.

A ledger speaks of one area, a folder that only one client writes to. It holds every state that the area may have: a state
maps each path to its Entry. An acknowledged operation takes each state to the one after it; one that was in flight when
the server died, or that was answered with 5xx, leaves both, and nothing in between. After a restart the area as the server shows
it, and as it stands on the plain disk, must be one of these states.
"""
import base64, hashlib, http.client, json, os, random, re, shutil, signal, socket, subprocess, tempfile, time
import xml.etree.ElementTree as xml
from collections import namedtuple
from urllib.parse import quote, unquote

USER = "ana"
PASSWORD = "kill-nine-password"
HOME = f"/dav/files/{USER}"
START_LIMIT_S = 60
ANSWER_LIMIT_S = 30
PORT_TRIES = 100
STATES_MAX = 4096  # of one area; a rig that comes here is written wrongly
NAMESPACE = "urn:hearth:rig"
LOCK_BODY = '<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>'
UNKNOWN = "unknown"  # the token of a lock whose LOCK was not answered

# What the server is told of its disk, whatever that is: the way it works on most. Also "weak", where names keep no order.
VOLUMES = {"strong": '[storage]\nvolume = "strong"\n', "weak": '[storage]\nvolume = "weak"\n', "auto": ""}

# digest None: a folder. props: pairs of name and text. lock: its token.
Entry = namedtuple("Entry", "digest props lock", defaults=(None, frozenset(), None))
# after(state) is the state it leads to, or None where it has to be refused.
Operation = namedtuple("Operation", "method path body headers after", defaults=(None, {}, None))
Broken = (OSError, http.client.HTTPException)


def digest_of(octets):
    return hashlib.sha256(octets).hexdigest()


def parent_of(path):
    return path.rpartition("/")[0]


def is_at_or_below(path, *tops):
    return any(path == top or path.startswith(top + "/") for top in tops)


def below(state, path):
    return [p for p in state if is_at_or_below(p, path)]


# ---- operations ----

def can_hold(state, path):
    parent = parent_of(path)
    return parent == "" or (parent in state and state[parent].digest is None)


def put(path, body, etag=None, token=None):
    def after(state):
        old = state.get(path)
        if not can_hold(state, path) or (old and old.digest is None):
            return None
        return {**state, path: (old or Entry())._replace(digest=digest_of(body))}
    headers = {"If-Match": etag} if etag else {}
    return Operation("PUT", path, body, {**headers, **under(path, token)}, after)


def mkcol(path):
    return Operation("MKCOL", path, None, {}, lambda s: {**s, path: Entry()} if can_hold(s, path) and path not in s else None)


def delete(path, token=None):
    def after(state):
        gone = set(below(state, path))
        return {p: e for p, e in state.items() if p not in gone} if gone else None
    return Operation("DELETE", path, None, under(path, token), after)


def transfer(method, source, target):
    def after(state):
        if source not in state or not can_hold(state, target):
            return None
        taken, replaced = below(state, source), set(below(state, target))
        if method == "MOVE":
            replaced |= set(taken)
        kept = {p: e for p, e in state.items() if p not in replaced}
        return kept | {target + p[len(source):]: state[p]._replace(lock=None) for p in taken}
    return Operation(method, source, None, {"Destination": HOME + quote(target), "Overwrite": "T"}, after)


def move(source, target):
    return transfer("MOVE", source, target)


def copy(source, target):
    return transfer("COPY", source, target)


def proppatch(path, values):
    """values: text, or None to remove."""
    def after(state):
        if path not in state:
            return None
        props = dict(state[path].props) | values
        return {**state, path: state[path]._replace(props=frozenset((n, v) for n, v in props.items() if v is not None))}
    parts = "".join(f"<D:remove><D:prop><R:{n}/></D:prop></D:remove>" if v is None else
                    f"<D:set><D:prop><R:{n}>{v}</R:{n}></D:prop></D:set>" for n, v in values.items())
    body = f'<D:propertyupdate xmlns:D="DAV:" xmlns:R="{NAMESPACE}">{parts}</D:propertyupdate>'
    return Operation("PROPPATCH", path, body.encode(), {}, after)


def lock(path):
    def after(state):
        if path not in state or state[path].lock:
            return None
        return {**state, path: state[path]._replace(lock=UNKNOWN)}  # `Ledger.send` puts the token there
    return Operation("LOCK", path, LOCK_BODY.encode(), {"Timeout": "Second-3600"}, after)


def unlock(path, token):
    def after(state):
        return {**state, path: state[path]._replace(lock=None)} if path in state and state[path].lock == token else None
    return Operation("UNLOCK", path, None, {"Lock-Token": f"<{token}>"}, after)


def under(path, token):
    return {"If": f"<{HOME}{quote(path)}> (<{token}>)"} if token else {}


# ---- the client ----

class Client:
    """One connection, opened when it is needed."""

    def __init__(self, server):
        self.server, self.connection = server, None

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def request(self, method, path, body=None, headers=None):
        """The response with its body as `octets`. Raises one of Broken; the next request connects again."""
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=ANSWER_LIMIT_S)
            auth = "Basic " + base64.b64encode(f"{USER}:{self.server.password}".encode()).decode()
            self.connection.request(method, HOME + quote(path), body, {"Authorization": auth, **(headers or {})})
            answer = self.connection.getresponse()
            answer.octets = answer.read()
            return answer
        except Broken:
            self.close()
            raise


class Ledger:
    """The states that the area `/<name>` may have, and what its answers did to them."""

    def __init__(self, area, client):
        self.area, self.client = area, client
        self.states = [{}]
        self.acknowledged, self.refused = 0, 0
        self.wrong = []
        self.etags = {}   # of a digest
        self.tokens = {}  # of a path

    def narrow(self, states):
        unique = []
        for state in states:
            if state not in unique:
                unique.append(state)
        assert len(unique) <= STATES_MAX
        self.states = unique

    def send(self, operation):
        """The status, or None when no answer came: then the operation may have happened."""
        both = self.states + [after for after in map(operation.after, self.states) if after is not None]
        before = self.states
        self.narrow(both)
        try:
            answer = self.client.request(operation.method, operation.path, operation.body, operation.headers)
        except Broken:
            self.refused += 1
            return None
        status, what = answer.status, f"{operation.method} {operation.path}"
        applied = [after for after in map(operation.after, before) if after is not None]
        failed_inside = status == 207 and re.search(rb"HTTP/1.1 [45]\d\d", answer.octets)
        if 200 <= status < 300 and not failed_inside:
            self.acknowledged += 1
            if not applied:
                self.wrong.append(f"{what} answered {status} where it had to be refused")
                return status
            self.learn(operation, answer, applied)
            self.narrow(applied)
            return status
        self.refused += 1
        if status == 507:  # there was no room, and nothing was done
            self.narrow(before)
            return status
        # 4xx is a statement about the resource: nothing was done, and some possible state must be one of which it is true.
        if 400 <= status < 500 or failed_inside:
            self.narrow(before)
            if len(applied) == len(before):
                self.wrong.append(f"{what} answered {status} where nothing stood against it: {answer.octets[:300]!r}")
        return status

    def learn(self, operation, answer, applied):
        if operation.method == "PUT" and answer.getheader("ETag"):
            self.etags[digest_of(operation.body)] = answer.getheader("ETag")
        if operation.method == "LOCK":
            token = (answer.getheader("Lock-Token") or "").strip("<>")
            self.tokens[operation.path] = token
            for state in applied:
                state[operation.path] = state[operation.path]._replace(lock=token)

    def etag(self, path):
        """What the one possible content of `path` has, where that is known."""
        digests = {state[path].digest for state in self.states if path in state}
        return self.etags.get(digests.pop()) if len(digests) == 1 and all(path in s for s in self.states) else None

    def check(self, files):
        """What is wrong with the area now, on disk below `files` and through the server; narrows the ledger to what is there."""
        bad, self.wrong = self.wrong, []
        on_disk = read_disk(files, self.area)
        served = self.read_server(bad)
        if {p: e.digest for p, e in served.items()} != on_disk:
            bad.append(f"{self.area}: the disk has {short(on_disk)}, the server shows {short({p: e.digest for p, e in served.items()})}")
        bad += unlike(self.area, served, self.states)
        self.states = [served]
        return bad

    def read_server(self, bad):
        found, folders = {}, [self.area]
        while folders:
            for path, entry in propfind(self.client, folders.pop(), bad).items():
                if path in found:
                    continue
                found[path] = entry
                if entry.digest is None and path != self.area:
                    folders.append(path)
        for path, entry in found.items():
            if entry.digest is None:
                continue
            answer = self.client.request("GET", path)
            if answer.status != 200:
                bad.append(f"GET {path} answered {answer.status}")
            found[path] = entry._replace(digest=digest_of(answer.octets))
        return found


def unlike(area, found, states):
    """A line where what was found is none of the states: how it differs from the nearest one."""
    tokens = {e.lock for s in states for e in s.values()}
    seen = {p: e._replace(lock=UNKNOWN) if e.lock and e.lock not in tokens else e for p, e in found.items()}
    if seen in states:
        return []

    def differing(state):
        return [p for p in state.keys() | seen.keys() if state.get(p) != seen.get(p)]
    nearest = min(states, key=lambda state: len(differing(state)))
    wrong = "; ".join(f"{p} {text(seen.get(p))} instead of {text(nearest.get(p))}" for p in sorted(differing(nearest)))
    return [f"{area}: is {wrong}, of {len(states)} possible states"]


def propfind(client, path, bad):
    """Entries of `path` and its members; the digest of a file is a placeholder."""
    names = "<D:resourcetype/><D:lockdiscovery/>" + "".join(f"<R:p{n}/>" for n in range(3))
    body = f'<D:propfind xmlns:D="DAV:" xmlns:R="{NAMESPACE}"><D:prop>{names}</D:prop></D:propfind>'
    answer = client.request("PROPFIND", path, body.encode(), {"Depth": "1"})
    if answer.status != 207:
        if answer.status != 404:
            bad.append(f"PROPFIND {path} answered {answer.status}")
        return {}
    found = {}
    for response in xml.fromstring(answer.octets).findall("{DAV:}response"):
        at = unquote(response.findtext("{DAV:}href"))[len(HOME):].rstrip("/")
        folder, token, props = False, None, {}
        for propstat in response.findall("{DAV:}propstat"):
            if " 200 " not in propstat.findtext("{DAV:}status") + " ":
                continue
            folder |= propstat.find(".//{DAV:}collection") is not None
            token = propstat.findtext(".//{DAV:}locktoken/{DAV:}href") or token
            for one in propstat.find("{DAV:}prop"):
                if one.tag.startswith(f"{{{NAMESPACE}}}"):
                    props[one.tag.rpartition("}")[2]] = one.text
        found[at] = Entry(None if folder else "?", frozenset(props.items()), token)
    return found


def read_disk(files, area):
    found, folders = {}, [area]
    if not os.path.lexists(files + area):
        return found
    while folders:
        folder = folders.pop()
        found[folder] = None
        for entry in os.scandir(files + folder):
            path = f"{folder}/{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                folders.append(path)
            else:
                with open(entry.path, "rb") as file:
                    found[path] = digest_of(file.read())
    return found


def text(entry):
    if entry is None:
        return "absent"
    return " ".join(filter(None, ["folder" if entry.digest is None else entry.digest[:8], str(sorted(entry.props) or ""),
                                  entry.lock and "locked " + entry.lock[-8:]]))


def short(tree):
    return {path: digest and digest[:8] for path, digest in sorted(tree.items())}


# ---- the server ----

def free_port():
    """Not one that the kernel gives to others: rigs run side by side."""
    for _ in range(PORT_TRIES):
        with socket.socket() as probe:
            try:
                port = random.SystemRandom().randrange(10_000, 30_000)
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise SystemExit("FAIL start: no free port")


class Server:
    """The program in a temporary folder, with a root there that is made now, or with one whose `password` is known."""

    def __init__(self, binary, name, environment=None, root=None, settings="", password=None):
        self.binary, self.environment, self.settings = os.path.abspath(binary), environment or {}, settings
        self.work = os.path.realpath(tempfile.mkdtemp(prefix=f"hearth-{name}-"))
        self.root = root or f"{self.work}/root"
        self.files = f"{self.root}/files/{USER}"
        self.log = open(f"{self.work}/log", "a")
        self.process = None
        self.starts = 0
        self.configure(0)
        self.password = password or self.add_user()

    def configure(self, port):
        self.port, self.conf = port, f"{self.work}/hearth.toml"
        with open(self.conf, "w") as out:
            out.write(f'{self.settings}\n[[listen]]\naddress = "127.0.0.1"\nport = {port}\ntls = false\n')

    def command(self, *words, **how):
        return subprocess.run([self.binary, *words, "--config", self.conf, "--root", self.root], capture_output=True, text=True, **how)

    def add_user(self):
        """The password of one device: quicker to verify than that of the account."""
        self.command("user", "add", USER, "--password-stdin", input=PASSWORD + "\n", check=True)
        return json.loads(self.command("app-password", "add", USER, "rig", "--json", check=True).stdout)["password"]

    def start(self):
        self.configure(free_port())
        self.process = subprocess.Popen([self.binary, "serve", "--config", self.conf, "--root", self.root], stdout=self.log, stderr=self.log,
                                        env={**os.environ, **self.environment})
        self.starts += 1
        until = time.time() + START_LIMIT_S
        while time.time() < until and self.process.poll() is None:
            try:
                ready = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                ready.request("GET", "/readyz")
                if ready.getresponse().status == 200:
                    return
            except Broken:
                pass
            time.sleep(0.01)
        raise SystemExit(f"FAIL start: the server did not start ({self.process.poll()}); its log is {self.work}/log")

    def alive(self):
        return self.process.poll() is None

    def end(self, how):
        if self.alive():
            self.process.send_signal(how)
        return self.process.wait(60)

    def findings(self):
        """Lines of `hearth check`; empty: clean."""
        found = self.command("check")
        return (found.stdout + found.stderr).strip().split("\n") if found.returncode else []

    def remove(self):
        self.end(signal.SIGKILL)
        self.log.close()
        shutil.rmtree(self.work)
