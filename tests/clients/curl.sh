#!/usr/bin/env bash
# curl: a file put is readable on disk with the same hash, also through a second loopback address; uploads without a length;
# resumed downloads; the answers a person meets first.
. "$(dirname "$0")/server.sh"
start_server

head -c 300000 /dev/urandom >"$work/a.bin"
same curl-put-new "$(dav PUT /a.bin -T "$work/a.bin")" 201
same curl-on-disk "$(hash_of "$root/files/$user/a.bin")" "$(hash_of "$work/a.bin")"
same curl-put-again "$(dav PUT /a.bin -T "$work/a.bin")" 204
same curl-get "$(dav GET /a.bin)" 200
same curl-get-bytes "$(hash_of "$work/body")" "$(hash_of "$work/a.bin")"
curl -s --cacert "$ca" -u "$user:$password" -o "$work/second" "https://127.0.0.2:$port/dav/files/$user/a.bin"
same curl-second-address "$(hash_of "$work/second")" "$(hash_of "$work/a.bin")"

same curl-chunked "$(curl -s -o /dev/null -w '%{http_code}' --cacert "$ca" -u "$user:$password" -T - "$url/chunked.bin" <"$work/a.bin")" 201
same curl-chunked-bytes "$(hash_of "$root/files/$user/chunked.bin")" "$(hash_of "$work/a.bin")"

head -c 100000 "$work/a.bin" >"$work/part"
curl -s --cacert "$ca" -u "$user:$password" -C - -o "$work/part" "$url/a.bin"
same curl-resume "$(hash_of "$work/part")" "$(hash_of "$work/a.bin")"

same curl-wrong-password "$(curl -s -o /dev/null -w '%{http_code}' --cacert "$ca" -u "$user:wrong" "$url/a.bin")" 401
same curl-no-password "$(curl -s -o /dev/null -w '%{http_code}' --cacert "$ca" "$url/a.bin")" 401
same curl-absent "$(dav GET /absent)" 404
same curl-mkcol "$(dav MKCOL /folder/)" 201
same curl-move "$(dav MOVE /a.bin -H "Destination: $url/folder/a.bin")" 201
same curl-moved-on-disk "$(hash_of "$root/files/$user/folder/a.bin")" "$(hash_of "$work/a.bin")"
same curl-copy "$(dav COPY /folder -H "Destination: $url/copy")" 201
same curl-propfind "$(dav PROPFIND /copy -H 'Depth: 1')" 207
if grep -q "/dav/files/$user/copy/a.bin" "$work/body"; then ok curl-propfind-member; else fail "curl-propfind-member: not listed"; fi
same curl-delete "$(dav DELETE /folder)" 204
if [ ! -e "$root/files/$user/folder" ]; then ok curl-deleted-on-disk; else fail "curl-deleted-on-disk: still there"; fi

secret=$("$HEARTH_BIN" app-password add "$user" phone --root "$root" --json | /usr/bin/python3 -c 'import json,sys; print(json.load(sys.stdin)["password"])')
same curl-app-password "$(curl -s -o /dev/null -w '%{http_code}' --cacert "$ca" -u "$user:$secret" "$url/chunked.bin")" 200
id=$("$HEARTH_BIN" app-password list "$user" --root "$root" --json | /usr/bin/python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["id"])')
check curl-app-password-revoke "$HEARTH_BIN" app-password revoke "$user" "$id" --root "$root"
same curl-app-password-revoked "$(curl -s -o /dev/null -w '%{http_code}' --cacert "$ca" -u "$user:$secret" "$url/chunked.bin")" 401
same curl-ca "$(curl -sk "https://127.0.0.1:$port/ca.crt" | openssl x509 -noout -fingerprint -sha256)" "$(openssl x509 -noout -fingerprint -sha256 -in "$ca")"

"$HEARTH_BIN" serve --root "$root" --listen 127.0.0.1:"$(free_port)" >"$work/second.log" 2>&1
same second-server-refused "$?" 1
if grep -q "$server_pid" "$work/second.log"; then ok second-server-names-pid; else fail "second-server-names-pid: $(cat "$work/second.log")"; fi
check check-finds-nothing "$HEARTH_BIN" check --root "$root"
exit $((failures > 0))
