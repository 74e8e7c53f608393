#!/usr/bin/env bash
# evolution-data-server, which GNOME Contacts and Evolution stand on: an account from the host's address, user and password;
# cards, photos and groups both ways.
. "$(dirname "$0")/server.sh"

store=/usr/local/share/ca-certificates/hearth-evolution-test.crt
if [ "$(id -u)" != 0 ]; then
    skip "ca-store: it trusts only the system's store"
    exit 0
fi
start_server
. "$(dirname "$0")/cards.sh"
check group make_family
cp "$ca" "$store" && update-ca-certificates >/dev/null 2>&1
leave+=("rm -f $store; update-ca-certificates --fresh")
leave+=(end_those_at_home)

cat >"$work/session.sh" <<'SESSION'
printf %s a-keyring | timeout 100 gnome-keyring-daemon --unlock --foreground --components=secrets >/dev/null 2>&1 &
keyring=$!
timeout 90 /usr/bin/python3 -B "$clients/evolution.py"
kill "$keyring"
SESSION
mkdir -p -m 700 "$work"/{home,run,data,config,cache}
env HOME="$work/home" XDG_RUNTIME_DIR="$work/run" XDG_DATA_HOME="$work/data" XDG_CONFIG_HOME="$work/config" \
    XDG_CACHE_HOME="$work/cache" GIO_USE_VFS=local port="$port" user="$user" password="$password" ca="$ca" \
    clients="$(cd "$(dirname "$0")" && pwd)" \
    timeout -k 5 120 dbus-run-session -- bash "$work/session.sh" 2>"$work/session.err" | tee "$work/session.out"
failures=$((failures + $(grep -c '^FAIL ' "$work/session.out")))
if grep -q '^ok leaves-the-others$\|^FAIL ' "$work/session.out"; then :; else fail "session: ended early: $(tail -n 3 "$work/session.err" | tr '\n' ' ')"; fi
check check-finds-nothing "$HEARTH_BIN" check --root "$root"
exit $((failures > 0))
