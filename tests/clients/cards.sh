# What the tests of contact clients share: cards put, read and listed over HTTP, apart from the client under test.
# Sourced after start_server.

contacts=https://127.0.0.1:$port/dav/contacts/$user

# For programs that start others: what has the home of this test is ended, by its number, when it does not end by itself.
# Called at the end: leave+=(end_those_at_home).
end_those_at_home() {
    local i number
    for ((i = 0; i < 50; i++)); do
        grep -lzs "^HOME=$work/home\$" /proc/[0-9]*/environ >"$work/left" || return 0
        sleep 0.1
    done
    while IFS=/ read -r _ _ number _; do kill -KILL "$number"; done <"$work/left"
}

# A group with this user in it: its book is theirs as well, called contacts~family.
make_family() {
    "$HEARTH_BIN" group add family --root "$root" && "$HEARTH_BIN" group members family --add "$user" --root "$root"
}

# card METHOD PATH CURL-OPTIONS…: PATH below the user's books; prints the status, the answer is in $work/body.
card() {
    local method=$1 path=$2
    shift 2
    timeout 30 curl -s -o "$work/body" -w '%{http_code}' --cacert "$ca" -u "$user:$password" -X "$method" "$@" "$contacts/$path"
}

# put_card PATH FILE CURL-OPTIONS…
put_card() {
    local path=$1 file=$2
    shift 2
    card PUT "$path" -H 'Content-Type: text/vcard; charset=utf-8' --data-binary "@$file" "$@"
}

# cards_in BOOK: the names of its cards, sorted, one a line.
cards_in() {
    card PROPFIND "$1/" -H 'Depth: 1' -H 'Content-Type: application/xml' \
        --data '<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>' >/dev/null
    /usr/bin/python3 - "$work/body" <<'PYTHON'
import sys
import xml.etree.ElementTree
for href in xml.etree.ElementTree.parse(sys.argv[1]).iterfind('{DAV:}response/{DAV:}href'):
    if not href.text.endswith('/'):
        print(href.text.rsplit('/', 1)[1])
PYTHON
}

# cards_with BOOK TEXT: the names of the cards whose octets have that text.
cards_with() {
    local name
    for name in $(cards_in "$1" | sort); do
        card GET "$1/$name" >/dev/null
        if grep -qF -- "$2" "$work/body"; then echo "$name"; fi
    done
}

# sums_on_server BOOK, sums_in FOLDER: the hash of every card, sorted. What cards are called is each side's own affair.
sums_on_server() {
    local name
    for name in $(cards_in "$1"); do
        card GET "$1/$name" >/dev/null
        hash_of "$work/body"
    done | sort
}
sums_in() {
    local file
    for file in "$1"/*.vcf; do [ ! -e "$file" ] || hash_of "$file"; done | sort
}

# prop BOOK NAME: the text of a property of DAV: that the book has.
prop() {
    card PROPFIND "$1/" -H 'Depth: 0' --data "<propfind xmlns=\"DAV:\"><prop><$2/></prop></propfind>" >/dev/null
    /usr/bin/python3 -c 'import sys, xml.etree.ElementTree as tree
print(tree.parse(sys.argv[1]).findtext(".//{DAV:}" + sys.argv[2]) or "")' "$work/body" "$2"
}

# write_card FILE UID NAME LINES…: a card of version 3.0 as clients write them, with CR LF.
write_card() {
    local file=$1 uid=$2 name=$3
    shift 3
    printf '%s\r\n' BEGIN:VCARD VERSION:3.0 "UID:$uid" "FN:$name" "N:${name##* };${name% *};;;" "$@" END:VCARD >"$file"
}

# photo_line OCTETS: a PHOTO of that many random octets behind the mark of JPEG, folded as RFC 2426 says.
photo_line() {
    /usr/bin/python3 - "$1" <<'PYTHON'
import base64, os, sys
line = 'PHOTO;ENCODING=b;TYPE=JPEG:' + base64.b64encode(b'\xff\xd8\xff\xe0' + os.urandom(int(sys.argv[1]) - 4)).decode()
parts = [line[:75]] + [' ' + line[at:at + 74] for at in range(75, len(line), 74)]
print('\r\n'.join(parts), end='')
PYTHON
}
