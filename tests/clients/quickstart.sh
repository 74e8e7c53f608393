#!/usr/bin/env bash
# conf/quickstart as a person runs it: what it prints is true, Ctrl-C stops it cleanly, run again it changes nothing.
. "$(dirname "$0")/server.sh"
port=$(free_port)
chmod 711 "$work" # as root the server is the user hearth, who has to get through

# begin LOG: quickstart in a process group of its own, as in a terminal.
begin_quickstart() {
    setsid "$source_dir/conf/quickstart" --no-install --root "$root" --listen "127.0.0.1:$port" >"$1" 2>&1 &
    server_pid=$!
    local i
    for ((i = 0; i < 9000; i++)); do
        if curl -sk "https://127.0.0.1:$port/readyz" >/dev/null; then return 0; fi
        kill -0 "$server_pid" 2>/dev/null || break
        sleep 0.1
    done
    fail "quickstart-start: $(tail -n 5 "$1" | tr '\n' ' ')"
    exit 1
}
# Ctrl-C reaches the whole process group.
interrupt() {
    kill -INT -- "-$server_pid"
    wait "$server_pid"
    same "$1" "$?" 0
    server_pid=
}
has() { if grep -qiE -- "$2" "$3"; then ok "$1"; else fail "$1: no line matches $2"; fi; }

begin_quickstart "$work/first.log"
ca=$root/.hearth/keys/ca.pem
has quickstart-address "https://127\.0\.0\.1:$port" "$work/first.log"
has quickstart-rclone "rclone" "$work/first.log"
has quickstart-gnome "davs://" "$work/first.log"
has quickstart-finder "finder" "$work/first.log"
has quickstart-windows "windows" "$work/first.log"
has quickstart-qr "█|▀|▄" "$work/first.log"
fingerprint=$(openssl x509 -noout -fingerprint -sha256 -in "$ca" | cut -d= -f2)
has quickstart-fingerprint "$fingerprint" "$work/first.log"
user=$(sed -n 's/^ *User: *//Ip' "$work/first.log" | head -n 1)
password=$(sed -n 's/^ *Password: *//Ip' "$work/first.log" | head -n 1)
url="https://127.0.0.1:$port/dav/files/$user"
echo from-quickstart >"$work/q.txt"
same quickstart-put "$(dav PUT /q.txt -T "$work/q.txt")" 201
same quickstart-on-disk "$(cat "$root/files/$user/q.txt")" from-quickstart
curl -sk -o "$work/ca.crt" "https://127.0.0.1:$port/ca.crt"
same quickstart-ca "$(openssl x509 -noout -fingerprint -sha256 -in "$work/ca.crt" | cut -d= -f2)" "$fingerprint"
interrupt quickstart-ctrl-c

begin_quickstart "$work/second.log"
if grep -qF -- "$password" "$work/second.log"; then fail "quickstart-again: prints the password"; else ok quickstart-again-no-password; fi
has quickstart-again-how "passwd" "$work/second.log"
same quickstart-again-one-user "$("$HEARTH_BIN" user list --root "$root" --json | /usr/bin/python3 -c 'import json,sys; print(len(json.load(sys.stdin)))')" 1
same quickstart-again-get "$(dav GET /q.txt)" 200
interrupt quickstart-again-ctrl-c
exit $((failures > 0))
