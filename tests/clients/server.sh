# What every client test shares: a real server on a root of its own, on loopback, and lines that tests/run counts.
# Sourced. Sets: work (a directory of its own), root, port, url (of the user's files), user, password, ca.

set -u
HEARTH_BIN=${HEARTH_BIN:-$(cd "$(dirname "$0")/../.." && pwd)/build/release/hearth}
source_dir=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d /tmp/hearth-client-XXXXXX)
root=$work/root
user=ana
password=a-client-password-7
server_pid=
failures=0
leave=()  # commands to run at the end, last first

at_exit() {
    local i
    for ((i = ${#leave[@]} - 1; i >= 0; i--)); do eval "${leave[$i]}" >/dev/null 2>&1 || true; done
    stop_server
    rm -rf "$work"
}
trap at_exit EXIT
trap 'exit 1' INT TERM

ok() { echo "ok $*"; }
fail() {
    echo "FAIL $*"
    failures=$((failures + 1))
}
skip() { echo "SKIP $*"; }
# check NAME COMMAND…: the command's status is the result; its output is shown when it fails.
check() {
    local name=$1
    shift
    if "$@" >"$work/out" 2>&1; then ok "$name"; else
        fail "$name: $(tail -n 3 "$work/out" | tr '\n' ' ')"
    fi
}
# same NAME A B: two texts are equal.
same() {
    if [ "$2" = "$3" ]; then ok "$1"; else fail "$1: got '$2', wanted '$3'"; fi
}
hash_of() { sha256sum "$1" | cut -d' ' -f1; }

free_port() { /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# start_server [BASE PATH]: TLS on $port with Hearth's own certificate, plain HTTP on $plain_port (for proxies in front).
start_server() {
    local base=${1:-}
    port=$(free_port)
    plain_port=$(free_port)
    url="https://127.0.0.1:$port$base/dav/files/$user"
    cat >"$work/hearth.toml" <<EOF
base_path = "$base"

[[listen]]
address = "127.0.0.1"
port = $port

[[listen]]
address = "127.0.0.2"
port = $port

[[listen]]
address = "127.0.0.1"
port = $plain_port
tls = false
EOF
    echo "$password" | "$HEARTH_BIN" user add "$user" --password-stdin --root "$root" >/dev/null
    "$HEARTH_BIN" serve --config "$work/hearth.toml" --root "$root" >"$work/server.log" 2>&1 &
    server_pid=$!
    ca=$root/.hearth/keys/ca.pem
    local i
    for ((i = 0; i < 300; i++)); do
        if curl -s --cacert "$ca" "https://127.0.0.1:$port/readyz" >/dev/null; then return 0; fi
        kill -0 "$server_pid" 2>/dev/null || break
        sleep 0.1
    done
    fail "server-start: $(tail -n 5 "$work/server.log" | tr '\n' ' ')"
    exit 1
}

stop_server() {
    [ -n "$server_pid" ] || return 0
    kill -TERM "$server_pid" 2>/dev/null
    wait "$server_pid" 2>/dev/null
    server_pid=
}

# dav METHOD PATH CURL-OPTIONS…: prints the status.
dav() {
    local method=$1 path=$2
    shift 2
    curl -s -o "$work/body" -w '%{http_code}' --cacert "$ca" -u "$user:$password" -X "$method" "$@" "$url$path"
}
