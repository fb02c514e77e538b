#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Goes into a running sandbox, the newest unless HOLDFAST_SANDBOX_PID names the first process of
# another, and runs a command there (a shell when none is given): enter.sh virsh list
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

pid=${HOLDFAST_SANDBOX_PID:-}
if [ -z "$pid" ]; then
  newest=0
  for process in /proc/[0-9]*; do
    # Its first process: bash on inside.sh, with PID 1 in the namespace it is in.
    tr '\0' '\n' 2>/dev/null <"$process/cmdline" | sed -n 2p | grep -q '/sandbox/inside\.sh$' || continue
    grep -q '^NSpid:.*[[:space:]]1$' "$process/status" 2>/dev/null || continue
    started=$(sed 's/.*) //' "$process/stat" 2>/dev/null | cut -d' ' -f20) # field 22 of proc(5) stat
    if [ "${started:-0}" -gt "$newest" ]; then
      newest=$started
      pid=${process#/proc/}
    fi
  done
fi
[ -n "$pid" ] || { echo "enter: no sandbox is running" >&2; exit 1; }

[ $# -gt 0 ] || set -- "${SHELL:-/bin/bash}"
exec nsenter --all --target "$pid" env HOLDFAST_SANDBOX=1 LIBVIRT_DEFAULT_URI=qemu:///system \
  PATH="$here/bin:$PATH:/usr/sbin:/sbin" "$@"
