#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the tiny golden image: a real Linux guest of about 20 MB that boots in seconds, for the
# demo and the end-to-end tests. Sources are Debian packages only. See tools/tiny_image/README.md.
#
#   tools/build_tiny_image.sh OUTDIR [--version V]
#
# Packages are kept in $HOLDFAST_CACHE (default ~/.cache/holdfast) and are not fetched twice.
set -euo pipefail

die() { echo "build_tiny_image: $*" >&2; exit 1; }

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/tiny_image
cache=${HOLDFAST_CACHE:-${HOME:-/root}/.cache/holdfast}/debs
virtual_size=$((32 * 1024 * 1024))
# Fixed so that the same packages give the same bytes.
export SOURCE_DATE_EPOCH=1700000000
export E2FSPROGS_FAKE_TIME=$SOURCE_DATE_EPOCH
export LC_ALL=C TZ=UTC
fs_uuid=6f1d6e0a-7a69-4e79-8000-746f6c646661

outdir=
version=1.0.0
while [ $# -gt 0 ]; do
  case $1 in
    --version) version=${2:?--version needs a value}; shift 2 ;;
    --help) sed -n '3,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
    -*) die "unknown option $1" ;;
    *) [ -z "$outdir" ] || die "one OUTDIR only"; outdir=$1; shift ;;
  esac
done
[ -n "$outdir" ] || die "usage: build_tiny_image.sh OUTDIR [--version V]"
[[ $version =~ ^[A-Za-z0-9][A-Za-z0-9._+-]*$ ]] || die "bad version '$version'"

PATH=$PATH:/usr/sbin:/sbin
for tool in dpkg-deb apt-get apt-cache mke2fs debugfs zstd sha256sum gzip; do
  command -v "$tool" >/dev/null || die "needs $tool (packages: dpkg apt e2fsprogs zstd coreutils gzip)"
done

work=$(mktemp -d "${TMPDIR:-/tmp}/tiny-image.XXXXXX")
trap 'rm -rf "$work"' EXIT

# --- packages ---------------------------------------------------------------------------------

# An index that is missing or names versions the mirror no longer has is fetched anew.
refresh_index() {
  apt-get -qq update >&2 || die "'apt-get update' failed"
}

# cached PACKAGE: prints the path of its .deb, fetching it when the cache has none. What is in the
# cache came through apt, which checked it against the signed index; it is moved in whole.
cached() {
  local found
  found=$(find "$cache" -maxdepth 1 -name "$1_*.deb" | sort -V | tail -n 1)
  if [ -z "$found" ]; then
    local fetched="$work/fetch-$1"
    mkdir -p "$fetched"
    (cd "$fetched" && apt-get -o APT::Sandbox::User=root -qq download "$1") 2>/dev/null ||
      { refresh_index && (cd "$fetched" && apt-get -o APT::Sandbox::User=root -qq download "$1") >&2; } ||
      die "cannot fetch $1; is there a Debian mirror?"
    mv "$fetched"/*.deb "$cache/"
    found=$(find "$cache" -maxdepth 1 -name "$1_*.deb" | sort -V | tail -n 1)
  fi
  echo "$found"
}

kernel_package() {
  local found
  found=$(find "$cache" -maxdepth 1 -name 'linux-image-[0-9]*-cloud-amd64_*.deb' | sort -V | tail -n 1)
  if [ -n "$found" ]; then
    basename "$found" | cut -d_ -f1
    return
  fi
  apt-cache show linux-image-cloud-amd64 >/dev/null 2>&1 || refresh_index
  apt-cache depends linux-image-cloud-amd64 |
    sed -n 's/^ *Depends: \(linux-image-[0-9].*-cloud-amd64\)$/\1/p' | head -n 1
}

mkdir -p "$cache"
kernel=$(kernel_package)
[ -n "$kernel" ] || die "the package index knows no linux-image-cloud-amd64"
pkgs=$work/pkgs
mkdir -p "$pkgs"
# e2fsprogs and its libraries, so that the guest can make and grow ext4; busybox has neither.
for package in "$kernel" busybox-static e2fsprogs libext2fs2 libcom-err2 libblkid1 libuuid1 libc6; do
  deb=$(cached "$package")
  dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$pkgs" --exclude='./usr/share' --exclude='./usr/lib/locale'
done
busybox=$pkgs/bin/busybox
[ -x "$busybox" ] || die "busybox-static has no /bin/busybox"

# --- initrd -----------------------------------------------------------------------------------

modules_root=$(echo "$pkgs"/lib/modules/*)

# module_closure NAME...: file paths of the modules and what they need, in loading order. The
# package carries no modules.dep, but each module names its needs in its .modinfo section.
declare -A seen=()
module_closure() {
  local name path needs
  for name in "$@"; do
    [ -z "${seen[$name]:-}" ] || continue
    seen[$name]=1
    path=$(find "$modules_root" -name "$name.ko" -o -name "${name//_/-}.ko" | head -n 1)
    [ -n "$path" ] || die "the kernel package has no module $name"
    needs=$(tr '\0' '\n' <"$path" | sed -n 's/^depends=//p' | tr ',' ' ')
    # shellcheck disable=SC2086 # a list of names
    module_closure $needs
    echo "$path"
  done
}

# module_list LIST NAME...: copies the modules into the initrd and writes /modules/LIST.list.
module_list() {
  local list=$1 path
  shift
  seen=()
  module_closure "$@" >"$work/$list.paths"
  while read -r path; do
    cp "$path" "$initrd/modules/"
    basename "$path"
  done <"$work/$list.paths" >"$initrd/modules/$list.list"
}

initrd=$work/initrd
mkdir -p "$initrd"/{bin,dev,proc,sys,run,root,modules}
cp "$busybox" "$initrd/bin/busybox"
ln -s busybox "$initrd/bin/sh"
cp "$here/initrd_init" "$initrd/init"
chmod 755 "$initrd/init"
module_list base virtio_pci virtio_blk virtio_net virtio_balloon virtio_rng button evdev
module_list scsi virtio_scsi sr_mod
module_list ide ata_piix sr_mod
module_list iso isofs

# pack TREE: a cpio archive whose bytes depend on the contents alone.
pack() {
  find "$1" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
  (cd "$1" && find . | sort | "$busybox" cpio -o -H newc -R 0:0 --ignore-devno --renumber-inodes 2>/dev/null)
}
pack "$initrd" | gzip -n -6 >"$work/initrd.gz"

# --- root disk --------------------------------------------------------------------------------

root=$work/root
mkdir -p "$root"/{bin,sbin,lib,lib64,proc,sys,dev,run,tmp,data,vol}
cp -a "$here/root/." "$root/"
cp "$busybox" "$root/bin/busybox"
for applet in $("$busybox" --list); do
  [ "$applet" = busybox ] || ln -sf busybox "$root/bin/$applet"
done
for applet in init httpd acpid; do ln -sf ../bin/busybox "$root/sbin/$applet"; done
echo "$version" >"$root/etc/image-version"
ln -s /proc/mounts "$root/etc/mtab"

# copy_program FILE: a dynamic program of the packages, with the libraries it names.
copy_program() {
  local target=$root/sbin/${1##*/} library
  rm -f "$root/bin/${1##*/}" "$target"
  cp "$1" "$target"
  chmod 755 "$target"
  copy_libraries "$1"
}
copy_libraries() {
  local library path
  for library in $(grep -aoE 'lib(ext2fs|com_err|e2p|blkid|uuid|pthread|c)\.so\.[0-9]+' "$1" | sort -u); do
    [ ! -e "$root/lib/$library" ] || continue
    path=$(find "$pkgs/lib" "$pkgs/usr/lib" -name "$library" | head -n 1)
    [ -n "$path" ] || die "no package has $library"
    cp -L "$path" "$root/lib/$library"
    copy_libraries "$path"
  done
}
copy_program "$pkgs/sbin/mke2fs"
copy_program "$pkgs/sbin/resize2fs"
cp -L "$(find "$pkgs" -name 'ld-linux-x86-64.so.2' | head -n 1)" "$root/lib64/"
cp "$pkgs/etc/mke2fs.conf" "$root/etc/"

find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
truncate -s "$virtual_size" "$work/root.raw"
mke2fs -q -F -t ext4 -b 4096 -m 0 -L holdfast-tiny -U "$fs_uuid" -E "root_owner=0:0,hash_seed=$fs_uuid" \
  -d "$root" "$work/root.raw"
# mke2fs -d copies owner and change time of the build's files; make both say nothing about it.
(cd "$root" && find . -mindepth 1 | sed 's/^\.//') | while read -r path; do
  printf 'sif %s %s 0\n' "$path" uid "$path" gid
  printf 'sif %s ctime @%s\n' "$path" "$SOURCE_DATE_EPOCH"
done >"$work/normalise"
debugfs -w -f "$work/normalise" "$work/root.raw" >/dev/null 2>"$work/debugfs.log" ||
  die "debugfs: $(tail -n 1 "$work/debugfs.log")"

# --- the image directory ----------------------------------------------------------------------

sha() { sha256sum <"$1" | cut -d' ' -f1; }

mkdir -p "$outdir"
zstd -q -f -6 "$work/root.raw" -o "$work/root.raw.zst"
cp "$pkgs"/boot/vmlinuz-* "$work/vmlinuz"
cat >"$work/image.json" <<END
{"apiVersion":"holdfast/v1","kind":"Image","metadata":{"name":"tiny"},"spec":{"version":"$version","firstBoot":"nocloud","disks":[{"name":"root","file":"root.raw.zst","format":"raw.zst","virtualSize":$virtual_size,"sha256":"$(sha "$work/root.raw")","fileSha256":"$(sha "$work/root.raw.zst")","fileSize":$(stat -c %s "$work/root.raw.zst")}],"boot":{"kernel":"vmlinuz","kernelSha256":"$(sha "$work/vmlinuz")","initrd":"initrd","initrdSha256":"$(sha "$work/initrd.gz")","cmdline":"console=ttyS0 root=/dev/vda rw quiet"}}}
END
# image.json goes last: a directory that has it is a whole image.
rm -f "$outdir/image.json"
install -m 644 "$work/root.raw.zst" "$work/vmlinuz" "$outdir/"
install -m 644 "$work/initrd.gz" "$outdir/initrd"
install -m 644 "$work/image.json" "$outdir/image.json"
echo "$outdir: tiny $version, $(du -sk "$outdir" | cut -f1) KiB, kernel ${kernel#linux-image-}"
