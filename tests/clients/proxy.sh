# A reverse proxy in front of Hearth with a path of its own: what nginx.sh and caddy.sh share. Sourced after the server has
# started with the base path /cloud and the proxy listens on $front (plain HTTP on loopback).

proxied() {
    local name=$1 there="http://127.0.0.1:$front/cloud/dav/files/$user"
    head -c 200000 /dev/urandom >"$work/p.bin"
    local go=(curl -s -o "$work/body" -w '%{http_code}' -u "$user:$password")
    same "$name-put" "$("${go[@]}" -T "$work/p.bin" "$there/p.bin")" 201
    same "$name-on-disk" "$(hash_of "$root/files/$user/p.bin")" "$(hash_of "$work/p.bin")"
    same "$name-get" "$("${go[@]}" "$there/p.bin")" 200
    same "$name-propfind" "$("${go[@]}" -X PROPFIND -H 'Depth: 1' "$there/")" 207
    if grep -q "<D:href>/cloud/dav/files/$user/p.bin</D:href>" "$work/body"; then ok "$name-hrefs"; else fail "$name-hrefs: $(head -c 300 "$work/body")"; fi
    same "$name-move" "$("${go[@]}" -X MOVE -H "Destination: $there/q.bin" "$there/p.bin")" 201
    same "$name-outside-base" "$("${go[@]}" "http://127.0.0.1:$front/dav/files/$user/q.bin")" 404
    cat >"$work/proxy-rclone.conf" <<EOF
[front]
type = webdav
url = $there
vendor = other
user = $user
pass = $(rclone obscure "$password")
EOF
    mkdir -p "$work/ptree/sub"
    for n in 1 2 3; do head -c $((n * 5000)) /dev/urandom >"$work/ptree/sub/f$n"; done
    check "$name-rclone-copy" timeout 120 rclone --config "$work/proxy-rclone.conf" --retries 1 copy "$work/ptree" front:ptree
    check "$name-rclone-check" timeout 120 rclone --config "$work/proxy-rclone.conf" --retries 1 check --download "$work/ptree" front:ptree
    check "$name-rclone-move" timeout 120 rclone --config "$work/proxy-rclone.conf" --retries 1 moveto front:ptree/sub/f1 front:ptree/f1
}

wait_front() {
    for _ in $(seq 100); do curl -s "http://127.0.0.1:$front/" >/dev/null && return 0; sleep 0.1; done
    fail "proxy-start: nothing listens"
    exit 1
}
