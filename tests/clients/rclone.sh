#!/usr/bin/env bash
# rclone: copy, check, sync, streaming upload, mount where the machine has /dev/fuse; files are plain on disk.
. "$(dirname "$0")/server.sh"
start_server "${1:-}"

run_rclone() {
    timeout 120 rclone --config "$work/rclone.conf" --ca-cert "$ca" --retries 1 --low-level-retries 2 --contimeout 5s --timeout 30s "$@"
}
cat >"$work/rclone.conf" <<EOF
[home]
type = webdav
url = $url
vendor = other
user = $user
pass = $(rclone obscure "$password")

[cloud]
type = webdav
url = $url
vendor = nextcloud
user = $user
pass = $(rclone obscure "$password")
EOF

mkdir -p "$work/tree/deep/er" "$work/tree/ünï cödé"
for n in 1 2 3 4 5 6 7 8; do head -c $((n * 9000)) /dev/urandom >"$work/tree/deep/f$n.bin"; done
echo 'a; b & c + d @ e, (f) #1 100% it'"'"'s' >"$work/tree/deep/er/a;b&c+d@e,(f) #1 100%.txt"
echo hello >"$work/tree/ünï cödé/grüße.txt"
: >"$work/tree/empty"

check rclone-copy run_rclone copy "$work/tree" home:tree
check rclone-check run_rclone check "$work/tree" home:tree --download
check rclone-on-disk diff -r "$work/tree" "$root/files/$user/tree"
rm "$work/tree/deep/f1.bin"
echo changed >"$work/tree/deep/f2.bin"
check rclone-sync run_rclone sync "$work/tree" home:tree
check rclone-sync-on-disk diff -r "$work/tree" "$root/files/$user/tree"
head -c 3000000 /dev/urandom >"$work/stream"
run_rclone rcat home:stream.bin <"$work/stream" >"$work/out" 2>&1
same rclone-rcat "$(hash_of "$root/files/$user/stream.bin")" "$(hash_of "$work/stream")"
curl -s --cacert "$ca" -u "$user:$password" -o "$work/second" "https://127.0.0.2:$port${1:-}/dav/files/$user/stream.bin"
same rclone-through-curl "$(hash_of "$work/second")" "$(hash_of "$work/stream")"
same rclone-cat "$(run_rclone cat home:stream.bin | sha256sum | cut -d' ' -f1)" "$(hash_of "$work/stream")"
check rclone-moveto run_rclone moveto home:tree/empty home:moved-empty
check rclone-about run_rclone about home:
check rclone-purge run_rclone purge home:tree
if [ ! -e "$root/files/$user/tree" ]; then ok rclone-purged-on-disk; else fail "rclone-purged-on-disk: still there"; fi

# Two-way, as a client that sets times and keeps sums: changes, names and removals of both sides arrive on the other.
mkdir -p "$work/both/sub"
echo one >"$work/both/one.txt"
echo two >"$work/both/sub/two.txt"
head -c 200000 /dev/urandom >"$work/both/sub/three.bin"
touch -d '2021-03-04 05:06:07 UTC' "$work/both/one.txt"
run_rclone mkdir cloud:both
both() { run_rclone bisync "$work/both" cloud:both --workdir "$work/bisync" "$@"; }
check bisync-first both --resync
check bisync-first-on-disk diff -r "$work/both" "$root/files/$user/both"
same bisync-keeps-times "$(run_rclone lsf --format t cloud:both/one.txt)" "$(TZ=$(date +%Z) date -d '2021-03-04 05:06:07 UTC' '+%Y-%m-%d %H:%M:%S')"
same bisync-keeps-sums "$(run_rclone hashsum SHA1 cloud:both/sub/three.bin | cut -d' ' -f1)" "$(sha1sum "$work/both/sub/three.bin" | cut -d' ' -f1)"
echo changed here >"$work/both/one.txt"
rm "$work/both/sub/two.txt"
run_rclone rcat cloud:both/four.txt <"$work/tree/deep/f2.bin"
run_rclone deletefile cloud:both/sub/three.bin
check bisync-again both
check bisync-again-on-disk diff -r "$work/both" "$root/files/$user/both"
same bisync-result "$(cd "$work/both" && find . -type f | sort | tr '\n' ' ')" "./four.txt ./one.txt "

if [ -c /dev/fuse ] && [ -w /dev/fuse ] && command -v fusermount3 >/dev/null; then
    mkdir "$work/mnt"
    run_rclone mount home: "$work/mnt" --vfs-cache-mode writes --vfs-write-back 0s --daemon-timeout 10s >"$work/mount.log" 2>&1 &
    mount_pid=$!
    leave+=("fusermount3 -uz $work/mnt" "kill $mount_pid")
    for _ in $(seq 100); do mountpoint -q "$work/mnt" && break; sleep 0.1; done
    same rclone-mount-reads "$(hash_of "$work/mnt/stream.bin")" "$(hash_of "$work/stream")"
    check rclone-mount-writes cp "$work/stream" "$work/mnt/through-mount.bin"
    for _ in $(seq 100); do [ -s "$root/files/$user/through-mount.bin" ] && break; sleep 0.1; done
    same rclone-mount-on-disk "$(hash_of "$root/files/$user/through-mount.bin")" "$(hash_of "$work/stream")"
    check rclone-mount-mkdir mkdir "$work/mnt/made"
    check rclone-mount-mv mv "$work/mnt/through-mount.bin" "$work/mnt/made/renamed.bin"
    same rclone-mount-mv-on-disk "$(hash_of "$root/files/$user/made/renamed.bin")" "$(hash_of "$work/stream")"
    fusermount3 -u "$work/mnt"
else
    skip "fuse: rclone mount needs /dev/fuse"
fi
exit $((failures > 0))
