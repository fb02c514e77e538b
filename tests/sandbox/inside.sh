#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# PID 1 of the sandbox; started by libvirt_sandbox.sh only. Makes the private file systems and the
# network, starts virtlogd and libvirtd, runs the command. As PID 1 it also reaps what libvirtd
# leaves behind, and its exit is the end of every process in here.
set -u
exec 2>&9 9>&-
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export PATH="$here/bin:$PATH"

skip() {
  echo "skipped: $*"
  exit 77
}

# Only in a chroot can this fail, see libvirt_sandbox.sh. Tried where nobody looks.
probe=$(mktemp -d)
mount -t tmpfs sandbox "$probe" || skip "cannot mount a tmpfs"
leaks=$(grep -c " $probe .* shared:" /proc/self/mountinfo)
umount "$probe"
rmdir "$probe"
[ "$leaks" = 0 ] ||
  skip "mounts made here would be seen outside; bind-mount this root on itself and make it private"

mount -t proc proc /proc || skip "cannot mount a private /proc"
mount -t tmpfs -o mode=755 sandbox /run || skip "cannot cover /run"
[ -L /var/run ] || mount --bind /run /var/run

# private_directory DIR: an empty DIR of our own. Where DIR is missing outside, its parent is
# rebuilt in memory from the parent's entries, so that nothing need be made outside.
private_directory() {
  local parent name=${1##*/} stage=/run/stage entry
  if [ ! -d "$1" ]; then
    parent=${1%/*}
    mkdir -p "$stage"
    mount --rbind "$parent" "$stage" && mount -t tmpfs -o mode=755 sandbox "$parent" || return
    for entry in "$stage"/* "$stage"/.[!.]*; do
      if [ -L "$entry" ]; then
        cp -P "$entry" "$parent/"
      elif [ -d "$entry" ]; then
        mkdir "$parent/${entry##*/}" && mount --rbind "$entry" "$parent/${entry##*/}"
      elif [ -e "$entry" ]; then
        : >"$parent/${entry##*/}" && mount --bind "$entry" "$parent/${entry##*/}"
      fi
    done
    umount -l "$stage"
    mkdir "$parent/$name"
  else
    mount -t tmpfs -o mode=755 sandbox "$1"
  fi
}

for directory in /etc/libvirt /var/lib/libvirt /var/cache/libvirt /var/log/libvirt; do
  private_directory "$directory" || skip "cannot make a private $directory"
done

mkdir -p /var/lib/libvirt/dnsmasq # of the package that brings networks; used without dnsmasq, too

# A fresh sysfs shows this network namespace, and no control groups: libvirt then uses none.
mount -t sysfs sysfs /sys || skip "cannot mount a private /sys"

# A /dev/kvm that exists but does not work makes libvirt probe QEMU anew at every define, for more
# than a minute each. A file on a read-only mount cannot be opened for writing, by root neither.
if [ -e /dev/kvm ] && [ "${HOLDFAST_SANDBOX_KVM:-0}" != 1 ]; then
  : >/run/no-kvm
  mount --bind /run/no-kvm /dev/kvm && mount -o remount,bind,ro /dev/kvm || skip "cannot hide /dev/kvm"
fi

ip link set lo up
ip link add hfbr0 type bridge forward_delay 0 2>/dev/null || skip "no bridge device in this kernel"
ip address add 10.77.0.1/24 dev hfbr0
ip link set hfbr0 up

cat >/etc/libvirt/libvirtd.conf <<'END'
auth_unix_ro = "none"
auth_unix_rw = "none"
log_outputs = "2:file:/var/log/libvirt/libvirtd.log"
END
cat >/etc/libvirt/qemu.conf <<'END'
user = "libvirt-qemu"
group = "libvirt-qemu"
security_driver = "none"
namespaces = []
cgroup_controllers = []
remember_owner = 0
END
: >/etc/libvirt/virtlogd.conf

# libvirtd will not start without its compiled-in user, which only the package
# libvirt-daemon-system makes. QEMU runs as that user, as on the hosts of our users.
for database in passwd:libvirt-qemu:x:64055:64055::/var/lib/libvirt:/usr/sbin/nologin group:libvirt-qemu:x:64055:; do
  file=${database%%:*}
  if ! grep -q '^libvirt-qemu:' "/etc/$file"; then
    { cat "/etc/$file"; echo "${database#*:}"; } >"/run/$file"
    mount --bind "/run/$file" "/etc/$file" || skip "cannot cover /etc/$file"
  fi
done

export HOLDFAST_SANDBOX=1 LIBVIRT_DEFAULT_URI=qemu:///system
virtlogd --daemon || skip "virtlogd does not start"
start-libvirtd || skip "libvirtd does not start: $(tail -n 1 /var/log/libvirt/libvirtd.log 2>/dev/null)"

"$@"
status=$?
if [ -n "${HOLDFAST_SANDBOX_LOGS:-}" ]; then
  mkdir -p "$HOLDFAST_SANDBOX_LOGS" && cp -r /var/log/libvirt/. "$HOLDFAST_SANDBOX_LOGS/"
fi
exit "$status"
