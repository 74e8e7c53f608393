#!/usr/bin/env bash
# vdirsyncer: finds the books from the address of the host alone, makes one, keeps a folder and the server alike in both
# directions, through conflicts, with metadata; khard works on that folder.
. "$(dirname "$0")/server.sh"
start_server
. "$(dirname "$0")/cards.sh"
export HOME=$work/home
mkdir -p "$HOME" "$work/vdir/contacts" "$work/vdir/club"
here=$work/vdir

# configure FILE WINNER PASSWORD
configure() {
    cat >"$1" <<CONFIG
[general]
status_path = "$work/status"

[pair contacts]
a = "here"
b = "there"
collections = ["from a", "from b"]
conflict_resolution = $2
metadata = ["displayname"]

[storage here]
type = "filesystem"
path = "$here"
fileext = ".vcf"

[storage there]
type = "carddav"
url = "https://127.0.0.1:$port/"
username = "$user"
password = "$3"
verify = "$ca"
CONFIG
}
configure "$work/a.conf" '"a wins"' "$password"
configure "$work/b.conf" '"b wins"' "$password"
configure "$work/ask.conf" null "$password"
configure "$work/wrong.conf" '"a wins"' "not-this-password-8"
run() { timeout 60 vdirsyncer -v WARNING -c "$@"; }
sync() { run "$work/a.conf" sync; }
# alike NAME: the folder and both books have the same octets.
alike() {
    same "$1-contacts-octets" "$(sums_in "$here/contacts")" "$(sums_on_server contacts)"
    same "$1-club-octets" "$(sums_in "$here/club")" "$(sums_on_server club)"
}
# with FILE TEXT: exactly one card of that folder has the text.
with() { [ "$(grep -lF -- "$2" "$1"/*.vcf 2>/dev/null | wc -l)" = 1 ]; }

# Discovery; the book that is a folder here only is made there.
if run "$work/wrong.conf" discover <<<$'y\ny' >"$work/out" 2>&1; then fail "wrong-password: it went through"; else ok wrong-password; fi
if grep -qi 'unauthorized\|401' "$work/out"; then ok wrong-password-says-so; else fail "wrong-password-says-so: $(tail -n 3 "$work/out" | tr '\n' ' ')"; fi
same wrong-password-makes-no-book "$(card PROPFIND club/ -H 'Depth: 0')" 404
check discover run "$work/a.conf" discover <<<$'y\ny\ny'
card PROPFIND club/ -H 'Depth: 0' --data '<propfind xmlns="DAV:"><prop><resourcetype/></prop></propfind>' >/dev/null
check makes-a-book grep -q ':addressbook' "$work/body"
check discover-again run "$work/a.conf" discover </dev/null

# Cards of both sides, with what breaks careless servers: a photo, long and odd lines, characters beyond the BMP.
write_card "$here/contacts/one.vcf" one "Ana Local" EMAIL:ana@local.example
write_card "$here/club/photo.vcf" photo "Pia Photo" "$(photo_line 150000)"
write_card "$here/contacts/odd.vcf" 'odd & <strange>; "uid"/✓' "Żółć 𝔘nicode 🎻 Ünäl" \
    'NOTE:a\, b\; c\\ d\nnext & <b>"x"</b> ]]> é' 'item1.TEL:+49 170 1' 'item1.X-ABLABEL:_$!<Mobile>!$_' \
    'X-ODD;Odd="a;b:c,d^ne":kept as it is' 'ADR;TYPE=HOME:;;Straße 1\nHinterhaus;Köln;;50667;Deutschland'
printf 'BEGIN:VCARD\nVERSION:4.0\nUID:urn:uuid:0c1b9b2e-6f0e-4f55-9b3e-1d6f5f1d2a77\nFN:Bare LF\nEND:VCARD\n' >"$here/contacts/lf.vcf"
write_card "$work/two.vcf" two "Ben Remote" EMAIL:ben@remote.example "$(photo_line 90000)"
same server-put "$(put_card contacts/two.vcf "$work/two.vcf")" 201
write_card "$work/three.vcf" three "Cleo Remote" 'NOTE:über 日本語 🎼'
same server-put-club "$(put_card club/name%20with%20space%26%C3%BC.vcf "$work/three.vcf")" 201
check first-sync sync
alike first-sync
same first-sync-counts "$(cards_in contacts | wc -l) $(cards_in club | wc -l)" "4 2"
check first-sync-brings-photo cmp "$work/two.vcf" "$here/contacts/two.vcf"

# Changes of both sides.
write_card "$here/contacts/one.vcf" one "Ana Changed" EMAIL:ana@local.example
write_card "$work/two.vcf" two "Ben Changed"
same server-change "$(put_card contacts/two.vcf "$work/two.vcf")" 204
write_card "$work/three.vcf" three "Cleo Changed"
same server-change-club "$(put_card club/name%20with%20space%26%C3%BC.vcf "$work/three.vcf")" 204
check second-sync sync
alike second-sync
same change-arrives-there "$(cards_with contacts 'FN:Ana Changed')" one.vcf
check change-arrives-here with "$here/contacts" 'FN:Ben Changed'
check change-arrives-here-club with "$here/club" 'FN:Cleo Changed'

# Nothing to do: nothing is sent.
before=$(prop contacts sync-token)
check idle-sync sync
same idle-sync-writes-nothing "${before:+$(prop contacts sync-token)}" "${before:-a token}"

# Removals of both sides.
rm "$here/contacts/odd.vcf"
same server-delete "$(card DELETE contacts/two.vcf)" 204
check third-sync sync
alike third-sync
same removed-on-both "$(cards_in contacts | wc -l) $(sums_in "$here/contacts" | wc -l)" "2 2"

# One card changed on both sides: without a rule it stays, then each rule.
conflict() {
    write_card "$here/contacts/one.vcf" one "Ana Here $1"
    write_card "$work/there.vcf" one "Ana There $1"
    same "conflict-$1-on-server" "$(put_card contacts/one.vcf "$work/there.vcf")" 204
}
conflict a
if run "$work/ask.conf" sync >"$work/told" 2>&1; then fail "conflict-is-told: it went through"; else check conflict-is-told grep -i conflict "$work/told"; fi
same conflict-leaves-the-server "$(cards_with contacts 'FN:Ana There a')" one.vcf
check conflict-leaves-the-folder with "$here/contacts" 'FN:Ana Here a'
check conflict-a-wins-sync run "$work/a.conf" sync
same conflict-a-wins "$(cards_with contacts 'FN:Ana Here a')" one.vcf
alike conflict-a-wins
conflict b
check conflict-b-wins-sync run "$work/b.conf" sync
check conflict-b-wins with "$here/contacts" 'FN:Ana There b'
alike conflict-b-wins

# The name of a book goes both ways.
same default-name "$(prop contacts displayname)" Contacts
check metasync run "$work/a.conf" metasync
same name-arrives-here "$(cat "$here/contacts/displayname" 2>/dev/null)" Contacts
printf 'Übungs & <Club>' >"$here/club/displayname"
check metasync-there run "$work/a.conf" metasync
same name-arrives-there "$(prop club displayname)" 'Übungs & <Club>'
same rename-on-server "$(card PROPPATCH contacts/ --data '<propertyupdate xmlns="DAV:"><set><prop><displayname>Family</displayname></prop></set></propertyupdate>')" 207
check metasync-here run "$work/a.conf" metasync
same new-name-arrives-here "$(cat "$here/contacts/displayname")" Family

# The book of a group is a book of its members.
check group make_family
check group-discover run "$work/a.conf" discover <<<$'y\ny\ny'
mkdir -p "$here/contacts~family"
write_card "$here/contacts~family/granny.vcf" granny "Granny Here"
write_card "$work/there.vcf" uncle "Uncle There"
same group-server-put "$(put_card contacts~family/uncle.vcf "$work/there.vcf")" 201
check group-sync sync
same group-octets "$(sums_in "$here/contacts~family")" "$(sums_on_server contacts~family)"
same group-counts "$(cards_in contacts~family | wc -l)" 2
rm "$here/contacts~family/granny.vcf"
write_card "$here/contacts~family/uncle.vcf" uncle "Uncle Changed"
check group-sync-again sync
same group-change-arrives "$(cards_with contacts~family 'FN:Uncle Changed')" uncle.vcf
same group-removal-arrives "$(cards_in contacts~family | wc -l)" 1

# khard on the folder.
cat >"$work/khard.conf" <<CONFIG
[addressbooks]
[[contacts]]
path = $here/contacts
[[club]]
path = $here/club
[general]
editor = true
merge_editor = true
[vcard]
preferred_version = 3.0
CONFIG
run_khard() { timeout 30 khard -c "$work/khard.conf" "$@"; }
cat >"$work/new.yaml" <<'CARD'
First name: Dora
Last name: Khard
Email:
    work: dora@khard.example
Phone:
    cell: "+49 151 0"
Organisation: Zürich & Söhne
CARD
check khard-new run_khard new -a contacts -i "$work/new.yaml"
check khard-new-sync sync
alike khard-new
created=$(cards_with contacts 'dora@khard.example')
same khard-new-on-server "$(wc -w <<<"$created")" 1
sed -i 's/dora@khard/dora@changed/' "$work/new.yaml"
check khard-edit run_khard edit -i "$work/new.yaml" -a contacts Dora <<<y
check khard-edit-sync sync
same khard-edit-on-server "$(cards_with contacts 'dora@changed.example')" "$created"
write_card "$work/five.vcf" five "Egon Elsewhere" EMAIL:egon@elsewhere.example "$(photo_line 30000)"
same server-put-again "$(put_card contacts/five.vcf "$work/five.vcf")" 201
check khard-show-sync sync
check khard-shows sh -c "timeout 30 khard -c '$work/khard.conf' show Egon | grep egon@elsewhere.example"
check khard-lists sh -c "timeout 30 khard -c '$work/khard.conf' email -p Cleo; timeout 30 khard -c '$work/khard.conf' list -p | grep 'Cleo Changed'"
check khard-remove run_khard remove --force -a contacts Dora
check khard-remove-sync sync
same khard-removed-on-server "$(cards_with contacts 'dora@changed.example')" ""
alike at-the-end
check check-finds-nothing "$HEARTH_BIN" check --root "$root"
exit $((failures > 0))
