#!/usr/bin/env bash
# GNOME's gio (GVFS): mount, list, save, copy, rename, folders without a trailing slash, remove.
. "$(dirname "$0")/server.sh"

store=/usr/local/share/ca-certificates/hearth-client-test.crt
if [ "$(id -u)" != 0 ]; then
    skip "ca-store: gio trusts only the system's store"
    exit 0
fi
start_server
cp "$ca" "$store" && update-ca-certificates >/dev/null 2>&1
leave+=("rm -f $store; update-ca-certificates --fresh")

cat >"$work/session.sh" <<EOF
set -u
here=davs://$user@127.0.0.1:$port/dav/files/$user
export XDG_RUNTIME_DIR=$work/run XDG_DATA_HOME=$work/data HOME=$work/home
mkdir -p \$XDG_RUNTIME_DIR \$XDG_DATA_HOME \$HOME
step() { local name=\$1; shift; if timeout 30 "\$@" >$work/out 2>&1; then echo "ok gio-\$name"; else echo "FAIL gio-\$name: \$(tail -n 2 $work/out | tr '\n' ' ')"; fi; }
if ! printf '%s\n' '$password' | timeout 30 gio mount "\$here" >$work/out 2>&1; then echo "FAIL gio-mount: \$(tail -n 2 $work/out | tr '\n' ' ')"; exit 1; fi
echo "ok gio-mount"
head -c 50000 /dev/urandom >$work/g.bin
step mkdir gio mkdir "\$here/folder"
step copy gio copy $work/g.bin "\$here/folder/g.bin"
step list sh -c "gio list \$here/folder | grep -x g.bin"
step info sh -c "gio info \$here/folder/g.bin | grep 'size: *50000'"
step cat sh -c "gio cat \$here/folder/g.bin | cmp - $work/g.bin"
step save sh -c "echo saved | gio save \$here/saved.txt"
step save-again sh -c "echo again | gio save \$here/saved.txt"
step rename gio rename "\$here/saved.txt" named.txt
step move gio move "\$here/named.txt" "\$here/folder/named.txt"
refuse() { local name=\$1; shift; if timeout 30 "\$@" >$work/out 2>&1; then echo "FAIL gio-\$name: it went through"; else echo "ok gio-\$name"; fi; }
etag() { gio info -a etag::value "\$1" | sed -n 's/.*etag::value: //p'; }
step filesystem sh -c "gio info -f \$here | grep 'filesystem::free: [0-9]'"
step mkdir-space gio mkdir "\$here/with space"
step mkdir-letters gio mkdir "\$here/with space/ünï cödé"
step copy-inside gio copy "\$here/folder/g.bin" "\$here/with space/ünï cödé/grüße & co.bin"
step cat-inside sh -c "gio cat '\$here/with space/ünï cödé/grüße & co.bin' | cmp - $work/g.bin"
step tree sh -c "gio tree '\$here/with space' | grep 'grüße & co.bin'"
known=\$(etag "\$here/folder/g.bin")
step save-known sh -c "echo known | gio save -e '\$known' \$here/folder/g.bin"
refuse save-stale sh -c "echo stale | gio save -e '\$known' \$here/folder/g.bin"
step save-create sh -c "echo new | gio save --create \$here/created.txt"
refuse save-create-again sh -c "echo new | gio save --create \$here/created.txt"
refuse rename-over gio rename "\$here/created.txt" folder
step move-over gio move "\$here/created.txt" "\$here/folder/g.bin"
step moved-over sh -c "gio cat \$here/folder/g.bin | grep -x new"
refuse mkdir-again gio mkdir "\$here/folder"
refuse remove-full gio remove "\$here/folder"
step move-folder gio move "\$here/with space" "\$here/moved space"
step move-folder-seen sh -c "gio list '\$here/moved space' | grep 'ünï cödé'"
step content-type sh -c "gio info -a standard::content-type \$here/folder/g.bin | grep content-type"
step remove gio remove "\$here/folder/named.txt"
step remove-file gio remove "\$here/folder/g.bin"
step remove-folder gio remove "\$here/folder"
step unmount gio mount -u "\$here"
EOF
timeout 240 dbus-run-session -- bash "$work/session.sh" 2>/dev/null | tee "$work/session.out"
failures=$((failures + $(grep -c '^FAIL ' "$work/session.out")))
if grep -q '^ok gio-unmount\|^FAIL' "$work/session.out"; then :; else fail "gio-session: ended early"; fi
if [ ! -e "$root/files/$user/folder" ]; then ok gio-removed-on-disk; else fail "gio-removed-on-disk: still there"; fi
exit $((failures > 0))
