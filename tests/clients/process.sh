#!/usr/bin/env bash
# The process as its admin meets it: reload by SIGHUP, accounts changed while it runs, a unix socket, who it runs as, what
# it refuses to start with, how it ends.
. "$(dirname "$0")/server.sh"

# Who the start needs root for: dropping to another user.
as_nobody=
if [ "$(id -u)" = 0 ] && id nobody >/dev/null 2>&1; then
    as_nobody=nobody
    chmod 755 "$work"
fi

start_server
status_of() { curl -s -o /dev/null -w '%{http_code}' --cacert "$ca" -u "$user:$password" "$@"; }
# until_status WANTED COMMAND…: a reload has no answer to wait for.
until_status() {
    local wanted=$1 seen i
    shift
    for ((i = 0; i < 100; i++)); do
        seen=$(status_of "$@")
        [ "$seen" != "$wanted" ] || break
        sleep 0.05
    done
    echo "$seen"
}

if [ "$(id -u)" = 0 ]; then
    same warns-about-root "$(grep -c -i 'root' "$work/server.log" | awk '{ print ($1 > 0) }')" 1
else
    skip "as-root: only root can see what root is told"
fi

echo another-password-3 | "$HEARTH_BIN" user add ben --password-stdin --root "$root" >"$work/out" 2>&1
same user-add-while-running "$(curl -s -o /dev/null -w '%{http_code}' --cacert "$ca" -u ben:another-password-3 "https://127.0.0.1:$port/dav/files/ben/")" 200
check user-disable-while-running "$HEARTH_BIN" user disable ben --root "$root"
same disabled-at-once "$(curl -s -o /dev/null -w '%{http_code}' --cacert "$ca" -u ben:another-password-3 "https://127.0.0.1:$port/dav/files/ben/")" 401

# A lock whose client is gone, ended while the server runs.
lockinfo='<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>'
same lock-made "$(status_of -X LOCK -d "$lockinfo" "$url/locked.txt")" 201
same locked "$(status_of -X PUT -d x "$url/locked.txt")" 423
token=$("$HEARTH_BIN" lock list --json --root "$root" | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["id"])')
check lock-break-while-running "$HEARTH_BIN" lock break "$token" --root "$root"
same lock-broken "$(status_of -X PUT -d x "$url/locked.txt")" 204

# Reload: all of a good file, nothing of a bad one.
cp "$work/hearth.toml" "$work/good.toml"
{ echo 'hosts = ["somewhere.example"]'; cat "$work/good.toml"; } >"$work/hearth.toml"
kill -HUP "$server_pid"
same hup-applies "$(until_status 421 "$url/")" 421
{ echo 'hosts = []'; echo 'no_such_key = 1'; cat "$work/good.toml"; } >"$work/hearth.toml"
kill -HUP "$server_pid"
sleep 0.5
same hup-of-a-bad-file-changes-nothing "$(status_of "$url/")" 421
if grep -q 'no_such_key' "$work/server.log"; then ok hup-names-the-fault; else fail "hup-names-the-fault: $(tail -n 2 "$work/server.log")"; fi
cp "$work/good.toml" "$work/hearth.toml"
kill -HUP "$server_pid"
same hup-again "$(until_status 200 "$url/")" 200

# What `config show` prints is a configuration.
"$HEARTH_BIN" config show --config "$work/hearth.toml" --root "$root" >"$work/shown.toml"
"$HEARTH_BIN" config show --config "$work/shown.toml" >"$work/shown-again.toml"
if grep -v '^#' "$work/shown.toml" | diff - <(grep -v '^#' "$work/shown-again.toml") >"$work/out"; then ok config-show-loads-back; else
    fail "config-show-loads-back: $(head -n 3 "$work/out" | tr '\n' ' ')"
fi

# The end: a running download is finished, the status is 0.
head -c 40000000 /dev/zero >"$work/big"
same put-big "$(dav PUT /big -T "$work/big")" 201
curl -s --limit-rate 30M -o "$work/slow" --cacert "$ca" -u "$user:$password" "$url/big" &
download=$!
sleep 0.3
kill -TERM "$server_pid"
wait "$server_pid"
same term-exits-0 "$?" 0
wait "$download"
same term-finishes-the-download "$(stat -c %s "$work/slow" 2>/dev/null)" 40000000
server_pid=

# Started again from what `config show` printed, on a unix socket too.
"$HEARTH_BIN" serve --config "$work/shown.toml" --listen "127.0.0.1:$port" --listen "http://unix:$work/hearth.sock" >"$work/server.log" 2>&1 &
server_pid=$!
for _ in $(seq 100); do [ -S "$work/hearth.sock" ] && break; sleep 0.1; done
same unix-socket "$(curl -s -o /dev/null -w '%{http_code}' --unix-socket "$work/hearth.sock" -u "$user:$password" "http://localhost/dav/files/$user/")" 200
stop_server

# What it does not start with.
refused() {
    local name=$1 words=$2
    shift 2
    timeout 20 "$HEARTH_BIN" serve --root "$root" "$@" >"$work/out" 2>&1
    local status=$?
    if [ "$status" != 0 ] && [ "$status" != 124 ] && grep -qi -- "$words" "$work/out"; then ok "$name"; else
        fail "$name: status $status, $(tail -n 2 "$work/out" | tr '\n' ' ')"
    fi
}
refused refuses-clear-text-for-everyone "TLS\|plain\|loopback" --listen "http://0.0.0.0:$(free_port)"
printf 'realm = 7\n' >"$work/bad.toml"
refused refuses-a-wrong-value "bad.toml" --config "$work/bad.toml"
refused refuses-an-address-that-is-not-ours "192.0.2.1" --listen "192.0.2.1:$(free_port)"

if [ -n "$as_nobody" ]; then
    { echo "run_as = \"$as_nobody\""; cat "$work/good.toml"; } >"$work/hearth.toml"
    chown -R "$as_nobody" "$root"
    "$HEARTH_BIN" serve --config "$work/hearth.toml" --root "$root" >"$work/server.log" 2>&1 &
    server_pid=$!
    same run-as-serves "$(until_status 200 "$url/")" 200
    same run-as-drops "$(awk '/^Uid:/ { print $2, $3, $4, $5 }' "/proc/$server_pid/status")" "$(id -u nobody) $(id -u nobody) $(id -u nobody) $(id -u nobody)"
    same run-as-drops-groups "$(awk '/^Groups:/ { print $2 }' "/proc/$server_pid/status" | grep -c '^0$')" 0
    stop_server
else
    skip "as-root: dropping to run_as needs root"
fi
exit $((failures > 0))
