# SPDX-License-Identifier: Apache-2.0
"""What is really on this host, seen without Holdfast: libvirt through virsh, QEMU through /proc,
files through the file system, guests through their own HTTP answers."""

import hashlib
import json
import os
import re
import subprocess
import urllib.error
import urllib.request
import xml.etree.ElementTree as xml


def virsh(*arguments, check=True):
    """Runs virsh and returns what it printed."""
    done = subprocess.run(["virsh", "--quiet", *arguments], capture_output=True, text=True, timeout=120)
    if check and done.returncode != 0:
        raise AssertionError(f"virsh {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def is_libvirt_there():
    return subprocess.run(["virsh", "--quiet", "uri"], capture_output=True, timeout=120,
                          check=False).returncode == 0


def domains():
    """The UUIDs of all domains, running or not."""
    return set(virsh("list", "--all", "--uuid").split())


def domain_state(uuid):
    return virsh("domstate", uuid).strip()


def definition(uuid, *flags):
    return virsh("dumpxml", uuid, *flags)


def macs(uuid):
    """MAC addresses in the persistent definition, sorted."""
    tree = xml.fromstring(definition(uuid, "--inactive"))
    return sorted(mac.get("address") for mac in tree.findall("devices/interface/mac"))


def disk_paths(uuid):
    """Target ("vda") -> file, of the disks in the persistent definition."""
    tree = xml.fromstring(definition(uuid, "--inactive"))
    return {disk.find("target").get("dev"): disk.find("source").get("file")
            for disk in tree.findall("devices/disk[@device='disk']")}


def chain(path):
    """The files that a disk consists of, down to the last backing file."""
    shown = subprocess.run(["qemu-img", "info", "-U", "--backing-chain", "--output=json", path],
                           check=True, capture_output=True, text=True).stdout
    return {layer["filename"] for layer in json.loads(shown)}


def qemu_processes():
    """Guest UUID -> process id of its QEMU, from the command lines of all processes."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            continue
        if b"qemu-system" in words[0] and b"-uuid" in words[:-1]:
            found[words[words.index(b"-uuid") + 1].decode()] = int(entry)
    return found


def files_under(*folders):
    """All files below the folders, as full paths."""
    return sorted(os.path.join(parent, name)
                  for folder in folders
                  for parent, _, names in os.walk(folder)
                  for name in names)


def digest_of_file(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Web:
    """The web server inside a tiny guest (tools/tiny_image)."""

    def __init__(self, address):
        self.address = address

    def get(self, path, timeout=5):
        """The body, or None when there is no good answer."""
        url = f"http://{self.address}/cgi-bin/{path}"
        try:
            with urllib.request.urlopen(url, timeout=timeout) as answer:
                return answer.read().decode()
        except (OSError, urllib.error.URLError, ValueError):
            return None

    def status(self, timeout=5):
        """What the guest says of itself, as a dictionary; empty when it does not answer."""
        return dict(line.split("=", 1) for line in (self.get("status", timeout) or "").splitlines()
                    if "=" in line)

    def write(self, key, value, disk=""):
        suffix = f"&disk={disk}" if disk else ""
        return (self.get(f"write?key={key}&value={value}{suffix}") or "").strip() == "ok=1"

    def read(self, key, disk=""):
        return self.get(f"read?key={key}" + (f"&disk={disk}" if disk else ""))


FOREIGN_XML = """
<domain type='qemu'>
  <name>somebody-else</name>
  <memory unit='MiB'>32</memory>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/>
      <source file='{disk}'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <controller type='usb' model='none'/>
  </devices>
</domain>
"""


class ForeignGuest:
    """A running guest that Holdfast did not make, and its file. Nothing of it may ever change."""

    def __init__(self, folder):
        os.makedirs(folder, exist_ok=True)
        self.disk = os.path.join(folder, "precious.raw")
        with open(self.disk, "wb") as file:
            file.write(b"precious" * 1024)
            file.truncate(1 << 20)
        description = os.path.join(folder, "domain.xml")
        with open(description, "w", encoding="utf-8") as file:
            file.write(FOREIGN_XML.format(disk=self.disk))
        virsh("define", description)
        virsh("start", "somebody-else")
        self.uuid = virsh("domuuid", "somebody-else").strip()
        self.before = self.look()

    def look(self):
        """Without what only libvirt knows while that is away."""
        seen = {"process": qemu_processes().get(self.uuid), "disk": digest_of_file(self.disk)}
        if is_libvirt_there():
            seen["state"] = domain_state(self.uuid)
            seen["definition"] = definition(self.uuid, "--inactive", "--security-info")
        return seen

    def assert_untouched(self):
        now = self.look()
        changed = [key for key in now if now[key] != self.before[key]]
        assert not changed, f"the foreign guest was touched: {', '.join(changed)}"


def leaks(known, foreign, targets, aside=frozenset()):
    """Everything on this host that nobody answers for. `known`: UUIDs that Holdfast reports as
    its guests; `foreign`: UUIDs of guests it must not touch; `targets`: storage directories;
    `aside`: files that are kept although no guest uses them, and are missed when they are gone."""
    found = [f"{path}: set aside, and gone" for path in sorted(aside) if not os.path.exists(path)]
    there = domains()
    for uuid in sorted(there - known - foreign):
        found.append(f"domain {uuid} ({virsh('domname', uuid).strip()}) is nobody's")
    for uuid in sorted(set(qemu_processes()) - known - foreign):
        found.append(f"QEMU process of {uuid}, which is nobody's")
    referenced = "".join(definition(uuid, *flag) for uuid in sorted(there & known)
                         for flag in (["--inactive"], []))
    for path in files_under(*targets):
        target = next(folder for folder in targets if path.startswith(folder + "/"))
        owner = os.path.relpath(path, target).split("/")[0]
        if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", owner):
            continue  # not a guest's folder: a file system's lost+found, a test's ballast
        if owner not in known:
            found.append(f"{path}: no guest {owner} is known")
        elif path.endswith((".partial", ".new")):
            found.append(f"{path}: left half-written")
        elif path not in referenced and path not in aside:
            found.append(f"{path}: no definition speaks of it")
    for target in targets:
        for name in os.listdir(target):
            folder = os.path.join(target, name)
            if name.count("-") == 4 and os.path.isdir(folder) and name not in known:
                found.append(f"{folder}: the folder of a guest that nobody knows")
    return found
