#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs a command beside a libvirtd of its own, in private mount, network, IPC and PID namespaces:
#
#   tests/sandbox/libvirt_sandbox.sh COMMAND ARGS...
#
# Exits with the command's status. However it ends (signals and SIGKILL included), every daemon and
# guest started inside is gone with it, and the system outside is as it was. When the machine
# cannot do this it prints one line "skipped: REASON" and exits 77. See README.md for the knobs.
set -u

skip() {
  echo "skipped: $*"
  exit 77
}

[ $# -gt 0 ] || { sed -n '3,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
PATH=$PATH:/usr/sbin:/sbin
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

[ "$(id -u)" = 0 ] || skip "the libvirt sandbox needs root"
for tool in unshare setpriv ip mount libvirtd virtlogd virsh qemu-system-x86_64 qemu-img; do
  command -v "$tool" >/dev/null || skip "no $tool on this machine"
done
[ -c /dev/net/tun ] || skip "no /dev/net/tun"

# In a chroot that is no mount point of its own the propagation cannot be changed; inside.sh then
# makes sure by itself that no mount leaks out.
propagation=private
unshare --mount --propagation private true 2>/dev/null || propagation=unchanged
unshare --mount --net --ipc --uts --pid --fork --propagation "$propagation" true 2>/dev/null ||
  skip "no new namespaces here (unshare fails)"

# Standard error goes as 9, past unshare: killed, it would add a message of its own.
# PID 1 of the namespace dies with unshare, unshare with this shell, and everything with PID 1.
setpriv --pdeathsig KILL \
  unshare --mount --net --ipc --uts --pid --fork --kill-child=KILL --propagation "$propagation" \
  "$here/inside.sh" "$@" <&0 9>&2 2>/dev/null &
child=$!
# Ends PID 1 of the namespace first: unshare returns only when all in there are gone.
end() {
  local first=
  read -r first 2>/dev/null <"/proc/$child/task/$child/children"
  kill -KILL "${first:-$child}" 2>/dev/null
  wait "$child" 2>/dev/null
}
trap end EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
wait "$child"
status=$?
trap - EXIT
exit "$status"
