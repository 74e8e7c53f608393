# What the tests of contact clients that are driven from Python share: the book as another device sees it, by HTTP of its
# own, and lines that tests/run counts. Wanted in the environment: port, user, password, ca, work.

import base64
import os
import ssl
import time
import urllib.error
import urllib.request
import xml.etree.ElementTree

failed = False


def ok(name):
    print('ok', name, flush=True)


def fail(name, why):
    global failed
    failed = True
    print(f'FAIL {name}: {str(why)[:400]}'.replace('\n', ' '), flush=True)


def same(name, got, wanted):
    if got == wanted:
        ok(name)
    else:
        fail(name, f'got {got!r}, wanted {wanted!r}')


# Whether what `ask` returns is `wanted` within that many seconds: clients answer before they have told the server.
def until(name, ask, wanted, seconds=20):
    end = time.monotonic() + seconds
    got = ask()
    while got != wanted and time.monotonic() < end:
        time.sleep(0.2)
        got = ask()
    same(name, got, wanted)


# A photo of that many octets: the mark of JPEG and what repeats late enough.
def photo(octets):
    return (b'\xff\xd8\xff\xe0' + bytes(n * n * 7 % 251 for n in range(octets)))[:octets]


def folded(line):
    parts = [line[:75]] + [' ' + line[at:at + 74] for at in range(75, len(line), 74)]
    return '\r\n'.join(parts)


# A card of 3.0 as other devices write it.
def card(uid, name, *lines):
    head = ['BEGIN:VCARD', 'VERSION:3.0', f'UID:{uid}', f'FN:{name}', f'N:{name.split()[-1]};{name.split()[0]};;;']
    return '\r\n'.join([*head, *map(folded, lines), 'END:VCARD', '']).encode()


def photo_line(octets):
    return 'PHOTO;ENCODING=b;TYPE=JPEG:' + base64.b64encode(octets).decode()


def unfolded(octets):
    return octets.decode().replace('\r\n ', '').replace('\n ', '')


# One address book, seen by a device that is not under test.
class Book:
    def __init__(self, name='contacts'):
        self.path = f'/dav/contacts/{os.environ["user"]}/{name}/'
        self.origin = f'https://127.0.0.1:{os.environ["port"]}'
        secret = f'{os.environ["user"]}:{os.environ["password"]}'.encode()
        self.headers = {'Authorization': 'Basic ' + base64.b64encode(secret).decode()}
        self.trust = ssl.create_default_context(cafile=os.environ['ca'])

    def ask(self, method, name='', body=None, **headers):
        headers = {key.replace('_', '-'): value for key, value in headers.items()}
        headers.update(self.headers)
        request = urllib.request.Request(self.origin + self.path + name, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20, context=self.trust) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def put(self, name, octets):
        return self.ask('PUT', name, octets, Content_Type='text/vcard; charset=utf-8')[0]

    def get(self, name):
        status, octets = self.ask('GET', name)
        return octets if status == 200 else b''

    def delete(self, name):
        return self.ask('DELETE', name)[0]

    def names(self):
        asked = b'<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>'
        status, octets = self.ask('PROPFIND', '', asked, Depth='1')
        if status != 207:
            return [status]
        hrefs = [one.text for one in xml.etree.ElementTree.fromstring(octets).iterfind('{DAV:}response/{DAV:}href')]
        return sorted(href.rsplit('/', 1)[1] for href in hrefs if not href.endswith('/'))

    # The text of every card that has `text`, unfolded.
    def having(self, text):
        return [one for one in (unfolded(self.get(name)) for name in self.names()) if text in one]

    def count(self, text):
        return len(self.having(text))
