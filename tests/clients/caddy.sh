#!/usr/bin/env bash
# Caddy in front, with Hearth below /cloud/, as in conf/examples.
. "$(dirname "$0")/server.sh"
. "$(dirname "$0")/proxy.sh"
start_server /cloud
front=$(free_port)
cat >"$work/Caddyfile" <<EOF
{
	admin off
	auto_https off
}
http://127.0.0.1:$front {
	handle /cloud/* {
		reverse_proxy 127.0.0.1:$plain_port
	}
	respond 404
}
EOF
HOME=$work XDG_DATA_HOME=$work XDG_CONFIG_HOME=$work caddy run --config "$work/Caddyfile" --adapter caddyfile >"$work/caddy.log" 2>&1 &
leave+=("kill $!")
wait_front
proxied caddy
exit $((failures > 0))
