#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Usage: bench/idle.sh BUILD_DIR [GUESTS] [SECONDS]
# CPU time and memory of an idle daemon with GUESTS stopped guests (100), over SECONDS (120),
# resyncing as it does by default. Runs inside the test sandbox: see bench/run.sh.
set -eu
build=$(realpath "$1") guests=${2:-100} seconds=${3:-120}
root=$(mktemp -d)
trap 'kill "$daemon" 2>/dev/null; wait; rm -rf "$root"' EXIT
mkdir -p "$root/desired" "$root/state/images/blank/1"
truncate -s 1M "$root/state/images/blank/1/root.raw"
hash=$(sha256sum "$root/state/images/blank/1/root.raw" | cut -d' ' -f1)
cat >"$root/state/images/blank/1/image.json" <<JSON
{"apiVersion":"holdfast/v1","kind":"Image","metadata":{"name":"blank"},"spec":{"version":"1","firstBoot":"none","disks":[{"name":"root","file":"root.raw","format":"raw","virtualSize":1048576,"fileSize":1048576,"sha256":"$hash","fileSha256":"$hash"}]}}
JSON
for i in $(seq "$guests"); do
  cat >"$root/desired/g$i.yaml" <<YAML
apiVersion: holdfast/v1
kind: Guest
metadata: {name: idle-$i}
spec:
  power: Stopped
  image: {name: blank, version: "1"}
  memory: 64Mi
  rootDisk: {size: 1Mi}
YAML
done
"$build/controller/holdfastd" --desired "$root/desired" --state-dir "$root/state" \
  --socket "$root/s" --connect qemu:///system --log-level warn &
daemon=$!
for _ in $(seq 300); do
  "$build/cli/holdfast" --socket "$root/s" plan >/dev/null 2>&1 && break
  sleep 1
done
"$build/cli/holdfast" --socket "$root/s" plan >/dev/null || { echo "did not converge" >&2; exit 1; }
ticks() { awk '{print $14 + $15}' "/proc/$daemon/stat"; }
before=$(ticks)
sleep "$seconds"
after=$(ticks)
rss=$(awk '/^VmRSS/ {print $2}' "/proc/$daemon/status")
private=$(awk '/^Private_(Clean|Dirty)/ {kb += $2} END {print kb}' "/proc/$daemon/smaps_rollup")
awk -v t="$((after - before))" -v hz="$(getconf CLK_TCK)" -v s="$seconds" -v rss="$rss" \
  -v private="$private" -v n="$guests" 'BEGIN {
  printf "idle daemon, %d guests, %d s: %.3f %% of a core, %.1f MiB RSS (%.1f MiB private)\n",
    n, s, 100 * t / hz / s, rss / 1024, private / 1024 }'
