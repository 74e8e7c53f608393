# The session of thunderbird.sh: Thunderbird without a window, told through Marionette to do in its own code what its
# dialogs do. Wanted in the environment besides that of cards.py: profile, marionette_port.

import json
import os
import signal
import socket
import subprocess
import sys
import time

import cards
from cards import Book, card, fail, photo, photo_line, same, unfolded, until

user, password, port = os.environ['user'], os.environ['password'], int(os.environ['port'])
there = Book()
family_there = Book('contacts~family')
kStartSeconds = 60
kScriptSeconds = 30

# What every script has: a book of this test as `book`, and `named`, a card of it by the name shown.
kPrelude = '''
const done = arguments[arguments.length - 1];
const wanted = arguments[1];
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const { CardDAVUtils } = ChromeUtils.importESModule("resource:///modules/CardDAVUtils.sys.mjs");
const { CardDAVDirectory } = ChromeUtils.importESModule("resource:///modules/CardDAVDirectory.sys.mjs");
const { VCardUtils } = ChromeUtils.importESModule("resource:///modules/VCardUtils.sys.mjs");
const told = topic => new Promise(resolve => {
  const observer = subject => { Services.obs.removeObserver(observer, topic); resolve(subject); };
  Services.obs.addObserver(observer, topic);
});
const shown = MailServices.ab.directories.find(
  one => one.dirType == Ci.nsIAbManager.CARDDAV_DIRECTORY_TYPE && one.dirName == wanted);
const book = shown && CardDAVDirectory.forFile(shown.fileName);
const named = name => book.childCards.find(one => one.displayName == name);
const names = () => book.childCards.map(one => one.displayName).sort();
(async (argument) => {
%s
})(arguments[0]).then(value => done({ value: value ?? null }), error => done({ error: String(error) }));
'''


# The protocol of Marionette: each message is its length, a colon and JSON: [0, id, command, parameters] there,
# [1, id, error, result] back.
class Thunderbird:
    def __init__(self, command):
        self.log = open(os.path.join(os.environ['work'], 'thunderbird.log'), 'ab')
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                        start_new_session=True)
        try:
            self.connect()
        except Exception:
            self.end()
            raise

    def connect(self):
        end = time.monotonic() + kStartSeconds
        while True:
            try:
                self.socket = socket.create_connection(('127.0.0.1', int(os.environ['marionette_port'])), kStartSeconds)
                break
            except OSError:
                if time.monotonic() > end or self.process.poll() is not None:
                    raise RuntimeError('Thunderbird does not listen') from None
                time.sleep(0.1)
        self.number = 0
        self.receive()
        wanted = {'timeouts': {'script': kScriptSeconds * 1000}}
        self.tell('WebDriver:NewSession', {'capabilities': {'alwaysMatch': wanted}})
        self.tell('Marionette:SetContext', {'value': 'chrome'})

    def receive(self):
        length = b''
        while not length.endswith(b':'):
            one = self.socket.recv(1)
            if not one:
                raise RuntimeError('Thunderbird hung up')
            length += one
        left = int(length[:-1])
        parts = []
        while left:
            part = self.socket.recv(min(left, 65536))
            if not part:
                raise RuntimeError('Thunderbird hung up')
            parts.append(part)
            left -= len(part)
        return json.loads(b''.join(parts))

    def tell(self, command, parameters):
        self.number += 1
        text = json.dumps([0, self.number, command, parameters]).encode()
        self.socket.sendall(str(len(text)).encode() + b':' + text)
        _, _, error, result = self.receive()
        if error:
            raise RuntimeError(f'{command}: {error.get("message", error)}')
        return result

    def run(self, script, argument=None, book='Contacts'):
        result = self.tell('WebDriver:ExecuteAsyncScript', {
            'script': kPrelude % script, 'args': [argument, book], 'newSandbox': True, 'sandbox': 'system'})['value']
        if 'error' in result:
            raise RuntimeError(result['error'])
        return result['value']

    def end(self):
        try:
            self.tell('Marionette:Quit', {'flags': ['eForceQuit']})
            self.process.wait(15)
        except Exception:
            self.process.kill()
            self.process.wait()


def start():
    return Thunderbird(['thunderbird', '--headless', '--no-remote', '--marionette', '--remote-allow-system-access',
                        '--profile', os.environ['profile']])


# What the dialog of a new CardDAV address book does with what a person types into it.
kDetect = '''
const books = await CardDAVUtils.detectAddressBooks(argument.user, argument.password, argument.host, false, true);
return books.map(one => [one.name, one.url.href]);
'''
kSetUp = '''
const books = await CardDAVUtils.detectAddressBooks(argument.user, argument.password, argument.host, false, true);
const synced = told("addrbook-directory-synced");
books.find(one => one.name == wanted).create();
await synced;
return null;
'''


# A change as its editor makes it: the properties of the card are set and the card is given back to its book.
kChange = """
const changed = named(argument.from);
const properties = changed.vCardProperties;
for (const [key, value] of Object.entries(argument.set)) {
  properties.clearValues(key);
  properties.addValue(key, value);
}
changed.setProperty("_vCard", properties.toVCard());
book.modifyCard(changed);
return null;
"""
# A sync, and how often it did not ask what is new but listed the whole book.
kSync = """
let wholes = 0;
book.fetchAllFromServer = () => {
  wholes += 1;
  return CardDAVDirectory.prototype.fetchAllFromServer.call(book);
};
await book.syncWithServer();
delete book.fetchAllFromServer;
return [names(), wholes];
"""
kOfItsOwn = 'data:image/jpeg;base64,' + photo_line(photo(9000)).partition(':')[2]
kOddLines = ['item1.X-ABLABEL', 'X-ODD', 'TITLE:Größe \U0001f3bb']


def names(thunderbird):
    return thunderbird.run('return names();')


def set_up(thunderbird, picture):
    host = f'https://localhost:{port}'
    account = {'user': user, 'password': password, 'host': host}
    same('another-device-puts', [
        there.put('one%20%C3%BC.vcf', card('one', 'Ana Photo', 'EMAIL:ana@example.com', photo_line(picture),
                                           'item1.TEL:+49 1', 'item1.X-ABLABEL:_$!<Mobile>!$_', 'X-ODD;ODD=yes:kept',
                                           'TITLE:Größe \U0001f3bb')),
        there.put('family.vcf', card('family', 'Family Group', 'X-ADDRESSBOOKSERVER-KIND:group',
                                     'X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:one'))], [201, 201])
    try:
        fail('wrong-password-is-told', thunderbird.run(kDetect, {**account, 'password': 'not-this-password-8'}))
    except RuntimeError as error:
        same('wrong-password-is-told', 'Authorization failure' in str(error), True)
    same('discovers-from-the-host', thunderbird.run(kDetect, account),
         [['Contacts', host + there.path], ['family', host + family_there.path]])
    thunderbird.run(kSetUp, account)
    same('first-sync', names(thunderbird), ['Ana Photo', 'Family Group'])
    same('book-is-named-and-writable', thunderbird.run('return [book.dirName, book.readOnly];'), ['Contacts', False])
    shown = thunderbird.run('return named("Ana Photo").vCardProperties.getFirstValue("photo");')
    same('first-sync-brings-the-photo', shown.rpartition(',')[2] == photo_line(picture).partition(':')[2], True)


def changes_here(thunderbird, picture):
    thunderbird.run(
        'book.addCard(VCardUtils.vCardToAbCard(argument)); return null;',
        'BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Ben Bügel\r\nN:Bügel;Ben;;;\r\nEMAIL;PREF=1:ben@example.com\r\n'
        'NOTE:Zürich \U0001f3bb\\nnext\r\nPHOTO;VALUE=URI:' + kOfItsOwn + '\r\nEND:VCARD\r\n')
    until('makes-a-card', lambda: there.count('FN:Ben Bügel'), 1)
    made = there.having('FN:Ben Bügel')[0].replace('base64\\,', 'base64,')  # it prints that comma so (153)
    wanted = ['VERSION:4.0', 'UID:', 'ben@example.com', 'NOTE:Zürich \U0001f3bb\\nnext', kOfItsOwn]
    same('makes-it-whole', [line in made for line in wanted], [True] * 5)
    thunderbird.run(kChange, {'from': 'Ben Bügel', 'set': {'fn': 'Ben Changed'}})
    until('changes-a-card', lambda: [there.count('FN:Ben Changed'), there.count('FN:Ben Bügel')], [1, 0])
    thunderbird.run(kChange, {'from': 'Ana Photo', 'set': {'nickname': 'Änni'}})
    until('changes-anothers-card', lambda: there.count('NICKNAME:Änni'), 1)
    after = unfolded(there.get('one%20%C3%BC.vcf'))
    same('change-keeps-the-photo', photo_line(picture).partition(':')[2] in after, True)
    same('change-keeps-what-it-does-not-know', [line.upper() in after.upper() for line in kOddLines], [True] * 3)
    thunderbird.run(kChange, {'from': 'Family Group', 'set': {'nickname': 'Clan'}})
    until('changes-a-group', lambda: there.count('NICKNAME:Clan'), 1)
    after = unfolded(there.get('family.vcf')).upper()
    same('change-keeps-the-group',
         ['X-ADDRESSBOOKSERVER-KIND:GROUP' in after, 'X-ADDRESSBOOKSERVER-MEMBER:URN:UUID:ONE' in after], [True] * 2)


def changes_there(thunderbird, picture):
    elsewhere = card('one', 'Ana Elsewhere', photo_line(picture[:30000]))
    same('another-device-changes', there.put('one%20%C3%BC.vcf', elsewhere), 204)
    same('another-device-adds', there.put('new.vcf', card('new', 'Cleo New')), 201)
    same('sync-brings-them', thunderbird.run(kSync), [['Ana Elsewhere', 'Ben Changed', 'Cleo New', 'Family Group'], 0])
    shown = thunderbird.run('return named("Ana Elsewhere").vCardProperties.getFirstValue("photo");')
    same('sync-brings-the-photo', shown.rpartition(',')[2] == photo_line(picture[:30000]).partition(':')[2], True)
    same('another-device-removes', there.delete('one%20%C3%BC.vcf'), 204)
    same('sync-removes-it', thunderbird.run(kSync), [['Ben Changed', 'Cleo New', 'Family Group'], 0])
    same('another-device-adds-again', there.put('more.vcf', card('more', 'Dora More')), 201)
    same('a-token-that-is-none-begins-again', thunderbird.run('book._syncToken = "not-of-this-server";' + kSync),
         [['Ben Changed', 'Cleo New', 'Dora More', 'Family Group'], 1])
    same('and-has-a-token-then', thunderbird.run('return book._syncToken.startsWith("urn:hearth:sync:");'), True)


def the_groups_book(thunderbird):
    host = f'https://localhost:{port}'
    same('another-device-puts-into-the-groups-book', family_there.put('granny.vcf', card('granny', 'Granny There')), 201)
    thunderbird.run(kSetUp, {'user': user, 'password': password, 'host': host}, 'family')
    same('reads-the-groups-book', thunderbird.run('return names();', None, 'family'), ['Granny There'])
    thunderbird.run(kChange, {'from': 'Granny There', 'set': {'nickname': 'Nan'}}, 'family')
    until('changes-in-the-groups-book', lambda: family_there.count('NICKNAME:Nan'), 1)
    thunderbird.run('book.addCard(VCardUtils.vCardToAbCard(argument)); return null;',
                    card('uncle', 'Uncle Here').decode(), 'family')
    until('makes-in-the-groups-book', lambda: family_there.count('FN:Uncle Here'), 1)
    same('another-device-removes-in-the-groups-book', family_there.delete('granny.vcf'), 204)
    same('sync-removes-it-in-the-groups-book', thunderbird.run(kSync, None, 'family'), [['Uncle Here'], 0])


def after_a_restart(thunderbird):
    same('restart-keeps-the-book', names(thunderbird), ['Ben Changed', 'Cleo New', 'Dora More', 'Family Group'])
    same('another-device-changes-meanwhile', there.put('new.vcf', card('new', 'Cleo Changed')), 204)
    same('sync-with-the-kept-password', thunderbird.run(kSync),
         [['Ben Changed', 'Cleo Changed', 'Dora More', 'Family Group'], 0])
    thunderbird.run('book.deleteCards([named("Ben Changed")]); return null;')
    until('removes-a-card', lambda: there.count('FN:Ben Changed'), 0)
    same('leaves-the-others', there.names(), ['family.vcf', 'more.vcf', 'new.vcf'])


def main():
    picture = photo(60000)
    thunderbird = start()
    try:
        set_up(thunderbird, picture)
        changes_here(thunderbird, picture)
        changes_there(thunderbird, picture)
        the_groups_book(thunderbird)
    finally:
        thunderbird.end()
    thunderbird = start()
    try:
        after_a_restart(thunderbird)
    finally:
        thunderbird.end()


signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
try:
    main()
except Exception as error:
    fail('session', f'{type(error).__name__}: {error}')
raise SystemExit(1 if cards.failed else 0)
