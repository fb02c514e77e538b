#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Usage: bench/hub/run.sh BUILD_DIR [SECONDS [ROUNDS]]. Heartbeats a second over TLS keep-alive,
# each stored durably, beside nginx's static answer over TLS on the same machine, in turns: to
# the very same requests, and to the shortest ones that wrk makes (which cost both sides less, so
# that the ratio is harder on us). Certificate, protocol and cipher are the same. Then the memory
# of 10,000 parked polls.
set -eu
build=$(realpath "$1")
seconds=${2:-8}
rounds=${3:-3}
here=$(realpath "$(dirname "$0")")
for program in wrk nginx; do
  command -v $program >/dev/null || { echo "skipped: $program is not installed (apt-get install wrk nginx-light)"; exit 0; }
done
work=$(mktemp -d /var/tmp/holdfast-hub-bench-XXXXXX)  # a disk, not memory
pids=""
trap 'for pid in $pids; do kill $pid 2>/dev/null || true; done; sleep 0.3; rm -rf "$work"' EXIT

"$build/hub/holdfast-hub" init --data "$work/hub" --name localhost >/dev/null
"$build/bench/hub_bench" prepare "$work/hub" 10000 >"$work/hosts"
printf 'listen: "127.0.0.1:18443"\nrequestsPerSecond: 1000\nlogLevel: warn\n' >"$work/hub/hub.yaml"
cat >"$work/nginx.conf" <<CONF
worker_processes 2;
daemon off;
pid $work/nginx.pid;
error_log $work/nginx.log;
events { worker_connections 1024; }
http {
  access_log off;
  keepalive_requests 1000000;
  server {
    listen 127.0.0.1:18444 ssl;
    ssl_certificate $work/hub/server.pem;
    ssl_certificate_key $work/hub/server.key;
    ssl_protocols TLSv1.2 TLSv1.3;
    location / { default_type application/json; return 200 '{"serverTime":"2026-11-22T19:36:00.000Z"}'; }
  }
}
CONF
ulimit -n "$(ulimit -Hn)"
"$build/hub/holdfast-hub" serve --data "$work/hub" 2>"$work/hub.log" & hub=$!
nginx -c "$work/nginx.conf" 2>/dev/null & nginx=$!; pids="$hub $nginx"
sleep 1
export HOSTS="$work/hosts"
rate() { wrk -t2 -c256 -d"${seconds}s" -s "$1" "$2" | tee -a "$work/wrk.log" | sed -n 's/^RATE \([0-9]*\) WRONG 0$/\1/p'; }
# Ticks of a process and its children, living ones: what a busy machine does not change.
ticks() { cat /proc/$1/stat $(for child in $(pgrep -P "$1"); do echo /proc/$child/stat; done) | awk '{ all += $14 + $15 } END { print all }'; }
micros() { awk "BEGIN {printf \"%.0f\", ($2 - $1) * 1e6 / $(getconf CLK_TCK) / ($3 * $seconds)}"; }
echo "fsync on this disk: $(cd "$work" && dd if=/dev/zero of=probe bs=4k count=500 oflag=dsync 2>&1 | awk '/copied/ {printf "%.0f a second", 500 / $(NF-3)}')"
loader() { awk '{print $16 + $17}' /proc/$$/stat; }  # ticks of wrk, and of little else
for round in $(seq "$rounds"); do
  a=$(ticks $nginx); w=$(loader)
  same=$(rate "$here/heartbeats.lua" https://127.0.0.1:18444/)
  b=$(ticks $nginx); x=$(loader)
  short=$(rate "$here/static.lua" https://127.0.0.1:18444/)
  c=$(ticks $hub); y=$(loader)
  beats=$(rate "$here/heartbeats.lua" https://127.0.0.1:18443/)
  d=$(ticks $hub); z=$(loader)
  [ -n "$same" ] && [ -n "$short" ] && [ -n "$beats" ] || { echo "a request was answered with an error:"; tail -40 "$work/wrk.log"; tail -3 "$work/hub.log"; exit 1; }
  echo "round $round: heartbeats $beats a second; nginx, same requests $same, ratio $(awk "BEGIN {printf \"%.2f\", $beats / $same}"); nginx, shortest requests $short, ratio $(awk "BEGIN {printf \"%.2f\", $beats / $short}")"
  echo "  CPU of each, us: hub $(micros $c $d "$beats") and wrk $(micros $y $z "$beats"); nginx $(micros $a $b "$same") and wrk $(micros $w $x "$same")"
done
kill $hub; wait $hub 2>/dev/null || true
"$build/hub/holdfast-hub" serve --data "$work/hub" 2>"$work/hub.log" & hub=$!; pids="$pids $hub"
sleep 1
"$build/bench/hub_bench" park 18443 $hub 10000 <"$work/hosts"
