#!/usr/bin/env bash
# davfs2: the mount with locks, files made, changed, renamed and removed by name. (It lists no folder on newer kernels,
# whatever the server answers, so nothing here does.)
. "$(dirname "$0")/server.sh"

if [ "$(id -u)" != 0 ]; then
    skip "mount: mounting with davfs2 needs root"
    exit 0
fi
if ! { [ -c /dev/fuse ] && [ -w /dev/fuse ]; }; then
    skip "fuse: davfs2 needs /dev/fuse"
    exit 0
fi
start_server "${1:-}"
mkdir -p "$work/mnt" "$work/cache"
# It reads all but the secrets as a user of its own.
chmod 755 "$work"
install -m 644 "$ca" "$work/ca.pem"
chown root:davfs2 "$work/cache"
chmod 775 "$work/cache"
cat >"$work/davfs2.conf" <<EOF
ask_auth 0
use_locks 1
delay_upload 0
cache_dir $work/cache
secrets $work/secrets
trust_ca_cert $work/ca.pem
EOF
echo "$url $user $password" >"$work/secrets"
chmod 600 "$work/secrets"
leave+=("umount -l $work/mnt")
check davfs2-mount timeout 60 mount.davfs -o "conf=$work/davfs2.conf" "$url" "$work/mnt"
mountpoint -q "$work/mnt" || exit 1
there=$root/files/$user

# eventually NAME COMMAND…: uploads happen after close, so each check waits for its effect.
eventually() {
    local name=$1 _
    shift
    for _ in $(seq 100); do "$@" >"$work/out" 2>&1 && break; sleep 0.1; done
    check "$name" "$@"
}
locks_are() { [ "$("$HEARTH_BIN" lock list --json --root "$root" | grep -o '"scope"' | wc -l)" = "$1" ]; }

head -c 90000 /dev/urandom >"$work/f.bin"
check davfs2-create cp "$work/f.bin" "$work/mnt/f.bin"
eventually davfs2-create-on-disk cmp "$work/f.bin" "$there/f.bin"
same davfs2-read "$(hash_of "$work/mnt/f.bin")" "$(hash_of "$work/f.bin")"
check davfs2-change sh -c "echo more >>'$work/mnt/f.bin'"
echo more >>"$work/f.bin"
eventually davfs2-change-on-disk cmp "$work/f.bin" "$there/f.bin"
exec 7>>"$work/mnt/f.bin"
echo held >&7
eventually davfs2-holds-a-lock-while-open locks_are 1
same davfs2-lock-keeps-others-out "$(dav PUT /f.bin --data other)" 423
exec 7>&-
echo held >>"$work/f.bin"
eventually davfs2-held-on-disk cmp "$work/f.bin" "$there/f.bin"
eventually davfs2-unlocks locks_are 0
check davfs2-mkdir mkdir "$work/mnt/folder"
eventually davfs2-mkdir-on-disk test -d "$there/folder"
check davfs2-rename mv "$work/mnt/f.bin" "$work/mnt/folder/g.bin"
eventually davfs2-rename-on-disk cmp "$work/f.bin" "$there/folder/g.bin"
check davfs2-chmod chmod +x "$work/mnt/folder/g.bin"
eventually davfs2-chmod-on-disk test -x "$there/folder/g.bin"
check davfs2-df df "$work/mnt"
check davfs2-remove rm "$work/mnt/folder/g.bin"
eventually davfs2-remove-on-disk test ! -e "$there/folder/g.bin"
check davfs2-unmount timeout 60 umount "$work/mnt"
exit $((failures > 0))
