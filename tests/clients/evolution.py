# The session of evolution.sh: evolution-data-server through its libraries, as GNOME Contacts and Evolution use it.

import os
import urllib.request

import gi

gi.require_version('EDataServer', '1.2')
gi.require_version('EBook', '1.2')
gi.require_version('EBookContacts', '1.2')
from gi.repository import EBook, EBookContacts, EDataServer, GLib  # noqa: E402

import cards
from cards import Book, card, fail, ok, photo, photo_line, same, unfolded, until  # noqa: E402

user, password, port = os.environ['user'], os.environ['password'], int(os.environ['port'])
here = f'https://127.0.0.1:{port}/'
there = Book()
family_there = Book('contacts~family')
kNoWait = 0xffffffff
kOddLines = ['_$!<Mobile>!$_', 'X-ODD;Odd=yes:kept']
kGroupLines = ['X-ADDRESSBOOKSERVER-KIND:group', 'X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:one']
registry = EDataServer.SourceRegistry.new_sync(None)


# What a person types: a host, a user, a password.
def described(name):
    source = EDataServer.Source.new(None, None)
    source.set_display_name(name)
    authentication = source.get_extension('Authentication')
    authentication.set_host('127.0.0.1')
    authentication.set_port(port)
    authentication.set_user(user)
    authentication.set_method('plain/password')
    source.get_extension('Security').set_method('tls')
    return source


def discover(secret):
    credentials = EDataServer.NamedParameters()
    credentials.set('username', user)
    credentials.set('password', secret)
    found = EDataServer.webdav_discover_sources_sync(
        described('looking'), here, EDataServer.WebDAVDiscoverSupports.CONTACTS, credentials, None)
    return [(one.href, one.display_name) for one in found.out_discovered_sources]


def settle(seconds):
    context, done = GLib.MainContext.default(), []
    GLib.timeout_add(int(seconds * 1000), lambda: done.append(1))
    while not done:
        context.iteration(True)


# A collection account: the service itself looks what the server has and makes a source for each book.
def account():
    source = described('Hearth')
    collection = source.get_extension('Collection')
    collection.set_backend_name('webdav')
    collection.set_identity(user)
    collection.set_contacts_url(here)
    collection.set_calendar_enabled(False)
    collection.set_mail_enabled(False)
    registry.commit_source_sync(source, None)
    source.store_password_sync(password, True, None)
    registry.refresh_backend_sync(source.get_uid(), None)
    return source


def books_of(parent):
    return {one.get_display_name(): one for one in registry.list_sources('Address Book')
            if one.get_parent() == parent.get_uid()}


def names_of_books(parent):
    settle(0.2)
    return sorted(books_of(parent))


def opened(source):
    return EBook.BookClient.connect_sync(source, kNoWait, None)


def all_contacts(client):
    return client.get_contacts_sync('(contains "x-evolution-any-field" "")', None)[1]


def names(client):
    return sorted(one.get_property('full-name') or '' for one in all_contacts(client))


def named(client, name):
    return next(one for one in all_contacts(client) if one.get_property('full-name') == name)


def refreshed(client):
    client.refresh_sync(None)
    settle(0.3)
    return names(client)


# The service keeps photos in files of its own and shows their address.
def shown_photo(contact):
    photo_of_it = contact.get_property('photo')
    if photo_of_it is None:
        return None
    if photo_of_it.type == EBookContacts.ContactPhotoType.INLINED:
        return bytes(photo_of_it.get_inlined())
    with urllib.request.urlopen(photo_of_it.get_uri(), timeout=5) as file:
        return file.read()


def whole(contact):
    return contact.to_string(EBookContacts.VCardFormat(1)).replace('\r\n ', '').replace('\n ', '')


def use_the_groups_book(client):
    same('another-device-puts-into-the-groups-book', family_there.put('granny.vcf', card('granny', 'Granny There')), 201)
    until('reads-the-groups-book', lambda: refreshed(client), ['Granny There'])
    granny = named(client, 'Granny There')
    granny.set_property('nickname', 'Nan')
    client.modify_contact_sync(granny, 0, None)
    until('changes-in-the-groups-book', lambda: family_there.count('NICKNAME:Nan'), 1)
    uncle = EBookContacts.Contact.new_from_vcard(card('uncle', 'Uncle Here').decode())
    client.add_contact_sync(uncle, 0, None)
    until('makes-in-the-groups-book', lambda: family_there.count('FN:Uncle Here'), 1)


def main():
    picture = photo(60000)
    family = card('family', 'Family Group', 'X-ADDRESSBOOKSERVER-KIND:group', 'X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:one')
    same('another-device-puts', [
        there.put('one.vcf', card('one', 'Ana Photo', 'EMAIL:ana@example.com', photo_line(picture),
                                  'item1.TEL:+49 1', 'item1.X-ABLABEL:_$!<Mobile>!$_', 'X-ODD;Odd=yes:kept')),
        there.put('family.vcf', family)], [201, 201])

    try:
        fail('wrong-password-is-told', f'found {discover("not-this-password-8")}')
    except GLib.Error as error:
        same('wrong-password-is-told', error.code, 401)
    same('discovers-from-the-host', sorted(discover(password)),
         [(here + there.path[1:], 'Contacts'), (here + family_there.path[1:], 'family')])

    parent = account()
    until('account-finds-the-books', lambda: names_of_books(parent), ['Contacts', 'family'])
    client = opened(books_of(parent)['Contacts'])
    until('reads-cards', lambda: refreshed(client), ['Ana Photo', 'Family Group'])
    until('book-is-writable', client.is_readonly, False)
    ana = named(client, 'Ana Photo')
    text = whole(ana)
    same('reads-the-photo', shown_photo(ana), picture)
    same('reads-what-it-does-not-know', [line in text for line in kOddLines], [True] * len(kOddLines))

    # What it makes, changes and removes is on the server.
    mine = EBookContacts.Contact.new_from_vcard(
        card('made-here', 'Ben Bügel', 'EMAIL;TYPE=WORK:ben@example.com', 'NOTE:Zürich \U0001f3bb\\nnext',
             photo_line(picture[:20000])).decode())
    uid = client.add_contact_sync(mine, 0, None)[1]
    until('makes-a-card', lambda: there.count('FN:Ben Bügel'), 1)
    made = there.having('FN:Ben Bügel')[0]
    wanted = ['ben@example.com', 'NOTE:Zürich \U0001f3bb\\nnext', photo_line(picture[:20000])]
    same('makes-it-whole', [line in made for line in wanted], [True] * 3)
    changed = named(client, 'Ben Bügel')
    changed.set_property('full-name', 'Ben Changed')
    client.modify_contact_sync(changed, 0, None)
    until('changes-a-card', lambda: [there.count('FN:Ben Changed'), there.count('FN:Ben Bügel')], [1, 0])
    ana.set_property('nickname', 'Änni')
    client.modify_contact_sync(ana, 0, None)
    until('changes-anothers-card', lambda: there.count('NICKNAME:Änni'), 1)
    after = unfolded(there.get('one.vcf'))
    same('change-keeps-the-photo', photo_line(picture) in after, True)
    same('change-keeps-what-it-does-not-know', [line in after for line in kOddLines], [True] * len(kOddLines))
    group = named(client, 'Family Group')
    group.set_property('nickname', 'Clan')
    client.modify_contact_sync(group, 0, None)
    until('changes-a-group', lambda: there.count('NICKNAME:Clan'), 1)
    after = unfolded(there.get('family.vcf'))
    same('change-keeps-the-group', [line in after for line in kGroupLines], [True] * len(kGroupLines))

    # What another device does arrives with a refresh.
    same('another-device-changes', there.put('one.vcf', card('one', 'Ana Elsewhere', photo_line(picture[:30000]))), 204)
    same('another-device-adds', there.put('new%20%C3%BC.vcf', card('new', 'Cleo New')), 201)
    until('refresh-brings-them', lambda: refreshed(client),
          ['Ana Elsewhere', 'Ben Changed', 'Cleo New', 'Family Group'])
    same('refresh-brings-the-photo', shown_photo(named(client, 'Ana Elsewhere')), picture[:30000])
    same('another-device-removes', there.delete('one.vcf'), 204)
    until('refresh-removes-it', lambda: refreshed(client), ['Ben Changed', 'Cleo New', 'Family Group'])
    client.remove_contact_by_uid_sync(uid, 0, None)
    until('removes-a-card', lambda: there.count('FN:Ben Changed'), 0)
    use_the_groups_book(opened(books_of(parent)['family']))
    same('leaves-the-others', there.names(), ['family.vcf', 'new%20%C3%BC.vcf'])


try:
    main()
except Exception as error:
    fail('session', f'{type(error).__name__}: {error}')
raise SystemExit(1 if cards.failed else 0)
