"""The loads of address books, for tests/bench/run: Hearth beside Debian's Radicale (package radicale, behind nginx for TLS and
keep-alive, which its own server has not). Peaks are those of the one load: RSS as the kernel counts it, PSS as seen five times a second.
"""
import base64, os, random, shutil, subprocess, time

BOOK = ('<?xml version="1.0"?><D:mkcol xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav"><D:set><D:prop><D:resourcetype>'
        "<D:collection/><C:addressbook/></D:resourcetype></D:prop></D:set></D:mkcol>")
NEEDLE = "zwetschg"
GIVEN = ("Anna Béla Carla Dmitri Elif Fátima Georg Hanna Ívar Jürgen Karin Łukasz Maria Noémi Olaf Petra Quirin Renée Søren Theo Ute "
         "Věra Wanda Xenia Yusuf Zoë").split()
FAMILY = ("Albrecht Bäcker Čapek Diaz Eriksson Fischer Groß Hübner Ivanova Jansen Kowalski Lehmann Müller Nguyen Öztürk Petersen Quast "
          "Rossi Schäfer Tanaka Ullrich Vogel Weiß Yılmaz Zimmermann").split()
STREETS = "Gartenweg,Hauptstraße,Am Alten Markt,Rue des Lilas,Strandgade,Lindenallee".split(",")
PLACES = "Leipzig;Sachsen;04109;Germany,Lyon;;69002;France,Aarhus;;8000;Denmark,Wien;;1010;Austria,Brno;;602 00;Czechia".split(",")
WORDS = "met at the fair in spring and likes long walks but no phone calls before ten; two children, a dog, plays the cello".split()


def folded(line):
    """At 75 octets, between characters."""
    out, room = "", 75
    for c in line:
        size = len(c.encode())
        if size > room:
            out, room = out + "\r\n ", 74
        out, room = out + c, room - size
    return out + "\r\n"


def card(number, uid, rng, photo=False):
    """One as a phone writes it, about 1 KiB; every hundredth has the needle in its name."""
    given, middle, family = rng.choice(GIVEN), rng.choice(GIVEN), rng.choice(FAMILY)
    if number % 100 == 42:
        family = f"Zwetschgenberg-{family}"
    firm, login = f"{rng.choice(FAMILY)} und {rng.choice(FAMILY)} GmbH", f"p{rng.randrange(10**9)}"
    lines = ["BEGIN:VCARD", "VERSION:3.0", "PRODID:-//Example//Phone 14.2//EN", f"UID:{uid}", f"FN:{given} {middle} {family}",
             f"N:{family};{given};{middle};;", f"ORG:{firm};Abteilung {rng.randrange(40)}", "TITLE:Leitung der Buchhaltung",
             f"EMAIL;TYPE=HOME,INTERNET:{login}@home.example.org", f"EMAIL;TYPE=WORK,INTERNET:{login}.office@firm.example.com",
             f"TEL;TYPE=CELL,VOICE:+49 {rng.randrange(10**10, 10**11)}", f"TEL;TYPE=WORK,VOICE:+49 {rng.randrange(10**10, 10**11)}"]
    for kind in ("HOME", "WORK"):
        lines.append(f"ADR;TYPE={kind}:;;{rng.choice(STREETS)} {rng.randrange(1, 200)};{rng.choice(PLACES)}")
    lines += [f"BDAY:{rng.randrange(1930, 2015)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}",
              f"URL:https://people.example.org/{login}", "CATEGORIES:Friends,Club",
              "NOTE:" + " ".join(rng.choice(WORDS) for _ in range(45)).replace(";", "\\;").replace(",", "\\,"),
              "REV:2024-05-17T09:12:33Z"]
    if photo:
        lines.append("PHOTO;ENCODING=b;TYPE=JPEG:" + base64.b64encode(rng.randbytes(15 << 10)).decode())
    return "".join(folded(line) for line in lines + ["END:VCARD"])


def cards_of(count, uid="bench-{}"):
    """The same ones always; the first hundred of 10,000 hold ten with a photo of 20 KiB."""
    rng = random.Random(7)
    return [card(number, uid.format(number), rng, number < 100 and number % 10 == 3) for number in range(count)]


def make_radicale(server_class, work, port, user, password):
    """Radicale with its own server, which ends a connection with every answer, and nginx before it."""
    missing = [package for package, program in (("radicale", "radicale"), ("nginx-light", "nginx")) if not shutil.which(program)]
    if missing:
        print(f"contacts: only Hearth, for a comparison install the packages {' '.join(missing)}", flush=True)
        return None

    class Radicale(server_class):
        def launch(self):
            super().launch()
            self.front = subprocess.Popen(["nginx", "-c", f"{self.home}/nginx"], stdout=subprocess.DEVNULL,
                                          stderr=open(f"{self.home}/nginx.log", "w"))

        def processes(self):
            return super().processes() + self.with_children(self.front.pid)

        def cpu_s(self):
            """By the process: it has a thread for each connection, which takes what it counted with it."""
            ticks = 0
            for pid in self.processes():
                with open(f"/proc/{pid}/stat") as stat:
                    ticks += sum(int(one) for one in stat.read().rsplit(")", 1)[1].split()[11:13])
            return ticks / os.sysconf("SC_CLK_TCK")

        def stop(self):
            self.front.terminate()
            self.front.wait(20)
            super().stop()

    radicale = Radicale("radicale", port, f"/{user}")
    radicale.home = f"{work}/radicale"
    radicale.tree = f"{radicale.home}/data/collection-root/{user}"
    os.makedirs(radicale.tree)
    os.makedirs(f"{radicale.home}/tmp")
    with open(f"{radicale.home}/users", "w") as users:
        users.write(f"{user}:{password}\n")
    with open(f"{radicale.home}/conf", "w") as conf:
        conf.write(f"[server]\nhosts = 127.0.0.1:{port + 1}\nmax_connections = 64\ntimeout = 600\n"
                   f"[auth]\ntype = htpasswd\nhtpasswd_filename = {radicale.home}/users\nhtpasswd_encryption = plain\ndelay = 0\n"
                   f"[storage]\nfilesystem_folder = {radicale.home}/data\n[logging]\nlevel = error\n")
    with open(f"{radicale.home}/nginx", "w") as conf:
        conf.write(f"""
user root; worker_processes 1; pid {radicale.home}/pid; error_log {radicale.home}/error.log; daemon off;
events {{ worker_connections 256; }}
http {{ access_log off; keepalive_requests 1000000; client_max_body_size 0; client_body_temp_path {radicale.home}/tmp;
proxy_temp_path {radicale.home}/tmp; proxy_read_timeout 600; proxy_buffers 64 64k;
server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {work}/cert.pem; ssl_certificate_key {work}/key.pem; ssl_protocols TLSv1.3;
location / {{ proxy_pass http://127.0.0.1:{port + 1}; proxy_set_header Host $http_host; }} }} }}
""")
    radicale.command = ["radicale", "--config", f"{radicale.home}/conf"]
    radicale.log = f"{radicale.home}/log"
    return radicale


class Contacts:
    """One run: the books, then each load in turn."""

    def __init__(self, bench, ours, radicale):
        self.bench, self.ours, self.radicale = bench, ours, radicale
        self.peers = [ours] + ([radicale] if radicale else [])
        self.made = 0

    def is_ours(self, server):
        return server is self.ours

    def mark(self, server, element):
        """A start tag as that server writes it."""
        return f"<D:{element}>" if self.is_ours(server) else f"<{element}>"

    def make(self, server, book):
        body = self.bench.text("mkcol.xml", BOOK)
        status = self.bench.curl(server, "-X", "MKCOL", "-H", "Content-Type: application/xml", "--data-binary", f"@{body}",
                                 self.bench.url(server, f"/{book}/"))["status"]
        if status != "201":
            raise SystemExit(f"{server.name}: MKCOL of a book is answered by {status}")

    def fill(self, server, book, cards):
        if self.is_ours(server):
            self.make(server, book)
            self.bench.load(server, method="PUT", path=f"{server.base}/{book}/c%d.vcf", requests=len(cards), conns=16, expect=201,
                            header=["Content-Type: text/vcard"], bodies=self.bench.text(f"{book}.bodies", "\0".join(cards)))
            return
        # By PUT this would take Radicale the better part of an hour.
        os.makedirs(f"{server.tree}/{book}")
        with open(f"{server.tree}/{book}/.Radicale.props", "w") as props:
            props.write('{"tag": "VADDRESSBOOK"}')
        for number, text in enumerate(cards):
            with open(f"{server.tree}/{book}/c{number}.vcf", "w", newline="") as out:
                out.write(text)

    def ask(self, server, method, path, body, holds, requests, **more):
        return self.bench.load(server, method=method, path=f"{server.base}{path}", conns=1, expect=207, requests=requests, patience=600,
                               body_file=self.bench.text(f"{server.name}.xml", body), holds=[f"{n} {text}" for n, text in holds], **more)

    def compare(self, name, once):
        for server in self.peers:
            server.forget_peak()
        rates = self.bench.compare(name, self.peers, lambda server: server.watch(lambda: once(server)))
        for server in self.peers:
            print(f"{'':34} {server.name:8} peak {server.peak_mib():6.1f} MiB RSS, {server.load_mib:6.1f} MiB PSS", flush=True)
        return rates

    def run(self):
        small, large = cards_of(1_000), cards_of(10_000)
        print(f"cards: {sum(len(one.encode()) for one in large) / len(large):.0f} octets on average", flush=True)
        for server in self.peers:
            self.fill(server, "b1000", small)
            self.fill(server, "b10000", large)
            if not self.is_ours(server):  # it reads all of them once and keeps what it has read in files
                for book in ("b1000", "b10000"):
                    self.query(server, book, 1)
        self.c1()
        for count in (100, 1_000):
            self.compare(f"C3 multiget {count} of 10,000", lambda s: self.multiget(s, count))
        self.c4()
        for count in (1_000, 10_000):
            self.compare(f"C5 query FN contains, of {count}", lambda s: self.query(s, f"b{count}", 100 if self.is_ours(s) else 1))
        self.c6()
        self.files()

    def c1(self):
        bodies = self.bench.text("new.bodies", "\0".join(cards_of(500, "new-%d")))

        def put(server, conns):
            self.made += 1
            self.make(server, f"new{self.made}")
            return self.bench.load(server, method="PUT", path=f"{server.base}/new{self.made}/c%d.vcf", conns=conns, patience=60,
                                   seconds=self.bench.args.seconds, expect=201, header=["Content-Type: text/vcard"], bodies=bodies)

        for conns in (1, 16):
            self.compare(f"C1 PUT new card, {conns} conn", lambda s: put(s, conns))

    def multiget(self, server, count):
        hrefs = "".join(f"<D:href>{server.base}/b10000/c{number}.vcf</D:href>" for number in range(0, 10_000, 10_000 // count))
        body = ('<?xml version="1.0"?><C:addressbook-multiget xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav"><D:prop>'
                f"<D:getetag/><C:address-data/></D:prop>{hrefs}</C:addressbook-multiget>")
        return self.ask(server, "REPORT", "/b10000/", body, [(count, self.mark(server, "response")), (count, "END:VCARD")],
                        50 if self.is_ours(server) else 3)

    def sync_body(self, token):
        return (f'<?xml version="1.0"?><D:sync-collection xmlns:D="DAV:"><D:sync-token>{token}</D:sync-token><D:sync-level>1'
                "</D:sync-level><D:prop><D:getetag/></D:prop></D:sync-collection>")

    def c4(self):
        self.compare("C4 sync all of 10,000", lambda s: self.ask(
            s, "REPORT", "/b10000/", self.sync_body(""), [(10_000, self.mark(s, "response"))], 20 if self.is_ours(s) else 1))
        tokens = {}
        for server in self.peers:
            body = self.bench.text("first.xml", self.sync_body(""))
            out = subprocess.run(["curl", "-sk", "-u", self.bench.login, "-X", "REPORT", "-H", "Content-Type: application/xml",
                                  "--data-binary", f"@{body}", self.bench.url(server, "/b10000/")],
                                 check=True, capture_output=True, text=True).stdout
            tokens[server.name] = out.rsplit("sync-token>", 2)[1].split("<")[0]
            changed = cards_of(8)[7].replace("Friends,Club", "Friends")
            self.bench.load(server, method="PUT", path=f"{server.base}/b10000/c7.vcf", requests=1, conns=1, patience=60,
                            expect=204 if self.is_ours(server) else 201, header=["Content-Type: text/vcard"],
                            body_file=self.bench.text("changed.vcf", changed))
        self.compare("C4 sync one change of 10,000", lambda s: self.ask(
            s, "REPORT", "/b10000/", self.sync_body(tokens[s.name]), [(1, self.mark(s, "response"))], 2_000 if self.is_ours(s) else 3))

    def query(self, server, book, requests):
        body = ('<?xml version="1.0"?><C:addressbook-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav"><D:prop><D:getetag/>'
                '<C:address-data/></D:prop><C:filter><C:prop-filter name="FN"><C:text-match collation="i;unicode-casemap" '
                f'match-type="contains">{NEEDLE}</C:text-match></C:prop-filter></C:filter></C:addressbook-query>')
        right = int(book[1:]) // 100
        return self.ask(server, "REPORT", f"/{book}/", body, [(right, self.mark(server, "response")), (right, "END:VCARD")], requests,
                        header=["Depth: 1"])

    def c6(self):
        body = '<?xml version="1.0"?><D:propfind xmlns:D="DAV:"><D:prop><D:getetag/></D:prop></D:propfind>'
        self.compare("C6 PROPFIND getetag of 10,000", lambda s: self.ask(
            s, "PROPFIND", "/b10000/", body, [(10_001, self.mark(s, "response")), (10_000, ".vcf<")], 20 if self.is_ours(s) else 1,
            header=["Depth: 1"]))

    # ---- whole files by the command line ----

    def command(self, *words, out=subprocess.DEVNULL):
        """Seconds and peak MiB of one call of the program. What wait4 says of its peak begins with that of who started it."""
        hearth, root = self.ours.command[0], self.ours.command[-1]
        began, peak = time.time(), 0
        process = subprocess.Popen([hearth, *words, "--root", root], stdout=out)
        while process.poll() is None:
            with open(f"/proc/{process.pid}/status") as status:
                peak = max([peak] + [int(line.split()[1]) for line in status if line.startswith("VmHWM:")])
            time.sleep(0.005)
        if process.returncode != 0:
            raise SystemExit(f"hearth {' '.join(words)} failed")
        return time.time() - began, peak / 1024

    def files(self, count=20_000):
        """Bars: 20 s, 128 MiB for either process."""
        ours, user = self.ours, self.bench.login.partition(":")[0]
        path = self.bench.text("import.vcf", "".join(cards_of(count, "import-{}")))
        for what in ("running", "stopped"):
            book = f"import-{what}"
            self.make(ours, book)
            if what == "stopped":
                ours.stop()
            else:
                ours.forget_peak()
            for job in ("import", "again", "export"):
                words = ["export" if job == "export" else "import", "vcf", user, book] + ([] if job == "export" else [path])
                with open(f"{path}.out", "wb") as out:
                    took, peak = self.command(*words, out=out)
                row = f"{f'{job} {count} cards, {what}':34} hearth  {took:6.2f} s, peak {peak:.1f} MiB RSS"
                print(row + (f", of the server {ours.peak_mib():.1f} MiB" if what == "running" else ""), flush=True)
            with open(f"{path}.out", "rb") as out:
                if (there := out.read().count(b"END:VCARD")) != count:
                    print(f"! the export has {there} cards")
        ours.start()


def contacts(bench, servers, make):
    ours = servers["hearth"]
    files, ours.base = ours.base, ours.base.replace("/files/", "/contacts/")
    radicale = make()
    try:
        if radicale:
            radicale.start()
        Contacts(bench, ours, radicale).run()
    finally:
        ours.base = files
        if radicale:
            radicale.stop()
