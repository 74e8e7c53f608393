#!/usr/bin/env bash
# nginx in front, with Hearth below /cloud/, as in conf/examples.
. "$(dirname "$0")/server.sh"
. "$(dirname "$0")/proxy.sh"
start_server /cloud
front=$(free_port)
mkdir -p "$work/nginx"
cat >"$work/nginx/nginx.conf" <<EOF
daemon off; pid $work/nginx/pid; error_log $work/nginx/error.log; worker_processes 1;
events { worker_connections 64; }
http {
  access_log off; client_body_temp_path $work/nginx/body; proxy_temp_path $work/nginx/proxy; fastcgi_temp_path $work/nginx/f;
  uwsgi_temp_path $work/nginx/u; scgi_temp_path $work/nginx/s;
  server {
    listen 127.0.0.1:$front;
    location /cloud/ {
      proxy_pass http://127.0.0.1:$plain_port; proxy_http_version 1.1; proxy_set_header Host \$http_host;
      proxy_set_header X-Forwarded-For \$proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto \$scheme;
      proxy_request_buffering off; proxy_buffering off; client_max_body_size 0;
    }
  }
}
EOF
nginx -c "$work/nginx/nginx.conf" >"$work/nginx/out" 2>&1 &
leave+=("kill $!")
wait_front
proxied nginx
exit $((failures > 0))
