#!/usr/bin/env bash
# The README's first command in a bare Debian 12 root: proves that conf/packages names everything that building needs, and
# that tests/run's list can be installed. Network: the Debian mirror this machine uses, and loopback.
. "$(dirname "$0")/server.sh"

mirror_of() {
    apt-get indextargets --format '$(ORIGIN) $(RELEASE) $(COMPONENT) $(REPO_URI)' "Created-By: Packages" 2>/dev/null |
        awk -v suite="$1" '$1 == "Debian" && $2 == suite && $3 == "main" { print $4; exit }'
}
mirror=$(mirror_of bookworm)
if [ "$(id -u)" != 0 ] || ! command -v debootstrap >/dev/null || [ -z "$mirror" ]; then
    skip "debootstrap: a bare Debian root needs root and a Debian mirror"
    exit 0
fi
bare=$work/bare
# Whatever still runs with that root, and nothing else.
end_inside() {
    local process
    for process in /proc/[0-9]*; do
        [ "$(readlink "$process/root" 2>/dev/null)" != "$bare" ] || kill -9 "${process#/proc/}"
    done
}
leave+=("umount -l $bare/proc" "umount -l $bare/dev" end_inside)
if ! debootstrap --variant=minbase --include=ca-certificates bookworm "$bare" "$mirror" >"$work/debootstrap.log" 2>&1; then
    fail "bare-debootstrap: $(tail -n 2 "$work/debootstrap.log" | tr '\n' ' ')"
    exit 1
fi
ok bare-debootstrap
# The root reaches the mirror as this machine does.
cp /etc/resolv.conf /etc/hosts "$bare/etc/"
grep -lE 'Acquire|Proxy' /etc/apt/apt.conf.d/* 2>/dev/null | xargs -r cp -t "$bare/etc/apt/apt.conf.d/"
: >"$bare/etc/apt/sources.list"
for suite in bookworm bookworm-updates bookworm-security; do
    from=$(mirror_of "$suite")
    [ -z "$from" ] || echo "deb $from $suite main" >>"$bare/etc/apt/sources.list"
done
mount --bind /dev "$bare/dev" 2>/dev/null || mknod -m 666 "$bare/dev/urandom" c 1 9 2>/dev/null
mount -t proc proc "$bare/proc" 2>/dev/null || mount --bind /proc "$bare/proc" 2>/dev/null

mkdir -p "$bare/root/hearth"
(cd "$source_dir" && git ls-files -z | xargs -0 cp --parents -t "$bare/root/hearth")
port=8443
if curl -sk "https://127.0.0.1:$port/" >/dev/null; then
    fail "bare-port: something listens on $port already"
    exit 1
fi
setsid chroot "$bare" /bin/bash -c 'cd /root/hearth && exec conf/quickstart' >"$work/quickstart.log" 2>&1 </dev/null &
server_pid=$!
for _ in $(seq 1800); do
    curl -sk "https://127.0.0.1:$port/readyz" >/dev/null && break
    kill -0 "$server_pid" 2>/dev/null || break
    sleep 1
done
if ! curl -sk "https://127.0.0.1:$port/readyz" >/dev/null; then
    fail "bare-quickstart: $(tail -n 15 "$work/quickstart.log" | tr '\n' ' ')"
    exit 1
fi
ok bare-quickstart
user=$(sed -n 's/^ *User: *//Ip' "$work/quickstart.log" | head -n 1)
password=$(sed -n 's/^ *Password: *//Ip' "$work/quickstart.log" | head -n 1)
root=$bare/var/lib/hearth
ca=$root/.hearth/keys/ca.pem
url="https://127.0.0.1:$port/dav/files/$user"
echo bare >"$work/bare.txt"
same bare-put "$(dav PUT /bare.txt -T "$work/bare.txt")" 201
same bare-on-disk "$(cat "$root/files/$user/bare.txt")" bare
serving=$(pgrep -f 'hearth serve' | while read -r pid; do [ "$(readlink "/proc/$pid/root")" = "$bare" ] && echo "$pid"; done | head -n 1)
same bare-serves-as-hearth "$(awk '/^Uid:/ { print $2 }' "/proc/$serving/status")" "$(awk -F: '$1 == "hearth" { print $3 }' "$bare/etc/passwd")"
kill -INT -- "-$server_pid"
wait "$server_pid"
same bare-ctrl-c "$?" 0
server_pid=
packages=$(sed 's/#.*//' "$source_dir/conf/packages/test.txt" | tr -s ' \t\n' ' ')
# shellcheck disable=SC2086
check bare-test-packages chroot "$bare" apt-get install --simulate -q -y --no-install-recommends $packages
exit $((failures > 0))
