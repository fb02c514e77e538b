#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Proves the sandbox and the tiny image with stock tools, before any of our own code is involved:
#
#   tests/sandbox/selftest.sh [IMAGE_DIR]
#
# Starts the sandbox itself when it is not inside one. Builds the image when none is given. Prints
# each check with what it took, exits 0 when all hold, 77 when the machine cannot do it.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

work=${HOLDFAST_SELFTEST_DIR:-}
if [ "${HOLDFAST_SANDBOX:-}" != 1 ]; then
  "$here/libvirt_sandbox.sh" true || exit # says why, and 77, before an image is built for nothing
  work=$(mktemp -d /var/tmp/holdfast-selftest.XXXXXX)
  chmod 711 "$work" # QEMU is not root
  trap 'rm -rf "$work"' EXIT
  image=${1:-}
  if [ -z "$image" ]; then
    image=$work/image
    "$here/../../tools/build_tiny_image.sh" "$image" || exit 1
  fi
  HOLDFAST_SELFTEST_DIR=$work "$here/libvirt_sandbox.sh" "${BASH_SOURCE[0]}" "$(realpath "$image")"
  exit
fi

image=${1:?IMAGE_DIR}
name=selftest
uuid=7d3e2c1a-5b4f-4e6d-8c9a-0f1e2d3c4b5a
mac=52:54:00:77:00:11
url=http://10.77.0.11/cgi-bin
failures=0

for tool in curl zstd xorriso; do
  command -v "$tool" >/dev/null || { echo "skipped: no $tool on this machine"; exit 77; }
done

now_ms() { echo $(($(date +%s%N) / 1000000)); }

# check WHAT COMMAND...: runs it, says what came of it and how long it took.
check() {
  local what=$1 start status
  shift
  start=$(now_ms)
  "$@" >"$work/check.out" 2>&1
  status=$?
  if [ "$status" = 0 ]; then
    printf 'ok    %6d ms  %s\n' $(($(now_ms) - start)) "$what"
  else
    failures=$((failures + 1))
    printf 'FAIL  %6d ms  %s\n' $(($(now_ms) - start)) "$what"
    sed 's/^/      | /' "$work/check.out"
  fi
}

# within SECONDS COMMAND...: until it holds, or the time is over.
within() {
  local end=$(($(now_ms) + $1 * 1000))
  shift
  until "$@"; do
    [ "$(now_ms)" -lt "$end" ] || return 1
    sleep 0.1
  done
}

status_of() { curl -sf --max-time 2 "$url/status" | sed -n "s/^$1=//p"; }
status_is() { [ "$(status_of "$1")" = "$2" ]; }
status_differs() { local now; now=$(status_of "$1") && [ -n "$now" ] && [ "$now" != "$2" ]; }
answers() { curl -sf --max-time 2 "$url/status" >"$work/status"; }
qemu_pid() { cat "/run/libvirt/qemu/$name.pid"; }
same() { [ "$1" = "$2" ] || { echo "expected '$2', found '$1'"; return 1; }; }
write() { [ "$(curl -sf --max-time 5 "$url/write?key=$1&value=$2${3:+&disk=$3}")" = ok=1 ]; }
is_off() { [ "$(virsh domstate "$name")" = "shut off" ]; }

make_guest() {
  mkdir -p "$work/seed" &&
    printf 'instance-id: %s\nlocal-hostname: acme\n' "$uuid" >"$work/seed/meta-data" &&
    echo '#cloud-config' >"$work/seed/user-data" &&
    cat >"$work/seed/network-config" <<END &&
version: 2
ethernets:
  eth0:
    match: {macaddress: "$mac"}
    addresses: [10.77.0.11/24]
    routes: [{to: default, via: 10.77.0.1}]
END
    xorriso -as mkisofs -quiet -o "$work/cidata.iso" -V cidata -J -r "$work/seed" &&
    zstd -qdf --sparse "$image/root.raw.zst" -o "$work/root.raw" &&
    sed "s,@NAME@,$name,; s,@UUID@,$uuid,; s,@MAC@,$mac,; s,@DIR@,$work,; s,@IMAGE@,$image," \
      "$here/guest.xml" >"$work/domain.xml"
}

echo "image $(du -sk "$image" | cut -f1) KiB; $(virsh version | sed -n 's/Running hypervisor: //p')"
check "guest made from the image" make_guest
check "define" virsh define "$work/domain.xml"
check "define again, unchanged" virsh define "$work/domain.xml"
check "start" virsh start "$name"
check "answers on HTTP" within 60 answers
[ "$failures" = 0 ] || { tail -n 20 "$work/console.log"; exit 1; }
sed 's/^/      | /' "$work/status"
birth=$(status_of birth)
boot_id=$(status_of boot_id)
check "has the name from meta-data" status_is hostname acme
check "has the machine id of its instance" status_is machine_id "${uuid//-/}"
check "write to the root disk" write color blue

pid=$(qemu_pid)
check "restart libvirtd" restart-libvirtd
check "QEMU is the same process" same "$(qemu_pid)" "$pid"
check "kill libvirtd" kill-libvirtd
check "guest answers without libvirtd" status_is boot_id "$boot_id"
check "start libvirtd" start-libvirtd
check "libvirt knows the guest as running" same "$(virsh domstate "$name")" running
check "QEMU is still the same process" same "$(qemu_pid)" "$pid"

fs_kb=$(status_of fs_kb)
check "resize the root disk, live" virsh blockresize "$name" vda 65536KiB
check "guest sees the new size" within 10 status_is root_kb 65536
check "guest's file system grows too" within 20 status_differs fs_kb "$fs_kb"

truncate -s 32M "$work/vdb.raw"
check "attach a disk, live" virsh attach-disk "$name" "$work/vdb.raw" vdb --targetbus virtio --live --config
check "guest mounts it" within 20 status_is volumes vdb
check "write to the new disk" write color green vdb

check "external snapshot, live" virsh snapshot-create-as "$name" one --disk-only --atomic --no-metadata \
  --diskspec "vda,file=$work/root.one.qcow2" --diskspec "vdb,file=$work/vdb.one.qcow2"
check "write after the snapshot" write color red
check "merge the snapshot back" virsh blockcommit "$name" vda --active --pivot --wait
check "merge the volume's too" virsh blockcommit "$name" vdb --active --pivot --wait

check "add a processor, live" virsh setvcpus "$name" 2 --live
check "guest uses two processors" within 20 status_is cpus 2
check "suspend" virsh suspend "$name"
check "resume" virsh resume "$name"
check "answers after resume" within 20 answers

check "shut down gracefully" virsh shutdown "$name" --mode acpi
check "is off" within 15 is_off
check "console tells of the power button" grep -q 'power button' "$work/console.log"
check "start again" virsh start "$name"
check "answers again" within 60 answers
check "is the same disk" status_is birth "$birth"
check "second boot" status_is boots 2
check "data written last is there" same "$(curl -sf "$url/read?key=color")" red
check "data on the volume too" same "$(curl -sf "$url/read?key=color&disk=vdb")" green
check "write to the root disk" write last word
check "power off hard" virsh destroy "$name"
check "start after that" virsh start "$name"
check "answers once more" within 60 answers
check "what was acknowledged is there" same "$(curl -sf "$url/read?key=last")" word
check "destroy" virsh destroy "$name"
check "undefine" virsh undefine "$name"

if [ "$failures" = 0 ]; then echo "all checks hold"; else echo "$failures checks failed"; exit 1; fi
