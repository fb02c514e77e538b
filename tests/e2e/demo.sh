#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Shows Holdfast at work on real guests, in a libvirt of its own: tests/e2e/demo.sh BUILD_DIR
# Leaves nothing behind. KEEP=1 leaves it all running at the end and says how to look inside.
# With a hub; HUB=none shows one host that reads a directory, and how it survives kill -9.
# PROVIDER=proxmox shows guests on Proxmox VE instead: on a stand-in, or on a real node when
# PROXMOX_URL, PROXMOX_TOKEN and PROXMOX_CA are set.
set -eu
[ $# -eq 1 ] || { sed -n '3,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(cd "$1" && pwd)

if [ "${PROVIDER:-libvirt}" = proxmox ]; then
  export PYTHONDONTWRITEBYTECODE=1
  exec python3 "$here/proxmox_demo.py" --build "$build"
fi

demo=hub_demo.py
[ "${HUB:-}" != none ] || demo=demo.py

if [ -z "${KEEP:-}" ] || [ "$KEEP" = 0 ]; then
  exec "$here/in_sandbox.sh" "$build" "$demo"
fi

# The sandbox ends with its first process, so that one has to outlive this script.
ended=$(mktemp)
trap 'rm -f "$ended"' EXIT
setsid "$here/in_sandbox.sh" "$build" "$demo" --keep "$ended" </dev/null &
sandbox=$!
trap 'kill "$sandbox" 2>/dev/null; rm -f "$ended"; exit 130' INT TERM
while [ ! -s "$ended" ]; do
  kill -0 "$sandbox" 2>/dev/null || { wait "$sandbox"; exit; }
  sleep 0.2
done
cat <<END

Left running. To look inside (try: holdfast get guests), and to end it:
  $(realpath "$here/../sandbox/enter.sh") bash -c 'cd $(cat "$ended") && . ./env && exec bash'
  kill $sandbox; rm -r "$(cat "$ended")"
END
disown "$sandbox"
