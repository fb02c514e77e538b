#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs a build into a copy of this machine that is thrown away, boots that with systemd in a
# container, and follows the README there:
#
#   tests/e2e/installed.sh BUILD_DIR
#
# The copy is an overlay over /: nothing of this machine is written. Exits with the status of
# installed_test.py, or 77 when no container can be booted here.
set -eu
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ $# = 1 ] || { sed -n '3,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
build=$(cd "$1" && pwd)
skip() { echo "skipped: $*"; exit 77; }

[ "$(id -u)" = 0 ] || skip "only root boots a container"
command -v systemd-nspawn >/dev/null || skip "no systemd-nspawn; it is in the package systemd-container"
[ -x /lib/systemd/systemd ] || skip "no systemd to boot"
# There a container would be booted beside mounts of the machine around it.
mountpoint -q / || skip "a chroot, not the root of a machine or of a container"
for program in libvirtd virtlogd qemu-system-x86_64 ssh-keygen; do
  command -v "$program" >/dev/null || skip "no $program on this machine"
done

if [ -z "${HOLDFAST_INSTALLED:-}" ]; then
  export HOLDFAST_INSTALLED=1
  exec unshare --mount --propagation private "$here/installed.sh" "$build"
fi
image=$build/e2e/tiny
[ -f "$image/image.json" ] || "$here/../../tools/build_tiny_image.sh" "$image"

work=$(mktemp -d /var/tmp/holdfast-installed.XXXXXX)
trap 'umount -R "$work" 2>/dev/null || true; rmdir "$work"' EXIT
mount -t tmpfs -o size=3G tmpfs "$work"
mkdir "$work/upper" "$work/work" "$work/root"
mount -t overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" overlay "$work/root" ||
  skip "no overlay over / on this machine"
root=$work/root

# A machine of its own, without guests, on which nobody has installed anything of ours.
tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"
rm -rf "$root/etc/libvirt/qemu" "$root/etc/holdfast" "$root/var/lib/holdfast" "$root/var/lib/holdfast-hub" "$root/root/.config/holdfast"
DESTDIR=$root cmake --install "$build" >/dev/null
cp -r "$image" "$root/root/tiny"
cp -r "$here/../../examples" "$root/root/examples"

# Of Debian's package libvirt-daemon-system, what is missing here: its user and its units.
grep -q '^libvirt-qemu:' "$root/etc/passwd" ||
  echo 'libvirt-qemu:x:64055:64055::/var/lib/libvirt:/usr/sbin/nologin' >>"$root/etc/passwd"
grep -q '^libvirt-qemu:' "$root/etc/group" || echo 'libvirt-qemu:x:64055:' >>"$root/etc/group"
for daemon in virtlogd libvirtd; do
  [ -e "/lib/systemd/system/$daemon.service" ] || cat >"$root/etc/systemd/system/$daemon.service" <<END
[Service]
ExecStart=/usr/sbin/$daemon
[Install]
WantedBy=multi-user.target
END
done
mkdir -p "$root/etc/systemd/system/libvirtd.service.d"
printf '[Unit]\nWants=virtlogd.service\nAfter=virtlogd.service\n' >"$root/etc/systemd/system/libvirtd.service.d/log.conf"
# A container has no control groups to give away, and no device nodes to make.
printf 'cgroup_controllers = []\nnamespaces = []\n' >>"$root/etc/libvirt/qemu.conf"

systemd-nspawn --quiet --register=no --keep-unit --private-network -D "$root" /bin/true >"$work/why" 2>&1 ||
  skip "systemd-nspawn starts nothing here: $(tail -1 "$work/why")"
PYTHONDONTWRITEBYTECODE=1 python3 "$here/installed_test.py" "$root"
